//! A station that shares a secret with an RA/CA, and messages as they should not be.
#![allow(unreachable_pub)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asn1::EncodedCertificate;
use asn1::oids::{rfc8018, rfc9810};
use cmp::end_entity::{AwaitingCertificate, CertificateRequest, Enrolment};
use cmp::management_entity::{AwaitingCertConf, Grant, ReplyTo, Responder, VerifiedRequest};
use cmp::{
    Error, Expectation, MacCredential, PkiHeader, PkiMessage, Reference, SecretTrust, SenderIdentity,
    SignerRole, Trust, ValidatedMessage, Validator,
};
use crmf::{CertReqMessages, CertReqMsgBuilder, PasswordMac, PbmParameter, Pbmac1Params};
use crypto::{
    CryptoProvider, DigestAlgorithm, Digester, ExtendedKeyUsage, MacAlgorithm, MacComputer, SharedSecret,
    SigningKey, VerifyError,
};
use crypto_aws_lc::SoftwareKey;
use der::asn1::{BitString, ContextSpecific, Null};
use der::{Any, Decode, Encode, Tag, TagMode, TagNumber};
use pkcs10::{CertReq, CertReqBuilder};
use spki::AlgorithmIdentifierOwned;
use testkit::vectors::{self, NOW};

pub const REFERENCE: &str = "4711";
pub const SECRET: &str = "correct-horse-battery-staple";

pub fn secret(text: &str) -> SharedSecret {
    SharedSecret::new(text.into())
}

pub fn reference() -> Reference {
    Reference::new(REFERENCE)
}

pub fn entry(reference: &str, text: &str) -> SecretTrust {
    SecretTrust::new(Reference::new(reference), secret(text))
}

pub fn credential(reference: &str, text: &str, mac: PasswordMac) -> MacCredential {
    MacCredential::new(Reference::new(reference), secret(text), mac).unwrap()
}

pub fn bad_mac() -> Error {
    Error::BadProtection(VerifyError::BadMac)
}

pub fn macs() -> [PasswordMac; 3] {
    let provider = crypto_aws_lc::provider();
    let pbm = PbmParameter::new(&[7; 16], 500).unwrap();
    let gmac = pbm.with_gmac(crypto::AesKeySize::Aes256, &provider).unwrap();
    [PasswordMac::pbmac1(&provider).unwrap(), PasswordMac::pbm(&provider).unwrap(), PasswordMac::Pbm(gmac)]
}

/// With as few iterations as are accepted.
pub fn quick_macs() -> [PasswordMac; 2] {
    [
        PasswordMac::Pbmac1(Pbmac1Params::new(&[7; 16], 100).unwrap()),
        PasswordMac::Pbm(PbmParameter::new(&[7; 16], 100).unwrap()),
    ]
}

pub struct House {
    pub provider: CryptoProvider,
    pub station: MacCredential,
    pub station_key: SoftwareKey,
    pub ca_key: SoftwareKey,
    /// A station's vendor certificate, with its key.
    pub vendor: (SoftwareKey, SenderIdentity),
    pub trust_at_ca: Vec<Trust>,
    pub secrets_at_ca: Vec<SecretTrust>,
    mac: PasswordMac,
    ca: SenderIdentity,
    trust_at_station: Vec<Trust>,
    secrets_at_station: Vec<SecretTrust>,
}

fn certificate(name: &str) -> EncodedCertificate {
    vectors::own_certificate(&format!("openssl-mock/{name}.crt.pem"))
}

fn key(name: &str) -> SoftwareKey {
    SoftwareKey::from_pem(&vectors::own_text(&format!("openssl-mock/{name}.key.pem"))).unwrap()
}

impl House {
    pub fn new(mac: PasswordMac) -> Self {
        let (ca_key, vendor_key) = (key("oper-ca"), key("vendor-bs"));
        let identity = |name, key: &SoftwareKey| {
            SenderIdentity::new(certificate(name), vec![], key.algorithm()).unwrap()
        };
        let mut of_ca = entry(REFERENCE, SECRET);
        of_ca.role = SignerRole::CertificationAuthority;
        let trust = |role, name| vec![Trust::new(role, vec![certificate(name)], ExtendedKeyUsage::Any)];
        Self {
            provider: crypto_aws_lc::provider(),
            station: credential(REFERENCE, SECRET, mac.clone()),
            station_key: key("oper-bs"),
            ca: identity("oper-ca", &ca_key),
            ca_key,
            vendor: (key("vendor-bs"), identity("vendor-bs", &vendor_key)),
            trust_at_ca: trust(SignerRole::VendorCertified, "vendor-ca"),
            secrets_at_ca: vec![entry(REFERENCE, SECRET), entry("4712", "another-secret-of-somebody")],
            mac,
            trust_at_station: trust(SignerRole::CertificationAuthority, "oper-ca"),
            secrets_at_station: vec![of_ca],
        }
    }

    pub fn station_mac(&self) -> &PasswordMac {
        &self.mac
    }

    pub fn other_station(&self) -> MacCredential {
        credential("4712", "another-secret-of-somebody", self.mac.clone())
    }

    pub fn p10cr(&self) -> CertificateRequest {
        let builder = CertReqBuilder::new("CN=4711".parse().unwrap(), self.station_key.public_key());
        let request = CertReq::from_der(&builder.sign(&self.station_key).unwrap()).unwrap();
        CertificateRequest::P10cr(Box::new(request))
    }

    pub fn ir_with_subject(&self) -> CertificateRequest {
        self.ir(CertReqMsgBuilder::new(Some("CN=4711".parse().unwrap()), self.station_key.public_key()))
    }

    pub fn ir_with_public_key_mac(&self, text: &str) -> CertificateRequest {
        let mut builder = CertReqMsgBuilder::new(None, self.station_key.public_key());
        let octets = self.station_key.public_key().spki_octets();
        builder.public_key_mac = self.mac.authenticate(&self.provider, &secret(text), octets).ok();
        self.ir(builder)
    }

    fn ir(&self, builder: CertReqMsgBuilder) -> CertificateRequest {
        let message = builder.sign(&self.station_key).unwrap();
        CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap())
    }

    pub fn start(&self, request: CertificateRequest) -> (Vec<u8>, AwaitingCertificate) {
        let identity = self.station.identity();
        let (part, awaiting) = Enrolment::new(request).start(identity, &self.provider, NOW).unwrap();
        (part.authenticate(&self.station, &self.provider).unwrap(), awaiting)
    }

    pub fn start_signed(&self) -> (Vec<u8>, AwaitingCertificate) {
        let (key, identity) = &self.vendor;
        let (part, awaiting) = Enrolment::new(self.p10cr()).start(identity, &self.provider, NOW).unwrap();
        assert_eq!(part.authenticate(&self.station, &self.provider), Err(Error::BadCredential));
        (part.sign(key).unwrap(), awaiting)
    }

    pub fn at_ca(&self, octets: &[u8], expectation: &Expectation<'_>) -> Result<ValidatedMessage, Error> {
        let mut validator = Validator::new(&self.provider, &self.trust_at_ca);
        validator.secrets = &self.secrets_at_ca;
        validator.validate(PkiMessage::from_der(octets)?, expectation, NOW)
    }

    pub fn at_station(
        &self,
        octets: &[u8],
        expectation: &Expectation<'_>,
    ) -> Result<ValidatedMessage, Error> {
        let mut validator = Validator::new(&self.provider, &self.trust_at_station);
        validator.secrets = &self.secrets_at_station;
        validator.validate(PkiMessage::from_der(octets)?, expectation, NOW)
    }

    pub fn responder<'a>(&'a self, credential: &'a MacCredential) -> Responder<'a> {
        Responder { identity: credential.identity(), provider: &self.provider, now: NOW }
    }

    pub fn signing_responder(&self) -> Responder<'_> {
        Responder { identity: &self.ca, provider: &self.provider, now: NOW }
    }

    /// Answered in kind.
    pub fn grant(&self, message: &ValidatedMessage) -> (Vec<u8>, AwaitingCertConf) {
        self.grant_with(message, message.mac_credential().unwrap())
    }

    pub fn grant_with(
        &self,
        message: &ValidatedMessage,
        credential: &MacCredential,
    ) -> (Vec<u8>, AwaitingCertConf) {
        let verified = VerifiedRequest::verify(message, &self.provider).unwrap();
        let grant = Grant::new(certificate("oper-bs"), vec![]);
        let reply_to = ReplyTo::new(message.message().header());
        let (part, next) = verified.open().grant(&grant, &reply_to, &self.responder(credential)).unwrap();
        (part.authenticate(credential, &self.provider).unwrap(), next.unwrap())
    }

    pub fn signed_grant(&self, message: &ValidatedMessage) -> Vec<u8> {
        let verified = VerifiedRequest::verify(message, &self.provider).unwrap();
        let grant = Grant::new(certificate("oper-bs"), vec![]);
        let reply_to = ReplyTo::new(message.message().header());
        let (part, _) = verified.open().grant(&grant, &reply_to, &self.signing_responder()).unwrap();
        part.sign(&self.ca_key).unwrap()
    }
}

/// The message with another header and the protection that it had.
pub fn with_header(octets: &[u8], change: impl FnOnce(&mut PkiHeader)) -> Vec<u8> {
    let message = PkiMessage::from_der(octets).unwrap();
    let mut header = message.header().clone();
    change(&mut header);
    let tag = message.protection().unwrap().as_bytes().unwrap();
    put_together(&header, &message, tag)
}

/// The message with another protection.
pub fn with_tag(octets: &[u8], tag: &[u8]) -> Vec<u8> {
    let message = PkiMessage::from_der(octets).unwrap();
    put_together(message.header(), &message, tag)
}

fn put_together(header: &PkiHeader, message: &PkiMessage, tag: &[u8]) -> Vec<u8> {
    let value = BitString::from_bytes(tag).unwrap();
    let protection = ContextSpecific { tag_number: TagNumber(0), tag_mode: TagMode::Explicit, value };
    let parts = [header.to_der().unwrap(), message.body().to_der().unwrap(), protection.to_der().unwrap()];
    Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap()
}

fn identifier(oid: der::asn1::ObjectIdentifier, parameters: &impl Encode) -> AlgorithmIdentifierOwned {
    let parameters = Any::from_der(&parameters.to_der().unwrap()).ok();
    AlgorithmIdentifierOwned { oid, parameters }
}

/// Algorithms that are refused, whatever the MAC.
pub fn unacceptable() -> Vec<(&'static str, AlgorithmIdentifierOwned)> {
    let pbm = |change: &dyn Fn(&mut PbmParameter)| {
        let mut parameters = PbmParameter::new(&[7; 16], 500).unwrap();
        change(&mut parameters);
        identifier(rfc9810::PASSWORD_BASED_MAC, &parameters)
    };
    let pbmac1 = |change: &dyn Fn(&mut crmf::Pbkdf2Params)| {
        let mut parameters = Pbmac1Params::new(&[7; 16], 500).unwrap();
        let mut pbkdf2 = parameters.pbkdf2().unwrap();
        change(&mut pbkdf2);
        parameters.key_derivation_func = identifier(rfc8018::PBKDF2, &pbkdf2);
        identifier(rfc8018::PBMAC1, &parameters)
    };
    let salt = || der::asn1::OctetString::new(vec![7; 257]).unwrap();
    let sha1 = const_oid::ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
    let gmac = |nonce: usize, length: u8| {
        let parameters = [&[4, u8::try_from(nonce).unwrap()][..], &vec![7; nonce], &[2, 1, length]].concat();
        let parameters = Any::new(der::Tag::Sequence, parameters).unwrap();
        pbm(&|pbm| pbm.mac = identifier(asn1::oids::rfc9044::AES128_GMAC, &parameters))
    };
    let mut hmac_sha1 = Pbmac1Params::new(&[7; 16], 500).unwrap();
    hmac_sha1.message_auth_scheme = identifier(rfc8018::HMAC_WITH_SHA1, &Null);
    vec![
        ("PBM, no iterations", pbm(&|parameters| parameters.iteration_count = 0)),
        ("PBM, 99 iterations", pbm(&|parameters| parameters.iteration_count = 99)),
        ("PBM, 1000001 iterations", pbm(&|parameters| parameters.iteration_count = 1_000_001)),
        ("PBM, the most iterations", pbm(&|parameters| parameters.iteration_count = u32::MAX)),
        ("PBM, long salt", pbm(&|parameters| parameters.salt = salt())),
        ("PBM, SHA-1", pbm(&|parameters| parameters.owf.oid = sha1)),
        ("PBM, HMAC-SHA-1", pbm(&|parameters| parameters.mac.oid = rfc8018::HMAC_WITH_SHA1)),
        (
            "PBM, AES-GMAC without parameters",
            pbm(&|pbm| pbm.mac = identifier(asn1::oids::rfc9044::AES128_GMAC, &Null)),
        ),
        ("PBM, AES-GMAC, tag of 12 octets", gmac(12, 12)),
        ("PBM, AES-GMAC, nonce of 11 octets", gmac(11, 16)),
        ("PBM, AES-GMAC, no nonce", gmac(0, 16)),
        ("PBM without parameters", identifier(rfc9810::PASSWORD_BASED_MAC, &Null)),
        ("PBMAC1, 99 iterations", pbmac1(&|parameters| parameters.iteration_count = 99)),
        ("PBMAC1, 1000001 iterations", pbmac1(&|parameters| parameters.iteration_count = 1_000_001)),
        ("PBMAC1, long salt", pbmac1(&|parameters| parameters.salt = salt())),
        ("PBMAC1, keyLength 4096", pbmac1(&|parameters| parameters.key_length = Some(4096))),
        ("PBMAC1, keyLength 19", pbmac1(&|parameters| parameters.key_length = Some(19))),
        ("PBMAC1, no keyLength", pbmac1(&|parameters| parameters.key_length = None)),
        ("PBMAC1, prf HMAC-SHA-1", pbmac1(&|parameters| parameters.prf = None)),
        ("PBMAC1, HMAC-SHA-1", identifier(rfc8018::PBMAC1, &hmac_sha1)),
        (
            "PBMAC1, prf AES-GMAC",
            pbmac1(&|parameters| parameters.prf.as_mut().unwrap().oid = asn1::oids::rfc9044::AES128_GMAC),
        ),
        ("PBMAC1 without parameters", identifier(rfc8018::PBMAC1, &Null)),
    ]
}

/// How many digests and iterations were asked for.
#[derive(Clone, Default)]
pub struct Work(Arc<AtomicU64>);

impl Work {
    pub fn total(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }

    fn add(&self, amount: u32) {
        self.0.fetch_add(amount.into(), Ordering::Relaxed);
    }
}

/// A provider whose digests and MACs are all zeros, and which counts them.
pub fn counting_provider() -> (CryptoProvider, Work) {
    let work = Work::default();
    let signature = Box::new(Never);
    let path = Box::new(crypto::WebPki::new());
    let provider =
        CryptoProvider::new(signature, Box::new(work.clone()), Box::new(work.clone()), Box::new(Never), path);
    (provider, work)
}

struct Never;

impl crypto::SignatureVerifier for Never {
    fn is_valid(&self, _: crypto::SignatureAlgorithm, _: &crypto::PublicKey, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

impl crypto::Random for Never {
    fn fill(&self, _: &mut [u8]) -> Result<(), crypto::RandomError> {
        Err(crypto::RandomError::new())
    }
}

impl Digester for Work {
    fn digest(&self, algorithm: DigestAlgorithm, _: &[u8]) -> Vec<u8> {
        self.add(1);
        vec![0; algorithm.length()]
    }
}

impl MacComputer for Work {
    fn mac(&self, algorithm: MacAlgorithm, _: &[u8], _: &[u8]) -> Vec<u8> {
        self.add(1);
        vec![0; algorithm.digest().length()]
    }

    fn is_valid_mac(&self, _: MacAlgorithm, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        self.add(1);
        false
    }

    fn pbkdf2(&self, _: MacAlgorithm, _: &[u8], _: &[u8], iterations: NonZeroU32, _: &mut [u8]) {
        self.add(iterations.get());
    }
}
