//! `[crl]`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

/// The CRL of this CA.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CrlPublication {
    /// Where it is laid, in DER, beside being served.
    pub(crate) file: Option<PathBuf>,
    interval_seconds: u64,
    validity_seconds: u64,
    /// The URL that certificates name.
    pub(crate) distribution_point: Option<String>,
}

impl Default for CrlPublication {
    /// Every day, for a week.
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self { file: None, interval_seconds: DAY, validity_seconds: 7 * DAY, distribution_point: None }
    }
}

impl CrlPublication {
    /// An expired certificate that is revoked has to stand on one more list (RFC 5280 section 3.3), and the CA keeps it there for 30
    /// days.
    const MAX_INTERVAL: u64 = 30 * 24 * 60 * 60;

    pub(crate) const fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    pub(crate) const fn validity(&self) -> Duration {
        Duration::from_secs(self.validity_seconds)
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=Self::MAX_INTERVAL).contains(&self.interval_seconds) {
            bail!("crl.interval_seconds: must lie between 1 and {}", Self::MAX_INTERVAL);
        }
        if !(self.interval_seconds + 1..=10 * Self::MAX_INTERVAL).contains(&self.validity_seconds) {
            bail!(
                "crl.validity_seconds: must be more than crl.interval_seconds, or there is none between two lists, and at most {}",
                10 * Self::MAX_INTERVAL
            );
        }
        if let Some(url) = &self.distribution_point
            && !(url.starts_with("http://") && url.bytes().all(|octet| octet.is_ascii_graphic()))
        {
            bail!(
                "crl.distribution_point: must be a URL that begins with http:// (RFC 5280 section 4.2.1.13)"
            );
        }
        Ok(())
    }
}
