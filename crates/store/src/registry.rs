//! A CA's registry in one file.

mod record;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use ca::registry::{
    CertificateRecord, CertificateStatus, CertificateStep, CrlRecord, Exchange, Registry, RegistryError,
    StatusChange, TransactionRecord, TransactionState, Write,
};
use cmp::TransactionId;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableHandle, WriteTransaction,
};
use x509_cert::serial_number::SerialNumber;

use crate::Error;
use record::{
    certificate_from_der, certificate_to_der, exchange_from_der, exchange_to_der, transaction_from_der,
    transaction_to_der,
};

/// By transactionID.
const TRANSACTIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("transactions");
/// By serial number.
const CERTIFICATES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("certificates");
/// The only exchange of transactions that were over with it, by transactionID.
const ANSWERED: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("answered");
/// The transactionIDs of what waits for an administrator.
const AWAITING_APPROVAL: TableDefinition<'_, &[u8], ()> = TableDefinition::new("awaiting-approval");
/// The serial numbers of what is revoked.
const REVOKED: TableDefinition<'_, &[u8], ()> = TableDefinition::new("revoked");
/// The latest CRL, under its number.
const CRLS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("crls");
/// Serial numbers in the order of issuance, counted from 0.
const ISSUED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("issued");

/// How many writes there are at most that the disk does not have: redb keeps what they replace until then.
const DEFERRED: u32 = 1000;

/// Which writes need not be on the disk at once.
#[derive(Debug, Default)]
struct Deferral {
    /// Whose.
    threads: HashSet<ThreadId>,
    /// How many there are that are not there yet.
    writes: u32,
}

/// A CA's registry in one file, for one process at a time.
pub struct EmbeddedRegistry {
    database: Database,
    deferral: Mutex<Deferral>,
}

impl EmbeddedRegistry {
    /// Opens the registry, or creates an empty one.
    ///
    /// # Errors
    /// As [`crate::open_database`], and when the tables cannot be created.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let registry = Self { database: crate::open_database(path)?, deferral: Mutex::default() };
        registry.write(|transaction| {
            transaction.open_table(TRANSACTIONS)?;
            transaction.open_table(CERTIFICATES)?;
            transaction.open_table(ISSUED)?;
            transaction.open_table(ANSWERED)?;
            transaction.open_table(CRLS)?;
            transaction.open_table(AWAITING_APPROVAL)?;
            list_revoked(transaction)?;
            Ok(Write::Done)
        })?;
        Ok(registry)
    }

    fn deferral(&self) -> MutexGuard<'_, Deferral> {
        self.deferral.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everything on the disk that anybody wrote.
    fn sync(&self) -> Result<(), Error> {
        let dirty = self.deferral().writes > 0;
        if dirty {
            self.write(|_| Ok(Write::Done))?;
        }
        Ok(())
    }

    /// What was just read may be told to anybody, unless it is this thread itself that makes writes together.
    fn told<T>(&self, read: T) -> Result<T, Error> {
        let own = self.deferral().threads.contains(&thread::current().id());
        if !own {
            self.sync()?;
        }
        Ok(read)
    }

    /// All certificates, in the order in which they were issued.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub fn certificates(&self) -> Result<Vec<CertificateRecord>, Error> {
        let transaction = self.database.begin_read()?;
        let certificates = transaction.open_table(CERTIFICATES)?;
        let mut records = Vec::new();
        for entry in transaction.open_table(ISSUED)?.iter()? {
            let (_, serial_number) = entry?;
            let found = certificates.get(serial_number.value())?;
            let found = found.ok_or(Error::Missing { record: "certificate" })?;
            records.push(certificate_from_der(found.value())?);
        }
        Ok(records)
    }

    /// The certificates that were issued last, the latest first, at most that many.
    ///
    /// # Errors
    /// When the registry cannot be read.
    pub fn latest_certificates(&self, count: usize) -> Result<Vec<CertificateRecord>, Error> {
        let transaction = self.database.begin_read()?;
        let certificates = transaction.open_table(CERTIFICATES)?;
        let mut records = Vec::new();
        for entry in transaction.open_table(ISSUED)?.iter()?.rev().take(count) {
            let (_, serial_number) = entry?;
            let found = certificates.get(serial_number.value())?;
            let found = found.ok_or(Error::Missing { record: "certificate" })?;
            records.push(certificate_from_der(found.value())?);
        }
        Ok(records)
    }

    fn read_revoked(&self) -> Result<Vec<CertificateRecord>, Error> {
        let transaction = self.database.begin_read()?;
        let certificates = transaction.open_table(CERTIFICATES)?;
        let mut records = Vec::new();
        for entry in transaction.open_table(REVOKED)?.iter()? {
            let found = certificates.get(entry?.0.value())?;
            let found = found.ok_or(Error::Missing { record: "certificate" })?;
            records.push(certificate_from_der(found.value())?);
        }
        Ok(records)
    }

    fn read_awaiting_approval(&self) -> Result<Vec<TransactionRecord>, Error> {
        let transaction = self.database.begin_read()?;
        let transactions = transaction.open_table(TRANSACTIONS)?;
        let mut records = Vec::new();
        for entry in transaction.open_table(AWAITING_APPROVAL)?.iter()? {
            let found = transactions.get(entry?.0.value())?;
            let found = found.ok_or(Error::Missing { record: "transaction" })?;
            records.push(transaction_from_der(found.value())?);
        }
        Ok(records)
    }

    fn latest_crl(&self) -> Result<Option<CrlRecord>, Error> {
        let crls = self.database.begin_read()?.open_table(CRLS)?;
        let latest = crls.last()?;
        Ok(latest
            .map(|(number, octets)| CrlRecord { number: number.value(), octets: octets.value().to_vec() }))
    }

    fn read<T>(
        &self,
        table: TableDefinition<'_, &[u8], &[u8]>,
        key: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let found = self.database.begin_read()?.open_table(table)?.get(key)?;
        found.map(|octets| decode(octets.value())).transpose()
    }

    /// Runs a write transaction. It is committed only if it is done, and is on the disk then unless it is one of many.
    fn write(&self, run: impl FnOnce(&WriteTransaction) -> Result<Write, Error>) -> Result<Write, Error> {
        // There is one such transaction at a time, so what is counted here was written before.
        let mut transaction = self.database.begin_write()?;
        let (deferred, before) = {
            let mut deferral = self.deferral();
            let before = deferral.writes;
            let deferred = before < DEFERRED && deferral.threads.contains(&thread::current().id());
            deferral.writes = before.saturating_add(deferred.into());
            (deferred, before)
        };
        if deferred {
            transaction.set_durability(Durability::None)?;
        }
        let outcome = run(&transaction)?;
        if outcome == Write::Conflict {
            transaction.abort()?;
            return self.told(outcome);
        }
        transaction.commit()?;
        if !deferred {
            let mut deferral = self.deferral();
            deferral.writes = deferral.writes.saturating_sub(before);
        }
        Ok(outcome)
    }
}

/// Has the thread's writes deferred for as long as it lives.
struct Together<'a>(&'a EmbeddedRegistry);

impl<'a> Together<'a> {
    fn begin(registry: &'a EmbeddedRegistry) -> Self {
        registry.deferral().threads.insert(thread::current().id());
        Self(registry)
    }
}

impl Drop for Together<'_> {
    fn drop(&mut self) {
        self.0.deferral().threads.remove(&thread::current().id());
    }
}

impl Registry for EmbeddedRegistry {
    fn together(&self, run: &mut dyn FnMut()) -> Result<(), RegistryError> {
        let together = Together::begin(self);
        run();
        drop(together);
        Ok(self.sync()?)
    }

    fn transaction(&self, id: &TransactionId) -> Result<Option<TransactionRecord>, RegistryError> {
        Ok(self.told(self.read(TRANSACTIONS, id.as_octets(), transaction_from_der)?)?)
    }

    fn certificate(&self, serial_number: &SerialNumber) -> Result<Option<CertificateRecord>, RegistryError> {
        Ok(self.told(self.read(CERTIFICATES, serial_number.as_bytes(), certificate_from_der)?)?)
    }

    fn open(
        &self,
        transaction: &TransactionRecord,
        certificate: Option<&CertificateRecord>,
    ) -> Result<Write, RegistryError> {
        let octets = transaction_to_der(transaction)?;
        Ok(self.write(|tables| {
            let mut transactions = tables.open_table(TRANSACTIONS)?;
            let id = transaction.request.transaction_id.as_octets();
            if transactions.get(id)?.is_some() || tables.open_table(ANSWERED)?.get(id)?.is_some() {
                return Ok(Write::Conflict);
            }
            transactions.insert(id, octets.as_slice())?;
            list_awaiting_approval(tables, transaction)?;
            certificate.map_or(Ok(Write::Done), |certificate| add_certificate(tables, certificate))
        })?)
    }

    fn advance(
        &self,
        transaction: &TransactionRecord,
        certificate: CertificateStep<'_>,
    ) -> Result<Write, RegistryError> {
        Ok(self.write(|tables| {
            let mut transactions = tables.open_table(TRANSACTIONS)?;
            let id = transaction.request.transaction_id.as_octets();
            let stored = transactions
                .get(id)?
                .map(|octets| transaction_from_der(octets.value()))
                .transpose()?
                .ok_or(Error::Missing { record: "transaction" })?;
            if stored.revision != transaction.revision {
                return Ok(Write::Conflict);
            }
            let mut next = transaction.clone();
            next.revision = stored.revision.saturating_add(1);
            transactions.insert(id, transaction_to_der(&next)?.as_slice())?;
            list_awaiting_approval(tables, transaction)?;
            match certificate {
                CertificateStep::None => Ok(Write::Done),
                CertificateStep::Issue(certificate) => add_certificate(tables, certificate),
                CertificateStep::Status(status) => {
                    let serial_number = transaction.serial_number.as_ref();
                    let serial_number = serial_number.ok_or(Error::Missing { record: "certificate" })?;
                    if is_revoked(self::certificate(tables, serial_number)?.status) {
                        return Ok(Write::Done);
                    }
                    set_status(tables, serial_number, status)
                }
            }
        })?)
    }

    fn awaiting_approval(&self) -> Result<Vec<TransactionRecord>, RegistryError> {
        Ok(self.told(self.read_awaiting_approval()?)?)
    }

    fn register(&self, certificate: &CertificateRecord) -> Result<(), RegistryError> {
        self.write(|tables| add_certificate(tables, certificate))?;
        Ok(())
    }

    fn answered(&self, id: &TransactionId) -> Result<Option<Exchange>, RegistryError> {
        Ok(self.told(self.read(ANSWERED, id.as_octets(), exchange_from_der)?)?)
    }

    fn change_status(&self, change: &StatusChange) -> Result<Write, RegistryError> {
        Ok(self.write(|tables| {
            if certificate(tables, &change.serial_number)?.status != change.from {
                return Ok(Write::Conflict);
            }
            if let Some((id, exchange)) = &change.answered {
                let mut answered = tables.open_table(ANSWERED)?;
                let begun = tables.open_table(TRANSACTIONS)?.get(id.as_octets())?.is_some();
                if begun || answered.get(id.as_octets())?.is_some() {
                    return Ok(Write::Conflict);
                }
                answered.insert(id.as_octets(), exchange_to_der(exchange)?.as_slice())?;
            }
            set_status(tables, &change.serial_number, change.to)
        })?)
    }

    fn revoked(&self) -> Result<Vec<CertificateRecord>, RegistryError> {
        Ok(self.told(self.read_revoked()?)?)
    }

    fn crl(&self) -> Result<Option<CrlRecord>, RegistryError> {
        Ok(self.told(self.latest_crl()?)?)
    }

    fn replace_crl(&self, crl: &CrlRecord) -> Result<Write, RegistryError> {
        Ok(self.write(|tables| {
            let mut crls = tables.open_table(CRLS)?;
            let latest = crls.last()?.map_or(0, |(number, _)| number.value());
            if latest.checked_add(1) != Some(crl.number) {
                return Ok(Write::Conflict);
            }
            crls.remove(latest)?;
            crls.insert(crl.number, crl.octets.as_slice())?;
            Ok(Write::Done)
        })?)
    }
}

/// Whether it waits, and with that whether it is listed, may have changed.
fn list_awaiting_approval(tables: &WriteTransaction, transaction: &TransactionRecord) -> Result<(), Error> {
    let mut awaiting = tables.open_table(AWAITING_APPROVAL)?;
    let id = transaction.request.transaction_id.as_octets();
    if matches!(transaction.state, TransactionState::AwaitingApproval { .. }) {
        awaiting.insert(id, ())?;
    } else {
        awaiting.remove(id)?;
    }
    Ok(())
}

fn add_certificate(tables: &WriteTransaction, certificate: &CertificateRecord) -> Result<Write, Error> {
    let mut certificates = tables.open_table(CERTIFICATES)?;
    let serial_number = certificate.serial_number.as_bytes();
    if certificates.get(serial_number)?.is_some() {
        return Err(Error::Exists { record: "certificate" });
    }
    certificates.insert(serial_number, certificate_to_der(certificate)?.as_slice())?;
    if is_revoked(certificate.status) {
        tables.open_table(REVOKED)?.insert(serial_number, ())?;
    }
    let mut issued = tables.open_table(ISSUED)?;
    let position = issued.len()?;
    issued.insert(position, serial_number)?;
    Ok(Write::Done)
}

fn certificate(tables: &WriteTransaction, serial_number: &SerialNumber) -> Result<CertificateRecord, Error> {
    let certificates = tables.open_table(CERTIFICATES)?;
    let found = certificates.get(serial_number.as_bytes())?;
    let found = found.ok_or(Error::Missing { record: "certificate" })?;
    certificate_from_der(found.value())
}

const fn is_revoked(status: CertificateStatus) -> bool {
    matches!(status, CertificateStatus::Revoked { .. })
}

fn set_status(
    tables: &WriteTransaction,
    serial_number: &SerialNumber,
    status: CertificateStatus,
) -> Result<Write, Error> {
    let mut record = certificate(tables, serial_number)?;
    if record.status != status {
        record.status = status;
        let octets = certificate_to_der(&record)?;
        tables.open_table(CERTIFICATES)?.insert(serial_number.as_bytes(), octets.as_slice())?;
        let mut revoked = tables.open_table(REVOKED)?;
        if is_revoked(status) {
            revoked.insert(serial_number.as_bytes(), ())?;
        } else {
            revoked.remove(serial_number.as_bytes())?;
        }
    }
    Ok(Write::Done)
}

/// A registry of an earlier version has no such list yet.
fn list_revoked(tables: &WriteTransaction) -> Result<(), Error> {
    if tables.list_tables()?.any(|table| table.name() == REVOKED.name()) {
        return Ok(());
    }
    let mut revoked = tables.open_table(REVOKED)?;
    for entry in tables.open_table(CERTIFICATES)?.iter()? {
        let (serial_number, octets) = entry?;
        if is_revoked(certificate_from_der(octets.value())?.status) {
            revoked.insert(serial_number.value(), ())?;
        }
    }
    Ok(())
}

impl From<Error> for RegistryError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl fmt::Debug for EmbeddedRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedRegistry").finish_non_exhaustive()
    }
}
