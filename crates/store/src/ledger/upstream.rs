//! What the ledger keeps of RA/CAs.

use asn1::UnixTime;
use der::{Decode, Encode, Sequence};
use nem::ledger::CannotUnbundle;

use crate::Error;

/// `UpstreamEntry ::= SEQUENCE { cannotUnbundle UTF8String, since INTEGER }`, a reason and a Unix time
#[derive(Sequence)]
struct UpstreamEntry {
    cannot_unbundle: String,
    since: u64,
}

pub(super) fn upstream_to_der(known: &CannotUnbundle) -> Result<Vec<u8>, Error> {
    let entry = UpstreamEntry { cannot_unbundle: known.reason.clone(), since: known.since.as_secs() };
    entry.to_der().map_err(Error::Encoding)
}

pub(super) fn upstream_from_der(octets: &[u8]) -> Result<CannotUnbundle, Error> {
    let entry = UpstreamEntry::from_der(octets);
    let entry = entry.map_err(|reason| Error::Corrupt { record: "upstream", reason })?;
    Ok(CannotUnbundle { reason: entry.cannot_unbundle, since: UnixTime::from_secs(entry.since) })
}
