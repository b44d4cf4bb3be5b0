//! FTP with TLS (RFC 4217), and without it inside the IPsec tunnel.
//!
//! ```text
//! requests/NAME.p10 .csr .crmf .pki   what a station uploads: PKCS #10, the same, CertReqMessages, a PKIMessage
//! certificates/NAME.pem .p7c          the certificate and the CA certificates above it
//! certificates/NAME.pki               the answer to a PKIMessage
//! certificates/NAME.error             or why there is none
//! ```
//!
//! There are no files: each is a view of the ledger, and a station's session sees its own requests only.

mod files;
mod login;
mod remembered;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use libunftp::ServerBuilder;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{error, warn};
use transfer::Visitors;
use transfer::tls::ServerTls;

use crate::busy::Busy;
use crate::cmp_stations::StationMessages;
use crate::service::Service;
use files::Files;
use login::{Login, StationUser};
use remembered::Remembered;

/// Sessions of one address at a time: whoever leaves them hanging leaves the rest for others.
const SESSIONS_PER_ADDRESS: usize = 4;
/// How long the reply to a command may take to leave, when the NEM stops.
const REPLY: Duration = Duration::from_millis(200);
/// How long a session may be silent.
const IDLE: Duration = Duration::from_secs(60);

/// FTP with TLS, for stations that do not come through the tunnel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ftps {
    /// Where the control connections come in.
    pub(crate) listen: SocketAddr,
    #[serde(default)]
    pub(crate) passive: Passive,
}

/// Where data connections come in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Passive {
    /// The first port and the last.
    ports: (u16, u16),
    /// The address that stations are told, when it is not the one they came to.
    address: Option<Ipv4Addr>,
}

impl Default for Passive {
    fn default() -> Self {
        Self { ports: (49152, 65535), address: None }
    }
}

impl Passive {
    pub(crate) fn check(&self) -> Result<()> {
        let (first, last) = self.ports;
        // The server's library counts them in 16 bits.
        if first < 1024 || last <= first {
            bail!("passive.ports: must be two ports from 1024 on, the first below the last");
        }
        Ok(())
    }
}

/// An FTP server.
pub(crate) struct FtpServer {
    service: Arc<Service>,
    login: Arc<Login>,
    remembered: Arc<Remembered>,
    cmp: Option<StationMessages>,
    /// `None` inside the tunnel.
    tls: Option<ServerTls>,
    passive: Passive,
    max_request_octets: usize,
    transfers: Busy,
    sessions: Arc<Semaphore>,
    visitors: Visitors,
}

impl FtpServer {
    pub(crate) fn new(
        service: Arc<Service>,
        tls: Option<ServerTls>,
        passive: Passive,
        cmp: Option<StationMessages>,
        max_request_octets: usize,
        max_connections: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            login: Arc::new(Login::new(service.clone(), tls.is_none())),
            service,
            remembered: Arc::default(),
            cmp,
            tls,
            passive,
            max_request_octets,
            transfers: Busy::default(),
            sessions: Arc::new(Semaphore::new(max_connections)),
            visitors: Visitors::new(SESSIONS_PER_ADDRESS),
        })
    }

    /// Serves until `stop` is done, and until nothing is transferred any more. Sessions end with the program: what they brought is in
    /// the ledger.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = async {
                let place = Arc::clone(&self.sessions).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = &mut stop => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(visitor) = self.visitors.enter(peer.ip()) else {
                        warn!(%peer, "FTP session refused: the address has {SESSIONS_PER_ADDRESS} already");
                        continue;
                    };
                    let server = self.clone();
                    tokio::spawn(async move {
                        server.session(stream).await;
                        drop((place, visitor));
                    });
                }
                Err(error) => {
                    // As in `transfer::server`.
                    warn!(reason = %error, "an FTP connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        self.transfers.quiet(REPLY).await;
    }

    async fn session(&self, stream: TcpStream) {
        let files = Files {
            service: self.service.clone(),
            remembered: self.remembered.clone(),
            cmp: self.cmp,
            max_request_octets: self.max_request_octets,
            transfers: self.transfers.clone(),
        };
        let (first, last) = self.passive.ports;
        let mut builder = ServerBuilder::<Files, StationUser>::with_user_detail_provider(
            Box::new(move || files.clone()),
            self.login.clone(),
        )
        .authenticator(self.login.clone())
        .greeting("certificates for base stations")
        .idle_session_timeout(IDLE.as_secs())
        .passive_ports(first..=last);
        if let Some(address) = self.passive.address {
            builder = builder.passive_host(address);
        }
        if let Some(tls) = &self.tls {
            builder = builder.ftps_manual::<std::path::PathBuf>(tls.current()).ftps_required(true, true);
        }
        match builder.build() {
            Ok(server) => {
                if let Err(error) = server.service(stream).await {
                    warn!("FTP session: {error}");
                }
            }
            Err(error) => error!("FTP cannot be served: {error}"),
        }
    }
}
