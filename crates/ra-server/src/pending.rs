use std::fmt::Write;

use ca::PendingRequest;
use serde::{Deserialize, Serialize};

use crate::listing::printable;

/// A request that waits for approval. Times are RFC 3339, names RFC 4514.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingEntry {
    /// Its transactionID, hexadecimal: by what it is approved or rejected.
    pub transaction_id: String,
    /// `ir`, `cr`, `kur` or `p10cr`.
    pub request: String,
    /// When it came.
    pub received: String,
    /// Who asks.
    pub requester: Option<String>,
    /// The subject that it would get.
    pub subject: Option<String>,
    /// Why it can no longer be approved, if that is so.
    pub obstacle: Option<String>,
}

impl PendingEntry {
    pub(crate) fn new(request: &PendingRequest) -> Self {
        let (requester, subject, obstacle) = match &request.contents {
            Ok((contents, requester)) => {
                (Some(requester.to_string()), Some(contents.subject.to_string()), None)
            }
            Err(reason) => (None, None, Some(reason.to_string())),
        };
        Self {
            transaction_id: request.transaction_id.to_string(),
            request: request.kind.name().to_owned(),
            received: request.received.to_string(),
            requester,
            subject,
            obstacle,
        }
    }
}

/// The entries for people, one a line.
pub fn pending_table(entries: &[PendingEntry]) -> String {
    let mut text = format!("{:<32}  {:<5}  {:<20}  SUBJECT (REQUESTER)\n", "TRANSACTION", "BODY", "RECEIVED");
    for entry in entries {
        let PendingEntry { transaction_id, request, received, .. } = entry;
        let names = match (&entry.subject, &entry.requester, &entry.obstacle) {
            (Some(subject), Some(requester), _) => format!("{subject} ({requester})"),
            (.., obstacle) => obstacle.clone().unwrap_or_default(),
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{transaction_id:<32}  {request:<5}  {received:<20}  {}", printable(&names));
    }
    text
}
