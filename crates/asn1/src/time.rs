use core::fmt;
use core::time::Duration;
use der::DateTime;
use der::asn1::GeneralizedTime;

/// A point in time: whole seconds since 1970-01-01T00:00:00Z. Handed in by the caller; nothing here has a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// From seconds since the Unix epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This time plus a duration; whole seconds count, and the end of time is not passed.
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// This time less a duration; whole seconds count, and the epoch is not passed.
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }

    /// The distance between two points in time, whichever comes first.
    pub const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_secs(self.0.abs_diff(other.0))
    }

    /// As the GeneralizedTime of RFC 5280 section 4.1.2.5.2 (`YYYYMMDDHHMMSSZ`).
    ///
    /// # Errors
    /// When the time lies after the year 9999.
    pub fn to_generalized_time(self) -> der::Result<GeneralizedTime> {
        GeneralizedTime::from_unix_duration(Duration::from_secs(self.0))
    }
}

impl From<GeneralizedTime> for UnixTime {
    fn from(time: GeneralizedTime) -> Self {
        Self(time.to_unix_duration().as_secs())
    }
}

/// RFC 3339, for people: `2026-11-23T08:00:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0)) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} seconds after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn times_read_as_rfc_3339() {
        assert_eq!(UnixTime::from_secs(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixTime::from_secs(1_795_000_000).to_string(), "2026-11-18T11:06:40Z");
        assert_eq!(UnixTime::from_secs(u64::MAX).to_string(), "18446744073709551615 seconds after 1970");
    }

    #[test]
    fn generalized_time_and_back() {
        let time = UnixTime::from_secs(1_795_000_000);
        assert_eq!(UnixTime::from(time.to_generalized_time().unwrap()), time);
        assert!(UnixTime::from_secs(u64::MAX).to_generalized_time().is_err());
    }
}
