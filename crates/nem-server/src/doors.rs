//! Further listeners beside the one for EST, each stopped with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;
use transfer::server::Limits;

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
    drain: Duration,
}

impl Doors {
    pub(crate) fn new(drain: Duration) -> Self {
        Self { tasks: JoinSet::new(), stopping: watch::Sender::new(()), drain }
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
        let stop = self.stop_signal();
        self.tasks.spawn(transfer::server::serve(listener, router, None, limits, stop));
        Ok(())
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

    /// Closes them, and lets what is under way end.
    pub(crate) async fn close(mut self) {
        drop(self.stopping);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.drain + Duration::from_secs(1), ended).await;
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
