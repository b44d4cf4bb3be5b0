//! pvno is 3 where version 3 is needed, and 2 elsewhere (RFC 9810 section 7).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use asn1::{EncodedCertificate, RawDer};
use cmp::{
    CaKeyUpdAnnContent, CaKeyUpdContent, CertOrEncCert, CertRepMessage, CertReqId, CertResponse, CertStatus,
    Challenge, InfoValue, PkiBody, PkiStatus, PkiStatusInfo, Pvno, RootCaKeyUpdateContent,
};
use crmf::{
    CertReqMessages, CertReqMsg, CertReqMsgBuilder, Control, EncryptedKey, EncryptedValue, PkiArchiveOptions,
    PopoPrivKey, SubsequentMessage,
};
use crypto::{DigestAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::asn1::{BitString, OctetString};

fn certificate() -> EncodedCertificate {
    EncodedCertificate::new(&[0x30, 0]).unwrap()
}

fn enveloped() -> RawDer {
    RawDer::new(&[0x30, 0]).unwrap()
}

fn ir(request: CertReqMsg) -> PkiBody {
    PkiBody::Ir(CertReqMessages::new(vec![request]).unwrap())
}

fn builder() -> CertReqMsgBuilder {
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    CertReqMsgBuilder::new(Some("CN=enb".parse().unwrap()), key.public_key())
}

fn archived(key: EncryptedKey) -> PkiBody {
    let mut builder = builder();
    let options = PkiArchiveOptions::EncryptedPrivKey(key);
    builder.controls = vec![Control::PkiArchiveOptions(Box::new(options)).close().unwrap()];
    ir(builder.ra_verified().unwrap())
}

fn encipherment(proof: PopoPrivKey) -> PkiBody {
    ir(builder().key_encipherment(proof).unwrap())
}

fn confirmation(with_hash_alg: bool) -> PkiBody {
    let mut status = CertStatus::new(OctetString::new([0; 32]).unwrap(), CertReqId::FIRST, None);
    status.hash_alg = with_hash_alg.then(|| DigestAlgorithm::Sha512.identifier());
    PkiBody::CertConf(vec![status])
}

fn encrypted_certificate(key: &[u8]) -> PkiBody {
    let status = PkiStatusInfo::new(PkiStatus::Accepted);
    let mut response = CertResponse::with_certificate(CertReqId::FIRST, status, certificate());
    let pair = response.certified_key_pair.as_mut().unwrap();
    pair.cert_or_enc_cert = CertOrEncCert::EncryptedCert(RawDer::new(key).unwrap());
    PkiBody::Ip(CertRepMessage::new(response))
}

fn challenge(pvno: u8) -> PkiBody {
    let mut challenge = Challenge::new(None, &[1; 32], enveloped()).unwrap();
    if pvno == 2 {
        challenge.encrypted_rand = None;
    }
    PkiBody::Popdecc(vec![challenge])
}

fn passphrase(key: EncryptedKey) -> PkiBody {
    PkiBody::Genm(vec![InfoValue::RevPassphrase(key).close().unwrap()])
}

#[test]
fn what_needs_version_3_says_so() {
    let old =
        || EncryptedKey::EncryptedValue(Box::new(EncryptedValue::new(BitString::from_bytes(&[1]).unwrap())));
    let new = || EncryptedKey::EnvelopedData(enveloped());
    let later = PopoPrivKey::SubsequentMessage;
    let linked = CaKeyUpdAnnContent::new(certificate(), certificate(), certificate());
    for (body, pvno) in [
        (ir(builder().ra_verified().unwrap()), 2),
        (archived(old()), 2),
        (archived(new()), 3),
        (encipherment(later(SubsequentMessage::EncrCert)), 3),
        (encipherment(later(SubsequentMessage::ChallengeResp)), 2),
        (encipherment(PopoPrivKey::EncryptedKey(enveloped())), 3),
        (confirmation(false), 2),
        (confirmation(true), 3),
        // EncryptedValue under SEQUENCE, EnvelopedData under [0].
        (encrypted_certificate(&[0x30, 4, 3, 2, 0, 1]), 2),
        (encrypted_certificate(&[0xa0, 0]), 3),
        (challenge(2), 2),
        (challenge(3), 3),
        (PkiBody::Ckuann(CaKeyUpdContent::V2(linked)), 2),
        (PkiBody::Ckuann(CaKeyUpdContent::V3(RootCaKeyUpdateContent::new(certificate()))), 3),
        (passphrase(old()), 2),
        (passphrase(new()), 3),
        (PkiBody::Nested(vec![RawDer::new(&[0x30, 0]).unwrap()]), 2),
        (PkiBody::PkiConf, 2),
    ] {
        let expected = if pvno == 3 { Pvno::CMP2021 } else { Pvno::CMP2000 };
        assert_eq!(body.least_pvno(), expected, "{:?}", body.kind());
    }
}

/// A template without a key, or with an algorithm and no key: the CA is to make it, and will send it in EnvelopedData.
#[test]
fn a_key_that_the_ca_makes_needs_version_3() {
    // CertReqMsg { CertRequest { certReqId 0, CertTemplate { publicKey [6] { rsaEncryption NULL, '' } } } }
    let with_kind = [
        0x30, 0x1b, 0x30, 0x19, 0x30, 0x17, 0x02, 0x01, 0x00, 0x30, 0x12, 0xa6, 0x10, 0x30, 0x0b, 0x06, 0x09,
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x03, 0x01, 0x00,
    ];
    let without = [0x30, 0x09, 0x30, 0x07, 0x30, 0x05, 0x02, 0x01, 0x00, 0x30, 0x00];
    for octets in [&with_kind[..], &without] {
        let Ok(messages) = CertReqMessages::from_der(octets) else { panic!("{octets:02x?}") };
        assert_eq!(PkiBody::Cr(messages).least_pvno(), Pvno::CMP2021);
    }
}
