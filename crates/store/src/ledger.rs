//! A NEM's ledger in one file, or in somebody else's store.

mod export;
mod key_value;
mod passed;
mod record;
mod upstream;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use nem::Label;
use nem::ledger::{
    CannotUnbundle, Export, ExportId, Ledger, LedgerError, PassedId, PassedTransaction, Record, RequestId,
};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    WriteTransaction,
};
use sha2::{Digest, Sha256};

use crate::Error;
use export::{export_from_der, export_to_der};
pub use key_value::{Entry, KeyValueLedger, KeyValues};
use passed::{passed_from_der, passed_to_der};
use record::{record_from_der, record_to_der};
use upstream::{upstream_from_der, upstream_to_der};

/// By request id.
const REQUESTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("requests");
/// Ids in the order of receipt, counted from 0.
const RECEIVED: TableDefinition<'_, u64, &[u8; 16]> = TableDefinition::new("received");
/// Ids of the requests that are not decided.
const OPEN: TableDefinition<'_, &[u8; 16], ()> = TableDefinition::new("open");
/// The latest request of a station with the octets that have this SHA-256.
const LATEST: TableDefinition<'_, (&str, &[u8; 32]), &[u8; 16]> = TableDefinition::new("latest");
/// The station that has the key whose SubjectPublicKeyInfo has this SHA-256.
const KEYS: TableDefinition<'_, &[u8; 32], &str> = TableDefinition::new("keys");
/// What was found out about the RA/CA of that name.
const UPSTREAMS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("upstreams");
/// Files in which requests left, by export id.
const EXPORTS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("exports");
/// Transactions of messages that stations sign themselves.
const PASSED: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("passed");

/// The latest request that a station calls so.
const LABELS: TableDefinition<'_, (&str, &str), &[u8; 16]> = TableDefinition::new("labels");
/// A station's requests by their positions in [`RECEIVED`].
const STATIONS: TableDefinition<'_, (&str, u64), &[u8; 16]> = TableDefinition::new("stations");

/// A NEM's ledger in one file, for one process at a time. Clones share it.
#[derive(Clone)]
pub struct EmbeddedLedger {
    database: Arc<Database>,
}

impl EmbeddedLedger {
    /// Opens the ledger, or creates an empty one.
    ///
    /// # Errors
    /// As [`crate::open_database`], and when the tables cannot be created.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let database = crate::open_database(path)?;
        let tables = database.begin_write()?;
        tables.open_table(REQUESTS)?;
        tables.open_table(RECEIVED)?;
        tables.open_table(OPEN)?;
        tables.open_table(LATEST)?;
        tables.open_table(KEYS)?;
        tables.open_table(LABELS)?;
        tables.open_table(UPSTREAMS)?;
        tables.open_table(EXPORTS)?;
        tables.open_table(PASSED)?;
        index_stations(&tables)?;
        tables.commit()?;
        Ok(Self { database: Arc::new(database) })
    }

    /// The requests received last, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn latest(&self, limit: usize) -> Result<Vec<Record>, Error> {
        let tables = self.database.begin_read()?;
        let received = tables.open_table(RECEIVED)?;
        let mut records = Vec::new();
        for entry in received.iter()?.rev().take(limit) {
            let (_, id) = entry?;
            records.push(existing(&tables, id.value())?);
        }
        Ok(records)
    }

    /// Shows the requests of each station, the latest first, one station after another: there may be more than fit into memory
    /// together. `each` says whether it wants to see older ones of the same station.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn by_station(&self, mut each: impl FnMut(&Record) -> bool) -> Result<(), Error> {
        let tables = self.database.begin_read()?;
        let (stations, requests) = (tables.open_table(STATIONS)?, tables.open_table(REQUESTS)?);
        let mut done: Option<String> = None;
        for entry in stations.iter()?.rev() {
            let (key, id) = entry?;
            let (station, _) = key.value();
            if done.as_deref() == Some(station) {
                continue;
            }
            let octets = requests.get(id.value())?.ok_or(Error::Missing { record: "request" })?;
            if !each(&record_from_der(octets.value())?) {
                done = Some(station.to_owned());
            }
        }
        Ok(())
    }

    fn read_open(&self, each: &mut dyn FnMut(Record)) -> Result<(), Error> {
        let tables = self.database.begin_read()?;
        let (open, requests) = (tables.open_table(OPEN)?, tables.open_table(REQUESTS)?);
        for entry in open.iter()? {
            let (id, ()) = entry.map(|(id, _)| (id, ()))?;
            let octets = requests.get(id.value())?.ok_or(Error::Missing { record: "request" })?;
            each(record_from_der(octets.value())?);
        }
        Ok(())
    }

    fn read_latest(&self, station: &str, request: &[u8]) -> Result<Option<Record>, Error> {
        let tables = self.database.begin_read()?;
        let id = tables.open_table(LATEST)?.get((station, &sha256(request)))?;
        id.map(|id| existing(&tables, id.value())).transpose()
    }

    fn read_labelled(&self, station: &str, label: &Label) -> Result<Option<Record>, Error> {
        let tables = self.database.begin_read()?;
        let id = tables.open_table(LABELS)?.get((station, label.as_str()))?;
        id.map(|id| existing(&tables, id.value())).transpose()
    }

    fn read_latest_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, Error> {
        let tables = self.database.begin_read()?;
        let of_station = tables.open_table(STATIONS)?;
        let mut records = Vec::new();
        for entry in of_station.range((station, 0)..=(station, u64::MAX))?.rev().take(limit) {
            let (_, id) = entry?;
            records.push(existing(&tables, id.value())?);
        }
        Ok(records)
    }

    fn read_owner(&self, public_key: &[u8]) -> Result<Option<String>, Error> {
        let owner = self.database.begin_read()?.open_table(KEYS)?.get(&sha256(public_key))?;
        Ok(owner.map(|station| station.value().to_owned()))
    }

    fn write(&self, records: &[Record]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        let tables = self.database.begin_write()?;
        {
            let mut requests = tables.open_table(REQUESTS)?;
            let mut open = tables.open_table(OPEN)?;
            let mut labels = tables.open_table(LABELS)?;
            for record in records {
                let (id, station) = (record.id.as_octets(), record.station.as_str());
                let before = requests.insert(id, record_to_der(record)?.as_slice())?;
                let known = before.is_some();
                if let Some(label) = &record.label {
                    let before = before.map(|before| record_from_der(before.value())).transpose()?;
                    if before.and_then(|before| before.label).as_ref() != Some(label) {
                        labels.insert((station, label.as_str()), id)?;
                    }
                }
                if record.state.is_decided() {
                    open.remove(id)?;
                } else {
                    open.insert(id, ())?;
                }
                if !known {
                    let mut received = tables.open_table(RECEIVED)?;
                    let position = received.len()?;
                    received.insert(position, id)?;
                    tables.open_table(STATIONS)?.insert((station, position), id)?;
                    tables.open_table(LATEST)?.insert((station, &sha256(&record.request)), id)?;
                    tables.open_table(KEYS)?.insert(&sha256(&record.public_key), station)?;
                }
            }
        }
        tables.commit()?;
        Ok(())
    }

    fn read_upstream(&self, name: &str) -> Result<Option<CannotUnbundle>, Error> {
        let known = self.database.begin_read()?.open_table(UPSTREAMS)?.get(name)?;
        known.map(|octets| upstream_from_der(octets.value())).transpose()
    }

    fn write_upstream(&self, name: &str, known: Option<&CannotUnbundle>) -> Result<(), Error> {
        let tables = self.database.begin_write()?;
        {
            let mut upstreams = tables.open_table(UPSTREAMS)?;
            match known {
                Some(known) => upstreams.insert(name, upstream_to_der(known)?.as_slice())?,
                None => upstreams.remove(name)?,
            };
        }
        tables.commit()?;
        Ok(())
    }

    fn write_export(&self, export: &Export) -> Result<(), Error> {
        let tables = self.database.begin_write()?;
        tables.open_table(EXPORTS)?.insert(export.id.as_octets(), export_to_der(export)?.as_slice())?;
        tables.commit()?;
        Ok(())
    }

    fn read_export(&self, id: ExportId) -> Result<Option<Export>, Error> {
        let known = self.database.begin_read()?.open_table(EXPORTS)?.get(id.as_octets())?;
        known.map(|octets| export_from_der(octets.value())).transpose()
    }

    fn read_exports(&self) -> Result<Vec<Export>, Error> {
        let exports = self.database.begin_read()?.open_table(EXPORTS)?;
        exports.iter()?.map(|entry| export_from_der(entry?.1.value())).collect()
    }

    fn read_all_passed(&self, each: &mut dyn FnMut(PassedTransaction)) -> Result<(), Error> {
        for entry in self.database.begin_read()?.open_table(PASSED)?.iter()? {
            each(passed_from_der(entry?.1.value())?);
        }
        Ok(())
    }

    fn read_passed(&self, id: PassedId) -> Result<Option<PassedTransaction>, Error> {
        let known = self.database.begin_read()?.open_table(PASSED)?.get(id.as_octets())?;
        known.map(|octets| passed_from_der(octets.value())).transpose()
    }

    fn write_passed(&self, changed: &[PassedTransaction], forgotten: &[PassedId]) -> Result<(), Error> {
        let tables = self.database.begin_write()?;
        {
            let mut passed = tables.open_table(PASSED)?;
            for id in forgotten {
                passed.remove(id.as_octets())?;
            }
            for transaction in changed {
                passed.insert(transaction.id.as_octets(), passed_to_der(transaction)?.as_slice())?;
            }
        }
        tables.commit()?;
        Ok(())
    }
}

/// Ledgers of before have no index of stations.
fn index_stations(tables: &WriteTransaction) -> Result<(), Error> {
    let mut stations = tables.open_table(STATIONS)?;
    let received = tables.open_table(RECEIVED)?;
    if stations.len()? == received.len()? {
        return Ok(());
    }
    let requests = tables.open_table(REQUESTS)?;
    for entry in received.iter()? {
        let (position, id) = entry?;
        let octets = requests.get(id.value())?.ok_or(Error::Missing { record: "request" })?;
        let record = record_from_der(octets.value())?;
        stations.insert((record.station.as_str(), position.value()), id.value())?;
    }
    Ok(())
}

fn find(tables: &ReadTransaction, id: &[u8; 16]) -> Result<Option<Record>, Error> {
    let octets = tables.open_table(REQUESTS)?.get(id)?;
    octets.map(|octets| record_from_der(octets.value())).transpose()
}

fn existing(tables: &ReadTransaction, id: &[u8; 16]) -> Result<Record, Error> {
    find(tables, id)?.ok_or(Error::Missing { record: "request" })
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

impl Ledger for EmbeddedLedger {
    fn open_requests(&self, each: &mut dyn FnMut(Record)) -> Result<(), LedgerError> {
        Ok(self.read_open(each)?)
    }

    fn request(&self, id: RequestId) -> Result<Option<Record>, LedgerError> {
        let tables = self.database.begin_read().map_err(Error::from)?;
        Ok(find(&tables, id.as_octets())?)
    }

    fn find(&self, station: &str, request: &[u8]) -> Result<Option<Record>, LedgerError> {
        Ok(self.read_latest(station, request)?)
    }

    fn labelled(&self, station: &str, label: &Label) -> Result<Option<Record>, LedgerError> {
        Ok(self.read_labelled(station, label)?)
    }

    fn latest_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, LedgerError> {
        Ok(self.read_latest_of(station, limit)?)
    }

    fn owner_of_key(&self, public_key: &[u8]) -> Result<Option<String>, LedgerError> {
        Ok(self.read_owner(public_key)?)
    }

    fn put_all(&self, records: &[Record]) -> Result<(), LedgerError> {
        Ok(self.write(records)?)
    }

    fn cannot_unbundle(&self, upstream: &str) -> Result<Option<CannotUnbundle>, LedgerError> {
        Ok(self.read_upstream(upstream)?)
    }

    fn set_cannot_unbundle(&self, upstream: &str, known: Option<&CannotUnbundle>) -> Result<(), LedgerError> {
        Ok(self.write_upstream(upstream, known)?)
    }

    fn put_export(&self, export: &Export) -> Result<(), LedgerError> {
        Ok(self.write_export(export)?)
    }

    fn export(&self, id: ExportId) -> Result<Option<Export>, LedgerError> {
        Ok(self.read_export(id)?)
    }

    fn exports(&self) -> Result<Vec<Export>, LedgerError> {
        Ok(self.read_exports()?)
    }

    fn passed_transactions(&self, each: &mut dyn FnMut(PassedTransaction)) -> Result<(), LedgerError> {
        Ok(self.read_all_passed(each)?)
    }

    fn passed_transaction(&self, id: PassedId) -> Result<Option<PassedTransaction>, LedgerError> {
        Ok(self.read_passed(id)?)
    }

    fn put_passed(&self, changed: &[PassedTransaction], forgotten: &[PassedId]) -> Result<(), LedgerError> {
        Ok(self.write_passed(changed, forgotten)?)
    }
}

impl From<Error> for LedgerError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl fmt::Debug for EmbeddedLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLedger").finish_non_exhaustive()
    }
}
