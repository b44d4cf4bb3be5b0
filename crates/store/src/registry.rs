//! A CA's registry in one file.

mod record;

use std::fmt;
use std::path::Path;

use ca::registry::{CertificateRecord, CertificateStatus, Registry, RegistryError, TransactionRecord, Write};
use cmp::TransactionId;
use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use x509_cert::serial_number::SerialNumber;

use crate::Error;
use record::{certificate_from_der, certificate_to_der, transaction_from_der, transaction_to_der};

/// By transactionID.
const TRANSACTIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("transactions");
/// By serial number.
const CERTIFICATES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("certificates");
/// Serial numbers in the order of issuance, counted from 0.
const ISSUED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("issued");

/// A CA's registry in one file, for one process at a time.
pub struct EmbeddedRegistry {
    database: Database,
}

impl EmbeddedRegistry {
    /// Opens the registry, or creates an empty one.
    ///
    /// # Errors
    /// As [`crate::open_database`], and when the tables cannot be created.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let registry = Self { database: crate::open_database(path)? };
        registry.write(|transaction| {
            transaction.open_table(TRANSACTIONS)?;
            transaction.open_table(CERTIFICATES)?;
            transaction.open_table(ISSUED)?;
            Ok(Write::Done)
        })?;
        Ok(registry)
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

    fn read<T>(
        &self,
        table: TableDefinition<'_, &[u8], &[u8]>,
        key: &[u8],
        decode: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let found = self.database.begin_read()?.open_table(table)?.get(key)?;
        found.map(|octets| decode(octets.value())).transpose()
    }

    /// Runs a write transaction. It is committed, and on the disk, only if it is done.
    fn write(&self, run: impl FnOnce(&WriteTransaction) -> Result<Write, Error>) -> Result<Write, Error> {
        let transaction = self.database.begin_write()?;
        let outcome = run(&transaction)?;
        match outcome {
            Write::Done => transaction.commit()?,
            Write::Conflict => transaction.abort()?,
        }
        Ok(outcome)
    }
}

impl Registry for EmbeddedRegistry {
    fn transaction(&self, id: &TransactionId) -> Result<Option<TransactionRecord>, RegistryError> {
        Ok(self.read(TRANSACTIONS, id.as_octets(), transaction_from_der)?)
    }

    fn certificate(&self, serial_number: &SerialNumber) -> Result<Option<CertificateRecord>, RegistryError> {
        Ok(self.read(CERTIFICATES, serial_number.as_bytes(), certificate_from_der)?)
    }

    fn open(
        &self,
        transaction: &TransactionRecord,
        certificate: &CertificateRecord,
    ) -> Result<Write, RegistryError> {
        let octets = transaction_to_der(transaction)?;
        Ok(self.write(|tables| {
            let mut transactions = tables.open_table(TRANSACTIONS)?;
            let id = transaction.request.transaction_id.as_octets();
            if transactions.get(id)?.is_some() {
                return Ok(Write::Conflict);
            }
            transactions.insert(id, octets.as_slice())?;
            add_certificate(tables, certificate)
        })?)
    }

    fn advance(
        &self,
        transaction: &TransactionRecord,
        status: CertificateStatus,
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
            set_status(tables, &transaction.serial_number, status)
        })?)
    }

    fn register(&self, certificate: &CertificateRecord) -> Result<(), RegistryError> {
        self.write(|tables| add_certificate(tables, certificate))?;
        Ok(())
    }
}

fn add_certificate(tables: &WriteTransaction, certificate: &CertificateRecord) -> Result<Write, Error> {
    let mut certificates = tables.open_table(CERTIFICATES)?;
    let serial_number = certificate.serial_number.as_bytes();
    if certificates.get(serial_number)?.is_some() {
        return Err(Error::Exists { record: "certificate" });
    }
    certificates.insert(serial_number, certificate_to_der(certificate)?.as_slice())?;
    let mut issued = tables.open_table(ISSUED)?;
    let position = issued.len()?;
    issued.insert(position, serial_number)?;
    Ok(Write::Done)
}

fn set_status(
    tables: &WriteTransaction,
    serial_number: &SerialNumber,
    status: CertificateStatus,
) -> Result<Write, Error> {
    let mut certificates = tables.open_table(CERTIFICATES)?;
    let mut record = certificates
        .get(serial_number.as_bytes())?
        .map(|octets| certificate_from_der(octets.value()))
        .transpose()?
        .ok_or(Error::Missing { record: "certificate" })?;
    if record.status != status {
        record.status = status;
        certificates.insert(serial_number.as_bytes(), certificate_to_der(&record)?.as_slice())?;
    }
    Ok(Write::Done)
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
