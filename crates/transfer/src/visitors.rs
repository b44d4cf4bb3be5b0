//! How many connections each address has, so that one alone does not take all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by the addresses they come from. Clones share the count.
#[derive(Clone, Debug)]
pub struct Visitors {
    limit: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Visitors {
    /// No address has more than that at a time.
    pub fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Counts one more from that address, as long as what is returned is there; `None` when it has as many as it may have.
    pub fn enter(&self, address: IpAddr) -> Option<Visitor> {
        // An IPv4 address is the same however it is written.
        let address = address.to_canonical();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Visitor { visitors: self.clone(), address })
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub struct Visitor {
    visitors: Visitors,
    address: IpAddr,
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let mut counts = self.visitors.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_count_and_nothing_is_left_behind() {
        let visitors = Visitors::new(2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = visitors.enter(address("192.0.2.1")).unwrap();
        let _second = visitors.enter(address("::ffff:192.0.2.1")).unwrap();
        assert!(visitors.enter(address("192.0.2.1")).is_none());
        let other = visitors.enter(address("192.0.2.2")).unwrap();
        drop(first);
        let _third = visitors.enter(address("192.0.2.1")).unwrap();
        drop(other);
        assert_eq!(visitors.counts.lock().unwrap().len(), 1);
    }
}
