//! Who is there: what stations do themselves, and what others report of them.

use alloc::string::ToString;
use alloc::vec::Vec;

use asn1::UnixTime;

use super::{Nem, Output, Settings};
use crate::error::{Error, Refusal};
use crate::event::Happening;
use crate::inventory::{Inventory, Shown};
use crate::ledger::{RequestId, State};
use crate::presence::{Liveness, Presence, StationPresence, WhenAbsent};
use crate::requests::Requests;
use crate::station::Station;

impl Nem {
    /// Finds the station that shows that, and takes note that it is there.
    ///
    /// # Errors
    /// Why whoever shows it gets nothing.
    pub fn identify(&mut self, shown: Shown<'_>, now: UnixTime) -> Result<&Station, Refusal> {
        let identified = self.inventory.identify(shown, &self.anchors, &self.provider, now)?;
        let station = identified.station();
        meet(station, &self.inventory, &mut self.presence, &mut self.requests, &self.settings, now)?;
        Ok(station)
    }

    /// Takes what others know of stations: `true` for those that are there, `false` for those that are not, which then counts until
    /// the opposite is reported. Returns the names that no station has.
    pub fn report<'a>(
        &mut self,
        reports: impl IntoIterator<Item = (&'a str, bool)>,
        now: UnixTime,
    ) -> Vec<&'a str> {
        let mut unknown = Vec::new();
        for (name, connected) in reports {
            let Some(position) = self.inventory.position(name) else {
                unknown.push(name);
                continue;
            };
            self.presence.report(position, connected, now);
            if connected {
                self.presence.unpark(name).into_iter().for_each(|id| self.requests.schedule(id, now));
            }
        }
        self.pump(now);
        unknown
    }

    /// From now on stations count as connected by these rules. What waited for its station is looked at anew.
    pub fn set_liveness(&mut self, liveness: Liveness, now: UnixTime) {
        self.settings.liveness = liveness;
        self.presence.unpark_all().for_each(|id| self.requests.schedule(id, now));
        self.pump(now);
    }

    /// Whether the station is there; `None` when there is no such station.
    pub fn presence(&self, station: &str, now: UnixTime) -> Option<StationPresence> {
        self.presence.of(self.inventory.position(station)?, &self.settings.liveness, now)
    }

    /// How many stations count as connected.
    pub fn connected_stations(&self, now: UnixTime) -> usize {
        self.presence.count_connected(&self.settings.liveness, now)
    }

    /// Whether what the station left here may be sent.
    pub(crate) fn is_there(&self, station: &str, now: UnixTime) -> bool {
        let position = self.inventory.position(station);
        position.is_some_and(|position| self.presence.may_send(position, &self.settings.liveness, now))
    }

    /// A request was to be sent, and its station is not there.
    pub(crate) fn set_aside(&mut self, id: RequestId, now: UnixTime) -> Result<(), Error> {
        if self.settings.liveness.queued == WhenAbsent::Drop {
            let reason = "the station was not connected when its request was to be sent".to_string();
            return self.enter(id, State::Rejected { reason }, now);
        }
        let Some(open) = self.requests.get(id) else { return Ok(()) };
        if self.presence.park(&open.station, id) {
            self.outputs.push_back(Output::Event(open.event(id, Happening::Absent)));
        }
        Ok(())
    }
}

/// The station is here: what waited for it goes on, unless it still does not count as connected.
pub(super) fn meet(
    station: &Station,
    inventory: &Inventory,
    presence: &mut Presence,
    requests: &mut Requests,
    settings: &Settings,
    now: UnixTime,
) -> Result<(), Refusal> {
    let position = inventory.position(&station.name);
    if !position.is_some_and(|position| presence.meet(position, &settings.liveness, now)) {
        let station = station.name.clone();
        return Err(Refusal::NotConnected { station, retry_after: settings.last_retry });
    }
    presence.unpark(&station.name).into_iter().for_each(|id| requests.schedule(id, now));
    Ok(())
}
