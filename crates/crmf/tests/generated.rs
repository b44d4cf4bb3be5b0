//! Builder against parser, over generated values; and the parser against anything.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use std::time::Duration;

use crmf::{
    CertId, CertReqId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, MAX_EXTENSIONS, OptionalValidity,
};
use crypto::SigningKey;
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{DateTime, Decode, Encode};
use handmade::{KEY, PROVIDER};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
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

prop_compose! {
    fn builders()(
        cert_req_id in any::<i64>(),
        subject in option::of(names(0)),
        sender in names(1),
        validity in option::of(validities()),
        extensions in extensions(),
        old_cert_id in option::of(cert_ids()),
    ) -> CertReqMsgBuilder {
        let mut builder = CertReqMsgBuilder::new(subject, KEY.public_key());
        builder.cert_req_id = CertReqId::new(cert_req_id);
        builder.sender = builder.subject.is_none().then_some(GeneralName::DirectoryName(sender));
        builder.validity = validity;
        builder.extensions = extensions;
        builder.old_cert_id = old_cert_id;
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
        prop_assert_eq!(read.cert_req().value().old_cert_id().unwrap(), builder.old_cert_id);
        let verified = read.verify_pop(&PROVIDER, builder.sender.as_ref()).unwrap();
        prop_assert_eq!(verified.public_key(), KEY.public_key());
        prop_assert_eq!(verified.subject(), builder.subject.as_ref());
        prop_assert_eq!(verified.extensions(), builder.extensions);
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
