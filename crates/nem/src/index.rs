use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::station::Station;

/// Positions of stations by the hash of a key that is made of the station itself whenever it is compared: a million keys are not held a
/// second time, and made only once to be sorted. The key is the same function in every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(Vec<(u64, u32)>);

impl Index {
    /// Of those that have the key.
    pub(crate) fn new<'a, K: Hash>(stations: &'a [Station], key: impl Fn(&'a Station) -> Option<K>) -> Self {
        let entry = |(station, position)| Some((hash(&key(station)?), position));
        let mut entries = Vec::with_capacity(stations.len());
        entries.extend(stations.iter().zip(0..).filter_map(entry));
        entries.shrink_to_fit();
        entries.sort_unstable();
        Self(entries)
    }

    /// Those with that key, and where they stand, in the order of the stations; `has_it` tells whether one has it.
    pub(crate) fn find<'a>(
        &self,
        stations: &'a [Station],
        key: &impl Hash,
        has_it: impl Fn(&Station) -> bool,
    ) -> impl Iterator<Item = (usize, &'a Station)> {
        let wanted = hash(key);
        let first = self.0.partition_point(|(hash, _)| *hash < wanted);
        let same =
            self.0.get(first..).unwrap_or_default().iter().take_while(move |(hash, _)| *hash == wanted);
        let station = |(_, position): &(u64, u32)| {
            let position = usize::try_from(*position).ok()?;
            Some((position, stations.get(position)?))
        };
        same.filter_map(station).filter(move |(_, station)| has_it(station))
    }

    /// Two stations with the same key, if there are such; the one entered first is the first.
    pub(crate) fn duplicate<'a, K: Hash + Eq>(
        &self,
        stations: &'a [Station],
        key: impl Fn(&'a Station) -> Option<K>,
    ) -> Option<(&'a Station, &'a Station)> {
        let station = |(_, position): &(u64, u32)| stations.get(usize::try_from(*position).ok()?);
        let same = self.0.chunk_by(|(one, _), (other, _)| one == other).filter(|same| same.len() > 1);
        same.into_iter().find_map(|same| {
            same.iter().enumerate().find_map(|(at, one)| {
                let one = station(one)?;
                let others = same.iter().skip(at.saturating_add(1)).filter_map(station);
                others.into_iter().find(|other| key(one) == key(other)).map(|other| (one, other))
            })
        })
    }
}

fn hash(key: &impl Hash) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    hasher.finish()
}

/// FNV-1a. Whoever enters stations could make their keys meet; they are compared all the same.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
