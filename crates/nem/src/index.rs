use alloc::vec::Vec;

use crate::station::Station;

/// Positions of stations, sorted by a key that is made of the station itself whenever it is compared: a million keys are not
/// held a second time. The key is the same function in every call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(Vec<usize>);

impl Index {
    /// Of those that have the key.
    pub(crate) fn new<'a, K: Ord>(stations: &'a [Station], key: impl Fn(&'a Station) -> Option<K>) -> Self {
        let with_key = stations
            .iter()
            .enumerate()
            .filter_map(|(position, station)| key(station).map(|key| (key, position)));
        let mut sorted: Vec<(K, usize)> = with_key.collect();
        sorted.sort();
        let mut positions = Vec::with_capacity(sorted.len());
        positions.extend(sorted.into_iter().map(|(_, position)| position));
        Self(positions)
    }

    /// The positions of those that have a key, by key.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.0
    }

    /// The positions of those with that key, in the order of the stations.
    pub(crate) fn find<'a, K: Ord>(
        &self,
        stations: &'a [Station],
        key: impl Fn(&'a Station) -> Option<K>,
        wanted: &Option<K>,
    ) -> &[usize] {
        let key = |position: &usize| stations.get(*position).and_then(&key);
        let first = self.0.partition_point(|position| key(position) < *wanted);
        let (_, rest) = self.0.split_at_checked(first).unwrap_or_default();
        let count = rest.partition_point(|position| key(position) == *wanted);
        rest.get(..count).unwrap_or_default()
    }

    /// Two stations with the same key, if there are such; the one entered first is the first.
    pub(crate) fn duplicate<'a, K: Ord>(
        &self,
        stations: &'a [Station],
        key: impl Fn(&'a Station) -> Option<K>,
    ) -> Option<(&'a Station, &'a Station)> {
        let stations = self.0.iter().filter_map(|position| stations.get(*position));
        let next = stations.clone().skip(1);
        stations.zip(next).find(|(one, other)| key(one) == key(other))
    }
}
