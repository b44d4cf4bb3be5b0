//! Drives the NEM: its messages go to the RA/CAs, its events to the log and to the stations that wait.

mod arrivals;
mod passing;
mod telling;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use asn1::UnixTime;
use crypto::Revocation;
use host::audit::Entry;
use host::{log_revocation, now};
use nem::ledger::{Record, RequestId};
use nem::{
    Account, Event, ExchangeId, Happening, Input, Inventory, Nem, Output, Refusal, Standing, Upstream,
};
use tokio::sync::{Notify, watch};
use tracing::error;
use transfer::TransferError;
use transfer::http::CmpClient;

use crate::audit::{self, Audit};
use crate::busy::Busy;
use crate::identity::Identity;
use crate::metrics::Counters;
use crate::status::Status;
use arrivals::Waiting;
use telling::{log, log_notice};

pub(crate) struct Service {
    nem: Mutex<Nem>,
    /// By the RA/CAs' names. Those that are not in the configuration any more stay: requests under way end there.
    clients: Mutex<HashMap<Arc<str>, CmpClient>>,
    retry_after: Duration,
    counters: Counters,
    audit: Audit,
    /// When the NEM wants to be told that time has passed.
    due: watch::Sender<Option<UnixTime>>,
    waiting: Mutex<HashMap<RequestId, Arc<Notify>>>,
    /// What came in while others had the NEM.
    arrivals: Mutex<VecDeque<Waiting>>,
    /// The requests whose certificates were fetched meanwhile.
    fetched: Mutex<Vec<RequestId>>,
    /// What is at RA/CAs.
    exchanges: Busy,
    stopped: watch::Sender<bool>,
}

impl Service {
    pub(crate) fn new(
        nem: Nem,
        clients: HashMap<Arc<str>, CmpClient>,
        retry_after: Duration,
        audit: Audit,
    ) -> Arc<Self> {
        let due = watch::Sender::new(nem.poll_timeout());
        let (nem, clients) = (Mutex::new(nem), Mutex::new(clients));
        Arc::new(Self {
            nem,
            clients,
            retry_after,
            counters: Counters::default(),
            audit,
            due,
            waiting: Mutex::default(),
            arrivals: Mutex::default(),
            fetched: Mutex::default(),
            exchanges: Busy::default(),
            stopped: watch::Sender::new(false),
        })
    }

    /// Wakes the NEM whenever something is due.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut due = self.due.subscribe();
        loop {
            let at = *due.borrow_and_update();
            tokio::select! {
                () = sleep_until(at) => {
                    // Until the NEM has spoken again, its time stands in the past; once is enough.
                    self.due.send_replace(None);
                    due.borrow_and_update();
                    self.clone().handle(Happened::Tick).await;
                }
                changed = due.changed() => if changed.is_err() { return },
            }
        }
    }

    /// From now on nothing goes up any more, and nobody is kept waiting: what is under way goes on at the next start.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Returns when no message is at an RA/CA any more.
    pub(crate) async fn idle(&self) {
        self.exchanges.idle().await;
    }

    /// Returns when it was stopped.
    async fn stopped(&self) {
        // There is a sender as long as there is a service.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// The name of the station that is.
    pub(crate) async fn identify(self: &Arc<Self>, identity: Identity) -> Result<String, Refusal> {
        let service = self.clone();
        let identify = move || {
            service.act(|nem, now| nem.identify(identity.shown(), now).map(|station| station.name.clone()))
        };
        blocking(identify).await
    }

    /// The password's hash of whoever logs in under that user name.
    pub(crate) fn password_hash_of_user(&self, user: &str) -> Option<String> {
        let nem = lock(&self.nem);
        let account = nem.inventory().account(user)?.account.as_ref()?;
        Some(account.password_hash.clone())
    }

    /// The user name and the password's hash of a station that has an account.
    pub(crate) fn account_of(&self, station: &str) -> Option<Account> {
        lock(&self.nem).inventory().station(station)?.account.clone()
    }

    /// How the NEM does. Blocks.
    pub(crate) fn status(&self) -> Status {
        Status::of(&lock(&self.nem), now())
    }

    /// See [`Nem::requests_under_way`]. Blocks.
    pub(crate) fn requests_under_way(&self) -> usize {
        lock(&self.nem).requests_under_way()
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Whether the inventory has that station, and lets it ask for certificates. Blocks.
    pub(crate) fn may_enrol(&self, station: &str) -> bool {
        lock(&self.nem).inventory().station(station).is_some_and(|station| station.state.may_enrol())
    }

    /// From now on that RA/CA is reached so.
    pub(crate) fn set_client(&self, upstream: Arc<str>, client: CmpClient) {
        lock(&self.clients).insert(upstream, client);
    }

    /// See [`Nem::upstream`]. Blocks.
    pub(crate) fn upstream(&self, name: &str) -> Option<Arc<Upstream>> {
        lock(&self.nem).upstream(name)
    }

    /// See [`Nem::request_of`].
    pub(crate) async fn request_of(
        self: &Arc<Self>,
        station: &str,
        name: &str,
    ) -> Result<Option<Record>, Refusal> {
        let (service, of, name) = (self.clone(), station.to_owned(), name.to_owned());
        let found = blocking(move || lock(&service.nem).request_of(&of, &name)).await;
        found.map_err(|error| ledger_failed(station, &error))
    }

    /// See [`Nem::requests_of`].
    pub(crate) async fn requests_of(
        self: &Arc<Self>,
        station: &str,
        limit: usize,
    ) -> Result<Vec<Record>, Refusal> {
        let (service, of) = (self.clone(), station.to_owned());
        let found = blocking(move || lock(&service.nem).requests_of(&of, limit)).await;
        found.map_err(|error| ledger_failed(station, &error))
    }

    /// See [`Nem::cancel`].
    pub(crate) async fn cancel(self: &Arc<Self>, station: &str, id: RequestId) -> Result<bool, Refusal> {
        let (service, of) = (self.clone(), station.to_owned());
        let cancelled = blocking(move || service.act(|nem, now| nem.cancel(&of, id, now))).await;
        cancelled.map_err(|error| ledger_failed(station, &error))
    }

    /// When a station is told to come back whose request is under way.
    pub(crate) const fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// Waits until the request is decided, at most that long, and says how it stands then.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        request: RequestId,
        at_most: Duration,
    ) -> Result<Option<Standing>, nem::Error> {
        let notify = lock(&self.waiting).entry(request).or_default().clone();
        let mut decided = std::pin::pin!(notify.notified());
        // From here on a decision is noticed, also one that falls before the next line.
        decided.as_mut().enable();
        let mut standing = self.standing(request).await;
        if matches!(standing, Ok(Some(Standing::UnderWay { .. }))) {
            tokio::select! {
                _ = tokio::time::timeout(at_most, decided) => {}
                () = self.stopped() => {}
            }
            standing = self.standing(request).await;
        }
        let mut waiting = lock(&self.waiting);
        // The map, this function, and nobody else.
        let is_last = |other: &Arc<Notify>| Arc::ptr_eq(other, &notify) && Arc::strong_count(other) <= 2;
        if waiting.get(&request).is_some_and(is_last) {
            waiting.remove(&request);
        }
        standing
    }

    async fn standing(self: &Arc<Self>, request: RequestId) -> Result<Option<Standing>, nem::Error> {
        let service = self.clone();
        blocking(move || lock(&service.nem).standing(request)).await
    }

    pub(crate) async fn delivered(self: &Arc<Self>, request: RequestId) {
        let service = self.clone();
        blocking(move || {
            lock(&service.fetched).push(request);
            let outcome = service.act(|nem, now| {
                let fetched = std::mem::take(&mut *lock(&service.fetched));
                nem.delivered(&fetched, now)
            });
            if let Err(error) = outcome {
                error!("{error}");
            }
        })
        .await;
    }

    /// From now on these are the stations. Blocks.
    pub(crate) fn set_inventory(self: &Arc<Self>, inventory: Inventory) -> Result<(), nem::Error> {
        self.act(|nem, now| nem.set_inventory(inventory, now))
    }

    /// From now on these are the RA/CAs. Blocks.
    pub(crate) fn set_upstreams(
        self: &Arc<Self>,
        upstreams: Vec<(Upstream, CmpClient)>,
    ) -> Result<(), nem::Error> {
        let clients = upstreams.iter().map(|(upstream, client)| (upstream.name.clone(), client.clone()));
        lock(&self.clients).extend(clients);
        let upstreams = upstreams.into_iter().map(|(upstream, _)| upstream).collect();
        self.act(|nem, now| nem.set_upstreams(upstreams, now))
    }

    /// From now on these are the CRLs. Blocks.
    pub(crate) fn set_revocation(self: &Arc<Self>, revocation: Option<Revocation>) {
        let to_be_logged = revocation.clone();
        self.act(|nem, _| nem.set_revocation(revocation));
        to_be_logged.iter().for_each(log_revocation);
    }

    async fn handle(self: Arc<Self>, happened: Happened) {
        blocking(move || {
            let outcome = self.act(|nem, now| nem.handle(happened.input(), now));
            if let Err(error) = outcome {
                error!("{error}");
            }
        })
        .await;
    }

    /// Lets the NEM act, and carries out what it wants done. It waits for the disk, so nobody else should.
    pub(crate) fn act<T>(self: &Arc<Self>, act: impl FnOnce(&mut Nem, UnixTime) -> T) -> T {
        let mut nem = lock(&self.nem);
        let result = act(&mut nem, now());
        let outputs: Vec<Output> = std::iter::from_fn(|| nem.poll_output()).collect();
        let events = outputs.iter().filter_map(|output| match output {
            Output::Event(event) => audit::entry(event, &nem),
            _ => None,
        });
        let decided: Vec<Entry> = events.collect();
        self.due.send_replace(nem.poll_timeout());
        drop(nem);
        // Before anybody is told.
        self.audit.record(&decided);
        for output in outputs {
            match output {
                // It is in the ledger, and goes up after the next start, octet for octet.
                Output::Send { .. } if *self.stopped.borrow() => {}
                Output::Send { exchange, upstream, message } => {
                    let under_way = self.exchanges.begin();
                    let exchange = self.clone().exchange(exchange, upstream, message);
                    tokio::spawn(async move {
                        exchange.await;
                        drop(under_way);
                    });
                }
                Output::Event(event) => self.announce(&event),
                Output::Notice(notice) => log_notice(&notice),
                _ => {}
            }
        }
        result
    }

    async fn exchange(self: Arc<Self>, exchange: ExchangeId, upstream: Arc<str>, message: Vec<u8>) {
        let client = lock(&self.clients).get(&upstream).cloned();
        let happened = match client {
            Some(client) => match client.exchange(message).await {
                Ok(answer) => Happened::Answer(exchange, answer),
                Err(error) if is_answer(&error) => Happened::Misunderstood(exchange, error.to_string()),
                Err(error) => Happened::Failure(exchange, error.to_string()),
            },
            None => Happened::Failure(exchange, format!("there is no RA/CA {upstream} any more")),
        };
        self.handle(happened).await;
    }

    fn announce(&self, event: &Event) {
        log(event);
        self.counters.count(&event.happening);
        if matches!(
            event.happening,
            Happening::Offered | Happening::Carried | Happening::Confirmed | Happening::Rejected(_)
        ) && let Some(notify) = lock(&self.waiting).remove(&event.request)
        {
            notify.notify_waiters();
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

/// What an upload is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Pkcs10,
    CertReqMessages,
}

fn ledger_failed(station: &str, error: &nem::Error) -> Refusal {
    Refusal::Ledger { station: station.to_owned(), reason: error.to_string() }
}

/// An [`Input`] that owns its parts.
enum Happened {
    Answer(ExchangeId, Vec<u8>),
    Failure(ExchangeId, String),
    Misunderstood(ExchangeId, String),
    Tick,
}

impl Happened {
    fn input(&self) -> Input<'_> {
        match self {
            Self::Answer(exchange, octets) => Input::Answer { exchange: *exchange, octets },
            Self::Failure(exchange, reason) => Input::Failure { exchange: *exchange, reason },
            Self::Misunderstood(exchange, reason) => Input::Misunderstood { exchange: *exchange, reason },
            Self::Tick => Input::Tick,
        }
    }
}

/// Whether a server answered, and meant it: one that is overloaded may answer the same message otherwise next time.
const fn is_answer(error: &TransferError) -> bool {
    match error {
        TransferError::BadStatus { status, .. } => !matches!(*status, 408 | 429 | 500..),
        TransferError::BadContentType { .. } | TransferError::BadBody { .. } => true,
        _ => false,
    }
}

/// Never, when there is no time.
async fn sleep_until(at: Option<UnixTime>) {
    let Some(at) = at else { return std::future::pending().await };
    let at = SystemTime::UNIX_EPOCH + at.as_duration();
    tokio::time::sleep(at.duration_since(SystemTime::now()).unwrap_or_default()).await;
}

/// Signatures and the disk take their time, and others run on the reactor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A thread that panicked left no half-written state: the ledger is written before the NEM changes its mind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
