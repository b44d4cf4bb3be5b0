//! What takes longer than an answer at the control socket may.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use super::Answer;

/// Outcomes that nobody asks for any more.
const MAX_KEPT: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    last: AtomicU64,
    /// `None`: it is not done yet.
    jobs: Mutex<BTreeMap<u64, Option<Answer>>>,
}

impl Jobs {
    pub(super) fn start(self: &Arc<Self>, work: impl FnOnce() -> Result<Answer> + Send + 'static) -> Answer {
        let number = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.lock().insert(number, None);
        let jobs = self.clone();
        tokio::task::spawn_blocking(move || {
            let answer = work().unwrap_or_else(|error| Answer::Failed(format!("{error:#}")));
            let mut jobs = jobs.lock();
            jobs.insert(number, Some(answer));
            let done = jobs.iter().filter(|(_, answer)| answer.is_some()).map(|(number, _)| *number);
            let done: Vec<u64> = done.collect();
            for old in done.iter().take(done.len().saturating_sub(MAX_KEPT)) {
                jobs.remove(old);
            }
        });
        Answer::Started { number }
    }

    pub(super) fn take(&self, number: u64) -> Result<Answer> {
        let mut jobs = self.lock();
        match jobs.remove(&number).context("there is no such job: was `nem serve` started anew?")? {
            Some(answer) => Ok(answer),
            None => {
                jobs.insert(number, None);
                Ok(Answer::Running)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Option<Answer>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
