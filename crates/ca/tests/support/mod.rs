//! A CA in memory, those who ask it for certificates, and a clock that stands still.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, dead_code, unreachable_pub)] // each test file uses its part

pub mod counting;
pub mod crafted;
mod forgery;
pub mod generated;
mod registry;
mod requester;

use std::sync::Arc;
use std::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use ca::{Ca, CertificateContents, Issuer, MessageCredential, Outcome, Profile, Reply};
use cmp::end_entity::{Answer, AwaitingCertificate, Enrolment, Granted, Waiting};
use cmp::{
    Expectation, PkiBody, PkiFailureInfo, PkiHeader, PkiMessage, PkiStatusInfo, SignerRole, Trust,
    ValidatedMessage, Validator,
};
use crypto::{CryptoProvider, ExtendedKeyUsage, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use x509_cert::name::Name;

#[allow(unused_imports)] // each test file uses its part
pub use forgery::{forged, protected_by, sequence, unprotected};
#[allow(unused_imports)]
pub use registry::{Fault, MemoryRegistry};
#[allow(unused_imports)]
pub use requester::{Requester, cr, crmf, crmf_without_subject, csr, csr_octets, ir, kur, p10cr, update};

pub const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// An operator's CA, a vendor's CA, a station of that vendor and a NEM with an RA's certificate.
pub struct House {
    pub ca: Ca,
    pub registry: Arc<MemoryRegistry>,
    pub root: EncodedCertificate,
    pub vendor: Issuer,
    pub station: Requester,
    pub nem: Requester,
    pub provider: CryptoProvider,
    root_key: SoftwareKey,
    cmp: Requester,
}

pub fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyType::P256).unwrap()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn root(subject: &str) -> Issuer {
    root_with(subject, key())
}

pub fn root_with(subject: &str, key: SoftwareKey) -> Issuer {
    Issuer::self_signed(name(subject), Box::new(key), YEAR * 10, &crypto_aws_lc::provider(), NOW).unwrap()
}

fn copy(key: &SoftwareKey) -> SoftwareKey {
    SoftwareKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap()
}

/// A certificate of the factory: what a profile adds does not matter.
pub fn certify(issuer: &Issuer, profile: &Profile, subject: &str, key: &SoftwareKey) -> EncodedCertificate {
    let (contents, _) = profile.fit(name(subject), key.public_key(), &[]).unwrap();
    certify_contents(issuer, &contents, NOW)
}

pub fn certify_contents(
    issuer: &Issuer,
    contents: &CertificateContents,
    now: UnixTime,
) -> EncodedCertificate {
    issuer.issue(contents, &crypto_aws_lc::provider(), now).unwrap().certificate
}

impl House {
    pub fn new() -> Self {
        Self::with_root_key(key())
    }

    /// The CA, and so every certificate that it issues, is signed with that key.
    pub fn with_root_key(root_key: SoftwareKey) -> Self {
        let provider = crypto_aws_lc::provider();
        let issuer = root_with("CN=Operator CA,O=Operator", copy(&root_key));
        let vendor = root("CN=Factory CA,O=Vendor");
        let root = issuer.certificate().clone();
        let cmp = Requester::new(&issuer, &Profile::CMP, "CN=CMP,CN=Operator CA,O=Operator");
        let nem = Requester::new(&issuer, &Profile::RA, "CN=nem-1,O=Operator");
        let station = Requester::new(&vendor, &Profile::NE, "CN=enb-0001,O=Vendor");

        let registry = Arc::new(MemoryRegistry::default());
        let credential = MessageCredential { identity: cmp.identity.clone(), key: Box::new(copy(&cmp.key)) };
        let mut ca = Ca::new(crypto_aws_lc::provider(), issuer, credential, registry.clone());
        let trust =
            |role, anchor: &EncodedCertificate, purpose| Trust::new(role, vec![anchor.clone()], purpose);
        ca.trust = vec![
            trust(SignerRole::RegistrationAuthority, &root, ExtendedKeyUsage::REGISTRATION_AUTHORITY),
            trust(SignerRole::OperatorCertified, &root, ExtendedKeyUsage::Any),
            trust(SignerRole::VendorCertified, vendor.certificate(), ExtendedKeyUsage::Any),
        ];
        Self { ca, registry, root, vendor, station, nem, provider, root_key, cmp }
    }

    /// Somebody with a certificate of the CA and a key of their own kind.
    pub fn credential(&self, profile: &Profile, subject: &str, key: SoftwareKey) -> Requester {
        let issuer = Issuer::new(self.root.clone(), Box::new(copy(&self.root_key))).unwrap();
        Requester::with(certify(&issuer, profile, subject, &key), key)
    }

    /// The CA's process ends and starts again: what is not in the registry is gone.
    pub fn restart(&mut self) {
        self.restart_with(crypto_aws_lc::provider());
    }

    /// The CA starts again with other cryptography.
    pub fn restart_with(&mut self, provider: CryptoProvider) {
        let issuer = Issuer::new(self.root.clone(), Box::new(copy(&self.root_key))).unwrap();
        let key = Box::new(copy(&self.cmp.key));
        let credential = MessageCredential { identity: self.cmp.identity.clone(), key };
        let mut ca = Ca::new(provider, issuer, credential, self.registry.clone());
        ca.trust = std::mem::take(&mut self.ca.trust);
        ca.policy = self.ca.policy.clone();
        self.ca = ca;
    }

    /// An answer that the CA would not make, signed by it all the same: its body is changed first.
    pub fn changed_answer(&self, octets: &[u8], change: impl FnOnce(&mut PkiBody)) -> Vec<u8> {
        forged(octets, &self.cmp, |_, body| change(body))
    }

    /// The same with another header.
    pub fn changed_header(&self, octets: &[u8], change: impl FnOnce(&mut PkiHeader)) -> Vec<u8> {
        forged(octets, &self.cmp, |header, _| change(header))
    }

    /// The answer's message as the requester comes to believe it.
    pub fn validate(&self, octets: &[u8], expectation: &Expectation<'_>, now: UnixTime) -> ValidatedMessage {
        let trust = [Trust::new(
            SignerRole::CertificationAuthority,
            vec![self.root.clone()],
            ExtendedKeyUsage::Required(asn1::oids::rfc6402::KP_CMC_CA),
        )];
        let validator = Validator::new(&self.provider, &trust);
        validator.validate(PkiMessage::from_der(octets).unwrap(), expectation, now).unwrap()
    }

    /// Sends a request and takes the answer.
    pub fn enrol(&self, requester: &Requester, enrolment: Enrolment) -> (Vec<u8>, Answer) {
        let (request, awaiting) = self.start(requester, enrolment);
        let reply = self.ca.handle(&request, NOW);
        (request, self.answer(awaiting, &reply, NOW))
    }

    pub fn start(&self, requester: &Requester, enrolment: Enrolment) -> (Vec<u8>, AwaitingCertificate) {
        let (part, awaiting) = enrolment.start(&requester.identity, &self.provider, NOW).unwrap();
        (part.sign(&requester.key).unwrap(), awaiting)
    }

    pub fn answer(&self, awaiting: AwaitingCertificate, reply: &Reply, now: UnixTime) -> Answer {
        let message = self.validate(&reply.octets, &awaiting.expectation(), now);
        awaiting.handle(&message).unwrap()
    }

    /// The station's next pollReq.
    pub fn poll(&self, waiting: Waiting, now: UnixTime) -> (Vec<u8>, AwaitingCertificate) {
        let (part, awaiting) = waiting.poll(&self.station.identity, &self.provider, now).unwrap();
        (part.sign(&self.station.key).unwrap(), awaiting)
    }

    /// Confirms a certificate; returns certConf and the CA's reply, which is checked to be pkiconf.
    pub fn confirm(&self, requester: &Requester, granted: Granted, now: UnixTime) -> (Vec<u8>, Reply) {
        let (part, awaiting) = granted.confirm(&requester.identity, &self.provider, now).unwrap();
        let cert_conf = part.sign(&requester.key).unwrap();
        let reply = self.ca.handle(&cert_conf, now);
        let message = self.validate(&reply.octets, &awaiting.expectation(), now);
        awaiting.handle(&message).unwrap();
        (cert_conf, reply)
    }

    /// The station's first certificate of the operator, confirmed, and its key.
    pub fn enrolled(&self) -> Requester {
        let own_key = key();
        let request = ir(crmf(&self.station.name(), &own_key));
        let (_, answer) = self.enrol(&self.station, request);
        let granted = granted(answer);
        let certificate = granted.certificate().clone();
        self.confirm(&self.station, granted, NOW);
        Requester::with(certificate, own_key)
    }

    /// The status with which a message is refused; nothing is issued by that.
    pub fn refused(&self, request: &[u8]) -> PkiStatusInfo {
        let issued = self.registry.count();
        let reply = self.ca.handle(request, NOW);
        assert!(matches!(reply.event.outcome, Outcome::Refused(_)), "{}", reply.event.outcome);
        assert_eq!(self.registry.count(), issued);
        status(&reply.octets)
    }

    pub fn refused_with(&self, request: &[u8], bit: PkiFailureInfo) {
        let status = self.refused(request);
        assert_eq!(status.fail_info, Some(bit), "{status}");
    }
}

/// The status in a negative answer, which is protected.
pub fn status(octets: &[u8]) -> PkiStatusInfo {
    let message = PkiMessage::from_der(octets).unwrap();
    assert!(message.protection().is_some());
    match message.body() {
        PkiBody::Error(content) => content.pki_status_info.clone(),
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
            content.response[0].status.clone()
        }
        PkiBody::Rp(content) => content.status[0].clone(),
        other => panic!("{other:?}"),
    }
}

pub fn granted(answer: Answer) -> Granted {
    match answer {
        Answer::Granted(granted) => granted,
        other => panic!("{other:?}"),
    }
}
