use alloc::vec::Vec;
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::RequestKind;
use cmp::management_entity::{Possession, ReplyTo, VerifiedRequest};
use cmp::{BodyKind, Expectation, PkiBody, PkiFailureInfo, PkiMessage, ValidatedMessage};
use crmf::EncryptedKey;
use crypto::{PublicKey, names_match};
use der::Decode;
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::name::Name;

use super::{Ca, certificate_record};
use crate::registry::{CertificateRecord, CertificateStatus, TransactionRecord, TransactionState, Write};
use crate::{CertificateContents, Error, Outcome, Profile};

/// What is to be issued for a request, and under which profile.
pub(super) struct Decision<'a> {
    pub(super) profile: &'a Profile,
    pub(super) contents: CertificateContents,
    /// Whether that differs from what was asked for.
    pub(super) with_mods: bool,
}

/// A request that may be decided on.
pub(super) struct Asked {
    pub(super) validated: ValidatedMessage,
    pub(super) request: VerifiedRequest,
    /// The private key that was generated for it, enciphered.
    pub(super) private_key: Option<EncryptedKey>,
}

impl Ca {
    /// The first message of a transaction: ir, cr, kur, p10cr or ccr.
    pub(super) fn enrol(
        &self,
        message: &PkiMessage,
        endpoint_profile: Option<&str>,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        let asked = self.verified_request(message, now)?;
        let decision = self.decide(&asked.request, endpoint_profile, now)?;
        if self.policy.approval.is_needed(&asked.request) {
            // It is kept nowhere.
            if asked.private_key.is_some() {
                return Err(Error::policy(
                    PkiFailureInfo::NOT_AUTHORIZED,
                    "a generated key cannot wait for the administrator that has to approve this request",
                ));
            }
            return self.hold(&asked.validated, &asked.request, endpoint_profile, now);
        }
        self.issue_for(&asked, decision, self.policy.issuing_delay, now)
    }

    /// A request whose protection and proof of possession hold.
    pub(super) fn verified_request(&self, message: &PkiMessage, now: UnixTime) -> Result<Asked, Error> {
        let id = message.header().transaction_id.as_ref().ok_or(cmp::Error::BadTransactionId)?;
        match message.body().kind() {
            BodyKind::Ir | BodyKind::Cr | BodyKind::Kur | BodyKind::P10cr | BodyKind::Ccr => {}
            BodyKind::CertConf | BodyKind::PollReq => {
                return Err(cmp::Error::UnknownTransaction(id.clone()).into());
            }
            other => return Err(cmp::Error::UnexpectedBody(other).into()),
        }
        let validated = self.validate(message, &Expectation::First, now)?;
        if let PkiBody::Ccr(_) = message.body() {
            self.check_may_cross_certify(&validated)?;
        }
        let (request, private_key) = match self.generate_key(&validated)? {
            Some((request, sealed)) => (request, Some(sealed)),
            None => (self.verify(&validated)?, None),
        };
        Ok(Asked { validated, request, private_key })
    }

    /// Issues what was decided on, to be handed out after a delay, and has it in the registry before the answer leaves.
    pub(super) fn issue_for(
        &self,
        asked: &Asked,
        decision: Decision<'_>,
        delay: Duration,
        now: UnixTime,
    ) -> Result<(Vec<u8>, Outcome), Error> {
        let Asked { validated, request, private_key } = asked;
        let Decision { profile, contents, with_mods } = decision;
        let message = validated.message();
        let issued = self.issue(&contents, now)?;

        let open = request.open();
        let (reply_to, responder) =
            (ReplyTo::new(message.header()), self.responder(validated.mac_credential(), now));
        let (part, state, outcome) = if delay.is_zero() || private_key.is_some() {
            let mut grant = self.grant(issued.certificate.clone(), with_mods, validated);
            grant.encipher_for = to_be_enciphered_for(request);
            grant.private_key.clone_from(private_key);
            let (part, next) = open.grant(&grant, &reply_to, &responder)?;
            let state = match next {
                Some(_) => TransactionState::AwaitingCertConf,
                None => TransactionState::Confirmed,
            };
            let outcome = Outcome::Issued {
                serial_number: issued.serial_number.clone(),
                subject: contents.subject.clone(),
                with_mods,
                implicitly_confirmed: next.is_none(),
            };
            (part, state, outcome)
        } else {
            let due = now.saturating_add(delay);
            let (part, _) = open.wait(&reply_to, &responder)?;
            (part, TransactionState::Waiting { due }, Outcome::Waiting { due })
        };

        let exchange = self.exchange(validated, &part)?;
        let answer = exchange.answer.clone();
        let transaction = TransactionRecord::new(
            open.clone(),
            Some(issued.serial_number.clone()),
            with_mods,
            state.clone(),
            Vec::from([exchange]),
            0,
        );
        let requester = Some(request.signer().name.clone());
        let status = state.certificate_status(now);
        let certificate = certificate_record(&issued, profile, requester, status, now);
        match self.registry.open(&transaction, Some(&certificate))? {
            Write::Done => Ok((answer, outcome)),
            Write::Conflict => {
                let id = validated.transaction_id().clone();
                self.after_conflict(message, cmp::Error::TransactionIdInUse(id).into())
            }
        }
    }
}

impl Ca {
    /// What the request's sender gets, if it may have anything.
    pub(super) fn decide(
        &self,
        request: &VerifiedRequest,
        endpoint_profile: Option<&str>,
        now: UnixTime,
    ) -> Result<Decision<'_>, Error> {
        if request.issuer().is_some_and(|issuer| !self.may_be_meant(issuer, request)) {
            return Err(Error::policy(
                PkiFailureInfo::WRONG_AUTHORITY,
                "the template's issuer is another CA than this one",
            ));
        }
        if request.open().kind == RequestKind::Ccr {
            return self.decide_on_ca(request, now);
        }
        let order = match request.updated() {
            Some(old) => self.policy.update(request, &self.updatable(old)?, endpoint_profile)?,
            None => self.policy.order(request, endpoint_profile)?,
        };
        let key = request.public_key();
        let managed = to_be_enciphered_for(request).map(|key| order.profile.for_key_management(key.kind()));
        let profile = managed.as_ref().unwrap_or(order.profile);
        let (contents, modified) = profile.fit(order.subject, key, &order.extensions)?;
        self.check_is_another(&contents)?;
        Ok(Decision {
            profile: order.profile,
            contents,
            with_mods: order.other_subject || modified || request.validity().is_some(),
        })
    }

    /// Whether the issuer in a template is this CA, or nothing that the requester chose: OpenSSL's client puts there whoever issued the
    /// certificate that it signs with.
    fn may_be_meant(&self, issuer: &Name, request: &VerifiedRequest) -> bool {
        let of_signer = || {
            let signer = Certificate::from_der(request.signer().certificate()?.octets()).ok()?;
            Some(names_match(issuer, signer.tbs_certificate().issuer()))
        };
        names_match(issuer, self.issuer.name()) || of_signer().unwrap_or(false)
    }

    /// What is known of a certificate that is to be updated: this CA issued it, and whoever has it took it.
    fn updatable(&self, old: &EncodedCertificate) -> Result<CertificateRecord, Error> {
        let certificate = Certificate::from_der(old.octets()).map_err(cmp::Error::MalformedCertificate)?;
        let record = self.registry.certificate(certificate.tbs_certificate().serial_number())?;
        let refuse = |fail_info, reason| Err(Error::policy(fail_info, reason));
        match record.filter(|record| record.certificate == *old) {
            Some(record) if record.status == CertificateStatus::Valid => Ok(record),
            Some(record) if record.status == CertificateStatus::Unconfirmed => refuse(
                PkiFailureInfo::BAD_REQUEST,
                "the certificate that is to be updated was never confirmed",
            ),
            Some(_) => {
                refuse(PkiFailureInfo::CERT_REVOKED, "the certificate that is to be updated is revoked")
            }
            None => refuse(
                PkiFailureInfo::BAD_CERT_ID,
                "the certificate that is to be updated is not one that this CA issued to an end entity",
            ),
        }
    }
}

/// Whose certificate proves possession when it is deciphered.
fn to_be_enciphered_for(request: &VerifiedRequest) -> Option<PublicKey> {
    (request.possession() == Possession::ByCertificate).then(|| request.public_key().clone())
}

impl TransactionState {
    /// What the transaction's certificate is worth in this state.
    pub(super) const fn certificate_status(&self, now: UnixTime) -> CertificateStatus {
        match self {
            Self::Waiting { .. }
            | Self::AwaitingCertConf
            | Self::AwaitingApproval { .. }
            | Self::Refused { .. } => CertificateStatus::Unconfirmed,
            Self::Confirmed => CertificateStatus::Valid,
            Self::Rejected => CertificateStatus::Revoked { at: now, reason: CrlReason::CessationOfOperation },
        }
    }
}
