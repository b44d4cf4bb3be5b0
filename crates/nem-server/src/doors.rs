//! The listeners, all of them stopped together.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::Router;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;
use transfer::server::Limits;
use transfer::tls::ServerTls;

use crate::ftp::{FtpServer, Passive};

/// Where the IPsec tunnel of the stations ends. Nothing is encrypted there, and who has an address is who the inventory says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tunnel {
    /// For HTTP: an address inside the tunnel, and a port.
    pub(crate) listen: SocketAddr,
    /// The same for FTP.
    pub(crate) ftp_listen: Option<SocketAddr>,
    #[serde(default)]
    pub(crate) passive: Passive,
}

impl Tunnel {
    /// A listener on every address of the machine is outside of the tunnel, too.
    pub(crate) fn check(&self) -> Result<()> {
        for (name, address) in [("listen", Some(self.listen)), ("ftp_listen", self.ftp_listen)] {
            if let Some(address) = address.filter(|address| address.ip().is_unspecified()) {
                bail!(
                    "tunnel.{name}: {address} is every address of this machine; name the one inside the IPsec tunnel"
                );
            }
        }
        self.passive.check().context("tunnel")
    }
}

/// The listeners, and what stops them.
pub(crate) struct Doors {
    tasks: JoinSet<()>,
    stopping: watch::Sender<()>,
}

impl Doors {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), stopping: watch::Sender::new(()) }
    }

    /// Serves without TLS there. `what` is for the log.
    pub(crate) async fn open_http(
        &mut self,
        what: &str,
        address: SocketAddr,
        router: Router,
        limits: Limits,
    ) -> Result<()> {
        let listener = bind(address).await?;
        info!("{what} on http://{}", listener.local_addr()?);
        self.serve(listener, router, None, limits);
        Ok(())
    }

    /// Serves there.
    pub(crate) fn serve(
        &mut self,
        listener: TcpListener,
        router: Router,
        tls: Option<ServerTls>,
        limits: Limits,
    ) {
        let stop = self.stop_signal();
        self.tasks.spawn(transfer::server::serve(listener, router, tls, limits, stop));
    }

    /// Serves FTP there.
    pub(crate) async fn open_ftp(
        &mut self,
        what: &str,
        address: SocketAddr,
        server: Arc<FtpServer>,
    ) -> Result<()> {
        let listener = bind(address).await?;
        info!("{what} on ftp://{}", listener.local_addr()?);
        self.tasks.spawn(server.serve(listener, self.stop_signal()));
        Ok(())
    }

    fn stop_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stopping.subscribe();
        // The sender is dropped when all of them are to stop.
        async move { while stop.changed().await.is_ok() {} }
    }

    /// Closes them, and returns when what is under way there has ended.
    pub(crate) async fn close(mut self) {
        drop(self.stopping);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
