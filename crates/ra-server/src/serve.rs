//! `raca serve`.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use ca::{Endpoint, Event, Outcome};
use host::control::ControlSocket;
use host::{FileWatch, reload_signal};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::Semaphore;
use tracing::{error, info, warn};
use transfer::crl::crl_router;
use transfer::http::{CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

use crate::admin;
use crate::authority::Authority;
use crate::config::{Config, Tls};
use crate::crl;
use crate::expiry::{health_router, tell_in_time};

/// Serves CMP over HTTP (RFC 9811) until `shutdown` is done, then lets the requests under way end. `ready` is told the URL
/// of the endpoint once connections are accepted. `listen` (HOST:PORT, port 0 picks a free one) overrides what the
/// configuration says.
///
/// # Errors
/// When the configuration cannot be used, another process serves this CA, or the address is taken.
pub async fn serve(
    config: &Path,
    listen: Option<&str>,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let (shown, path) = (config.display(), config);
    let config = Config::read(config)?;
    let crls = FileWatch::new(config.trust.crls.clone()).context("SIGHUP cannot be handled")?;
    let hangup = reload_signal().context("SIGHUP cannot be handled")?;
    let authority = Authority::open(path, config)?.with_context(|| {
        format!("{shown}: another process has the registry open; is `raca serve` running already?")
    })?;
    let authority = Arc::new(authority);
    let current = authority.current();
    let config = &current.config;
    let tls = config.tls.as_ref().map(Tls::server_tls).transpose()?;
    if let Some(tls) = &tls {
        authority.tls.get_or_init(|| tls.clone());
    }
    let address = listen.unwrap_or(&config.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}/.well-known/cmp", listener.local_addr()?);
    let mut limits = Limits::default();
    limits.body_size = config.cmp.max_message_octets;
    let router =
        cmp_router(Arc::new(Handler::new(authority.clone(), config.cmp.max_messages_at_a_time)), limits)
            .merge(crl_router(authority.clone()))
            .merge(health_router(authority.clone()));

    let socket = config.socket();
    let control =
        ControlSocket::bind(&socket).with_context(|| format!("{}: cannot listen there", socket.display()))?;
    let commands = {
        let authority = authority.clone();
        control.serve(move |line| admin::answer(line, &authority))
    };
    // This configuration is to go when another comes.
    drop(current);
    // The socket listens already, so whoever connects from now on is accepted.
    ready(&url);
    tokio::select! {
        () = transfer::server::serve(listener, router, tls, limits, shutdown) => {}
        () = commands => {}
        outcome = watch_crls(authority.clone(), crls) => outcome?,
        outcome = reload_when_asked(authority.clone(), hangup) => outcome?,
        outcome = crl::keep_current(authority.clone()) => outcome?,
        outcome = tell_in_time(authority.clone()) => outcome?,
    }
    info!("stopped");
    Ok(())
}

/// Takes up changes of the CRLs, within seconds or at once on SIGHUP.
async fn watch_crls(authority: Arc<Authority>, mut watch: FileWatch) -> Result<()> {
    loop {
        tokio::select! {
            () = watch.changed() => {}
            () = authority.reloaded.notified() => {
                watch = FileWatch::new(authority.current().config.trust.crls.clone())?;
                continue;
            }
        }
        let current = authority.current();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = current.reload_crls() {
                error!("the CRLs stay as they were: {error:#}");
            }
        })
        .await?;
    }
}

/// Reads the configuration again on SIGHUP.
async fn reload_when_asked(authority: Arc<Authority>, mut hangup: Signal) -> Result<()> {
    while hangup.recv().await.is_some() {
        let authority = authority.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = authority.reload() {
                error!("the configuration stays as it was: {error:#}");
            }
        })
        .await?;
    }
    std::future::pending().await
}

struct Handler {
    authority: Arc<Authority>,
    /// Messages that are being handled. Each takes a thread and memory, and one at a time writes to the registry: with as many as there are
    /// connections, both grew with them, and stations waited longer.
    places: Semaphore,
}

impl Handler {
    fn new(authority: Arc<Authority>, messages: usize) -> Self {
        Self { authority, places: Semaphore::new(messages) }
    }
}

impl CmpHandler for Handler {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let authority = self.authority.clone();
        let peer = request.peer.address;
        // The semaphore is never closed; whoever came first is served first.
        let _place = self.places.acquire().await;
        let handled = tokio::task::spawn_blocking(move || {
            let endpoint =
                Endpoint { profile: request.profile.as_deref(), operation: request.operation.as_deref() };
            authority.handle(&request.octets, &endpoint)
        })
        .await;
        match handled.map_err(anyhow::Error::from).and_then(|reply| reply) {
            Ok(reply) => {
                log(&reply.event);
                reply.inner.iter().for_each(log);
                if std::iter::once(&reply.event).chain(&reply.inner).any(changes_crl) {
                    self.authority.crl_is_due.notify_one();
                }
                if reply.octets.is_empty() { failed() } else { CmpResponse::ok(reply.octets) }
            }
            Err(reason) => {
                error!(%peer, "a message could not be handled: {reason:#}");
                failed()
            }
        }
    }
}

/// Not even an error could be signed.
fn failed() -> CmpResponse {
    let mut response = CmpResponse::ok(Vec::new());
    response.status = 500;
    response
}

fn changes_crl(event: &Event) -> bool {
    use Outcome::{Reinstated, Rejected, Revoked};
    matches!(event.outcome, Rejected { .. } | Revoked { .. } | Reinstated { .. })
}

fn log(event: &Event) {
    let transaction = event.transaction_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let body = event.body.map_or("none", |body| body.name());
    let (sender, outcome) = (&event.sender, &event.outcome);
    match outcome {
        Outcome::Refused(_) => warn!(%transaction, %sender, %body, "{outcome}"),
        _ => info!(%transaction, %sender, %body, "{outcome}"),
    }
}
