//! What the NEM asks an RA/CA for on its own account: the next certificate in place of one it has (RFC 9483 section 4.1.3), and
//! general information (section 4.3). Nothing of it is in the ledger: what fails is asked anew.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::rfc5280;
use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{
    Answer, AwaitingCertificate, AwaitingPkiConf, AwaitingReply, CertificateRequest, Confirmation, Delayed,
    Enrolment, Granted, Question, Reply, Waiting,
};
use cmp::{
    Expectation, InfoTypeAndValue, PkiFailureInfo, PkiMessage, PkiStatusInfo, SenderIdentity,
    ValidatedMessage, Validator,
};
use crmf::{CertId, CertReqMessages, CertReqMsgBuilder, Control};
use crypto::{CertificatePath, CryptoProvider, ExtendedKeyUsage, KeyUse, Requested, SigningKey};
use der::Decode;
use der::asn1::ObjectIdentifier;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::ExtendedKeyUsage as Purposes;
use x509_cert::ext::pkix::name::GeneralName;

use crate::error::Error;
use crate::forwarding::{POLL_PAUSE, believed_nothing, format_reason, is_ca};
use crate::ledger::Certificates;
use crate::upstream::Upstream;

/// What follows from an answer: `S` is what goes on, `T` what was asked for.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)] // there is nothing else to do
pub enum Next<S, T> {
    /// Send this; hand in what comes back.
    Send(S, Vec<u8>),
    /// Poll after that time.
    Wait(S, Duration),
    /// It is over.
    Done(T),
}

/// An update of one of the NEM's own certificates, which signs its messages.
#[derive(Debug)]
pub struct Update {
    facts: Facts,
    phase: Phase,
}

/// What stays the same all the time.
#[derive(Debug)]
struct Facts {
    upstream: Arc<Upstream>,
    signer: SenderIdentity,
    key: Arc<dyn SigningKey>,
    /// The certificate that is updated.
    old: Certificate,
    /// The SubjectPublicKeyInfo that the next one must hold.
    public_key: Vec<u8>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // there is one at a time
enum Phase {
    Sent(AwaitingCertificate),
    Waiting(Waiting),
    Confirming { awaiting: AwaitingPkiConf, certificates: Certificates, turned_down: Option<String> },
}

impl Update {
    /// Makes the kur: the names stay as they are, the key is another one. Returns what to send to that RA/CA.
    ///
    /// # Errors
    /// When the certificate cannot be decoded, or signing fails.
    pub fn start(
        upstream: Arc<Upstream>,
        certificate: &EncodedCertificate,
        chain: Vec<EncodedCertificate>,
        key: Arc<dyn SigningKey>,
        next_key: &dyn SigningKey,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), Error> {
        let signer = SenderIdentity::new(certificate.clone(), chain, key.algorithm())?;
        let old = decode(certificate)?;
        let tbs = old.tbs_certificate();
        let refused = |error| Error::from(cmp::Error::CertReqMsg(error));
        let mut builder = CertReqMsgBuilder::new(Some(tbs.subject().clone()), next_key.public_key());
        builder.extensions = alternative_names(&old);
        let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
        let updated = Control::OldCertId(CertId::new(issuer, tbs.serial_number().clone()));
        builder.controls = Vec::from([updated.close().map_err(refused)?]);
        let message = builder.sign(next_key).map_err(refused)?;
        let messages = CertReqMessages::new(Vec::from([message])).map_err(refused)?;
        let enrolment = Enrolment::new(CertificateRequest::Kur(messages));
        let (part, awaiting) = enrolment.start(&signer, provider, now)?;
        let octets = part.sign(key.as_ref())?;
        let public_key = next_key.public_key().spki_octets().to_vec();
        let facts = Facts { upstream, signer, key, old, public_key };
        Ok((Self { facts, phase: Phase::Sent(awaiting) }, octets))
    }

    /// Asks again whether the certificate is there.
    ///
    /// # Errors
    /// When there is nothing to poll for, or signing fails.
    pub fn poll(self, provider: &CryptoProvider, now: UnixTime) -> Result<(Self, Vec<u8>), Error> {
        let Self { facts, phase } = self;
        let Phase::Waiting(waiting) = phase else {
            return Err(Error::Unbelieved("nothing is to be polled for".to_string()));
        };
        let (part, awaiting) = waiting.poll(&facts.signer, provider, now)?;
        let octets = part.sign(facts.key.as_ref())?;
        Ok((Self { facts, phase: Phase::Sent(awaiting) }, octets))
    }

    /// Takes the answer. The certificate counts when it is confirmed.
    ///
    /// # Errors
    /// When the answer is not believed, the RA/CA refuses, or the certificate is not the one that was asked for.
    pub fn handle(
        self,
        octets: &[u8],
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Next<Self, Certificates>, Error> {
        let Self { facts, phase } = self;
        match phase {
            Phase::Waiting(_) => Err(Error::Unbelieved("an answer came where none was due".to_string())),
            Phase::Sent(awaiting) => {
                let message = validate(&facts.upstream, octets, &awaiting.expectation(), provider, now)?;
                match awaiting.handle(&message)? {
                    Answer::Granted(granted) => facts.take(granted, provider, now),
                    Answer::Waiting(waiting) => {
                        let pause = waiting.check_after().unwrap_or_default().max(POLL_PAUSE);
                        Ok(Next::Wait(Self { facts, phase: Phase::Waiting(waiting) }, pause))
                    }
                    Answer::Refused(status) => Err(Error::Refused(format_reason(&status))),
                    _ => Err(cmp::Error::InconsistentAnswer.into()),
                }
            }
            Phase::Confirming { awaiting, certificates, turned_down } => {
                let message = validate(&facts.upstream, octets, &awaiting.expectation(), provider, now)?;
                match (awaiting.handle(&message)?, turned_down) {
                    (_, Some(fault)) => Err(Error::NotTaken(fault)),
                    (Confirmation::Delayed(_), None) => {
                        Err(Error::Refused("the RA/CA delays its pkiconf".to_string()))
                    }
                    (_, None) => Ok(Next::Done(certificates)),
                }
            }
        }
    }
}

impl Facts {
    /// Takes the certificate or turns it down, and says so.
    fn take(
        self,
        granted: Granted,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Next<Update, Certificates>, Error> {
        let chain = granted.extra_certs().iter().filter(|other| is_ca(other)).cloned().collect();
        let certificates = Certificates { certificate: granted.certificate().clone(), chain };
        let turned_down = self.check(&granted, provider, now).err();
        if granted.implicitly_confirmed() {
            return turned_down.map_or(Ok(Next::Done(certificates)), |fault| Err(Error::NotTaken(fault)));
        }
        let (part, awaiting) = match &turned_down {
            None => granted.confirm(&self.signer, provider, now)?,
            Some(fault) => {
                let status = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, fault.clone());
                granted.reject(status, &self.signer, provider, now)?
            }
        };
        let octets = part.sign(self.key.as_ref())?;
        let phase = Phase::Confirming { awaiting, certificates, turned_down };
        Ok(Next::Send(Update { facts: self, phase }, octets))
    }

    /// The same names, the next key, a path to the operator's CA, and good for all that the old one was good for.
    fn check(&self, granted: &Granted, provider: &CryptoProvider, now: UnixTime) -> Result<(), String> {
        let extensions = alternative_names(&self.old);
        let subject = Some(self.old.tbs_certificate().subject());
        let (public_key, key_use) = (&self.public_key, KeyUse::Signing);
        let requested = Requested { public_key, subject, extensions: &extensions, key_use };
        let path = CertificatePath {
            end_entity: granted.certificate(),
            intermediates: granted.extra_certs(),
            anchors: &self.upstream.anchors,
            extended_key_usage: ExtendedKeyUsage::Any,
            revocation: None,
            now,
        };
        requested.check(&path, provider).map_err(|fault| fault.to_string())?;
        let next = granted.check().map_err(|error| error.to_string())?;
        let (had, has) = (purposes(&self.old), purposes(&next));
        match had.iter().find(|purpose| !has.contains(purpose)) {
            Some(purpose) => Err(alloc::format!("it is not good for {purpose}, as the one before was")),
            None => Ok(()),
        }
    }
}

/// A question to an RA/CA.
#[derive(Debug)]
pub struct Inquiry {
    upstream: Arc<Upstream>,
    phase: Asked,
}

#[derive(Debug)]
enum Asked {
    Sent(AwaitingReply),
    Delayed(Delayed),
}

impl Inquiry {
    /// Asks. Returns what to send to that RA/CA.
    ///
    /// # Errors
    /// When signing fails.
    pub fn start(
        upstream: Arc<Upstream>,
        info: InfoTypeAndValue,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Self, Vec<u8>), Error> {
        let (part, awaiting) = Question::general(info).start(&upstream.identity, provider, now)?;
        let octets = part.sign(upstream.key.as_ref())?;
        Ok((Self { upstream, phase: Asked::Sent(awaiting) }, octets))
    }

    /// Asks again.
    ///
    /// # Errors
    /// When there is nothing to poll for, or signing fails.
    pub fn poll(self, provider: &CryptoProvider, now: UnixTime) -> Result<(Self, Vec<u8>), Error> {
        let Asked::Delayed(delayed) = self.phase else {
            return Err(Error::Unbelieved("nothing is to be polled for".to_string()));
        };
        let (part, awaiting) = delayed.poll(&self.upstream.identity, provider, now)?;
        let octets = part.sign(self.upstream.key.as_ref())?;
        Ok((Self { upstream: self.upstream, phase: Asked::Sent(awaiting) }, octets))
    }

    /// Takes the answer: what the RA/CA knows, believed as its word.
    ///
    /// # Errors
    /// When the answer is not believed, or the RA/CA refuses.
    pub fn handle(
        self,
        octets: &[u8],
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Next<Self, Vec<InfoTypeAndValue>>, Error> {
        let Asked::Sent(awaiting) = self.phase else {
            return Err(Error::Unbelieved("an answer came where none was due".to_string()));
        };
        let message = validate(&self.upstream, octets, &awaiting.expectation(), provider, now)?;
        match awaiting.handle(&message)? {
            Reply::Information(items) => Ok(Next::Done(items)),
            Reply::Refused(status) => Err(Error::Refused(format_reason(&status))),
            Reply::Delayed(delayed) => {
                let pause = delayed.check_after().unwrap_or_default().max(POLL_PAUSE);
                Ok(Next::Wait(Self { upstream: self.upstream, phase: Asked::Delayed(delayed) }, pause))
            }
            _ => Err(cmp::Error::InconsistentAnswer.into()),
        }
    }
}

fn validate(
    upstream: &Upstream,
    octets: &[u8],
    expectation: &Expectation<'_>,
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<ValidatedMessage, Error> {
    let mut validator = Validator::new(provider, upstream.trust());
    validator.time_window = upstream.time_window;
    validator.quirks = upstream.quirks;
    PkiMessage::inspect(octets, &upstream.reading)
        .and_then(|message| message.answer_inside(upstream.quirks, &upstream.reading))
        .and_then(|message| validator.validate(message, expectation, now))
        .map_err(|error| Error::Unbelieved(believed_nothing(octets, &error)))
}

fn purposes(certificate: &Certificate) -> Vec<ObjectIdentifier> {
    let extension = certificate.tbs_certificate().get_extension::<Purposes>();
    extension.ok().flatten().map(|(_, purposes)| purposes.0).unwrap_or_default()
}

fn alternative_names(certificate: &Certificate) -> Vec<Extension> {
    let all = certificate.tbs_certificate().extensions().map_or(&[][..], Vec::as_slice);
    all.iter().filter(|extension| extension.extn_id == rfc5280::SUBJECT_ALT_NAME).cloned().collect()
}

/// When the certificate stops to be valid, and when it is time to renew it: after two thirds of its validity, in Unix seconds.
///
/// # Errors
/// When it cannot be decoded.
pub fn renewal_times(certificate: &EncodedCertificate) -> Result<(UnixTime, UnixTime), Error> {
    let decoded = decode(certificate)?;
    let validity = decoded.tbs_certificate().validity();
    let from = validity.not_before.to_unix_duration().as_secs();
    let until = validity.not_after.to_unix_duration().as_secs();
    let renew = from.saturating_add(until.saturating_sub(from) / 3 * 2);
    Ok((UnixTime::from_secs(renew), UnixTime::from_secs(until)))
}

fn decode(certificate: &EncodedCertificate) -> Result<Certificate, Error> {
    Ok(Certificate::from_der(certificate.octets()).map_err(cmp::Error::MalformedCertificate)?)
}
