//! Disagreements, and their explanations: each is a test, and its name says it.
#![allow(dead_code, unreachable_pub)] // each test file uses a part

use std::fmt::Write as _;

use differential::mutated::Mutated;
use differential::{Difference, Peer, Reading, ours};

pub const BOUNCY_CASTLE: &str = "Bouncy Castle";
pub const PYASN1: &str = "pyasn1";

/// A peer's reading of a message that differs from ours.
pub struct Disagreement {
    pub peer: &'static str,
    pub mutated: Mutated,
    pub ours: Reading,
    pub difference: Difference,
}

/// Has both peers read the messages, and keeps what they read otherwise than we.
pub fn disagreements(mutated: &[Mutated]) -> Vec<Disagreement> {
    let messages: Vec<_> = mutated.iter().map(|mutated| mutated.message.clone()).collect();
    // Python is the slowest: it has two processes.
    let (first, second) = messages.split_at(messages.len() / 2);
    let (ours, theirs) = std::thread::scope(|scope| {
        let bouncy_castle = scope.spawn(|| Peer::bouncy_castle().read(&messages));
        let halves = [first, second].map(|half| scope.spawn(|| Peer::pyasn1().read(half)));
        let ours: Vec<_> = messages.iter().map(ours::read).collect();
        let pyasn1: Vec<_> = halves.into_iter().flat_map(|half| half.join().unwrap()).collect();
        (ours, [(BOUNCY_CASTLE, bouncy_castle.join().unwrap()), (PYASN1, pyasn1)])
    });
    let mut disagreements = Vec::new();
    for (peer, readings) in theirs {
        for ((mutated, ours), theirs) in mutated.iter().zip(&ours).zip(readings) {
            if let Some(difference) = Difference::between(&mutated.message.octets, ours, &theirs) {
                let (mutated, ours) = (mutated.clone(), ours.clone());
                disagreements.push(Disagreement { peer, mutated, ours, difference });
            }
        }
    }
    disagreements
}

impl Disagreement {
    /// The peer takes what we refuse, and our reason has these words.
    pub fn peer_takes(&self, words: &str) -> bool {
        matches!(&self.difference, Difference::PeerTakes(why) if why.contains(words))
    }

    /// We take what the peer refuses, and its reason has these words.
    pub fn peer_refuses(&self, words: &str) -> bool {
        matches!(&self.difference, Difference::PeerRefuses(why) if why.contains(words))
    }

    /// We take what is no DER for the peer.
    pub fn peer_encodes_otherwise(&self) -> bool {
        self.difference == Difference::PeerEncodesOtherwise
    }

    /// We take it, and the peer refuses it or reads it as something that is no DER.
    pub fn peer_does_not_take(&self) -> bool {
        self.peer_refuses("") || self.peer_encodes_otherwise()
    }

    pub fn is_of(&self, peer: &str) -> bool {
        self.peer == peer
    }

    /// The tags down to the changed octet end so, with the part that was changed.
    pub fn is_at(&self, ends: &[&str]) -> bool {
        ends.iter().any(|end| self.mutated.path.ends_with(end))
    }

    /// The changed octet, as it is now.
    pub fn octet(&self) -> u8 {
        self.mutated.message.octets[self.mutated.position]
    }

    pub fn has_octets(&self, octets: &[u8]) -> bool {
        self.mutated.message.octets.windows(octets.len()).any(|window| window == octets)
    }

    pub fn body(&self) -> &str {
        match &self.ours {
            Reading::Accepted { fields, .. } => fields["body"].as_str().unwrap_or_default(),
            Reading::Refused(_) => "",
        }
    }

    /// We take the message, and cannot open a value in it.
    pub fn is_unopened(&self) -> bool {
        matches!(&self.ours, Reading::Accepted { unopened, .. } if !unopened.is_empty())
    }
}

pub type Explanation = fn(&Disagreement) -> bool;

/// Fails with all that nobody explains.
pub fn assert_all_explained(disagreements: &[Disagreement], explanations: &[Explanation]) {
    let mut unexplained = String::new();
    for it in disagreements {
        if !explanations.iter().any(|applies| applies(it)) {
            writeln!(unexplained, "{}: {}: {:?}", it.peer, it.mutated.message.name, it.difference).unwrap();
        }
    }
    assert!(unexplained.is_empty(), "{unexplained}");
}

/// Declares a test for each explanation, which fails when there is nothing to explain, and one that fails when something
/// is not explained.
#[macro_export]
macro_rules! explanations {
    ($disagreements:expr; $($(#[$doc:meta])* $name:ident: |$it:ident| $applies:expr;)*) => {
        #[test]
        fn every_disagreement_is_explained() {
            explained::assert_all_explained($disagreements, &[$(|$it| $applies),*]);
        }

        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                let applies: explained::Explanation = |$it| $applies;
                assert!($disagreements.iter().any(applies), "nobody disagrees about this any more");
            }
        )*
    };
}
