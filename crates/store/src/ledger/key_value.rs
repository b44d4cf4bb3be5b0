//! A ledger in any ordered map of octets that is written in atomic steps: for NEM software that has a store of its own.

use nem::Label;
use nem::ledger::{
    CannotUnbundle, Export, ExportId, Ledger, LedgerError, PassedId, PassedTransaction, Record, RequestId,
};

use super::export::{export_from_der, export_to_der};
use super::passed::{passed_from_der, passed_to_der};
use super::record::{record_from_der, record_to_der};
use super::sha256;
use super::upstream::{upstream_from_der, upstream_to_der};
use crate::Error;

/// An ordered map of octets to octets. Keys are at most 64 octets long.
pub trait KeyValues: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError>;

    /// The first key behind that one; keys are compared octet by octet.
    ///
    /// # Errors
    /// When it cannot be read.
    fn next(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Writes entries: all of them, or none. When it returns, they survive a crash.
    ///
    /// # Errors
    /// When they cannot be written; nothing is changed then.
    fn write(&self, entries: &[Entry]) -> Result<(), LedgerError>;
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // a key and a value
pub struct Entry {
    /// The key.
    pub key: Vec<u8>,
    /// Its new value; `None`: it is removed.
    pub value: Option<Vec<u8>>,
}

/// A ledger that lies in such a map. What keys begin with:
///
/// ```text
/// r id                        request
/// o id                        a request that is not decided
/// n                           how many requests there have been, big-endian
/// s SHA-256(station) !number  id, so that the latest of a station comes first
/// q SHA-256(station request)  id of the latest with these octets
/// l SHA-256(station label)    id of the latest that the station calls so
/// k SHA-256(public key)       station that asked for it
/// u SHA-256(name)             what was found out about an RA/CA
/// e id                        a file in which requests left
/// p id                        a transaction of messages that a station signs itself
/// ```
#[derive(Debug)]
pub struct KeyValueLedger<K> {
    map: K,
}

impl<K: KeyValues> KeyValueLedger<K> {
    /// Goes on with what lies in the map.
    pub const fn new(map: K) -> Self {
        Self { map }
    }

    fn by_id(&self, id: &[u8]) -> Result<Record, LedgerError> {
        let octets = self.map.get(&key(b'r', &[id]))?.ok_or(Error::Missing { record: "request" })?;
        Ok(record_from_der(&octets)?)
    }

    fn by_index(&self, key: &[u8]) -> Result<Option<Record>, LedgerError> {
        self.map.get(key)?.map(|id| self.by_id(&id)).transpose()
    }

    fn count(&self) -> Result<u64, LedgerError> {
        let octets = self.map.get(b"n")?.unwrap_or_default();
        Ok(octets.iter().fold(0, |count: u64, octet| count.wrapping_shl(8) | u64::from(*octet)))
    }

    /// What one record adds and changes; `count` is that of the requests before it.
    fn entries(&self, record: &Record, count: &mut u64, entries: &mut Vec<Entry>) -> Result<(), LedgerError> {
        let (id, station) = (record.id.as_octets(), record.station.as_bytes());
        let mut put = |key: Vec<u8>, value: &[u8]| entries.push(Entry { key, value: Some(value.to_vec()) });
        let before = self.map.get(&key(b'r', &[id]))?.map(|octets| record_from_der(&octets)).transpose()?;
        put(key(b'r', &[id]), &record_to_der(record)?);
        if let Some(label) = &record.label
            && before.as_ref().and_then(|before| before.label.as_ref()) != Some(label)
        {
            put(key(b'l', &[&pair(station, label.as_str().as_bytes())]), id);
        }
        if before.is_none() {
            put(key(b's', &[&sha256(station), &(!*count).to_be_bytes()]), id);
            put(key(b'q', &[&pair(station, &record.request)]), id);
            put(key(b'k', &[&sha256(&record.public_key)]), station);
            *count = count.saturating_add(1);
        }
        let value = Some(Vec::new()).filter(|_| !record.state.is_decided());
        entries.push(Entry { key: key(b'o', &[id]), value });
        Ok(())
    }
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[&[kind][..]], parts].concat().concat()
}

/// The digest of two strings of octets, which cannot be cut in two ways: the first one's is inside.
fn pair(first: &[u8], second: &[u8]) -> [u8; 32] {
    sha256(&[&sha256(first), second].concat())
}

impl<K: KeyValues> Ledger for KeyValueLedger<K> {
    fn open_requests(&self, each: &mut dyn FnMut(Record)) -> Result<(), LedgerError> {
        let mut last = b"o".to_vec();
        while let Some(next) = self.map.next(&last)? {
            let Some((b'o', id)) = next.split_first() else { break };
            each(self.by_id(id)?);
            last = next;
        }
        Ok(())
    }

    fn request(&self, id: RequestId) -> Result<Option<Record>, LedgerError> {
        let octets = self.map.get(&key(b'r', &[id.as_octets()]))?;
        Ok(octets.map(|octets| record_from_der(&octets)).transpose()?)
    }

    fn find(&self, station: &str, request: &[u8]) -> Result<Option<Record>, LedgerError> {
        self.by_index(&key(b'q', &[&pair(station.as_bytes(), request)]))
    }

    fn labelled(&self, station: &str, label: &Label) -> Result<Option<Record>, LedgerError> {
        self.by_index(&key(b'l', &[&pair(station.as_bytes(), label.as_str().as_bytes())]))
    }

    fn latest_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let prefix = key(b's', &[&sha256(station.as_bytes())]);
        let (mut last, mut records) = (prefix.clone(), Vec::new());
        while records.len() < limit {
            let Some(next) = self.map.next(&last)?.filter(|next| next.starts_with(&prefix)) else { break };
            records.extend(self.by_index(&next)?);
            last = next;
        }
        Ok(records)
    }

    fn owner_of_key(&self, public_key: &[u8]) -> Result<Option<String>, LedgerError> {
        let owner = self.map.get(&key(b'k', &[&sha256(public_key)]))?;
        owner.map(|owner| String::from_utf8(owner).map_err(LedgerError::new)).transpose()
    }

    fn put_all(&self, records: &[Record]) -> Result<(), LedgerError> {
        if records.is_empty() {
            return Ok(());
        }
        let (before, mut entries) = (self.count()?, Vec::new());
        let mut count = before;
        for record in records {
            self.entries(record, &mut count, &mut entries)?;
        }
        if count != before {
            entries.push(Entry { key: b"n".to_vec(), value: Some(count.to_be_bytes().to_vec()) });
        }
        self.map.write(&entries)
    }

    fn cannot_unbundle(&self, upstream: &str) -> Result<Option<CannotUnbundle>, LedgerError> {
        let known = self.map.get(&key(b'u', &[&sha256(upstream.as_bytes())]))?;
        Ok(known.map(|octets| upstream_from_der(&octets)).transpose()?)
    }

    fn set_cannot_unbundle(&self, upstream: &str, known: Option<&CannotUnbundle>) -> Result<(), LedgerError> {
        let value = known.map(upstream_to_der).transpose()?;
        self.map.write(&[Entry { key: key(b'u', &[&sha256(upstream.as_bytes())]), value }])
    }

    fn put_export(&self, export: &Export) -> Result<(), LedgerError> {
        let value = Some(export_to_der(export)?);
        self.map.write(&[Entry { key: key(b'e', &[export.id.as_octets()]), value }])
    }

    fn export(&self, id: ExportId) -> Result<Option<Export>, LedgerError> {
        let known = self.map.get(&key(b'e', &[id.as_octets()]))?;
        Ok(known.map(|octets| export_from_der(&octets)).transpose()?)
    }

    fn exports(&self) -> Result<Vec<Export>, LedgerError> {
        let (mut last, mut exports) = (b"e".to_vec(), Vec::new());
        while let Some(next) = self.map.next(&last)?.filter(|next| next.first() == Some(&b'e')) {
            if let Some(octets) = self.map.get(&next)? {
                exports.push(export_from_der(&octets)?);
            }
            last = next;
        }
        Ok(exports)
    }

    fn passed_transactions(&self, each: &mut dyn FnMut(PassedTransaction)) -> Result<(), LedgerError> {
        let mut last = b"p".to_vec();
        while let Some(next) = self.map.next(&last)?.filter(|next| next.first() == Some(&b'p')) {
            if let Some(octets) = self.map.get(&next)? {
                each(passed_from_der(&octets)?);
            }
            last = next;
        }
        Ok(())
    }

    fn passed_transaction(&self, id: PassedId) -> Result<Option<PassedTransaction>, LedgerError> {
        let known = self.map.get(&key(b'p', &[id.as_octets()]))?;
        Ok(known.map(|octets| passed_from_der(&octets)).transpose()?)
    }

    fn put_passed(&self, changed: &[PassedTransaction], forgotten: &[PassedId]) -> Result<(), LedgerError> {
        let removed = |id: &PassedId| Entry { key: key(b'p', &[id.as_octets()]), value: None };
        let mut entries: Vec<Entry> = forgotten.iter().map(removed).collect();
        for transaction in changed {
            let value = Some(passed_to_der(transaction)?);
            entries.push(Entry { key: key(b'p', &[transaction.id.as_octets()]), value });
        }
        self.map.write(&entries)
    }
}
