use core::fmt;
use core::time::Duration;
use der::DateTime;
use der::asn1::GeneralizedTime;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z. Handed in by the caller; nothing here has a clock. What RFC 5280 and
/// RFC 9810 write down are whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    seconds: u64,
    milliseconds: u16,
}

impl UnixTime {
    /// From seconds since the Unix epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { seconds, milliseconds: 0 }
    }

    /// From the time that has passed since the Unix epoch; what is shorter than a millisecond does not count.
    pub fn from_duration(duration: Duration) -> Self {
        // Less than 1000.
        let milliseconds = u16::try_from(duration.subsec_millis()).unwrap_or_default();
        Self { seconds: duration.as_secs(), milliseconds }
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.seconds
    }

    /// The time that has passed since the Unix epoch.
    pub fn as_duration(self) -> Duration {
        Duration::from_secs(self.seconds).saturating_add(Duration::from_millis(u64::from(self.milliseconds)))
    }

    /// This time plus a duration; the end of time is not passed.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_duration(self.as_duration().saturating_add(duration))
    }

    /// This time less a duration; the epoch is not passed.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_duration(self.as_duration().saturating_sub(duration))
    }

    /// The distance between two points in time, whichever comes first.
    pub fn abs_diff(self, other: Self) -> Duration {
        self.as_duration().abs_diff(other.as_duration())
    }

    /// As the GeneralizedTime of RFC 5280 section 4.1.2.5.2 (`YYYYMMDDHHMMSSZ`).
    ///
    /// # Errors
    /// When the time lies after the year 9999.
    pub fn to_generalized_time(self) -> der::Result<GeneralizedTime> {
        GeneralizedTime::from_unix_duration(Duration::from_secs(self.seconds))
    }
}

impl From<GeneralizedTime> for UnixTime {
    fn from(time: GeneralizedTime) -> Self {
        Self::from_secs(time.to_unix_duration().as_secs())
    }
}

/// RFC 3339, for people: `2026-11-23T08:00:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.seconds)) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} seconds after 1970", self.seconds),
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
    fn milliseconds_count_but_are_not_written_down() {
        let time = UnixTime::from_duration(Duration::from_micros(1_795_000_000_250_999));
        assert_eq!(time.as_duration(), Duration::from_millis(1_795_000_000_250));
        assert_eq!(time.to_string(), "2026-11-18T11:06:40Z");
        assert_eq!(time.as_secs(), 1_795_000_000);
        assert!(time > UnixTime::from_secs(1_795_000_000) && time < UnixTime::from_secs(1_795_000_001));
        let later = time.saturating_add(Duration::from_millis(800));
        assert_eq!(later.as_duration(), Duration::from_millis(1_795_000_001_050));
        assert_eq!(later.abs_diff(time), Duration::from_millis(800));
        assert_eq!(later.saturating_sub(Duration::from_millis(1050)), UnixTime::from_secs(1_795_000_000));
        let end = UnixTime::from_secs(u64::MAX).saturating_add(Duration::from_secs(9));
        assert_eq!(end.as_secs(), u64::MAX);
        assert_eq!(UnixTime::from_secs(1).saturating_sub(Duration::from_secs(2)), UnixTime::from_secs(0));
    }

    #[test]
    fn generalized_time_and_back() {
        let time = UnixTime::from_secs(1_795_000_000);
        assert_eq!(UnixTime::from(time.to_generalized_time().unwrap()), time);
        assert!(UnixTime::from_secs(u64::MAX).to_generalized_time().is_err());
    }
}
