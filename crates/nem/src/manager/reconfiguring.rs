//! Other stations, RA/CAs and revocation data, while requests are under way.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::SenderIdentity;
use crypto::{Revocation, SigningKey};

use super::{Nem, check_names};
use crate::error::Error;
use crate::inventory::{Inventory, StationAnchors};
use crate::ledger::{PassedTransaction, RequestId, State};
use crate::line::Line;
use crate::upstream::Upstream;

impl Nem {
    /// From now on these are the stations. Requests under way go on, but those of stations that are gone or blocked: what was
    /// not sent is not sent, and a certificate that is still issued is turned down.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn set_inventory(&mut self, inventory: Inventory, now: UnixTime) -> Result<(), Error> {
        self.presence.rearrange(&self.inventory, &inventory);
        self.inventory = inventory;
        let queued = self.requests.iter().filter(|(_, open)| open.stage.queued);
        let gone = queued.filter(|(_, open)| self.may_not_enrol(&open.station));
        let gone: Vec<RequestId> = gone.map(|(id, _)| id).collect();
        gone.into_iter().try_for_each(|id| self.bar(id, now))
    }

    /// From now on these are the RA/CAs. Requests under way end where they began: an RA/CA that is not among these any more
    /// gets no new ones, and one of the same name is spoken to as its new entry says. Whether they answer and take batches
    /// apart is tried anew.
    ///
    /// # Errors
    /// When there is none, or two have the same name; nothing is changed then. When the ledger cannot be written.
    pub fn set_upstreams(&mut self, upstreams: Vec<Upstream>, now: UnixTime) -> Result<(), Error> {
        check_names(&upstreams)?;
        if upstreams.iter().any(|upstream| !self.lines.contains_key(&upstream.name)) {
            self.store_passages()?;
        }
        for line in self.lines.values_mut() {
            line.retired = true;
        }
        for mut upstream in upstreams {
            upstream.set_revocation(self.revocation.as_ref());
            let name = upstream.name.clone();
            self.ledger.set_cannot_unbundle(&name, None)?;
            let upstream = Arc::new(upstream);
            match self.lines.get_mut(&name) {
                Some(line) => line.renew(upstream, now),
                None => {
                    self.lines.insert(name, Line::new(upstream, None));
                }
            }
        }
        // What nobody has got yet is shared out anew.
        let requests = &self.requests;
        let queued = |id| requests.get(id).is_some_and(|open| open.stage.queued);
        let withdrawn: Vec<RequestId> =
            self.lines.values_mut().flat_map(|line| line.withdraw(queued)).collect();
        withdrawn.into_iter().for_each(|id| self.requests.schedule(id, now));
        self.forget_retired();
        self.pump(now);
        Ok(())
    }

    /// With another RA/CA it is to be known where each transaction of stations' own messages began.
    fn store_passages(&mut self) -> Result<(), Error> {
        let memory_only = self.passages.not_stored().map(|(station, entry)| entry.transaction(station));
        let memory_only: Vec<PassedTransaction> = memory_only.collect();
        if !memory_only.is_empty() {
            self.ledger.put_passed(&memory_only, &[])?;
            memory_only.iter().for_each(|transaction| self.passages.put(transaction, true));
        }
        Ok(())
    }

    /// From now on stations are known by these CAs. CRLs stay.
    pub fn set_anchors(&mut self, anchors: StationAnchors) {
        self.anchors = StationAnchors { revocation: self.revocation.clone(), ..anchors };
    }

    /// The RA/CA of that name, as it is spoken to now.
    pub fn upstream(&self, name: &str) -> Option<Arc<Upstream>> {
        self.lines.get(name).map(|line| line.upstream.clone())
    }

    /// From now on the NEM signs with that at the RA/CA. What was signed before is sent as it is.
    ///
    /// # Errors
    /// When there is no RA/CA of that name.
    pub fn set_credential(
        &mut self,
        upstream: &str,
        identity: SenderIdentity,
        key: Box<dyn SigningKey>,
    ) -> Result<(), Error> {
        let unknown = || Error::UnknownUpstream(upstream.to_string());
        let line = self.lines.get_mut(upstream).ok_or_else(unknown)?;
        let mut renewed = Upstream::clone(&line.upstream);
        (renewed.identity, renewed.key) = (identity, key.into());
        line.upstream = Arc::new(renewed);
        Ok(())
    }

    /// From now on the certificates of stations and of RA/CAs are looked up there; with `None`, nowhere. Requests under way go on.
    pub fn set_revocation(&mut self, revocation: Option<Revocation>) {
        for line in self.lines.values_mut() {
            let mut upstream = Upstream::clone(&line.upstream);
            upstream.set_revocation(revocation.as_ref());
            line.upstream = Arc::new(upstream);
        }
        self.revocation.clone_from(&revocation);
        self.anchors.revocation = revocation;
    }

    pub(crate) fn may_not_enrol(&self, station: &str) -> bool {
        self.inventory.station(station).is_none_or(|station| !station.state.may_enrol())
    }

    pub(crate) fn bar(&mut self, id: RequestId, now: UnixTime) -> Result<(), Error> {
        let reason = "the station was blocked or removed before its request was sent".to_string();
        self.enter(id, State::Rejected { reason }, now)
    }
}
