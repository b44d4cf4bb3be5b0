//! A file of answers comes back.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use asn1::UnixTime;
use cmp::{
    CertOrEncCert, Expectation, PkiBody, PkiHeader, PkiMessage, ReadingPolicy, ReceivedBatch, TransactionId,
    Validator,
};

use super::{ImportError, Taken, Verdict};
use crate::error::Error;
use crate::exchange::after;
use crate::forwarding::{Forwarding, Step, believed_nothing, format_reason};
use crate::ledger::{Export, ExportId, Fetch, Record, RequestId, State};
use crate::manager::Nem;
use crate::upstream::Upstream;

/// How many answers are taken in one step: others are served in between.
const STEP: usize = 250;

pub(super) const BLOCKED: &str = "the station is blocked, or not in the inventory: let it enrol and import the file again, or reject the request";

/// A file of answers that is believed as a whole. Each answer is to be believed by itself.
#[derive(Debug)]
pub struct AnswerFile {
    upstream: Arc<Upstream>,
    export: Option<ExportId>,
    awaited: BTreeMap<TransactionId, RequestId>,
    /// Answers that are not taken yet.
    answers: VecDeque<Vec<u8>>,
    reported: bool,
}

impl AnswerFile {
    /// The next answer of a file that is read in pieces; few at a time, to be taken before there are more.
    pub fn add(&mut self, answer: Vec<u8>) {
        self.answers.push_back(answer);
    }
}

/// What an answer leads to, and what is told of it.
pub(super) struct Move {
    pub(super) next: Option<Record>,
    pub(super) taken: Taken,
}

impl Move {
    pub(super) fn none(record: &Record, verdict: Verdict) -> Self {
        Self { next: None, taken: taken(record, verdict) }
    }
}

pub(super) fn taken(record: &Record, verdict: Verdict) -> Taken {
    Taken { request: Some(record.id), station: Some(record.station.clone()), verdict }
}

impl Nem {
    /// Opens the answer to an export: it must come from the RA/CA that the export was for, within the export's transaction, and be
    /// whole. messageTime may be as old as the export.
    ///
    /// # Errors
    /// Why it is not believed; nothing is changed then.
    pub fn open_answers(&self, octets: &[u8], now: UnixTime) -> Result<AnswerFile, ImportError> {
        let malformed = |error| ImportError::Malformed(Box::new(error));
        let mut reading = ReadingPolicy::default();
        reading.message_size = octets.len();
        reading.nested_messages = usize::MAX;
        let message = PkiMessage::inspect(octets, &reading).map_err(malformed)?;
        let id = message.header().transaction_id.clone().ok_or(ImportError::Unknown(None))?;
        let Some((export, mut file)) = self.answer_to(&id, message.header())? else {
            return self.open_single(&message, id);
        };
        let validated = self.believe(&file, &export, now, |validator, expectation| {
            validator.validate(message, expectation, now)
        });
        let validated =
            validated.map_err(|error| ImportError::Unbelieved(believed_nothing(octets, &error)))?;
        match validated.body() {
            PkiBody::Nested(answers) => {
                file.answers = answers.iter().map(|answer| answer.octets().to_vec()).collect();
                Ok(file)
            }
            PkiBody::Error(content) => Err(ImportError::Refused(format_reason(&content.pki_status_info))),
            body => {
                let kind = body.kind().name();
                Err(ImportError::Refused(alloc::format!("the RA/CA answered it with {kind}")))
            }
        }
    }

    /// The same for an answer that is too long for memory, by the digest that [`ReceivedBatch::digest`] asks for. Its messages are
    /// [added](AnswerFile::add) afterwards.
    ///
    /// # Errors
    /// As [`Nem::open_answers`].
    pub fn open_long_answer(
        &self,
        batch: ReceivedBatch,
        digest: &[u8],
        now: UnixTime,
    ) -> Result<AnswerFile, ImportError> {
        let id = batch.header().transaction_id.clone().ok_or(ImportError::Unknown(None))?;
        let Some((export, file)) = self.answer_to(&id, batch.header())? else {
            return Err(ImportError::Unknown(Some(id)));
        };
        let validated = self.believe(&file, &export, now, |validator, expectation| {
            validator.validate_batch(batch, digest, expectation, now)
        });
        validated.map_err(|error| ImportError::Unbelieved(error.to_string()))?;
        Ok(file)
    }

    /// The export that is answered in that transaction, and what of it is awaited; `None` when there is no such export.
    fn answer_to(
        &self,
        id: &TransactionId,
        header: &PkiHeader,
    ) -> Result<Option<(Export, AnswerFile)>, ImportError> {
        let export = match ExportId::of_transaction(id) {
            Some(export) => self.ledger.export(export)?,
            None => None,
        };
        let Some(export) = export else { return Ok(None) };
        if header.sender_nonce.as_ref() == Some(&export.nonce) {
            return Err(ImportError::Export);
        }
        let awaited = self.awaited(|_, of| of == Some(export.id));
        if awaited.is_empty() {
            return Err(ImportError::Over(export));
        }
        let (upstream, answers) = (self.upstream_of(&export)?, VecDeque::new());
        let file = AnswerFile { upstream, export: Some(export.id), awaited, answers, reported: false };
        Ok(Some((export, file)))
    }

    /// Whether the answer to the export as a whole is believed.
    fn believe<T>(
        &self,
        file: &AnswerFile,
        export: &Export,
        now: UnixTime,
        validate: impl FnOnce(&Validator<'_>, &Expectation<'_>) -> Result<T, cmp::Error>,
    ) -> Result<T, cmp::Error> {
        let id = TransactionId::new(export.id.as_octets()).map_err(cmp::Error::Encoding)?;
        let expectation = Expectation::Within {
            transaction_id: &id,
            nonces: core::slice::from_ref(&export.nonce),
            signer: None,
        };
        let mut validator = Validator::new(&self.provider, file.upstream.trust());
        let age = now.abs_diff(export.made_at);
        validator.time_window = file.upstream.time_window.map(|window| window.saturating_add(age));
        validator.quirks = file.upstream.quirks;
        validate(&validator, &expectation)
    }

    /// An RA/CA that does not take batches apart answers one message of it.
    fn open_single(&self, message: &PkiMessage, id: TransactionId) -> Result<AnswerFile, ImportError> {
        let awaited = self.awaited(|transaction, of| *transaction == id && of.is_some());
        let export = awaited.values().next().and_then(|request| self.requests.get(*request)?.export);
        let Some(export) = export else { return Err(ImportError::Unknown(Some(id))) };
        let export = self.ledger.export(export)?.ok_or(ImportError::Unknown(Some(id)))?;
        let upstream = self.upstream_of(&export)?;
        Ok(AnswerFile {
            upstream,
            export: Some(export.id),
            awaited,
            answers: VecDeque::from([message.octets().to_vec()]),
            reported: false,
        })
    }

    fn upstream_of(&self, export: &Export) -> Result<Arc<Upstream>, ImportError> {
        let line = self.lines.get(export.upstream.as_str());
        let line = line.ok_or_else(|| ImportError::NoUpstream(export.upstream.clone()))?;
        Ok(line.upstream.clone())
    }

    fn awaited(
        &self,
        fits: impl Fn(&TransactionId, Option<ExportId>) -> bool,
    ) -> BTreeMap<TransactionId, RequestId> {
        let awaited = self.requests.iter().filter_map(|(id, open)| {
            let transaction = open.transaction_id.as_ref()?;
            fits(transaction, open.export).then(|| (transaction.clone(), id))
        });
        awaited.collect()
    }

    /// Takes more answers of a file, each by itself, and commits what they lead to, a few hundred at a time. `None` when there are no
    /// more; before that, those that have none are told.
    ///
    /// # Errors
    /// When the ledger fails: what was told before is done, the rest can be imported again.
    pub fn take_answers_by_hand(
        &mut self,
        file: &mut AnswerFile,
        now: UnixTime,
    ) -> Result<Option<Vec<Taken>>, Error> {
        let mut moves = Vec::new();
        while moves.len() < STEP {
            let Some(answer) = file.answers.pop_front() else { break };
            moves.push(self.take_answer(file, &answer, now)?);
        }
        if !moves.is_empty() {
            return self.carry_out(moves, now).map(Some);
        }
        if core::mem::replace(&mut file.reported, true) {
            return Ok(None);
        }
        let missing = core::mem::take(&mut file.awaited).into_values().filter_map(|id| {
            let open = self.requests.get(id).filter(|open| open.export == file.export)?;
            let station = Some(open.station.to_string());
            Some(Taken { request: Some(id), station, verdict: Verdict::Missing })
        });
        Ok(Some(missing.collect()))
    }

    /// Commits all at once.
    pub(super) fn carry_out(&mut self, moves: Vec<Move>, now: UnixTime) -> Result<Vec<Taken>, Error> {
        let (next, taken): (Vec<_>, Vec<_>) = moves.into_iter().map(|step| (step.next, step.taken)).unzip();
        let records: Vec<Record> = next.into_iter().flatten().collect();
        self.ledger.put_all(&records)?;
        for record in &records {
            self.entered(record, now);
        }
        self.pump(now);
        Ok(taken)
    }

    fn take_answer(&self, file: &mut AnswerFile, octets: &[u8], now: UnixTime) -> Result<Move, Error> {
        let refused = |reason| Taken { request: None, station: None, verdict: Verdict::Refused(reason) };
        let message = match PkiMessage::inspect(octets, &file.upstream.reading) {
            Ok(message) => message,
            Err(error) => {
                let reason = alloc::format!("an answer in the file cannot be read: {error}");
                return Ok(Move { next: None, taken: refused(reason) });
            }
        };
        let id = message.header().transaction_id.as_ref();
        let Some(request) = id.and_then(|id| file.awaited.remove(id)) else {
            let taken = self.explain_answer(&message)?;
            return Ok(Move { next: None, taken });
        };
        let record = self.ledger.request(request)?;
        let record = record.filter(|record| record.state.export() == file.export);
        let Some(record) = record else {
            return Ok(Move { next: None, taken: self.explain_answer(&message)? });
        };
        if self.may_not_enrol(&record.station) {
            return Ok(Move::none(&record, Verdict::Refused(BLOCKED.to_string())));
        }
        let State::Exported(exported) = &record.state else {
            return Ok(Move::none(&record, Verdict::Refused("it is not exported".to_string())));
        };
        let Some(sent) = exported.sent.clone() else {
            let reason = "it left as a PKCS #10 request, without a transaction".to_string();
            return Ok(Move::none(&record, Verdict::Refused(reason)));
        };
        let state = State::Sent { message: sent.message, transaction: sent.transaction };
        let as_sent = Record { state, ..record.clone() };
        let (upstream, provider) = (&*file.upstream, &self.provider);
        let forwarding = Forwarding { upstream, provider, now, barred: record.unwanted() };
        let step = match forwarding.handle(&as_sent, octets) {
            Ok(step) => step,
            Err(error) => return Ok(Move::none(&record, Verdict::Refused(error.to_string()))),
        };
        Ok(moved(&record, step, upstream, now))
    }

    /// What is known of an answer that no request of its export waits for.
    fn explain_answer(&self, message: &PkiMessage) -> Result<Taken, Error> {
        let certificate = match message.body() {
            PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) => {
                content.response.first().and_then(|response| response.certified_key_pair.as_ref())
            }
            _ => None,
        };
        if let Some(CertOrEncCert::Certificate(certificate)) = certificate.map(|pair| &pair.cert_or_enc_cert)
        {
            return self.explain(certificate);
        }
        let id = message.header().transaction_id.as_ref().map(ToString::to_string).unwrap_or_default();
        let reason = alloc::format!(
            "no request waits for the answer in transaction {id}: it was answered or released before, or is of another NEM"
        );
        Ok(Taken { request: None, station: None, verdict: Verdict::Refused(reason) })
    }
}

/// Where an answer leads, and what is told of it.
fn moved(record: &Record, step: Step, upstream: &Upstream, now: UnixTime) -> Move {
    let state = match step {
        // The next question is another message: it goes online, or leaves in another file.
        Step::Next(state @ State::Waiting { .. }) | Step::Later(state @ State::Waiting { .. }, _) => {
            let next = Record { state, changed_at: now, ..record.clone() };
            return Move { next: Some(next), taken: taken(record, Verdict::Undecided) };
        }
        Step::Repeat(reason) | Step::Unbelieved(reason) => {
            return Move::none(record, Verdict::Refused(reason));
        }
        Step::Later(state, reason) => {
            let upstream = None;
            let next = Record { state, fetch: None, changed_at: now, upstream, ..record.clone() };
            return Move { next: Some(next), taken: taken(record, Verdict::Queued(reason)) };
        }
        Step::Next(state) => state,
    };
    let (state, fetch) = match after(record, state, upstream) {
        // The RA/CA is away, and the station shall not wait for it.
        (State::Confirming(confirming), None) if confirming.turned_down.is_none() => {
            (State::Confirming(confirming), Some(Fetch::Ahead))
        }
        reached => reached,
    };
    let verdict = match &state {
        State::Rejected { reason } => Verdict::Rejected(reason.clone()),
        State::Confirming(confirming) => match &confirming.turned_down {
            Some(reason) => Verdict::TurnedDown(reason.clone()),
            None => Verdict::Issued,
        },
        _ => Verdict::Issued,
    };
    let next = Record { state, fetch, changed_at: now, ..record.clone() };
    Move { next: Some(next), taken: taken(record, verdict) }
}
