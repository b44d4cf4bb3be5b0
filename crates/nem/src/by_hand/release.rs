//! Requests go online again that left in a file.

use alloc::vec::Vec;

use asn1::UnixTime;

use crate::error::Error;
use crate::event::{Event, Happening};
use crate::ledger::{ExportId, Record, RequestId, State};
use crate::manager::{Nem, Output};
use crate::operate::CommandError;

/// How many go in one commit.
const STEP: usize = 1000;

impl Nem {
    /// Those requests of an export that are still out go online again. Returns how many.
    ///
    /// A message goes to the RA/CA it was exported for, as it stands in the file: should that one have signed the file
    /// nevertheless, its record answers, and issues nothing twice; should it find the message too old, a new transaction begins. With
    /// `anew`, and where PKCS #10 requests left, a new transaction begins at whatever RA/CA: whoever orders that made sure that
    /// nothing was, or will be, issued for the file.
    ///
    /// # Errors
    /// When nothing of such an export is out, or the ledger cannot be written.
    pub fn release_export(
        &mut self,
        export: ExportId,
        anew: bool,
        now: UnixTime,
    ) -> Result<usize, CommandError> {
        let of_export = self.requests.iter().filter(|(_, open)| open.export == Some(export));
        let ids: Vec<RequestId> = of_export.map(|(id, _)| id).collect();
        if ids.is_empty() {
            return Err(CommandError::UnknownExport);
        }
        for ids in ids.chunks(STEP) {
            self.take_back(ids, anew, now)?;
        }
        self.pump(now);
        Ok(ids.len())
    }

    pub(crate) fn take_back(&mut self, ids: &[RequestId], anew: bool, now: UnixTime) -> Result<(), Error> {
        let mut records = Vec::new();
        for id in ids {
            let Some(record) = self.ledger.request(*id)? else { continue };
            let State::Exported(exported) = record.state else { continue };
            records.push(match exported.sent.filter(|_| !anew) {
                Some(sent) => {
                    let (message, transaction) = (sent.message, sent.transaction);
                    Record { state: State::Sent { message, transaction }, ..record }
                }
                None => Record { state: State::Queued, upstream: None, changed_at: now, ..record },
            });
        }
        self.ledger.put_all(&records)?;
        for record in &records {
            self.outputs.push_back(Output::Event(Event::new(record, Happening::TakenBack)));
            self.update(record);
            self.requests.schedule(record.id, now);
        }
        Ok(())
    }
}
