use std::time::SystemTime;

use asn1::UnixTime;

/// The time, by the system's clock. A clock that stands before 1970 stands at 1970, and no certificate is valid.
pub fn now() -> UnixTime {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    UnixTime::from_duration(since)
}
