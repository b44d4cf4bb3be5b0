//! What stations ask about their requests.

use alloc::vec::Vec;

use super::Nem;
use crate::error::Error;
use crate::label::Label;
use crate::ledger::{Record, RequestId};

impl Nem {
    /// The station's request with that name: the latest that it calls so, or else the one with that id. Another station's request
    /// is none.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn request_of(&self, station: &str, name: &str) -> Result<Option<Record>, Error> {
        if let Some(label) = Label::new(name)
            && let Some(record) = self.ledger.labelled(station, &label)?
        {
            return Ok(Some(record));
        }
        let Some(id) = RequestId::parse(name) else { return Ok(None) };
        Ok(self.ledger.request(id)?.filter(|record| record.station == station))
    }

    /// The station's requests, the latest first, at most `limit` of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn requests_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, Error> {
        Ok(self.ledger.latest_of(station, limit)?)
    }
}
