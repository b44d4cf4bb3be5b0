//! InfoTypeAndValue: every type is opened and closed again, and other implementations' are read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::{
    CaKeyUpdAnnContent, CertReqTemplateContent, CrlSource, CrlStatus, InfoTypeAndValue, InfoValue,
    KemCiphertextInfo, PkiBody, PkiMessage, RootCaKeyUpdateContent,
};
use crmf::{CertTemplate, Control, EncryptedKey};
use crypto::{DigestAlgorithm, SignatureAlgorithm};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode};
use testkit::vectors::own;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

fn certificate(octet: u8) -> EncodedCertificate {
    EncodedCertificate::new(&[0x30, 0x03, 0x04, 0x01, octet]).unwrap()
}

fn sequence(octet: u8) -> RawDer {
    RawDer::new(&[0x30, 0x03, 0x04, 0x01, octet]).unwrap()
}

fn name() -> GeneralName {
    GeneralName::DirectoryName("CN=Operator CA".parse().unwrap())
}

fn every_value() -> Vec<InfoValue> {
    let algorithm = SignatureAlgorithm::EcdsaWithSha256.identifier();
    let oid = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    let mut update = RootCaKeyUpdateContent::new(certificate(1));
    update.new_with_old = Some(certificate(2));
    let mut template = CertReqTemplateContent::new(CertTemplate::default());
    template.key_spec = Some(vec![
        Control::AlgId(algorithm.clone()).close().unwrap(),
        Control::RsaKeyLen(3072).close().unwrap(),
    ]);
    let now = UnixTime::from_secs(1_795_000_000);
    let sources =
        [CrlSource::Dpn(DistributionPointName::FullName(vec![name()])), CrlSource::Issuer(vec![name()])];
    let this_update = x509_cert::time::Time::from(der::DateTime::new(2026, 11, 24, 4, 0, 0).unwrap());
    vec![
        InfoValue::CaProtEncCert(certificate(1)),
        InfoValue::SignKeyPairTypes(vec![algorithm.clone()]),
        InfoValue::EncKeyPairTypes(vec![algorithm.clone(), DigestAlgorithm::Sha256.identifier()]),
        InfoValue::PreferredSymmAlg(algorithm.clone()),
        InfoValue::CaKeyUpdateInfo(CaKeyUpdAnnContent::new(certificate(1), certificate(2), certificate(3))),
        InfoValue::CurrentCrl(sequence(1)),
        InfoValue::UnsupportedOids(vec![oid]),
        InfoValue::KeyPairParamReq(oid),
        InfoValue::KeyPairParamRep(algorithm.clone()),
        InfoValue::RevPassphrase(EncryptedKey::EnvelopedData(sequence(1))),
        InfoValue::ImplicitConfirm,
        InfoValue::ConfirmWaitTime(now),
        InfoValue::OrigPkiMessage(vec![sequence(1)]),
        InfoValue::SuppLangTags(vec!["en".into(), "de-CH".into()]),
        InfoValue::CaCerts(vec![certificate(1), certificate(2)]),
        InfoValue::RootCaKeyUpdate(update),
        InfoValue::CertReqTemplate(Box::new(template)),
        InfoValue::RootCaCert(certificate(1)),
        InfoValue::CertProfile(vec!["ne".into()]),
        InfoValue::CrlStatusList(
            sources.into_iter().map(|source| CrlStatus::new(source, Some(this_update))).collect(),
        ),
        InfoValue::Crls(vec![sequence(1)]),
        InfoValue::KemCiphertextInfo(KemCiphertextInfo::new(algorithm, OctetString::new([7; 32]).unwrap())),
        InfoValue::Other(oid, Any::new(der::Tag::Utf8String, *b"anything").unwrap()),
    ]
}

#[test]
fn every_value_is_opened_as_it_was_closed() {
    for value in every_value() {
        let octets = value.close().unwrap().to_der().unwrap();
        let info = InfoTypeAndValue::from_der(&octets).unwrap();
        assert_eq!(info.to_der().unwrap(), octets);
        assert_eq!(InfoValue::open(&info).unwrap(), Some(value));
    }
}

#[test]
fn no_type_takes_the_value_of_another() {
    // NULL is a value of implicitConfirm only, and INTEGER of none.
    for value in every_value() {
        let info_type = value.close().unwrap().info_type;
        for wrong in [&[0x02, 0x01, 0x05][..], &[0x05, 0x00]] {
            let info = InfoTypeAndValue::new(info_type, Some(Any::from_der(wrong).unwrap()));
            let takes = match value {
                InfoValue::ImplicitConfirm => wrong == [0x05, 0x00],
                InfoValue::Other(..) | InfoValue::CurrentCrl(_) => true, // stays closed
                _ => false,
            };
            assert_eq!(InfoValue::open(&info).is_ok(), takes, "{value:?} {wrong:02x?}");
        }
    }
}

#[test]
fn a_question_has_no_value() {
    for value in every_value() {
        let info = InfoTypeAndValue::new(value.close().unwrap().info_type, None);
        assert_eq!(InfoValue::open(&info).unwrap(), None);
    }
}

fn only_info(name: &str) -> InfoTypeAndValue {
    let message = PkiMessage::from_der(&own(name)).unwrap();
    match message.body() {
        PkiBody::Genm(infos) | PkiBody::Genp(infos) => infos[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn openssl_s_ca_certificates_are_read() {
    assert_eq!(InfoValue::open(&only_info("openssl-mock/genm_caCerts_1.der")).unwrap(), None);
    match InfoValue::open(&only_info("openssl-mock/genm_caCerts_2_genp.der")) {
        Ok(Some(InfoValue::CaCerts(certificates))) => assert!(!certificates.is_empty()),
        Ok(None) => {} // the mock server echoes the question
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kem_ciphertext_is_read() {
    let info = InfoValue::open(&only_info("derived/kem_genp.der")).unwrap().unwrap();
    let InfoValue::KemCiphertextInfo(info) = info else { panic!("{info:?}") };
    assert_eq!(info.ct.as_bytes(), own("derived/kem_ct.bin"));
}
