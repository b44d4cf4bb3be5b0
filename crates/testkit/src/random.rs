use std::sync::atomic::{AtomicU64, Ordering};

use crypto::{Random, RandomError};

/// NOT RANDOM: the same octets in every run, so that a test or a fuzzer can repeat itself. Never two draws alike.
#[derive(Debug)]
pub struct InsecureCountingRandom(AtomicU64);

impl InsecureCountingRandom {
    /// Counts from `start`. Parties that must not draw the same nonces start far apart.
    pub const fn starting_at(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }
}

impl Random for InsecureCountingRandom {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        for chunk in octets.chunks_mut(8) {
            let block = scatter(self.0.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
            chunk.iter_mut().zip(block).for_each(|(octet, drawn)| *octet = drawn);
        }
        Ok(())
    }
}

/// The output function of SplitMix64: a bijection, so that different counts stay different.
pub(crate) fn scatter(count: u64) -> u64 {
    let mut z = count.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_between_runs_and_never_within() {
        let (one, other) = (InsecureCountingRandom::starting_at(7), InsecureCountingRandom::starting_at(7));
        let (mut first, mut second) = ([0; 16], [0; 16]);
        one.fill(&mut first).unwrap();
        other.fill(&mut second).unwrap();
        assert_eq!(first, second);
        one.fill(&mut second).unwrap();
        assert_ne!(first, second);
    }
}
