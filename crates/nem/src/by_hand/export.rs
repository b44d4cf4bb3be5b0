//! Requests leave in a file.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};

use asn1::UnixTime;
use cmp::end_entity::RequestKind;
use cmp::{LongBatch, SenderNonce, TransactionId};
use crypto::SigningKey;

use super::{ExportItem, ExportOrder, LeftBehind};
use crate::error::Error;
use crate::event::{Event, Happening};
use crate::forwarding::Forwarding;
use crate::ledger::{Export, ExportForm, ExportId, Exported, ExportedMessage, Record, RequestId, State};
use crate::manager::{Nem, Output};
use crate::operate::CommandError;
use crate::upstream::Upstream;

/// How many requests leave in one step: others are served in between.
const STEP: usize = 500;

/// A file that is being filled.
#[derive(Debug)]
pub struct Exporting {
    export: Export,
    order: ExportOrder,
    candidates: vec::IntoIter<RequestId>,
    /// The file is written once more: its requests are in it already.
    again: bool,
    octets: usize,
    left: BTreeMap<LeftBehind, usize>,
}

impl Exporting {
    /// The export; how many requests it has so far, too.
    pub const fn export(&self) -> &Export {
        &self.export
    }

    /// Why other requests stay, and how many.
    pub fn left_behind(&self) -> Vec<(LeftBehind, usize)> {
        self.left.iter().map(|(why, count)| (why.clone(), *count)).collect()
    }

    fn leave(&mut self, why: LeftBehind) {
        *self.left.entry(why).or_default() += 1;
    }
}

/// One candidate.
enum Candidate {
    Leaves(Box<Record>, ExportItem),
    Stays(LeftBehind),
}

impl Nem {
    /// Begins to fill a file, which will be called so. Nothing has left until [`Nem::export_next`] says so.
    ///
    /// # Errors
    /// When there is no such RA/CA, or nothing to export; when randomness fails.
    pub fn begin_export(
        &self,
        order: ExportOrder,
        file: &str,
        now: UnixTime,
    ) -> Result<Exporting, CommandError> {
        let upstream = match &order.upstream {
            Some(name) => self.lines.get(name.as_str()).map(|line| line.upstream.name.clone()),
            None => {
                let lines = self.lines.iter().filter(|(_, line)| !line.retired);
                lines.min_by_key(|(_, line)| line.upstream.priority).map(|(name, _)| name.clone())
            }
        };
        let upstream = upstream.ok_or(CommandError::UnknownUpstream)?;
        let of_group = |station: &str| {
            order.group.as_ref().is_none_or(|group| {
                self.inventory.station(station).is_some_and(|station| station.groups.contains(group))
            })
        };
        let mut candidates: Vec<(UnixTime, RequestId)> = self
            .requests
            .iter()
            .filter(|(_, open)| {
                let open_stage = matches!(open.stage.name, "queued" | "sent" | "waiting");
                open_stage && !open.held && of_group(&open.station)
            })
            .map(|(id, open)| (open.received_at, id))
            .collect();
        candidates.sort_unstable();
        if candidates.is_empty() {
            return Err(CommandError::NothingToExport(Vec::new()));
        }
        let export = Export {
            id: ExportId::new(self.provider.random::<16>().map_err(cmp::Error::from)?),
            form: order.form,
            upstream: upstream.to_string(),
            nonce: SenderNonce::random(&self.provider).map_err(cmp::Error::from)?,
            made_at: now,
            file: file.to_string(),
            requests: 0,
            written: false,
        };
        let candidates: Vec<RequestId> = candidates.into_iter().map(|(_, id)| id).collect();
        Ok(Exporting {
            export,
            order,
            candidates: candidates.into_iter(),
            again: false,
            octets: 0,
            left: BTreeMap::new(),
        })
    }

    /// Begins to fill the file of an export once more: the first was lost, or the NEM stopped before it was whole. In it are those
    /// of its requests that are still out, octet for octet.
    ///
    /// # Errors
    /// When there is no such export, or nothing of it is out; when the ledger cannot be read.
    pub fn export_again(&self, id: ExportId, file: &str) -> Result<Exporting, CommandError> {
        let export = self.ledger.export(id)?.ok_or(CommandError::UnknownExport)?;
        let of_export = self.requests.iter().filter(|(_, open)| open.export == Some(id));
        let mut candidates: Vec<(UnixTime, RequestId)> =
            of_export.map(|(request, open)| (open.received_at, request)).collect();
        if candidates.is_empty() {
            return Err(CommandError::UnknownExport);
        }
        candidates.sort_unstable();
        let candidates: Vec<RequestId> = candidates.into_iter().map(|(_, request)| request).collect();
        let order = ExportOrder::new(export.form);
        Ok(Exporting {
            export: Export { file: file.to_string(), requests: 0, ..export },
            order,
            candidates: candidates.into_iter(),
            again: true,
            octets: 0,
            left: BTreeMap::new(),
        })
    }

    /// More requests for the file; `None` when there are no more. From now on they are the file's, and nothing about them goes
    /// online: that is in the ledger when this returns.
    ///
    /// # Errors
    /// When a message cannot be made, or the ledger fails. What came out before is the file's nevertheless, until it is
    /// released.
    pub fn export_next(
        &mut self,
        exporting: &mut Exporting,
        now: UnixTime,
    ) -> Result<Option<Vec<ExportItem>>, Error> {
        let upstream = match self.lines.get(exporting.export.upstream.as_str()) {
            Some(line) => line.upstream.clone(),
            None => return Err(Error::NoUpstream),
        };
        let in_flight = self.in_flight();
        let (mut records, mut items) = (Vec::new(), Vec::new());
        while records.len() < STEP && items.len() < STEP {
            let count = usize::try_from(exporting.export.requests).unwrap_or(usize::MAX);
            if count >= exporting.order.max {
                break;
            }
            let Some(id) = exporting.candidates.next() else { break };
            match self.candidate(exporting, id, &upstream, &in_flight, now)? {
                Candidate::Leaves(record, item) => {
                    if !exporting.again {
                        records.push(*record);
                    }
                    exporting.octets = exporting.octets.saturating_add(item.octets.len());
                    exporting.export.requests = exporting.export.requests.saturating_add(1);
                    items.push(item);
                }
                Candidate::Stays(why) => exporting.leave(why),
            }
        }
        if items.is_empty() {
            return Ok(None);
        }
        if !records.is_empty() {
            self.commit_export(exporting, &records, &upstream)?;
        }
        Ok(Some(items))
    }

    /// The export is known before any request is in it, so that an answer to it can be believed whatever happens next.
    fn commit_export(
        &mut self,
        exporting: &Exporting,
        records: &[Record],
        upstream: &Upstream,
    ) -> Result<(), Error> {
        self.ledger.put_export(&exporting.export)?;
        self.ledger.put_all(records)?;
        for record in records {
            self.withdraw(record.id);
            // One that began elsewhere leaves that place, by the operator's word.
            let elsewhere = self.requests.get_mut(record.id).and_then(|open| {
                let before = open.upstream.take_if(|before| *before != upstream.name);
                open.update(record);
                before
            });
            if elsewhere.is_some() {
                self.unbind(elsewhere);
            }
            self.bind(record.id, &upstream.name);
            let happening = Happening::Exported(exporting.export.id);
            self.outputs.push_back(Output::Event(Event::new(record, happening)));
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        exporting: &Exporting,
        id: RequestId,
        upstream: &Upstream,
        in_flight: &BTreeSet<RequestId>,
        now: UnixTime,
    ) -> Result<Candidate, Error> {
        let Some(open) = self.requests.get(id) else { return Ok(Candidate::Stays(LeftBehind::Changed)) };
        if exporting.again {
            return self.item_again(exporting, id);
        }
        if in_flight.contains(&id) {
            return Ok(Candidate::Stays(LeftBehind::UnderWay));
        }
        let station = self.inventory.station(&open.station);
        if open.stage.queued && station.is_some_and(|station| !upstream.serves(station)) {
            return Ok(Candidate::Stays(LeftBehind::NotServed));
        }
        if open.stage.queued && !self.is_there(&open.station, now) {
            return Ok(Candidate::Stays(LeftBehind::Absent));
        }
        if !self.may_leave(id) {
            return Ok(Candidate::Stays(LeftBehind::Changed));
        }
        let Some(record) = self.ledger.request(id)?.filter(|record| record.unwanted().is_none()) else {
            return Ok(Candidate::Stays(LeftBehind::Changed));
        };
        match export_of(record, exporting, upstream, self, now)? {
            Ok(record) => Ok(Candidate::Leaves(Box::new(record.0), record.1)),
            Err(why) => Ok(Candidate::Stays(why)),
        }
    }

    /// Whether its station may have it sent.
    fn may_leave(&self, id: RequestId) -> bool {
        self.requests
            .get(id)
            .is_some_and(|open| open.export.is_none() && !open.held && !self.may_not_enrol(&open.station))
    }

    fn item_again(&self, exporting: &Exporting, id: RequestId) -> Result<Candidate, Error> {
        let record = self.ledger.request(id)?;
        let record = record.filter(|record| record.state.export() == Some(exporting.export.id));
        Ok(match record {
            Some(record) => {
                let item = item(&record);
                Candidate::Leaves(Box::new(record), item)
            }
            None => Candidate::Stays(LeftBehind::Changed),
        })
    }

    /// What stands around the messages of the file, once all are out, and the key that signs it.
    ///
    /// # Errors
    /// When the file would be too long for DER, or has nothing in it; when its RA/CA is not in the configuration any more.
    pub fn close_export(
        &self,
        exporting: &Exporting,
        now: UnixTime,
    ) -> Result<(LongBatch, Arc<dyn SigningKey>), Error> {
        let export = &exporting.export;
        let line = self.lines.get(export.upstream.as_str()).ok_or(Error::NoUpstream)?;
        let id = TransactionId::new(export.id.as_octets()).map_err(cmp::Error::Encoding)?;
        let ids = (id, export.nonce.clone());
        let (identity, key) = (&line.upstream.identity, line.upstream.key.clone());
        let batch = LongBatch::new(ids, exporting.octets, identity, &self.provider, now)?;
        Ok((batch, key))
    }

    /// Who the NEM is for the RA/CA of the export, and the key that says so: for what goes with PKCS #10 requests.
    ///
    /// # Errors
    /// When the RA/CA is not in the configuration any more.
    pub fn export_signer(
        &self,
        exporting: &Exporting,
    ) -> Result<(cmp::SenderIdentity, Arc<dyn SigningKey>), Error> {
        let line = self.lines.get(exporting.export.upstream.as_str()).ok_or(Error::NoUpstream)?;
        Ok((line.upstream.identity.clone(), line.upstream.key.clone()))
    }

    /// The file is written: that is kept in mind.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn finish_export(&mut self, exporting: Exporting) -> Result<Export, Error> {
        let export = Export { written: true, ..exporting.export };
        self.ledger.put_export(&export)?;
        Ok(export)
    }
}

/// The record of a request as it leaves, and what leaves; or why it stays.
fn export_of(
    record: Record,
    exporting: &Exporting,
    upstream: &Upstream,
    nem: &Nem,
    now: UnixTime,
) -> Result<Result<(Record, ExportItem), LeftBehind>, Error> {
    let (export, order) = (exporting.export.id, &exporting.order);
    let name = Some(upstream.name.to_string());
    let began = !matches!(record.state, State::Queued);
    let here = record.upstream == name;
    let exported = |sent| State::Exported(Box::new(Exported { export, sent }));
    if order.form == ExportForm::Pkcs10 {
        if record.kind != RequestKind::P10cr {
            return Ok(Err(LeftBehind::NoPkcs10));
        }
        if began && !order.anew {
            return Ok(Err(LeftBehind::HasBegun));
        }
        let record = Record { state: exported(None), upstream: name, changed_at: now, ..record };
        let item = item(&record);
        return Ok(Ok((record, item)));
    }
    if began && !here && !order.anew {
        return Ok(Err(LeftBehind::Elsewhere(record.upstream.unwrap_or_default())));
    }
    let mut by_hand = upstream.clone();
    // Nobody is there to be sent a certConf. Where that waits for the station, it waits for the RA/CA, too.
    by_hand.implicit_confirm = upstream.confirm_when_fetched.is_none();
    let forwarding = Forwarding { upstream: &by_hand, provider: &nem.provider, now, barred: None };
    let fresh = !began || order.anew;
    let (sent, changed_at) = if fresh {
        (forwarding.request(&record)?, now)
    } else {
        // changed_at of what was sent already stays: it says how old the message is.
        match forwarding.prepare(&record)? {
            Some(state) => (state, now),
            None => (record.state.clone(), record.changed_at),
        }
    };
    let State::Sent { message, transaction } = sent else { return Ok(Err(LeftBehind::Changed)) };
    let state = exported(Some(ExportedMessage { message, transaction }));
    let record = Record { state, upstream: name, changed_at, ..record };
    let item = item(&record);
    Ok(Ok((record, item)))
}

/// What leaves of a request that is exported.
fn item(record: &Record) -> ExportItem {
    let sent = match &record.state {
        State::Exported(exported) => exported.sent.as_ref(),
        _ => None,
    };
    ExportItem {
        request: record.id,
        station: record.station.clone(),
        transaction_id: sent.map(|sent| sent.transaction.transaction_id.clone()),
        octets: sent.map_or_else(|| record.request.clone(), |sent| sent.message.clone()),
    }
}
