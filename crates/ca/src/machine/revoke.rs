use alloc::vec::Vec;
use core::time::Duration;

use asn1::UnixTime;
use cmp::management_entity::{ReplyTo, RevocationRequest};
use cmp::{
    Expectation, PkiBody, PkiFailureInfo, PkiMessage, PkiStatus, PkiStatusInfo, RevRepContent, SignerRole,
};
use crypto::names_match;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::serial_number::SerialNumber;

use super::Ca;
use crate::registry::{CertificateRecord, CertificateStatus, CrlRecord, StatusChange, Write};
use crate::{Error, Outcome};

impl Ca {
    /// rr: whoever has a certificate may have it revoked, and an RA any of a profile that it may ask for (RFC 9483 sections 4.2 and 5.3.2).
    pub(super) fn revoke(&self, message: &PkiMessage, now: UnixTime) -> Result<(Vec<u8>, Outcome), Error> {
        let validated = self.validate(message, &Expectation::First, now)?;
        let request = RevocationRequest::inspect(&validated)?;
        let record = self.revocable(&request)?;
        let (to, outcome) = next_status(&record, request.reason, now)?;

        let status = PkiStatusInfo::new(PkiStatus::Accepted);
        let body = PkiBody::Rp(RevRepContent::new(status));
        let part = self.responder(None, now).reply(&ReplyTo::new(message.header()), &body)?;
        let exchange = self.exchange(&validated, &part)?;
        let answer = exchange.answer.clone();
        let change = StatusChange {
            serial_number: record.serial_number,
            from: record.status,
            to,
            answered: Some((validated.transaction_id().clone(), exchange)),
        };
        match self.registry.change_status(&change)? {
            Write::Done => Ok((answer, outcome)),
            Write::Conflict => self.after_conflict(message, changed_meanwhile()),
        }
    }

    /// Revokes a certificate that the CA's operator names, puts it on hold, or takes it off hold (removeFromCRL).
    ///
    /// # Errors
    /// When there is no such certificate, it has that status already, or the registry fails.
    pub fn revoke_by_hand(
        &self,
        serial_number: &SerialNumber,
        reason: CrlReason,
        now: UnixTime,
    ) -> Result<Outcome, Error> {
        let record = self.registry.certificate(serial_number)?.ok_or_else(unknown)?;
        let (to, outcome) = next_status(&record, reason, now)?;
        let change =
            StatusChange { serial_number: serial_number.clone(), from: record.status, to, answered: None };
        match self.registry.change_status(&change)? {
            Write::Done => Ok(outcome),
            Write::Conflict => Err(changed_meanwhile()),
        }
    }

    /// Signs a new list of the revoked certificates, to be replaced within that time, and keeps it as the latest.
    ///
    /// # Errors
    /// When the registry or the CA's key fails.
    pub fn publish_crl(&self, now: UnixTime, lifetime: Duration) -> Result<CrlRecord, Error> {
        loop {
            let number = self.registry.crl()?.map_or(1, |latest| latest.number.saturating_add(1));
            let revoked = self.registry.revoked()?;
            let crl = self.issuer.sign_crl(number, &revoked, now, now.saturating_add(lifetime))?;
            // Somebody else may publish at the same time; this list may know more.
            if self.registry.replace_crl(&crl)? == Write::Done {
                return Ok(crl);
            }
        }
    }

    /// The same list signed with each of the earlier keys ([`Ca::previous`]), in their order, for whoever has a certificate that was issued
    /// with it; none where that key's own certificate has expired. They are not kept in the registry.
    ///
    /// # Errors
    /// When the registry or a key fails.
    pub fn previous_crls(
        &self,
        number: u64,
        now: UnixTime,
        lifetime: Duration,
    ) -> Result<Vec<Option<CrlRecord>>, Error> {
        let revoked = self.registry.revoked()?;
        let until = now.saturating_add(lifetime);
        let lists = self.previous.iter().map(|issuer| {
            (now <= issuer.not_after()).then(|| issuer.sign_crl(number, &revoked, now, until)).transpose()
        });
        lists.collect()
    }

    pub(super) fn revocable(&self, request: &RevocationRequest) -> Result<CertificateRecord, Error> {
        if !names_match(&request.issuer, self.issuer.name()) {
            return Err(unknown());
        }
        let own = |record: &CertificateRecord| request.signer.certificate() == Some(&record.certificate);
        let record = self.registry.certificate(&request.serial_number)?;
        let is_ra = request.signer.role == SignerRole::RegistrationAuthority;
        match record {
            Some(record) if own(&record) => Ok(record),
            // Other RAs, and servers, are the operator's business.
            Some(record) if is_ra && self.policy.names(&request.signer).contains(&record.profile) => {
                Ok(record)
            }
            None if is_ra => Err(unknown()),
            // Nobody learns from this which serial numbers there are.
            _ => Err(cmp::Error::NotAuthorized(
                "a certificate is revoked by whoever signs with it, or by a registration authority",
            )
            .into()),
        }
    }
}

pub(super) fn next_status(
    record: &CertificateRecord,
    reason: CrlReason,
    now: UnixTime,
) -> Result<(CertificateStatus, Outcome), Error> {
    let serial_number = record.serial_number.clone();
    match (record.status, reason) {
        (status, CrlReason::RemoveFromCRL) if status.is_on_hold() => {
            Ok((CertificateStatus::Valid, Outcome::Reinstated { serial_number }))
        }
        (_, CrlReason::RemoveFromCRL) => {
            Err(Error::policy(PkiFailureInfo::BAD_REQUEST, "the certificate is not on hold"))
        }
        (status @ CertificateStatus::Revoked { .. }, reason)
            if !status.is_on_hold() || reason == CrlReason::CertificateHold =>
        {
            Err(Error::policy(PkiFailureInfo::CERT_REVOKED, "the certificate is revoked already"))
        }
        (_, reason) => {
            Ok((CertificateStatus::Revoked { at: now, reason }, Outcome::Revoked { serial_number, reason }))
        }
    }
}

fn unknown() -> Error {
    Error::policy(PkiFailureInfo::BAD_CERT_ID, "this CA has issued no such certificate")
}

fn changed_meanwhile() -> Error {
    Error::policy(PkiFailureInfo::BAD_REQUEST, "the certificate's status was changed at the same time")
}
