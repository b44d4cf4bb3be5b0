use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use nem::Label;

/// How many are remembered, and how many of one station.
const MOST: usize = 4096;
const MOST_OF_STATION: usize = 16;

/// Why uploads were refused, since FTP's replies have no room for reasons: the stations read them in `certificates/NAME.error`.
/// They are in no ledger, and are forgotten with time and with the program.
#[derive(Debug, Default)]
pub(super) struct RefusedUploads(Mutex<VecDeque<RefusedUpload>>);

#[derive(Clone, Debug)]
pub(super) struct RefusedUpload {
    station: String,
    pub(super) label: Label,
    pub(super) reason: String,
    pub(super) at: SystemTime,
}

impl RefusedUploads {
    pub(super) fn remember(&self, station: &str, label: &Label, reason: String) {
        self.forget(station, label);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_station = all.iter().filter(|one| one.station == station).count();
        if of_station >= MOST_OF_STATION {
            if let Some(oldest) = all.iter().position(|one| one.station == station) {
                all.remove(oldest);
            }
        } else if all.len() >= MOST {
            all.pop_front();
        }
        let (station, label) = (station.to_owned(), label.clone());
        all.push_back(RefusedUpload { station, label, reason, at: SystemTime::now() });
    }

    pub(super) fn forget(&self, station: &str, label: &Label) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.station != station || one.label != *label);
    }

    pub(super) fn of(&self, station: &str) -> Vec<RefusedUpload> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.station == station).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_s_refusals_push_out_all_others() {
        let all = RefusedUploads::default();
        let label = |number: usize| Label::new(&number.to_string()).unwrap();
        all.remember("b", &label(0), "first".to_owned());
        for number in 0..MOST * 2 {
            all.remember("a", &label(number), String::new());
        }
        assert_eq!((all.of("a").len(), all.of("b").len()), (MOST_OF_STATION, 1));
        all.remember("b", &label(0), "again".to_owned());
        assert_eq!(all.of("b").iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["again"]);
        for number in 0..MOST {
            all.remember(&number.to_string(), &label(0), String::new());
        }
        assert_eq!(all.0.lock().unwrap().len(), MOST);
        all.forget("1", &label(0));
        assert!(all.of("1").is_empty());
    }
}
