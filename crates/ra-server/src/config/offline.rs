//! `[offline]` in `raca.toml`: what `raca sign` takes.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

const DAY: u64 = 24 * 60 * 60;

/// Limits of their own for files that are carried by hand: they are larger, and older, than what comes over the network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Offline {
    pub(crate) max_file_octets: usize,
    /// In one batch.
    pub(crate) max_requests: usize,
    /// 0 switches the check off.
    time_window_seconds: u64,
    /// Whoever carries the answer back takes days, and the station's certConf waits until the RA/CA can be reached again.
    confirm_wait_seconds: u64,
}

impl Default for Offline {
    fn default() -> Self {
        Self {
            max_file_octets: 512 * 1024 * 1024,
            max_requests: 100_000,
            time_window_seconds: 30 * DAY,
            confirm_wait_seconds: 90 * DAY,
        }
    }
}

impl Offline {
    const MAX_FILE_OCTETS: usize = 2 * 1024 * 1024 * 1024;
    const MAX_REQUESTS: usize = 1_000_000;

    pub(super) fn check(&self) -> Result<()> {
        if !(1024..=Self::MAX_FILE_OCTETS).contains(&self.max_file_octets) {
            bail!("offline.max_file_octets: must lie between 1024 and {}", Self::MAX_FILE_OCTETS);
        }
        if !(1..=Self::MAX_REQUESTS).contains(&self.max_requests) {
            bail!("offline.max_requests: must lie between 1 and {}", Self::MAX_REQUESTS);
        }
        Ok(())
    }

    pub(crate) fn time_window(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.time_window_seconds)).filter(|window| !window.is_zero())
    }

    pub(crate) const fn confirm_wait(&self) -> Duration {
        Duration::from_secs(self.confirm_wait_seconds)
    }
}
