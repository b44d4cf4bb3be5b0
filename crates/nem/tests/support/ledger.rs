use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nem::Label;
use nem::ledger::{
    CannotUnbundle, Export, ExportId, Ledger, LedgerError, PassedId, PassedTransaction, Record, RequestId,
};

/// A ledger that lasts as long as the test. It can be told to fail.
#[derive(Clone)]
pub struct MemoryLedger {
    records: Arc<Mutex<BTreeMap<RequestId, Record>>>,
    upstreams: Arc<Mutex<BTreeMap<String, CannotUnbundle>>>,
    exports: Arc<Mutex<BTreeMap<ExportId, Export>>>,
    passed: Arc<Mutex<BTreeMap<PassedId, PassedTransaction>>>,
    writes_left: Arc<AtomicUsize>,
}

impl MemoryLedger {
    pub fn new() -> Self {
        Self {
            records: Arc::default(),
            upstreams: Arc::default(),
            exports: Arc::default(),
            passed: Arc::default(),
            writes_left: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    pub fn set_broken(&self, broken: bool) {
        self.break_after(if broken { 0 } else { usize::MAX });
    }

    /// Takes that many writes, and none afterwards.
    pub fn break_after(&self, writes: usize) {
        self.writes_left.store(writes, Ordering::SeqCst);
    }

    pub fn is_broken(&self) -> bool {
        self.writes_left.load(Ordering::SeqCst) == 0
    }

    fn write(&self) -> Result<(), LedgerError> {
        if self.is_broken() {
            return Err(LedgerError::new("the disk is full"));
        }
        self.writes_left.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().values().cloned().collect()
    }

    pub fn passed(&self) -> Vec<PassedTransaction> {
        self.passed.lock().unwrap().values().cloned().collect()
    }

    pub fn only(&self) -> Record {
        let records = self.records();
        assert_eq!(records.len(), 1);
        records.into_iter().next().unwrap()
    }
}

impl Ledger for MemoryLedger {
    fn open_requests(&self, each: &mut dyn FnMut(Record)) -> Result<(), LedgerError> {
        self.records().into_iter().filter(|record| !record.state.is_decided()).for_each(each);
        Ok(())
    }

    fn request(&self, id: RequestId) -> Result<Option<Record>, LedgerError> {
        Ok(self.records.lock().unwrap().get(&id).cloned())
    }

    fn find(&self, station: &str, request: &[u8]) -> Result<Option<Record>, LedgerError> {
        let mut found = self.records();
        found.retain(|record| record.station == station && record.request == request);
        Ok(found.into_iter().max_by_key(|record| record.received_at))
    }

    fn labelled(&self, station: &str, label: &Label) -> Result<Option<Record>, LedgerError> {
        let mut found = self.records();
        found.retain(|record| record.station == station && record.label.as_ref() == Some(label));
        Ok(found.into_iter().max_by_key(|record| record.received_at))
    }

    fn latest_of(&self, station: &str, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let mut found = self.records();
        found.retain(|record| record.station == station);
        found.sort_by_key(|record| std::cmp::Reverse(record.received_at));
        found.truncate(limit);
        Ok(found)
    }

    fn owner_of_key(&self, public_key: &[u8]) -> Result<Option<String>, LedgerError> {
        let found = self.records().into_iter().find(|record| record.public_key == public_key);
        Ok(found.map(|record| record.station))
    }

    fn put_all(&self, records: &[Record]) -> Result<(), LedgerError> {
        if records.is_empty() {
            return Ok(());
        }
        self.write()?;
        self.records.lock().unwrap().extend(records.iter().map(|record| (record.id, record.clone())));
        Ok(())
    }

    fn cannot_unbundle(&self, upstream: &str) -> Result<Option<CannotUnbundle>, LedgerError> {
        Ok(self.upstreams.lock().unwrap().get(upstream).cloned())
    }

    fn set_cannot_unbundle(&self, upstream: &str, known: Option<&CannotUnbundle>) -> Result<(), LedgerError> {
        self.write()?;
        let mut upstreams = self.upstreams.lock().unwrap();
        match known {
            Some(known) => upstreams.insert(upstream.into(), known.clone()),
            None => upstreams.remove(upstream),
        };
        Ok(())
    }

    fn put_export(&self, export: &Export) -> Result<(), LedgerError> {
        self.write()?;
        self.exports.lock().unwrap().insert(export.id, export.clone());
        Ok(())
    }

    fn export(&self, id: ExportId) -> Result<Option<Export>, LedgerError> {
        Ok(self.exports.lock().unwrap().get(&id).cloned())
    }

    fn exports(&self) -> Result<Vec<Export>, LedgerError> {
        Ok(self.exports.lock().unwrap().values().cloned().collect())
    }

    fn passed_transactions(&self, each: &mut dyn FnMut(PassedTransaction)) -> Result<(), LedgerError> {
        self.passed().into_iter().for_each(each);
        Ok(())
    }

    fn passed_transaction(&self, id: PassedId) -> Result<Option<PassedTransaction>, LedgerError> {
        Ok(self.passed.lock().unwrap().get(&id).cloned())
    }

    fn put_passed(&self, changed: &[PassedTransaction], forgotten: &[PassedId]) -> Result<(), LedgerError> {
        self.write()?;
        let mut passed = self.passed.lock().unwrap();
        passed.retain(|id, _| !forgotten.contains(id));
        passed.extend(changed.iter().map(|transaction| (transaction.id, transaction.clone())));
        Ok(())
    }
}
