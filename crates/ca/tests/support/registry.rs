use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use ca::registry::{CertificateRecord, CertificateStatus, Registry, RegistryError, TransactionRecord, Write};
use cmp::TransactionId;
use x509_cert::serial_number::SerialNumber;

/// A registry that forgets everything at the end of the test. It can be told to fail.
#[derive(Default)]
pub struct MemoryRegistry {
    tables: Mutex<Tables>,
    broken: AtomicBool,
}

#[derive(Default)]
struct Tables {
    transactions: BTreeMap<Vec<u8>, TransactionRecord>,
    certificates: BTreeMap<Vec<u8>, CertificateRecord>,
}

impl MemoryRegistry {
    pub fn count(&self) -> usize {
        self.with(|tables| tables.certificates.len())
    }

    pub fn status(&self, serial_number: &SerialNumber) -> CertificateStatus {
        self.with(|tables| tables.certificates[serial_number.as_bytes()].status)
    }

    pub fn only_certificate(&self) -> CertificateRecord {
        assert_eq!(self.count(), 1);
        self.with(|tables| tables.certificates.values().next().unwrap().clone())
    }

    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn with<T>(&self, run: impl FnOnce(&mut Tables) -> T) -> T {
        run(&mut self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> Result<(), RegistryError> {
        if self.broken.load(Ordering::SeqCst) { Err(RegistryError::new("the disk is full")) } else { Ok(()) }
    }
}

impl Registry for MemoryRegistry {
    fn transaction(&self, id: &TransactionId) -> Result<Option<TransactionRecord>, RegistryError> {
        Ok(self.with(|tables| tables.transactions.get(id.as_octets()).cloned()))
    }

    fn certificate(&self, serial: &SerialNumber) -> Result<Option<CertificateRecord>, RegistryError> {
        Ok(self.with(|tables| tables.certificates.get(serial.as_bytes()).cloned()))
    }

    fn open(
        &self,
        transaction: &TransactionRecord,
        certificate: &CertificateRecord,
    ) -> Result<Write, RegistryError> {
        self.write()?;
        let id = transaction.request.transaction_id.as_octets().to_vec();
        self.with(|tables| {
            if tables.transactions.contains_key(&id) {
                return Ok(Write::Conflict);
            }
            tables.transactions.insert(id, transaction.clone());
            let serial = certificate.serial_number.as_bytes().to_vec();
            tables.certificates.insert(serial, certificate.clone());
            Ok(Write::Done)
        })
    }

    fn advance(
        &self,
        transaction: &TransactionRecord,
        status: CertificateStatus,
    ) -> Result<Write, RegistryError> {
        self.write()?;
        self.with(|tables| {
            let stored = tables.transactions.get_mut(transaction.request.transaction_id.as_octets()).unwrap();
            if stored.revision != transaction.revision {
                return Ok(Write::Conflict);
            }
            *stored = transaction.clone();
            stored.revision += 1;
            tables.certificates.get_mut(transaction.serial_number.as_bytes()).unwrap().status = status;
            Ok(Write::Done)
        })
    }

    fn register(&self, certificate: &CertificateRecord) -> Result<(), RegistryError> {
        self.write()?;
        let serial = certificate.serial_number.as_bytes().to_vec();
        self.with(|tables| tables.certificates.insert(serial, certificate.clone()));
        Ok(())
    }
}
