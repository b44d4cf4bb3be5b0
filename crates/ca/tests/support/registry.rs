use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ca::registry::{
    CertificateRecord, CertificateStatus, CertificateStep, CrlRecord, Exchange, Registry, RegistryError,
    StatusChange, TransactionRecord, TransactionState, Write,
};
use cmp::TransactionId;
use x509_cert::serial_number::SerialNumber;

/// A registry that forgets everything at the end of the test. It can be told to fail.
#[derive(Default)]
pub struct MemoryRegistry {
    tables: Mutex<Tables>,
    fault: Mutex<Fault>,
}

/// How the registry fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Nothing is read.
    Unreadable,
    /// Everything is read, nothing is written.
    Full,
    /// What was written is reported as not written: the power went between the two.
    WrittenUnreported,
}

#[derive(Default)]
struct Tables {
    transactions: BTreeMap<Vec<u8>, TransactionRecord>,
    certificates: BTreeMap<Vec<u8>, CertificateRecord>,
    answered: BTreeMap<Vec<u8>, Exchange>,
    crl: Option<CrlRecord>,
}

impl Tables {
    fn add(&mut self, certificate: &CertificateRecord) {
        let serial = certificate.serial_number.as_bytes().to_vec();
        self.certificates.insert(serial, certificate.clone());
    }
}

impl MemoryRegistry {
    /// Forgets everything.
    pub fn clear(&self) {
        self.with(|tables| *tables = Tables::default());
    }

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

    pub fn set_fault(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn with<T>(&self, run: impl FnOnce(&mut Tables) -> T) -> T {
        run(&mut self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fail_if(&self, faults: &[Fault]) -> Result<(), RegistryError> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.contains(&fault) { Err(RegistryError::new("the disk is broken")) } else { Ok(()) }
    }

    fn read<T>(&self, run: impl FnOnce(&Tables) -> T) -> Result<T, RegistryError> {
        self.fail_if(&[Fault::Unreadable])?;
        Ok(self.with(|tables| run(tables)))
    }

    fn write<T>(&self, run: impl FnOnce(&mut Tables) -> T) -> Result<T, RegistryError> {
        self.fail_if(&[Fault::Unreadable, Fault::Full])?;
        let written = self.with(run);
        self.fail_if(&[Fault::WrittenUnreported])?;
        Ok(written)
    }
}

impl Registry for MemoryRegistry {
    fn transaction(&self, id: &TransactionId) -> Result<Option<TransactionRecord>, RegistryError> {
        self.read(|tables| tables.transactions.get(id.as_octets()).cloned())
    }

    fn certificate(&self, serial: &SerialNumber) -> Result<Option<CertificateRecord>, RegistryError> {
        self.read(|tables| tables.certificates.get(serial.as_bytes()).cloned())
    }

    fn open(
        &self,
        transaction: &TransactionRecord,
        certificate: Option<&CertificateRecord>,
    ) -> Result<Write, RegistryError> {
        let id = transaction.request.transaction_id.as_octets().to_vec();
        self.write(|tables| {
            if tables.transactions.contains_key(&id) || tables.answered.contains_key(&id) {
                return Write::Conflict;
            }
            tables.transactions.insert(id, transaction.clone());
            if let Some(certificate) = certificate {
                tables.add(certificate);
            }
            Write::Done
        })
    }

    fn advance(
        &self,
        transaction: &TransactionRecord,
        certificate: CertificateStep<'_>,
    ) -> Result<Write, RegistryError> {
        self.write(|tables| {
            let stored = tables.transactions.get_mut(transaction.request.transaction_id.as_octets()).unwrap();
            if stored.revision != transaction.revision {
                return Write::Conflict;
            }
            *stored = transaction.clone();
            stored.revision += 1;
            match certificate {
                CertificateStep::None => {}
                CertificateStep::Issue(certificate) => tables.add(certificate),
                CertificateStep::Status(status) => {
                    let serial = transaction.serial_number.as_ref().unwrap().as_bytes();
                    let certificate = tables.certificates.get_mut(serial).unwrap();
                    if !matches!(certificate.status, CertificateStatus::Revoked { .. }) {
                        certificate.status = status;
                    }
                }
            }
            Write::Done
        })
    }

    fn awaiting_approval(&self) -> Result<Vec<TransactionRecord>, RegistryError> {
        let waits =
            |record: &&TransactionRecord| matches!(record.state, TransactionState::AwaitingApproval { .. });
        self.read(|tables| tables.transactions.values().filter(waits).cloned().collect())
    }

    fn register(&self, certificate: &CertificateRecord) -> Result<(), RegistryError> {
        self.write(|tables| tables.add(certificate))?;
        Ok(())
    }

    fn answered(&self, id: &TransactionId) -> Result<Option<Exchange>, RegistryError> {
        self.read(|tables| tables.answered.get(id.as_octets()).cloned())
    }

    fn change_status(&self, change: &StatusChange) -> Result<Write, RegistryError> {
        self.write(|tables| {
            let id = change.answered.as_ref().map(|(id, _)| id.as_octets().to_vec());
            let is_there = id
                .as_ref()
                .is_some_and(|id| tables.answered.contains_key(id) || tables.transactions.contains_key(id));
            let certificate = tables.certificates.get_mut(change.serial_number.as_bytes()).unwrap();
            if is_there || certificate.status != change.from {
                return Write::Conflict;
            }
            certificate.status = change.to;
            if let Some((id, exchange)) = &change.answered {
                tables.answered.insert(id.as_octets().to_vec(), exchange.clone());
            }
            Write::Done
        })
    }

    fn revoked(&self) -> Result<Vec<CertificateRecord>, RegistryError> {
        let revoked =
            |record: &&CertificateRecord| matches!(record.status, CertificateStatus::Revoked { .. });
        self.read(|tables| tables.certificates.values().filter(revoked).cloned().collect())
    }

    fn crl(&self) -> Result<Option<CrlRecord>, RegistryError> {
        self.read(|tables| tables.crl.clone())
    }

    fn replace_crl(&self, crl: &CrlRecord) -> Result<Write, RegistryError> {
        self.write(|tables| {
            if tables.crl.as_ref().map_or(0, |latest| latest.number) + 1 != crl.number {
                return Write::Conflict;
            }
            tables.crl = Some(crl.clone());
            Write::Done
        })
    }
}
