//! `nem serve`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use cmp::ReadingPolicy;
use host::control::ControlSocket;
use host::{FileWatch, log_revocation};
use nem::Nem;
use store::ledger::EmbeddedLedger;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tracing::{error, info, warn};
use transfer::est::est_router;
use transfer::http::cmp_router;
use transfer::server::Limits;
use transfer::tls::{ClientTrust, ServerTls, server_config_trusting};
use transfer::uploads::upload_router;

use crate::admin::Running;
use crate::audit::Audit;
use crate::by_hand::automatic;
use crate::cmp_stations::{CmpStations, StationMessages};
use crate::config::Config;
use crate::current::Current;
use crate::doors::Doors;
use crate::ftp::{FtpServer, Passive};
use crate::health::Health;
use crate::intake::Intake;
use crate::own::{self, Keeper};
use crate::service::Service;
use crate::uploads::Uploads;
use crate::{credentials, fetch, liveness, stations, upstreams};

/// Serves stations, and asks the RA/CAs, until `shutdown` is done; then lets the requests under way end. `ready` is told the
/// URL once connections are accepted. `listen` (HOST:PORT, port 0 picks a free one) overrides what the configuration says.
///
/// # Errors
/// When the configuration or a file it names cannot be used, another process serves this NEM, or the address is taken.
pub async fn serve(
    path: &Path,
    listen: Option<&str>,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let shown = path.display();
    let config = Arc::new(Config::read(path)?);
    warn_of_limit(&config);
    let mut hangup = host::reload_signal().context("SIGHUP cannot be handled")?;
    let trusted = credentials::trusted(&config)?;
    let clients = ClientTrust::new(&trusted.tls_anchors()).context("trust")?;
    own::recover(&config)?;
    let tls = server_config_trusting(credentials::tls_identity(&config.tls)?, &clients)
        .with_context(|| config.tls.certificate.display().to_string())?;
    let tls = ServerTls::new(tls);
    let crl_watch = FileWatch::new(config.trust.crls.clone()).context("SIGHUP cannot be handled")?;
    let revocation = credentials::revocation(&config, &clients, &trusted.anchors.operator)?;
    let upstreams = upstreams::read(&config, &trusted.anchors.operator)?;
    let upstream_clients =
        upstreams.iter().map(|(upstream, client)| (upstream.name.clone(), client.clone())).collect();
    let presence_file = config.liveness.file.clone();
    let presence_watch =
        FileWatch::new(presence_file.iter().cloned().collect()).context("SIGHUP cannot be handled")?;
    let watch = FileWatch::new(vec![config.stations.clone()]).context("SIGHUP cannot be handled")?;
    let inventory = stations::read(&config.stations)?;
    info!(stations = inventory.stations().len(), "inventory read");
    if inventory.stations().is_empty() {
        warn!("{}: holds no station yet, so nobody may enrol", config.stations.display());
    }

    let ledger = EmbeddedLedger::open(&config.ledger)
        .with_context(|| format!("{shown}: the ledger cannot be used; is `nem serve` running already?"))?;
    let mut nem = Nem::new(
        crypto_aws_lc::provider(),
        upstreams.into_iter().map(|(upstream, _)| upstream).collect(),
        trusted.anchors.clone(),
        inventory,
        config.settings(),
        Box::new(ledger.clone()),
    )
    .with_context(|| config.ledger.display().to_string())?;
    revocation.iter().for_each(log_revocation);
    nem.set_revocation(revocation);
    if nem.requests_under_way() > 0 {
        info!(requests = nem.requests_under_way(), "going on with what was under way");
    }

    let address = listen.unwrap_or(&config.listen);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let url = format!("https://{}", listener.local_addr()?);
    let socket = config.socket();
    let control =
        ControlSocket::bind(&socket).with_context(|| format!("{}: cannot listen there", socket.display()))?;
    let audit = Audit::open(&config.audit)?;
    let service = Service::new(nem, upstream_clients, config.settings().retry_after, audit);
    if let Some(path) = config.liveness.file.clone() {
        let service = service.clone();
        tokio::task::spawn_blocking(move || liveness::read_file(&service, &path)).await?;
    }
    let current = Current::new(config.clone(), service.clone(), tls.clone(), clients, &trusted);
    let limits = limits(&config);
    let uploads = |tunnel: bool| {
        let (service, ca_certificates) = (service.clone(), current.distribution.clone());
        let uploads =
            Uploads { service: service.clone(), hold: config.intake.hold(), ca_certificates, tunnel };
        let router = upload_router(Arc::new(uploads), limits);
        let Some(messages) = station_messages(&config) else { return router };
        let stations = CmpStations { service: service.clone(), messages, tunnel };
        router.merge(cmp_router(Arc::new(stations), limits))
    };
    let over_tls = uploads(false);
    let mut doors = Doors::new();
    if let Some(tunnel) = &config.tunnel {
        doors.open_http("stations inside the tunnel", tunnel.listen, uploads(true), limits).await?;
        if let Some(address) = tunnel.ftp_listen {
            let server = ftp_server(&config, &service, None, tunnel.passive);
            doors.open_ftp("stations inside the tunnel", address, server).await?;
        }
    }
    if let Some(ftps) = &config.ftps {
        let server = ftp_server(&config, &service, Some(tls.clone()), ftps.passive);
        doors.open_ftp("stations, with TLS,", ftps.listen, server).await?;
    }
    if let Some(admin) = &config.admin {
        let mut router = Health::router(service.clone(), ledger.clone());
        if let Some(token) = &config.liveness.token {
            let token = token.read("the reports of stations").context("liveness.token")?;
            router = router.merge(liveness::router(service.clone(), &token));
        }
        doors.open_http("those who watch", admin.listen, router, limits).await?;
    }
    let ca_certificates = current.distribution.clone();
    let intake = Intake { service: service.clone(), hold: config.intake.hold(), ca_certificates };
    let router = est_router(Arc::new(intake), limits).merge(over_tls);
    let keeper = Keeper::new(current.clone());
    let running = Running::new(
        path.to_owned(),
        config.clone(),
        ledger,
        service.clone(),
        keeper.clone(),
        current.clone(),
    );
    let commands = {
        let running = running.clone();
        control.serve(move |line| running.answer(line))
    };
    doors.serve(listener, router, Some(tls), limits);
    // The socket listens already, so whoever connects from now on is accepted.
    ready(&url);
    tokio::select! {
        () = shutdown => {}
        () = commands => {}
        () = service.clone().run() => {}
        () = keeper.run() => {}
        () = automatic::run(current.clone()) => {}
        () = fetch::run(current.clone()) => {}
        outcome = reload_on(&mut hangup, running) => outcome?,
        outcome = watch_inventory(service.clone(), config.stations.clone(), watch) => outcome?,
        outcome = watch_presence(service.clone(), presence_file, presence_watch) => outcome?,
        outcome = watch_crls(current, crl_watch) => outcome?,
    }
    stop(&service, doors, config.shutdown()).await;
    Ok(())
}

/// Lets what is under way end, for so long. What does not end by then is in the ledger: it goes on at the next start.
async fn stop(service: &Arc<Service>, doors: Doors, time: Duration) {
    info!("stopping within {} s", time.as_secs());
    service.stop();
    let ended = async {
        tokio::join!(doors.close(), service.idle());
    };
    // The servers cut off what takes longer, and say so.
    if tokio::time::timeout(time + Duration::from_millis(500), ended).await.is_err() {
        warn!("not everything that was under way ended in time");
    }
    let service = service.clone();
    let open = tokio::task::spawn_blocking(move || service.requests_under_way()).await.unwrap_or_default();
    info!(requests = open, "stopped; what is under way goes on at the next start");
}

/// Each station's connection is a file of the process, and so is each to an RA/CA; some are needed beside.
fn warn_of_limit(config: &Config) {
    const BESIDE: u64 = 128;
    let connections = u64::try_from(config.intake.max_connections).unwrap_or(u64::MAX);
    if let Some(limit) = host::raise_open_files().filter(|limit| *limit < connections.saturating_add(BESIDE))
    {
        warn!(
            "intake.max_connections: is {connections}, but the operating system lets this process have {limit} files and connections open"
        );
    }
}

fn ftp_server(
    config: &Config,
    service: &Arc<Service>,
    tls: Option<ServerTls>,
    passive: Passive,
) -> Arc<FtpServer> {
    let intake = &config.intake;
    let (octets, connections) = (intake.max_request_octets, intake.max_connections);
    FtpServer::new(service.clone(), tls, passive, station_messages(config), octets, connections)
}

/// `None` when stations' own messages are not taken.
fn station_messages(config: &Config) -> Option<StationMessages> {
    let policy = config.intake.station_cmp.passing()?;
    let mut reading = ReadingPolicy::default();
    reading.message_size = config.intake.max_request_octets;
    Some(StationMessages { policy, reading })
}

fn limits(config: &Config) -> Limits {
    let mut limits = Limits::default();
    limits.body_size = config.intake.max_request_octets;
    limits.connections = config.intake.max_connections;
    limits.connections_per_address = config.intake.max_connections_per_address;
    limits.drain = config.shutdown();
    limits
}

/// Reads the RA/CAs again on SIGHUP. What cannot be read changes nothing.
async fn reload_on(hangup: &mut Signal, running: Running) -> Result<()> {
    while hangup.recv().await.is_some() {
        let running = running.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = running.reload() {
                error!("the RA/CAs stay as they were: {error:#}");
            }
        })
        .await?;
    }
    Ok(())
}

/// Takes up changes of the inventory, within seconds or at once on SIGHUP. What cannot be read changes nothing.
async fn watch_inventory(service: Arc<Service>, path: PathBuf, mut watch: FileWatch) -> Result<()> {
    loop {
        watch.changed().await;
        let (service, path) = (service.clone(), path.clone());
        tokio::task::spawn_blocking(move || reload(&service, &path)).await?;
    }
}

/// The same for what other software writes about stations.
async fn watch_presence(service: Arc<Service>, path: Option<PathBuf>, watch: FileWatch) -> Result<()> {
    match path {
        Some(path) => liveness::watch_file(service, path, watch).await,
        None => std::future::pending().await,
    }
}

/// The same for the CRLs.
async fn watch_crls(current: Arc<Current>, mut watch: FileWatch) -> Result<()> {
    loop {
        watch.changed().await;
        let current = current.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = current.reload_crls() {
                error!("the CRLs stay as they were: {error:#}");
            }
        })
        .await?;
    }
}

fn reload(service: &Arc<Service>, path: &Path) {
    match stations::read(path) {
        Ok(inventory) => {
            let count = inventory.stations().len();
            match service.set_inventory(inventory) {
                Ok(()) => info!(stations = count, "inventory read again"),
                Err(error) => error!("the inventory was read again, but: {error}"),
            }
        }
        Err(error) => error!("the inventory stays as it was: {error:#}"),
    }
}
