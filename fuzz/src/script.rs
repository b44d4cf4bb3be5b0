//! A NEM's life, written by a fuzzer.

use std::time::Duration;

use arbitrary::Arbitrary;
use asn1::UnixTime;
use nem::ledger::RequestId;
use nem::{ExchangeId, Input, Nem, Output, Shown, Standing, Upload};

use crate::{House, MemoryLedger, NOW, csr};

/// What happens to a NEM, one thing after another.
#[derive(Arbitrary, Debug)]
pub struct Script {
    /// Whether the RA/CA lets everybody wait.
    slow: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// A station uploads the request for its name and a key.
    Upload {
        station: u8,
        key: u8,
    },
    /// A station uploads anything.
    UploadOctets {
        station: u8,
        octets: Vec<u8>,
    },
    /// A message under way reaches the RA/CA, and its answer the NEM.
    Carry {
        which: u8,
    },
    /// A message under way reaches the RA/CA with a few octets changed.
    CorruptMessage {
        which: u8,
        changes: Vec<(u16, u8)>,
    },
    /// A message under way reaches the RA/CA; its answer is lost.
    LoseAnswer {
        which: u8,
    },
    /// A message under way is lost.
    Lose {
        which: u8,
    },
    /// Somebody else answers anything.
    Plant {
        which: u8,
        octets: Vec<u8>,
    },
    /// The RA/CA's answer with a few octets changed; all cryptography would believe it.
    CorruptAnswer {
        which: u8,
        changes: Vec<(u16, u8)>,
    },
    /// An old answer comes again.
    Replay {
        which: u8,
        old: u8,
    },
    /// A station has its certificate.
    Delivered {
        which: u8,
    },
    Pass {
        seconds: u16,
    },
    /// The ledger takes that many more writes.
    BreakLedger {
        writes: u8,
    },
    MendLedger,
    Crash,
}

/// Longer scripts find nothing that shorter ones do not, and take their time.
const STEPS: usize = 64;

struct Play {
    house: House,
    ledger: MemoryLedger,
    nem: Nem,
    now: UnixTime,
    under_way: Vec<(ExchangeId, Vec<u8>)>,
    answers: Vec<Vec<u8>>,
    accepted: Vec<RequestId>,
    starts: u64,
    /// Nobody but the RA/CA has answered.
    honest: bool,
}

impl Script {
    /// Plays it. Then the ledger is mended, and the RA/CA answers everything: no request that was accepted may be lost, and
    /// each leads to one certificate at most.
    pub fn play(self) {
        let mut house = House::new();
        if self.slow {
            house.ca.policy.issuing_delay = Duration::from_secs(10);
        }
        let ledger = MemoryLedger::new();
        let nem = house.nem(&ledger, 1);
        let mut play = Play {
            house,
            ledger,
            nem,
            now: NOW,
            under_way: Vec::new(),
            answers: Vec::new(),
            accepted: Vec::new(),
            starts: 1,
            honest: true,
        };
        for step in self.steps.into_iter().take(STEPS) {
            play.step(step);
        }
        play.end();
    }
}

impl Play {
    fn step(&mut self, step: Step) {
        match step {
            Step::Upload { station, key } => self.upload(station, &csr(station, key)),
            Step::UploadOctets { station, octets } => self.upload(station, &octets),
            Step::Carry { which } => {
                if let Some((id, message)) = self.take(which) {
                    let answer = self.house.ca.handle(&message, self.now).octets;
                    self.answer(id, &answer);
                    self.answers.push(answer);
                }
            }
            Step::CorruptMessage { which, changes } => {
                if let Some((id, mut message)) = self.take(which) {
                    self.honest = false;
                    corrupt(&mut message, changes);
                    let answer = self.house.ca.handle(&message, self.now).octets;
                    self.answer(id, &answer);
                }
            }
            Step::LoseAnswer { which } => {
                if let Some((id, message)) = self.take(which) {
                    self.house.ca.handle(&message, self.now);
                    self.fail(id);
                }
            }
            Step::Lose { which } => {
                if let Some((id, _)) = self.take(which) {
                    self.fail(id);
                }
            }
            Step::Plant { which, octets } => {
                if let Some((id, _)) = self.take(which) {
                    self.honest = false;
                    self.answer(id, &octets);
                }
            }
            Step::CorruptAnswer { which, changes } => {
                if let Some((id, message)) = self.take(which) {
                    self.honest = false;
                    let mut answer = self.house.ca.handle(&message, self.now).octets;
                    corrupt(&mut answer, changes);
                    self.answer(id, &answer);
                }
            }
            Step::Replay { which, old } => {
                if let (Some(answer), Some((id, _))) = (pick(&self.answers, old).cloned(), self.take(which)) {
                    self.answer(id, &answer);
                }
            }
            Step::Delivered { which } => {
                if let Some(request) = pick(&self.accepted, which).copied() {
                    let _ = self.nem.handle(Input::Delivered { request }, self.now);
                }
            }
            Step::Pass { seconds } => {
                self.now = self.now.saturating_add(Duration::from_secs(u64::from(seconds)));
                let _ = self.nem.handle(Input::Tick, self.now);
            }
            Step::BreakLedger { writes } => self.ledger.break_after(usize::from(writes)),
            Step::MendLedger => self.ledger.set_broken(false),
            Step::Crash => self.crash(),
        }
        self.collect();
    }

    fn upload(&mut self, station: u8, request: &[u8]) {
        let chain = [self.house.station(station)];
        if let Ok((id, _)) =
            self.nem.upload(Shown::Certificates(&chain), Upload::Pkcs10(request), None, self.now)
        {
            self.accepted.push(id);
        }
    }

    fn answer(&mut self, exchange: ExchangeId, octets: &[u8]) {
        let _ = self.nem.handle(Input::Answer { exchange, octets }, self.now);
    }

    fn fail(&mut self, exchange: ExchangeId) {
        let _ = self.nem.handle(Input::Failure { exchange, reason: "lost" }, self.now);
    }

    fn crash(&mut self) {
        self.starts += 1;
        self.nem = self.house.nem(&self.ledger, self.starts);
        self.under_way.clear();
        let _ = self.nem.handle(Input::Tick, self.now);
    }

    fn take(&mut self, which: u8) -> Option<(ExchangeId, Vec<u8>)> {
        let count = self.under_way.len();
        (count > 0).then(|| self.under_way.remove(usize::from(which) % count))
    }

    fn collect(&mut self) {
        while let Some(output) = self.nem.poll_output() {
            if let Output::Send { exchange, message, .. } = output {
                self.under_way.push((exchange, message));
            }
        }
    }

    fn end(mut self) {
        self.ledger.set_broken(false);
        self.crash();
        self.collect();
        for _ in 0..1000 {
            for (id, message) in std::mem::take(&mut self.under_way) {
                let answer = self.house.ca.handle(&message, self.now).octets;
                self.answer(id, &answer);
            }
            self.collect();
            if self.nem.requests_under_way() == 0 {
                return self.check();
            }
            if let Some(due) = self.nem.poll_timeout() {
                self.now = self.now.max(due);
                let _ = self.nem.handle(Input::Tick, self.now);
                self.collect();
            }
        }
        panic!("it never ends: {:?}", self.ledger.records());
    }

    fn check(&self) {
        for id in &self.accepted {
            match self.nem.standing(*id).expect("the ledger is whole") {
                Some(Standing::Issued(_) | Standing::Rejected { .. }) => {}
                other => panic!("request {id} is lost: {other:?}"),
            }
        }
        let requests = self.ledger.records().len();
        if self.honest {
            assert!(self.house.registry.count() <= requests, "a second certificate for one request");
        }
    }
}

fn corrupt(message: &mut [u8], changes: Vec<(u16, u8)>) {
    let length = message.len();
    for (at, octet) in changes.into_iter().take(8) {
        message[usize::from(at) % length] = octet;
    }
}

fn pick<T>(list: &[T], which: u8) -> Option<&T> {
    list.get(usize::from(which).checked_rem(list.len())?)
}
