//! How much is under way, for whoever waits until nothing is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Counts what is under way. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Busy(Arc<watch::Sender<usize>>);

impl Default for Busy {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Busy {
    /// Something is under way until what this returns is dropped.
    pub(crate) fn begin(&self) -> UnderWay {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        UnderWay(self.clone())
    }

    /// Returns when nothing is under way.
    pub(crate) async fn idle(&self) {
        // It ends with an error when there is no sender any more; there is one here.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Returns when nothing has been under way for so long.
    pub(crate) async fn quiet(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            let _ = count.wait_for(|count| *count == 0).await;
            if tokio::time::timeout(time, count.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// Something that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay(Busy);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
