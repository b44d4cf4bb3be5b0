//! What a lenient reader tolerates, and that it is nothing else. The recorded deviations of real peers are in vectors.rs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use asn1::oids::rfc9810;
use cmp::{Deviation, Error, InfoTypeAndValue, PkiHeader, PkiMessage, ReadingPolicy};
use der::asn1::{Ia5String, Null, Utf8StringRef};
use der::{Any, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

fn message(change: impl FnOnce(&mut PkiHeader), rest: &[u8]) -> Vec<u8> {
    let name = GeneralName::DirectoryName(Name::default());
    let mut header = PkiHeader::new(name.clone(), name);
    change(&mut header);
    // pkiconf
    let octets = [&header.to_der().unwrap(), &[0xb3, 2, 5, 0][..], rest].concat();
    Any::new(der::Tag::Sequence, octets).unwrap().to_der().unwrap()
}

fn read(octets: &[u8]) -> (Result<PkiMessage, Error>, Result<PkiMessage, Error>) {
    (PkiMessage::from_der(octets), PkiMessage::inspect(octets, &ReadingPolicy::lenient()))
}

fn cert_profile(value: Any) -> Vec<u8> {
    let item = InfoTypeAndValue::new(rfc9810::IT_CERT_PROFILE, Some(value));
    message(|header| header.general_info = Some(vec![item]), &[])
}

#[test]
fn a_deviation_is_named_or_tolerated() {
    let name = Any::encode_from(&Utf8StringRef::new("ne").unwrap()).unwrap();
    for (octets, deviation, words) in [
        (message(|_| {}, &[0xa1, 2, 0x30, 0]), Deviation::EmptyExtraCerts, "extraCerts"),
        (cert_profile(name), Deviation::BareCertProfile, "certProfile"),
    ] {
        let (strict, lenient) = read(&octets);
        let error = strict.unwrap_err();
        assert_eq!(error, Error::Deviation(deviation));
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(lenient.unwrap().deviations().collect::<Vec<_>>(), [deviation]);
    }
}

#[test]
fn a_lenient_reader_refuses_everything_else() {
    let ia5 = Any::encode_from(&Ia5String::new("ne").unwrap()).unwrap();
    let (strict, lenient) = read(&cert_profile(ia5));
    // Neither is a deviation that is known: it is refused when somebody asks for the profile.
    assert_eq!(strict.unwrap(), lenient.unwrap());
    let (strict, lenient) = read(&cert_profile(Any::from(Null)));
    assert_eq!(strict.unwrap(), lenient.unwrap());

    let mut trailing = message(|_| {}, &[]);
    trailing.push(0);
    for octets in [
        trailing,
        message(|header| header.general_info = Some(Vec::new()), &[]),
        message(|header| header.free_text = Some(Vec::new()), &[]),
        // extraCerts that holds something, but no certificate; protection after it.
        message(|_| {}, &[0xa1, 4, 0x30, 2, 5, 0]),
        message(|_| {}, &[0xa1, 2, 0x30, 0, 0xa0, 2, 3, 0]),
        // A length that is not the shortest.
        message(|_| {}, &[0xa1, 0x81, 2, 0x30, 0]),
    ] {
        let (strict, lenient) = read(&octets);
        assert!(!matches!(strict.unwrap_err(), Error::Deviation(_)));
        assert!(lenient.is_err(), "{octets:02x?}");
    }
}
