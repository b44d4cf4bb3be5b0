use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nem::Label;
use nem::ledger::{Ledger, LedgerError, Record, RequestId};

/// A ledger that lasts as long as the test. It can be told to fail.
#[derive(Clone)]
pub struct MemoryLedger {
    records: Arc<Mutex<BTreeMap<RequestId, Record>>>,
    writes_left: Arc<AtomicUsize>,
}

impl MemoryLedger {
    pub fn new() -> Self {
        Self { records: Arc::default(), writes_left: Arc::new(AtomicUsize::new(usize::MAX)) }
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

    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().values().cloned().collect()
    }

    pub fn only(&self) -> Record {
        let records = self.records();
        assert_eq!(records.len(), 1);
        records.into_iter().next().unwrap()
    }
}

impl Ledger for MemoryLedger {
    fn open_requests(&self) -> Result<Vec<Record>, LedgerError> {
        Ok(self.records().into_iter().filter(|record| !record.state.is_decided()).collect())
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

    fn put(&self, record: &Record) -> Result<(), LedgerError> {
        if self.is_broken() {
            return Err(LedgerError::new("the disk is full"));
        }
        self.writes_left.fetch_sub(1, Ordering::SeqCst);
        self.records.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }
}
