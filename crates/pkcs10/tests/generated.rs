//! Builder against parser, over generated values; and the parser against anything.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use std::collections::BTreeMap;

use crypto::{SharedSecret, SigningKey};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{Decode, Encode};
use handmade::{KEY, PROVIDER};
use pkcs10::{CertReq, CertReqBuilder, MAX_EXTENSIONS};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::name::Name;

/// Names of up to three relative distinguished names, the NULL-DN among them.
fn names() -> impl Strategy<Value = Name> {
    vec((3_u32..12, "\\PC{0,20}"), 0..4).prop_map(|parts| {
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
    btree_map(any::<u32>(), values, 0..=MAX_EXTENSIONS).prop_map(|map: BTreeMap<u32, (bool, Vec<u8>)>| {
        map.into_iter()
            .map(|(number, (critical, value))| Extension {
                extn_id: ObjectIdentifier::new(&format!("1.3.6.1.4.1.32473.{number}")).unwrap(),
                critical,
                extn_value: OctetString::new(value).unwrap(),
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_built_is_read(
        subject in names(),
        extensions in extensions(),
        password in option::of("\\PC{0,20}"),
        name in option::of("\\PC{0,20}"),
    ) {
        let mut builder = CertReqBuilder::new(subject.clone(), KEY.public_key());
        builder.challenge_password = password.map(SharedSecret::new);
        builder.unstructured_name.clone_from(&name);
        builder.extensions.clone_from(&extensions);
        let octets = builder.sign(&*KEY).unwrap();
        let request = CertReq::from_der(&octets).unwrap();
        prop_assert_eq!(request.to_der().unwrap(), octets);
        let verified = request.verify_pop(&PROVIDER).unwrap();
        prop_assert_eq!(verified.subject(), &subject);
        prop_assert_eq!(verified.extensions(), extensions);
        prop_assert_eq!(verified.public_key(), KEY.public_key());
        prop_assert_eq!(request.challenge_password().unwrap(), builder.challenge_password);
        prop_assert_eq!(request.unstructured_names().unwrap(), Vec::from_iter(name));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_octets(changes in vec((any::<usize>(), any::<u8>()), 0..4)) {
        let mut builder = CertReqBuilder::new(handmade::subject(), KEY.public_key());
        builder.extensions = vec![handmade::extension(1)];
        let mut octets = builder.with_signature(KEY.algorithm(), &[0x30; 70]).unwrap();
        for (position, octet) in changes {
            let position = position % octets.len();
            octets[position] = octet;
        }
        if let Ok(request) = CertReq::from_der(&octets) {
            prop_assert_eq!(request.to_der().unwrap(), octets);
            prop_assert!(request.verify_pop(&PROVIDER).is_err());
        }
    }

    #[test]
    fn garbage_is_no_request(octets in vec(any::<u8>(), 0..200)) {
        prop_assert!(CertReq::from_der(&octets).is_err());
    }
}
