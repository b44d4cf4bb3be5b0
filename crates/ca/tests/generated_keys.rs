//! Generated keys of others, from others, and changed on the way; and what OpenSSL makes of them: RFC 9483 section 4.1.6.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::fs;

use asn1::{RawDer, constructed};
use ca::Outcome;
use cmp::end_entity::{Answer, AwaitingCertificate};
use cmp::{CertRepMessage, Error, PkiBody, PkiMessage, RecipientKey, ValidatedMessage};
use crmf::EncryptedKey;
use crypto::{EnvelopeError, PathError, SigningKey, VerifyError};
use crypto_aws_lc::{KemKey, KeyType};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use support::generated::{agreement, house, open, profile, request, station};
use support::{House, NOW, Requester, certify_contents, crmf, granted, ir, key, name, sequence};
use testkit::programs::run_words;
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsages;

struct Exchange {
    house: House,
    own: Requester,
    awaiting: AwaitingCertificate,
    reply: Vec<u8>,
}

impl Exchange {
    fn new() -> Self {
        Self::with(house())
    }

    fn with(house: House) -> Self {
        let own = station(&house, KeyType::P256);
        let (octets, awaiting) = house.start(&own, request("CN=enb-0002,O=Vendor", None));
        let reply = house.ca.handle(&octets, NOW);
        assert!(matches!(reply.event.outcome, Outcome::Issued { .. }), "{}", reply.event.outcome);
        Self { reply: reply.octets, house, own, awaiting }
    }

    fn message(&self, octets: &[u8]) -> ValidatedMessage {
        self.house.validate(octets, &self.awaiting.expectation(), NOW)
    }

    /// The answer with another key or certificate in it.
    fn changed(&self, change: impl FnOnce(&mut CertRepMessage)) -> Result<Answer, Error> {
        let octets = self.house.changed_answer(&self.reply, |body| {
            let PkiBody::Ip(content) = body else { panic!("{body:?}") };
            change(content);
        });
        self.awaiting.clone().handle(&self.message(&octets))
    }

    fn open_with(
        &self,
        key: RecipientKey<'_>,
        change: impl FnOnce(&mut CertRepMessage),
    ) -> Result<(), Error> {
        let mut granted = granted(self.changed(change)?);
        open(&self.house, &mut granted, key, Some(&self.own.certificate)).map(|_| ())
    }

    fn open(&self, change: impl FnOnce(&mut CertRepMessage)) -> Result<(), Error> {
        self.open_with(RecipientKey::Agreement(&agreement(&self.own)), change)
    }

    fn enveloped(&self) -> RawDer {
        let message = PkiMessage::from_der(&self.reply).unwrap();
        let PkiBody::Ip(content) = message.body() else { panic!("{:?}", message.body()) };
        let key = content.response[0].certified_key_pair.as_ref().unwrap().private_key.clone().unwrap();
        match key.decode_as().unwrap() {
            EncryptedKey::EnvelopedData(data) => data,
            other => panic!("{other:?}"),
        }
    }
}

fn private_key(content: &mut CertRepMessage) -> &mut Option<RawDer> {
    &mut content.response[0].certified_key_pair.as_mut().unwrap().private_key
}

fn sealed(data: &RawDer) -> Option<RawDer> {
    RawDer::build(&EncryptedKey::EnvelopedData(data.clone())).ok()
}

#[test]
fn keys_of_others_and_from_others_are_refused() {
    let exchange = Exchange::new();
    assert_eq!(exchange.open(|_| ()), Ok(()));
    let other = Exchange::new();
    // For another station, by another operator.
    let foreign = exchange.open(|content| *private_key(content) = sealed(&other.enveloped()));
    assert_eq!(foreign, Err(Error::NotTheRecipient));
    let key = agreement(&other.own);
    let wrong_key = exchange.open_with(RecipientKey::Agreement(&key), |_| ());
    assert_eq!(wrong_key, Err(Error::Envelope(EnvelopeError::Undecipherable)));
    let kem = KemKey::generate(crypto::KemAlgorithm::MlKem512).unwrap();
    let wrong_kind = exchange.open_with(RecipientKey::Decapsulation(&kem), |_| ());
    assert_eq!(wrong_kind, Err(Error::NotTheRecipient));

    // The certificate of another key; no key; a key that nobody asked for.
    let certificate = other.own.certificate.clone();
    let swapped = exchange.open(|content| {
        let pair = content.response[0].certified_key_pair.as_mut().unwrap();
        pair.cert_or_enc_cert = cmp::CertOrEncCert::Certificate(certificate);
    });
    assert_eq!(swapped, Err(Error::OtherPublicKey));
    let missing = exchange.open(|content| *private_key(content) = None);
    assert_eq!(missing, Err(Error::PrivateKeyMissing));
    let house = &exchange.house;
    let (octets, awaiting) = house.start(&exchange.own, ir(crmf(&exchange.own.name(), &support::key())));
    let unasked = house.changed_answer(&house.ca.handle(&octets, NOW).octets, |body| {
        let PkiBody::Ip(content) = body else { panic!("{body:?}") };
        *private_key(content) = sealed(&exchange.enveloped());
    });
    let message = house.validate(&unasked, &awaiting.expectation(), NOW);
    assert_eq!(awaiting.handle(&message).unwrap_err(), Error::InconsistentAnswer);
}

#[test]
fn only_a_key_generation_authority_signs_keys() {
    for (purpose, subject) in [
        (asn1::oids::rfc6402::KP_CMC_CA, "CN=no KGA,O=Operator"),
        (asn1::oids::rfc6402::KP_CM_KGA, "CN=KGA,O=Factory"),
    ] {
        let mut house = house();
        let key = key();
        let mut of_signer = profile(&[], KeyUsages::DigitalSignature);
        of_signer.purposes = vec![purpose].into();
        let of_factory = subject.ends_with("Factory");
        let signer = if of_factory {
            let (contents, _) = of_signer.fit(name(subject), key.public_key(), &[]).unwrap();
            Requester::with(certify_contents(&house.vendor, &contents, NOW), key)
        } else {
            house.credential(&of_signer, subject, key)
        };
        let generation = house.ca.key_generation.as_mut().unwrap();
        generation.certificate = signer.certificate;
        generation.key = Box::new(signer.key);
        let due = if of_factory {
            PathError::UnknownIssuer
        } else {
            PathError::ExtendedKeyUsage(asn1::oids::rfc6402::KP_CM_KGA)
        };
        assert_eq!(Exchange::with(house).open(|_| ()), Err(Error::SignerNotTrusted(due)), "{subject}");
    }
    // A certificate of another key than the one that signed.
    let mut house = house();
    house.ca.key_generation.as_mut().unwrap().key = Box::new(key());
    let refused = Exchange::with(house).open(|_| ());
    assert_eq!(refused, Err(Error::BadProtection(VerifyError::BadSignature)));
}

/// `openssl cms` deciphers and verifies what the CA sends; and what it signs and enciphers otherwise than it should is refused.
#[test]
fn openssl_deciphers_and_verifies_the_same() {
    let exchange = Exchange::new();
    let folder = tempfile::tempdir().unwrap();
    let openssl = |words: &[&str]| run_words("openssl", words, folder.path()).success();
    let write = |name: &str, octets: &[u8]| fs::write(folder.path().join(name), octets).unwrap();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let content_info = |oid: &str, content: &[u8]| {
        let mut explicit = Vec::new();
        der::Header::new(constructed(0), content.len().try_into().unwrap())
            .encode_to_vec(&mut explicit)
            .unwrap();
        explicit.extend_from_slice(content);
        sequence(&[&ObjectIdentifier::new_unwrap(oid).to_der().unwrap(), &explicit])
    };
    write("key.pem", exchange.own.key.to_pkcs8_pem().unwrap().as_bytes());
    write("own.der", exchange.own.certificate.octets());
    write("root.der", exchange.house.root.octets());
    openssl(&["x509", "-inform", "DER", "-in", "root.der", "-out", "root.pem"]);
    openssl(&["x509", "-inform", "DER", "-in", "own.der", "-out", "own.pem"]);
    write("enveloped.der", &content_info("1.2.840.113549.1.7.3", exchange.enveloped().octets()));
    // By the name of the recipient's certificate, too.
    let words = [
        "cms",
        "-decrypt",
        "-inform",
        "DER",
        "-in",
        "enveloped.der",
        "-inkey",
        "key.pem",
        "-recip",
        "own.pem",
    ];
    openssl(&[&words[..], &["-out", "signed.der"]].concat());
    let signed = read("signed.der");
    write("signed-ci.der", &content_info("1.2.840.113549.1.7.2", &signed));
    let time = NOW.as_secs().to_string();
    let words = [
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "signed-ci.der",
        "-CAfile",
        "root.pem",
        "-purpose",
        "any",
    ];
    openssl(&[&words[..], &["-attime", &time, "-binary", "-out", "package.der"]].concat());
    let package = read("package.der");
    let keys: Vec<RawDer> = Vec::from_der(&package).unwrap();
    assert_eq!(keys.len(), 1);
    let mut granted = granted(exchange.changed(|_| ()).unwrap());
    let agreement = agreement(&exchange.own);
    let own = Some(&exchange.own.certificate);
    let generated = open(&exchange.house, &mut granted, RecipientKey::Agreement(&agreement), own).unwrap();
    // [version, algorithm, key, publicKey] here, [version, algorithm, key] there.
    let theirs: Vec<der::Any> = Vec::from_der(keys[0].octets()).unwrap();
    let ours: Vec<der::Any> = Vec::from_der(&generated.private_key).unwrap();
    assert_eq!(theirs[1..3], ours[1..3]);
    let certificate = Certificate::from_der(granted.certificate().octets()).unwrap();
    let spki = certificate.tbs_certificate().subject_public_key_info();
    assert!(theirs[3].value().ends_with(spki.subject_public_key.raw_bytes()));

    let enciphered = |content: &[u8]| {
        write("content.der", content);
        let words = ["cms", "-encrypt", "-binary", "-in", "content.der", "-outform", "DER", "-aes-256-cbc"];
        let more = ["-recip", "own.pem", "-keyid", "-keyopt", "ecdh_kdf_md:sha256", "-out", "theirs.der"];
        openssl(&[&words[..], &more].concat());
        let fields: Vec<der::Any> = Vec::from_der(&read("theirs.der")).unwrap();
        RawDer::new(fields[1].value()).unwrap()
    };
    // It says id-data of everything.
    let as_signed_data = |data: &RawDer| {
        let mut octets = data.octets().to_vec();
        let id_data = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1").to_der().unwrap();
        let at = octets.windows(id_data.len()).position(|window| window == id_data).unwrap();
        octets[at + id_data.len() - 1] = 2;
        RawDer::new(&octets).unwrap()
    };
    // The package without a signature, and the signature without its content's type.
    for content in [&package, &signed] {
        let data = enciphered(content);
        let opened = exchange.open(|content| *private_key(content) = sealed(&data));
        assert!(matches!(opened, Err(Error::BadEnvelope(_))), "{opened:?}: id-data");
        let renamed = as_signed_data(&data);
        let opened = exchange.open(|content| *private_key(content) = sealed(&renamed));
        if content == &signed {
            assert_eq!(opened, Ok(()), "what OpenSSL enciphers is opened");
        } else {
            assert!(matches!(opened, Err(Error::MalformedEnvelope(_))), "{opened:?}: not signed");
        }
    }

    // What is signed counts, and the signature.
    let begin = signed.windows(package.len()).position(|window| window == package).unwrap();
    for index in (begin..begin + package.len()).step_by(9).chain((signed.len() - 60..signed.len()).step_by(7))
    {
        let mut changed = signed.clone();
        changed[index] ^= 4;
        let data = as_signed_data(&enciphered(&changed));
        assert!(exchange.open(|content| *private_key(content) = sealed(&data)).is_err(), "octet {index}");
    }
}
