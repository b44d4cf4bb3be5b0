use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use nem::Label;

/// How many are remembered, and how many of one station.
const MOST: usize = 4096;
const MOST_OF_STATION: usize = 16;

/// Octets of all answers together.
const MOST_OCTETS: usize = 16 * 1024 * 1024;

/// What came of uploads that are in no ledger, since FTP's replies have no room for it: why they were refused, which stations read in
/// `certificates/NAME.error`, and answers to messages, `certificates/NAME.pki`. They are forgotten with time and with the program.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<VecDeque<Upload>>);

#[derive(Clone, Debug)]
pub(super) struct Upload {
    station: String,
    pub(super) label: Label,
    pub(super) outcome: Outcome,
    pub(super) at: SystemTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Why it was refused.
    Refused(String),
    /// The RA/CA's answer to the station's own message.
    Answer(Vec<u8>),
}

impl Outcome {
    const fn octets(&self) -> usize {
        match self {
            Self::Refused(reason) => reason.len(),
            Self::Answer(answer) => answer.len(),
        }
    }
}

impl Remembered {
    pub(super) fn remember(&self, station: &str, label: &Label, outcome: Outcome) {
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
        all.push_back(Upload { station, label, outcome, at: SystemTime::now() });
        let mut octets: usize = all.iter().map(|one| one.outcome.octets()).sum();
        while octets > MOST_OCTETS {
            octets -= all.pop_front().map_or(octets, |oldest| oldest.outcome.octets());
        }
    }

    pub(super) fn forget(&self, station: &str, label: &Label) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.station != station || one.label != *label);
    }

    pub(super) fn of(&self, station: &str) -> Vec<Upload> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.station == station).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_s_refusals_push_out_all_others() {
        let all = Remembered::default();
        let refused = |reason: &str| Outcome::Refused(reason.to_owned());
        let label = |number: usize| Label::new(&number.to_string()).unwrap();
        all.remember("b", &label(0), refused("first"));
        for number in 0..MOST * 2 {
            all.remember("a", &label(number), refused(""));
        }
        assert_eq!((all.of("a").len(), all.of("b").len()), (MOST_OF_STATION, 1));
        all.remember("b", &label(0), refused("again"));
        assert_eq!(all.of("b").into_iter().map(|one| one.outcome).collect::<Vec<_>>(), [refused("again")]);
        for number in 0..MOST {
            all.remember(&number.to_string(), &label(0), refused(""));
        }
        assert_eq!(all.0.lock().unwrap().len(), MOST);
        all.forget("1", &label(0));
        assert!(all.of("1").is_empty());
    }

    #[test]
    fn answers_are_bounded_in_octets() {
        let all = Remembered::default();
        for number in 0..2000_usize {
            let label = Label::new("a").unwrap();
            all.remember(&number.to_string(), &label, Outcome::Answer(vec![0; 64 * 1024]));
        }
        assert_eq!(all.0.lock().unwrap().len(), MOST_OCTETS / (64 * 1024));
        assert_eq!(all.of("1999").len(), 1);
    }
}
