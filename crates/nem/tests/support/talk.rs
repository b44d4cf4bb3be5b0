use std::time::Duration;

use asn1::EncodedCertificate;
use ca::registry::CertificateStatus;
use cmp::{
    CertRepMessage, CertReqId, CertResponse, PkiBody, PkiMessage, PkiStatus, PkiStatusInfo, PollRepItem,
};
use nem::Standing;
use nem::ledger::RequestId;

use super::liar::Liar;
use super::{House, SUBJECT, csr, key};

/// The NEM on one side, and on the other the RA/CA or somebody who says what he likes.
pub struct Talk {
    pub house: House,
    pub liar: Liar,
    pub id: RequestId,
    /// The message that waits for its answer.
    pub message: Vec<u8>,
}

impl Talk {
    pub fn new() -> Self {
        Self::with(House::new())
    }

    pub fn with(mut house: House) -> Self {
        let liar = Liar::new(&house.operator);
        house.upload(&csr(SUBJECT, &key(), Vec::new())).unwrap();
        let (id, message) = house.sends().remove(0);
        Self { house, liar, id, message }
    }

    /// Says that; the clock goes on to the next message, if there is one.
    pub fn say(&mut self, body: &PkiBody) {
        let answer = self.liar.answer(&self.message, body, self.house.now);
        self.house.answer(self.id, &answer);
        self.next();
    }

    pub fn next(&mut self) {
        let mut sends = self.house.sends();
        if sends.is_empty() && self.house.wake() {
            sends = self.house.sends();
        }
        if let Some((_, message)) = sends.pop() {
            self.message = message;
        }
    }

    /// The RA/CA's own answer to the message.
    pub fn truth(&mut self) {
        let reply = self.house.ca.handle(&self.message, self.house.now);
        self.house.answer(self.id, &reply.octets);
        self.next();
    }

    pub fn sent(&self) -> PkiBody {
        PkiMessage::from_der(&self.message).unwrap().body().clone()
    }

    pub fn standing(&self) -> Standing {
        self.house.nem.standing(self.id).unwrap().unwrap()
    }

    pub fn rejected(&self, words: &str) {
        let standing = self.standing();
        assert!(matches!(&standing, Standing::Rejected { reason } if reason.contains(words)), "{standing:?}");
    }

    pub fn ends_well(mut self) {
        for _ in 0..10 {
            self.truth();
        }
        assert!(matches!(self.standing(), Standing::Issued(_)), "{:?}", self.standing());
        assert_eq!(self.house.only_issued().status, CertificateStatus::Valid);
    }
}

pub fn waiting() -> PkiBody {
    let status = PkiStatusInfo::new(PkiStatus::Waiting);
    PkiBody::Cp(CertRepMessage::new(CertResponse::without_certificate(CertReqId::P10CR, status)))
}

pub fn check_after(seconds: u64) -> PkiBody {
    PkiBody::PollRep(vec![PollRepItem::new(CertReqId::P10CR, Duration::from_secs(seconds))])
}

pub fn granted(certificate: EncodedCertificate) -> CertResponse {
    let accepted = PkiStatusInfo::new(PkiStatus::Accepted);
    CertResponse::with_certificate(CertReqId::P10CR, accepted, certificate)
}
