//! Trying again until a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use transfer::TransferError;

use crate::{Error, Progress};

/// The first pause after a failure, and the longest; in between each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// HTTP statuses that another attempt may change (RFC 9110 section 15.5 and 15.6).
pub(crate) const fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// The attempts of one run.
pub(crate) struct Attempts<'a> {
    timeout: Duration,
    deadline: Instant,
    pause: Duration,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl<'a> Attempts<'a> {
    /// The deadline is so much later than now.
    pub(crate) fn new(timeout: Duration, progress: &'a (dyn Fn(Progress) + Send + Sync)) -> Self {
        Self { timeout, deadline: Instant::now() + timeout, pause: PAUSES.0, progress }
    }

    /// Tells what is going on.
    pub(crate) fn tell(&self, progress: Progress) {
        (self.progress)(progress);
    }

    /// The next pause is a short one again.
    pub(crate) fn succeeded(&mut self) {
        self.pause = PAUSES.0;
    }

    /// The outcome of that work, unless the deadline comes first.
    pub(crate) async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Error> {
        timeout_at(self.deadline, work).await.map_err(|_| self.timed_out(format!("{what} did not come")))
    }

    /// Pauses after a failure that another attempt may cure; any other is returned.
    pub(crate) async fn pause_after(&mut self, error: TransferError) -> Result<(), Error> {
        match error {
            TransferError::Unreachable { .. }
            | TransferError::Interrupted { .. }
            | TransferError::Timeout { .. } => self.back_off(error.to_string()).await,
            TransferError::BadStatus { status, .. } if passes(status) => {
                self.back_off(error.to_string()).await
            }
            TransferError::BadStatus { status, text, .. } => Err(Error::Refused { status, reason: text }),
            error => Err(Error::Transfer(error)),
        }
    }

    /// Stations that failed together do not come back together: up to half of a pause is left to chance.
    pub(crate) async fn back_off(&mut self, reason: String) -> Result<(), Error> {
        let chance = crypto_aws_lc::provider().random::<1>().map_or(0, |[octet]| octet);
        let pause = self.pause / 2 + self.pause / 2 * u32::from(chance) / 255;
        self.pause = self.pause.saturating_mul(2).min(PAUSES.1);
        self.retry(reason, pause).await
    }

    /// Pauses for a time that somebody else chose.
    pub(crate) async fn retry(&self, reason: String, after: Duration) -> Result<(), Error> {
        (self.progress)(Progress::Retrying { reason: reason.clone(), after });
        self.sleep(after, &reason).await
    }

    /// To sleep beyond the deadline would be in vain.
    pub(crate) async fn sleep(&self, pause: Duration, waiting_for: &str) -> Result<(), Error> {
        if Instant::now().checked_add(pause).is_none_or(|until| until > self.deadline) {
            return Err(self.timed_out(waiting_for.to_owned()));
        }
        sleep(pause).await;
        Ok(())
    }

    fn timed_out(&self, waiting_for: String) -> Error {
        Error::TimedOut { after: self.timeout, waiting_for }
    }
}
