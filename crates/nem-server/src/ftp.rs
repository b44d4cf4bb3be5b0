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

use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use libunftp::ServerBuilder;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tracing::{info, warn};
use transfer::tls::ServerTls;
use transfer::{Place, Places, Visitors};

use crate::busy::Busy;
use crate::cmp_stations::StationMessages;
use crate::service::Service;
use files::Files;
use login::{Login, SessionLogin, StationUser};
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
    sessions: Places,
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
            sessions: Places::new(max_connections),
            visitors: Visitors::new(SESSIONS_PER_ADDRESS),
        })
    }

    /// Serves until `stop` is done, and until nothing is transferred any more. Sessions end with the program: what they brought is in
    /// the ledger.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(visitor) = self.visitors.enter(peer.ip()) else {
                        warn!(%peer, "FTP session refused: the address has {SESSIONS_PER_ADDRESS} already");
                        continue;
                    };
                    let place = tokio::select! {
                        () = &mut stop => break,
                        place = self.sessions.take() => Arc::new(place),
                    };
                    let server = self.clone();
                    tokio::spawn(async move {
                        if let Err(error) = server.session(stream, peer, place).await {
                            warn!(%peer, "FTP session: {error:#}");
                        }
                        drop(visitor);
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

    /// Serves whoever is there until one of both ends it, or others want the place before anybody has logged in.
    async fn session(&self, stream: TcpStream, peer: SocketAddr, place: Arc<Place>) -> Result<()> {
        // The library serves it in a task of its own, which ends when there is nothing more to be read.
        let control = stream.into_std()?;
        let stream = TcpStream::from_std(control.try_clone()?)?;
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
        .authenticator(Arc::new(SessionLogin { login: self.login.clone(), place: place.clone() }))
        .greeting("certificates for base stations")
        .idle_session_timeout(IDLE.as_secs())
        .passive_ports(first..=last);
        if let Some(address) = self.passive.address {
            builder = builder.passive_host(address);
        }
        if let Some(tls) = &self.tls {
            builder = builder.ftps_manual::<std::path::PathBuf>(tls.current()).ftps_required(true, true);
        }
        let server = builder.build().context("it cannot be served")?;
        let mut session = std::pin::pin!(server.service(stream));
        tokio::select! {
            ended = &mut session => ended?,
            () = place.displaced() => {
                info!(%peer, "FTP session closed: nobody logged in for longest, and others came");
                control.shutdown(Shutdown::Both)?;
                session.await?;
            }
        }
        Ok(())
    }
}
