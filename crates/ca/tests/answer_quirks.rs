//! What EJBCA gets wrong about who signs its answers, put up with by name only: a senderKID that is the requester's, a sender that is turned
//! around, another certificate in each message. And LightweightCmpRa's answers inside of nested messages.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use asn1::oids::rfc6402;
use ca::Profile;
use cmp::{
    Error, Expectation, PkiHeader, PkiMessage, Quirk, Quirks, ReadingPolicy, SignerRole, Trust,
    ValidatedMessage, Validator, bundle,
};
use crypto::ExtendedKeyUsage;
use der::Decode;
use der::asn1::OctetString;
use support::{House, NOW, Requester, crmf, forged, granted, ir, key};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

fn validate(
    house: &House,
    octets: &[u8],
    expectation: &Expectation<'_>,
    quirks: Quirks,
) -> Result<ValidatedMessage, Error> {
    let anchors = || vec![house.root.clone()];
    let ca = ExtendedKeyUsage::Required(rfc6402::KP_CMC_CA);
    let trust = [
        Trust::new(SignerRole::CertificationAuthority, anchors(), ca),
        Trust::new(SignerRole::OperatorCertified, anchors(), ExtendedKeyUsage::Any),
    ];
    let mut validator = Validator::new(&house.provider, &trust);
    validator.quirks = quirks;
    validator.validate(PkiMessage::from_der(octets).unwrap(), expectation, NOW)
}

/// Whoever else this operator certified as an RA/CA, and as a station.
fn others(house: &House) -> [Requester; 2] {
    [
        house.credential(&Profile::CMP, "CN=CMP 2,CN=Operator CA,O=Operator", key()),
        house.credential(&Profile::NE, "CN=enb-0666,O=Operator", key()),
    ]
}

#[test]
fn a_sender_that_is_not_the_signer_is_a_policy() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, ir(crmf(&house.station.name(), &key())));
    let reply = house.ca.handle(&request, NOW).octets;
    let of_request = PkiMessage::from_der(&request).unwrap().header().sender_kid.clone();
    let copied = |header: &mut PkiHeader| header.sender_kid.clone_from(&of_request);
    let invented = |header: &mut PkiHeader| header.sender_kid = OctetString::new([7; 20]).ok();
    let reversed = |header: &mut PkiHeader| {
        let sender = header.sender_name().unwrap().to_string();
        let parts: Vec<_> = sender.split(',').rev().collect();
        header.sender = GeneralName::DirectoryName(parts.join(",").parse().unwrap());
        assert_ne!(header.sender_name().unwrap().to_string(), sender);
    };
    let nobody = |header: &mut PkiHeader| header.sender = GeneralName::DirectoryName(Name::default());
    let changes: [&dyn Fn(&mut PkiHeader); 4] = [&copied, &invented, &reversed, &nobody];
    let put_up_with = Quirks::NONE.with(Quirk::SenderOfAnother);
    let everything_else = Quirk::ALL.into_iter().filter(|quirk| *quirk != Quirk::SenderOfAnother).collect();
    let [_, station] = others(&house);
    for change in changes {
        let answer = house.changed_header(&reply, change);
        for quirks in [Quirks::NONE, everything_else] {
            let refused = validate(&house, &answer, &awaiting.expectation(), quirks).unwrap_err();
            assert_eq!(refused, Error::SignerNotFound);
        }
        let believed = validate(&house, &answer, &awaiting.expectation(), put_up_with).unwrap();
        assert_eq!(believed.signer().role, SignerRole::CertificationAuthority);
        granted(awaiting.clone().handle(&believed).unwrap());
        // Who is not the RA/CA does not become it by that.
        let planted = forged(&reply, &station, |header, _| change(header));
        let refused = validate(&house, &planted, &awaiting.expectation(), put_up_with).unwrap_err();
        // The root is tried, too.
        assert!(matches!(refused, Error::SignerNotFound | Error::BadProtection(_)), "{refused}");
    }
    // A request is no answer.
    let request = forged(&request, &house.station, |header, _| invented(header));
    let refused = validate(&house, &request, &Expectation::First, put_up_with).unwrap_err();
    assert_eq!(refused, Error::SignerNotFound);
}

#[test]
fn another_signer_of_a_later_answer_is_a_policy() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, ir(crmf(&house.station.name(), &key())));
    let reply = house.ca.handle(&request, NOW);
    let granted = granted(house.answer(awaiting, &reply, NOW));
    let (part, awaiting) = granted.confirm(&house.station.identity, &house.provider, NOW).unwrap();
    let pkiconf = house.ca.handle(&part.sign(&house.station.key).unwrap(), NOW).octets;
    let by = |signer: &Requester| {
        forged(&pkiconf, signer, |header, _| {
            header.sender = GeneralName::DirectoryName(signer.name());
            let certificate = x509_cert::Certificate::from_der(signer.certificate.octets()).unwrap();
            let id = certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>().unwrap();
            header.sender_kid = id.map(|(_, id)| id.0);
        })
    };
    let [other, station] = others(&house);
    let put_up_with = Quirks::NONE.with(Quirk::SignerChanges);
    let validate = |octets: &[u8], quirks| validate(&house, octets, &awaiting.expectation(), quirks);
    let everything_else = Quirk::ALL.into_iter().filter(|quirk| *quirk != Quirk::SignerChanges).collect();
    for quirks in [Quirks::NONE, everything_else] {
        assert_eq!(validate(&by(&other), quirks).unwrap_err(), Error::OtherSigner);
    }
    awaiting.clone().handle(&validate(&by(&other), put_up_with).unwrap()).unwrap();
    awaiting.clone().handle(&validate(&pkiconf, put_up_with).unwrap()).unwrap();
    assert_eq!(validate(&by(&station), put_up_with).unwrap_err(), Error::OtherSigner);
}

/// With nesting switched on, LightweightCmpRa puts the answer to a single message into a nested one, in a transaction of its own.
#[test]
fn a_single_message_answered_by_a_nested_one_is_a_policy() {
    let house = House::new();
    let (request, awaiting) = house.start(&house.station, ir(crmf(&house.station.name(), &key())));
    let reply = house.ca.handle(&request, NOW).octets;
    let [ra, _] = others(&house);
    let nested = |by: &Requester, inside: &[&[u8]]| {
        let inside: Vec<_> = inside.iter().map(|octets| PkiMessage::from_der(octets).unwrap()).collect();
        let (part, _) = bundle(&inside, by.name(), &by.identity, &house.provider, NOW).unwrap();
        part.sign(&by.key).unwrap()
    };
    let policy = ReadingPolicy::default();
    let put_up_with = Quirks::NONE.with(Quirk::NestedAnswers);
    let take = |octets: &[u8], quirks| {
        let message = PkiMessage::from_der(octets).unwrap().answer_inside(quirks, &policy)?;
        validate(&house, message.octets(), &awaiting.expectation(), quirks)
    };
    let answer = nested(&ra, &[&reply]);
    let everything_else = Quirk::ALL.into_iter().filter(|quirk| *quirk != Quirk::NestedAnswers).collect();
    for quirks in [Quirks::NONE, everything_else] {
        assert_eq!(take(&answer, quirks).unwrap_err(), Error::BadRecipientNonce, "it awaits another");
        // Whatever is not nested stays as it is.
        granted(awaiting.clone().handle(&take(&reply, quirks).unwrap()).unwrap());
    }
    granted(awaiting.clone().handle(&take(&reply, put_up_with).unwrap()).unwrap());
    // Whoever put it there: what is inside counts.
    for by in [&ra, &house.station] {
        granted(awaiting.clone().handle(&take(&nested(by, &[&reply]), put_up_with).unwrap()).unwrap());
    }

    let (other_request, _) = house.start(&house.station, ir(crmf(&house.station.name(), &key())));
    let other = house.ca.handle(&other_request, NOW).octets;
    let refused = |octets: &[u8]| take(octets, put_up_with).unwrap_err();
    assert!(matches!(refused(&nested(&ra, &[&other])), Error::OtherTransaction(_)), "the answer to another");
    let two = refused(&nested(&ra, &[&reply, &other]));
    assert!(matches!(two, Error::NotExactlyOne { count: 2, .. }), "{two}");
    assert_eq!(refused(&nested(&ra, &[&nested(&ra, &[&reply])])), Error::TooDeep);
    assert_eq!(refused(&nested(&ra, &[&support::unprotected(&reply)])), Error::Unprotected);
    // The RA/CA's protection around it does not make an answer of it.
    let planted = forged(&reply, &house.station, |_, _| ());
    refused(&nested(&ra, &[&planted]));
}
