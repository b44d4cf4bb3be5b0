//! A server's places: when all are taken, a newcomer gets that of the connection that has been silent longest.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Places for connections. A connection is silent until a whole request has come in, or whoever it is has logged in. Clones share them.
#[derive(Clone, Debug)]
pub struct Places {
    most: usize,
    free: Arc<Semaphore>,
    silent: Arc<Mutex<Silent>>,
    /// Tells whoever waits for a place that a connection fell silent.
    fallen: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Silent {
    last: u64,
    /// By when they fell silent.
    since: BTreeMap<u64, Arc<Displaced>>,
}

#[derive(Debug, Default)]
struct Displaced {
    told: Notify,
    is: AtomicBool,
}

impl Places {
    /// That many.
    pub fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { most, free: Arc::new(Semaphore::new(most)), silent: Arc::default(), fallen: Arc::default() }
    }

    /// A place for a connection that has just come in, which is silent. Waits while all others are taken by connections that are not.
    /// One task may wait at a time.
    pub async fn take(&self) -> Place {
        loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                return self.place(permit);
            }
            let one_goes = self.displace();
            tokio::select! {
                // The semaphore is never closed.
                Ok(permit) = Arc::clone(&self.free).acquire_owned() => return self.place(permit),
                () = self.fallen.notified(), if !one_goes => {}
            }
        }
    }

    /// Returns when no place is taken any more.
    pub async fn empty(&self) {
        // The semaphore is never closed.
        let _ = self.free.acquire_many(u32::try_from(self.most).unwrap_or(u32::MAX)).await;
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        let place =
            Place { places: self.clone(), displaced: Arc::default(), since: Mutex::new(0), _permit: permit };
        place.falls_silent();
        place
    }

    /// Has the one go that has been silent longest, if any is.
    fn displace(&self) -> bool {
        let Some((_, longest)) = lock(&self.silent).since.pop_first() else { return false };
        longest.is.store(true, Ordering::Relaxed);
        longest.told.notify_one();
        true
    }
}

/// A connection's place, which is free again when this is dropped.
pub struct Place {
    places: Places,
    displaced: Arc<Displaced>,
    /// Since when it was silent last, counted in [`Silent::last`].
    since: Mutex<u64>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// What has come in deserves an answer: from now on nobody else gets the place.
    pub fn is_heard(&self) {
        let since = *lock(&self.since);
        lock(&self.places.silent).since.remove(&since);
    }

    /// The answer is given, and from now on it is silent.
    pub fn falls_silent(&self) {
        let mut silent = lock(&self.places.silent);
        silent.last = silent.last.saturating_add(1);
        *lock(&self.since) = silent.last;
        self.enter(&mut silent);
    }

    /// What came in deserved no answer: it counts as silent ever since it did before.
    pub fn stays_silent(&self) {
        self.enter(&mut lock(&self.places.silent));
    }

    fn enter(&self, silent: &mut Silent) {
        if !self.displaced.is.load(Ordering::Relaxed) {
            silent.since.insert(*lock(&self.since), self.displaced.clone());
            self.places.fallen.notify_one();
        }
    }

    /// Returns when somebody else is to have the place.
    pub async fn displaced(&self) {
        self.displaced.told.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_heard();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is ready without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_newcomer_displaces_whoever_was_silent_longest() {
        let places = Places::new(3);
        let [first, second, third] = [(), (), ()].map(|()| now(places.take()).unwrap());
        first.is_heard();
        second.is_heard();
        second.stays_silent();
        let mut newcomer = Box::pin(places.take());
        assert!(now(newcomer.as_mut()).is_none());
        assert!(now(second.displaced()).is_some());
        assert!(now(first.displaced()).is_none() && now(third.displaced()).is_none());
        // Its place is not given away a second time.
        second.falls_silent();
        drop(second);
        let fourth = now(newcomer).unwrap();
        first.falls_silent();
        let mut newcomer = Box::pin(places.take());
        assert!(now(newcomer.as_mut()).is_none());
        assert!(now(third.displaced()).is_some());
        assert!(now(first.displaced()).is_none() && now(fourth.displaced()).is_none());
    }

    #[test]
    fn whoever_is_heard_keeps_the_place() {
        let places = Places::new(1);
        let only = now(places.take()).unwrap();
        only.is_heard();
        let mut newcomer = Box::pin(places.take());
        assert!(now(newcomer.as_mut()).is_none());
        assert!(now(only.displaced()).is_none());
        only.falls_silent();
        assert!(now(newcomer.as_mut()).is_none());
        assert!(now(only.displaced()).is_some());
        assert!(now(places.empty()).is_none());
        drop(only);
        drop(now(newcomer).unwrap());
        assert!(now(places.empty()).is_some());
        assert!(lock(&places.silent).since.is_empty());
    }
}
