//! Builder against parser, over generated values; and the parser against anything.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use std::time::Duration;

use asn1::RawDer;
use crmf::{
    CertId, CertReqId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, Control, EncryptedKey, EncryptedValue,
    MAX_EXTENSIONS, OptionalValidity, PkMacValue, PkiArchiveOptions, PkiPublicationInfo, PopoPrivKey,
    ProofOfPossession, PublicationAction, PublicationMethod, RegInfo, SinglePubInfo, SubsequentMessage,
};
use crypto::{SharedSecret, SigningKey};
use der::asn1::{Any, BitString, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{DateTime, Decode, Encode};
use handmade::{KEY, PROVIDER};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Time;

/// Names of `least` to three relative distinguished names.
fn names(least: usize) -> impl Strategy<Value = Name> {
    vec((3_u32..12, "\\PC{0,20}"), least..4).prop_map(|parts| {
        let rdns = parts.iter().map(|(number, text)| {
            let oid = ObjectIdentifier::new(&format!("2.5.4.{number}")).unwrap();
            let value = Any::encode_from(&Utf8StringRef::new(text).unwrap()).unwrap();
            SetOfVec::try_from([AttributeTypeAndValue { oid, value }]).unwrap()
        });
        Name::from_der(&rdns.collect::<Vec<_>>().to_der().unwrap()).unwrap()
    })
}

fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    let values = (any::<bool>(), vec(any::<u8>(), 0..300));
    btree_map(any::<u32>(), values, 0..=MAX_EXTENSIONS).prop_map(|map| {
        map.into_iter()
            .map(|(number, (critical, value))| Extension {
                extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.32473.{number}")).unwrap(),
                critical,
                extn_value: OctetString::new(value).unwrap(),
            })
            .collect()
    })
}

/// Points in time up to the year 2200: as UTCTime and as GeneralizedTime.
fn times() -> impl Strategy<Value = Time> {
    (0_u64..7_258_118_400)
        .prop_map(|seconds| Time::from(DateTime::from_unix_duration(Duration::from_secs(seconds)).unwrap()))
}

fn validities() -> impl Strategy<Value = OptionalValidity> {
    prop_oneof![
        times().prop_map(|time| OptionalValidity::new(Some(time), None)),
        times().prop_map(|time| OptionalValidity::new(None, Some(time))),
        (times(), times()).prop_map(|(from, to)| OptionalValidity::new(Some(from), Some(to))),
    ]
}

prop_compose! {
    fn cert_ids()(issuer in names(0), serial_number in vec(any::<u8>(), 1..20)) -> CertId {
        CertId::new(GeneralName::DirectoryName(issuer), SerialNumber::new(&serial_number).unwrap())
    }
}

fn bits() -> impl Strategy<Value = BitString> {
    vec(any::<u8>(), 0..40).prop_map(|octets| BitString::from_bytes(&octets).unwrap())
}

fn algorithms() -> impl Strategy<Value = AlgorithmIdentifierOwned> {
    prop_oneof![
        Just(crypto::SignatureAlgorithm::EcdsaWithSha256.identifier()),
        Just(crypto::DigestAlgorithm::Sha256.identifier()),
    ]
}

/// What stands for EnvelopedData, which stays closed.
fn sequences() -> impl Strategy<Value = RawDer> {
    vec(any::<u8>(), 0..40)
        .prop_map(|octets| RawDer::build(&vec![OctetString::new(octets).unwrap()]).unwrap())
}

fn encrypted_keys() -> impl Strategy<Value = EncryptedKey> {
    let algorithm = || option::of(algorithms());
    prop_oneof![
        (algorithm(), algorithm(), option::of(bits()), algorithm(), bits()).prop_map(
            |(intended, symm, key, key_alg, value)| {
                let mut encrypted = EncryptedValue::new(value);
                encrypted.intended_alg = intended;
                encrypted.symm_alg = symm;
                encrypted.enc_symm_key = key;
                encrypted.key_alg = key_alg;
                encrypted.value_hint = Some(OctetString::new([1, 2]).unwrap());
                EncryptedKey::EncryptedValue(Box::new(encrypted))
            }
        ),
        sequences().prop_map(EncryptedKey::EnvelopedData),
    ]
}

fn archive_options() -> impl Strategy<Value = PkiArchiveOptions> {
    prop_oneof![
        encrypted_keys().prop_map(PkiArchiveOptions::EncryptedPrivKey),
        vec(any::<u8>(), 0..40)
            .prop_map(|octets| PkiArchiveOptions::KeyGenParameters(OctetString::new(octets).unwrap())),
        any::<bool>().prop_map(PkiArchiveOptions::ArchiveRemGenPrivKey),
    ]
}

fn publication_infos() -> impl Strategy<Value = PkiPublicationInfo> {
    let methods = prop_oneof![
        Just(PublicationMethod::DontCare),
        Just(PublicationMethod::X500),
        Just(PublicationMethod::Web),
        Just(PublicationMethod::Ldap),
    ];
    let place = (methods, option::of(names(0).prop_map(GeneralName::DirectoryName)))
        .prop_map(|(method, location)| SinglePubInfo::new(method, location));
    prop_oneof![
        Just(PkiPublicationInfo::new(PublicationAction::DontPublish)),
        vec(place, 1..3).prop_map(|places| {
            let mut info = PkiPublicationInfo::new(PublicationAction::PleasePublish);
            info.pub_infos = Some(places);
            info
        }),
    ]
}

fn controls() -> impl Strategy<Value = Control> {
    let other =
        |value| crmf::AttributeTypeAndValue::new(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1"), value);
    prop_oneof![
        "\\PC{0,20}".prop_map(|text| Control::RegToken(SharedSecret::new(text))),
        "\\PC{0,20}".prop_map(|text| Control::Authenticator(SharedSecret::new(text))),
        publication_infos().prop_map(Control::PkiPublicationInfo),
        archive_options().prop_map(|options| Control::PkiArchiveOptions(Box::new(options))),
        cert_ids().prop_map(Control::OldCertId),
        Just(Control::ProtocolEncrKey(
            SubjectPublicKeyInfoOwned::from_der(KEY.public_key().spki_octets()).unwrap()
        )),
        sequences().prop_map(move |value| Control::AltCertTemplate(other(value))),
        algorithms().prop_map(Control::AlgId),
        (1_u32..20_000).prop_map(Control::RsaKeyLen),
        sequences().prop_map(move |value| Control::Other(other(value))),
    ]
}

fn reg_infos() -> impl Strategy<Value = RegInfo> {
    prop_oneof![
        "[a-z]{1,8}[?][a-z]{0,8}%".prop_map(RegInfo::Utf8Pairs),
        names(0).prop_map(|subject| {
            let request = CertReqMsgBuilder::new(Some(subject), KEY.public_key()).sign(&*KEY).unwrap();
            RegInfo::CertReq(Box::new(request.cert_req().value().clone()))
        }),
    ]
}

fn priv_key_proofs() -> impl Strategy<Value = PopoPrivKey> {
    prop_oneof![
        bits().prop_map(PopoPrivKey::ThisMessage),
        Just(PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)),
        Just(PopoPrivKey::SubsequentMessage(SubsequentMessage::ChallengeResp)),
        bits().prop_map(PopoPrivKey::DhMac),
        (algorithms(), bits())
            .prop_map(|(algorithm, mac)| PopoPrivKey::AgreeMac(PkMacValue::new(algorithm, mac))),
        sequences().prop_map(PopoPrivKey::EncryptedKey),
    ]
}

prop_compose! {
    fn builders()(
        cert_req_id in any::<i64>(),
        subject in option::of(names(0)),
        sender in names(1),
        validity in option::of(validities()),
        extensions in extensions(),
        controls in vec(controls(), 0..4),
        reg_info in vec(reg_infos(), 0..3),
    ) -> CertReqMsgBuilder {
        let mut builder = CertReqMsgBuilder::new(subject, KEY.public_key());
        builder.cert_req_id = CertReqId::new(cert_req_id);
        builder.sender = builder.subject.is_none().then_some(GeneralName::DirectoryName(sender));
        builder.validity = validity;
        builder.extensions = extensions;
        builder.controls = controls.iter().map(|control| control.close().unwrap()).collect();
        builder.reg_info = reg_info.iter().map(|info| info.close().unwrap()).collect();
        builder
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_built_is_read(builder in builders()) {
        let message = builder.sign(&*KEY).unwrap();
        let read = CertReqMsg::from_der(message.octets()).unwrap();
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(read.to_der().unwrap(), message.octets());
        prop_assert_eq!(read.cert_req_id(), builder.cert_req_id);
        prop_assert_eq!(&read.template().validity, &builder.validity);
        let controls = read.cert_req().value().controls.as_deref().unwrap_or_default();
        prop_assert_eq!(controls, builder.controls);
        for control in controls {
            prop_assert_eq!(&Control::open(control).unwrap().close().unwrap(), control);
        }
        prop_assert_eq!(read.reg_info(), builder.reg_info);
        for info in read.reg_info() {
            prop_assert_eq!(&RegInfo::open(info).unwrap().close().unwrap(), info);
        }
        let verified = read.verify_pop(&PROVIDER, builder.sender.as_ref()).unwrap();
        prop_assert_eq!(verified.public_key(), KEY.public_key());
        prop_assert_eq!(verified.subject(), builder.subject.as_ref());
        prop_assert_eq!(verified.extensions(), builder.extensions);
    }

    #[test]
    fn keys_that_do_not_sign_are_proved_otherwise(
        builder in builders(),
        proof in priv_key_proofs(),
        agreement in any::<bool>(),
    ) {
        let message = match agreement {
            true => builder.key_agreement(proof.clone()),
            false => builder.key_encipherment(proof.clone()),
        }
        .unwrap();
        let read = CertReqMsg::from_der(message.octets()).unwrap();
        prop_assert_eq!(read.to_der().unwrap(), message.octets());
        match read.popo().unwrap() {
            ProofOfPossession::KeyAgreement(read) => prop_assert!(agreement && *read == proof),
            ProofOfPossession::KeyEncipherment(read) => prop_assert!(!agreement && *read == proof),
            other => panic!("{other:?}"),
        }
        // No signature proves it, so nothing here believes it.
        prop_assert!(read.verify_pop(&PROVIDER, builder.sender.as_ref()).is_err());
    }

    #[test]
    fn messages_travel_together(builders in vec(builders(), 1..4)) {
        let messages = builders.iter().map(|builder| builder.sign(&*KEY).unwrap()).collect();
        let messages = CertReqMessages::new(messages).unwrap();
        let octets = messages.to_der().unwrap();
        let read = CertReqMessages::from_der(&octets).unwrap();
        prop_assert_eq!(&read, &messages);
        prop_assert_eq!(read.to_der().unwrap(), octets);
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_octets(
        builder in builders(),
        changes in vec((any::<usize>(), any::<u8>()), 0..4),
    ) {
        let message = builder.with_signature(KEY.algorithm(), &[0x30; 70]).unwrap();
        let mut octets = message.octets().to_vec();
        for (position, octet) in changes {
            let position = position % octets.len();
            octets[position] = octet;
        }
        if let Ok(message) = CertReqMsg::from_der(&octets) {
            prop_assert_eq!(message.to_der().unwrap(), octets);
            prop_assert!(message.verify_pop(&PROVIDER, builder.sender.as_ref()).is_err());
        }
    }

    #[test]
    fn garbage_is_no_request(octets in vec(any::<u8>(), 0..200)) {
        prop_assert!(CertReqMsg::from_der(&octets).is_err());
        prop_assert!(CertReqMessages::from_der(&octets).is_err());
    }
}
