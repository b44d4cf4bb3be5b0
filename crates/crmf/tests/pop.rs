//! Proof of possession: what holds, and every way in which it does not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use crmf::{
    CertReqId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, Error, MAX_CERT_REQ_MESSAGES, MAX_EXTENSIONS,
    OptionalValidity, ProofOfPossession, VerifiedCertReqMsg,
};
use crypto::{AlgorithmError, KeyError, KeyKind, SignatureAlgorithm, SigningKey, VerifyError};
use der::Encode;
use der::asn1::ObjectIdentifier;
use handmade::*;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

const BAD_SIGNATURE: Error = Error::ProofOfPossession(VerifyError::BadSignature);

fn verify(octets: &[u8]) -> Result<VerifiedCertReqMsg, Error> {
    CertReqMsg::from_der(octets)?.verify_pop(&PROVIDER, Some(&sender()))
}

/// With a subject.
fn builder() -> CertReqMsgBuilder {
    let mut builder = CertReqMsgBuilder::new(Some(subject()), KEY.public_key());
    builder.extensions = vec![extension(1), extension(2)];
    builder
}

/// Without one: the proof is bound to the sender.
fn builder_without_subject() -> CertReqMsgBuilder {
    let mut builder = CertReqMsgBuilder::new(None, KEY.public_key());
    builder.sender = Some(sender());
    builder
}

/// A request whose template has these fields, truly signed as one with a subject is.
fn signed(template: &[&[u8]]) -> Vec<u8> {
    let request = cert_request(template);
    cert_req_msg(&request, &[], &request)
}

#[test]
fn what_was_built_verifies() {
    let message = builder().sign(&*KEY).unwrap();
    let verified = verify(message.octets()).unwrap();
    assert_eq!(*verified.message(), message);
    assert_eq!(verified.public_key(), KEY.public_key());
    assert_eq!(verified.subject(), Some(&subject()));
    assert_eq!(verified.extensions(), [extension(1), extension(2)]);
    assert_eq!(message.cert_req_id(), CertReqId::FIRST);
    assert_eq!(message.template().public_key_octets().unwrap(), spki());
    // A subject makes the sender's name needless.
    assert!(message.verify_pop(&PROVIDER, None).is_ok());
}

#[test]
fn the_signature_is_made_over_cert_req() {
    let request = cert_request(&[&subject_field(), &public_key_field()]);
    let message = cert_req_msg(&request, &[], &request);
    let built = CertReqMsgBuilder::new(Some(subject()), KEY.public_key());
    assert_eq!(built.to_be_signed().unwrap(), request);
    assert_eq!(CertReqMsg::from_der(&message).unwrap().cert_req().octets(), request);
    assert!(verify(&message).is_ok());
    // ... and not over the template alone
    let template = tlv(SEQUENCE, &[&subject_field(), &public_key_field()]);
    assert_eq!(verify(&cert_req_msg(&request, &[], &template)).unwrap_err(), BAD_SIGNATURE);
}

#[test]
fn without_subject_the_signature_is_made_over_poposk_input_under_its_universal_tag() {
    let request = cert_request(&[&public_key_field()]);
    let input = poposk_input(&sender(), spki());
    let sent = retagged(0xa0, &input);
    let verified = verify(&cert_req_msg(&request, &sent, &input)).unwrap();
    assert_eq!(verified.subject(), None);
    assert_eq!(builder_without_subject().to_be_signed().unwrap(), input);
    assert!(verify(builder_without_subject().sign(&*KEY).unwrap().octets()).is_ok());

    assert_eq!(verify(&cert_req_msg(&request, &sent, &sent)).unwrap_err(), BAD_SIGNATURE);
    assert_eq!(verify(&cert_req_msg(&request, &sent, &request)).unwrap_err(), BAD_SIGNATURE);
}

#[test]
fn the_null_dn_is_a_subject() {
    let message = CertReqMsgBuilder::new(Some(Name::default()), KEY.public_key()).sign(&*KEY).unwrap();
    let verified = message.verify_pop(&PROVIDER, None).unwrap();
    assert_eq!(verified.subject(), Some(&Name::default()));
}

#[test]
fn signing_in_two_phases_is_the_same() {
    for builder in [builder(), builder_without_subject()] {
        let signature = KEY.sign(&builder.to_be_signed().unwrap()).unwrap();
        let message = builder.with_signature(KEY.algorithm(), &signature).unwrap();
        assert!(verify(message.octets()).is_ok());
    }
}

#[test]
fn every_flipped_bit_of_a_request_with_subject_is_noticed() {
    let message = builder().sign(&*KEY).unwrap();
    for bit in 0..message.octets().len() * 8 {
        assert!(verify(&flipped(message.octets(), bit)).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_a_proof_with_poposk_input_is_noticed() {
    let message = builder_without_subject().sign(&*KEY).unwrap();
    let unsigned = message.octets().len() - proof_length(&message)..message.octets().len();
    for bit in unsigned.start * 8..unsigned.end * 8 {
        assert!(verify(&flipped(message.octets(), bit)).is_err(), "bit {bit}");
    }
}

fn proof_length(message: &CertReqMsg) -> usize {
    message.popo().unwrap().to_der().unwrap().len()
}

fn flipped(octets: &[u8], bit: usize) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[bit / 8] ^= 1 << (bit % 8);
    octets
}

#[test]
fn truncated_and_prolonged_requests_are_malformed() {
    for message in [builder().sign(&*KEY).unwrap(), builder_without_subject().sign(&*KEY).unwrap()] {
        let octets = message.octets();
        let list = CertReqMessages::new(vec![message.clone()]).unwrap().to_der().unwrap();
        for length in 0..octets.len() {
            let error = CertReqMsg::from_der(&octets[..length]).unwrap_err();
            assert!(matches!(error, Error::Malformed(_)), "{length} octets");
        }
        for length in 0..list.len() {
            let error = CertReqMessages::from_der(&list[..length]).unwrap_err();
            assert!(matches!(error, Error::Malformed(_)), "{length} octets");
        }
        assert!(CertReqMsg::from_der(&[octets, &[0]].concat()).is_err());
        assert!(CertReqMessages::from_der(&[&list[..], &[0]].concat()).is_err());
    }
}

#[test]
fn another_key_proves_nothing() {
    for builder in [builder(), builder_without_subject()] {
        let signature = OTHER_KEY.sign(&builder.to_be_signed().unwrap()).unwrap();
        let message = builder.with_signature(KEY.algorithm(), &signature).unwrap();
        assert_eq!(verify(message.octets()).unwrap_err(), BAD_SIGNATURE);
        assert_eq!(builder.sign(&*OTHER_KEY), Err(Error::OtherSigningKey));
    }
}

#[test]
fn a_signature_over_other_octets_proves_nothing() {
    let mut other = builder();
    other.cert_req_id = CertReqId::new(1);
    let signature = KEY.sign(&other.to_be_signed().unwrap()).unwrap();
    let message = builder().with_signature(KEY.algorithm(), &signature).unwrap();
    assert_eq!(verify(message.octets()).unwrap_err(), BAD_SIGNATURE);
}

#[test]
fn poposk_input_beside_a_subject_is_refused() {
    let request = cert_request(&[&subject_field(), &public_key_field()]);
    let input = poposk_input(&sender(), spki());
    for signed in [&request, &input] {
        let message = cert_req_msg(&request, &retagged(0xa0, &input), signed);
        assert_eq!(verify(&message).unwrap_err(), Error::UnexpectedPoposkInput);
    }
    let mut builder = builder();
    builder.sender = Some(sender());
    assert_eq!(builder.to_be_signed(), Err(Error::UnexpectedPoposkInput));
}

#[test]
fn a_request_without_subject_needs_poposk_input() {
    assert_eq!(verify(&signed(&[&public_key_field()])).unwrap_err(), Error::MissingPoposkInput);
    let builder = CertReqMsgBuilder::new(None, KEY.public_key());
    assert_eq!(builder.to_be_signed(), Err(Error::MissingPoposkInput));
}

#[test]
fn poposk_input_names_the_authenticated_sender() {
    let message = builder_without_subject().sign(&*KEY).unwrap();
    for authenticated in [None, Some(other_sender()), Some(null_dn())] {
        let error = message.verify_pop(&PROVIDER, authenticated.as_ref()).unwrap_err();
        assert_eq!(error, Error::PoposkInputSender, "{authenticated:?}");
    }
}

#[test]
fn the_null_dn_is_nobody() {
    let request = cert_request(&[&public_key_field()]);
    let input = poposk_input(&null_dn(), spki());
    let message = CertReqMsg::from_der(&cert_req_msg(&request, &retagged(0xa0, &input), &input)).unwrap();
    let error = message.verify_pop(&PROVIDER, Some(&null_dn())).unwrap_err();
    assert_eq!(error, Error::PoposkInputSender);

    let mut builder = builder_without_subject();
    builder.sender = Some(null_dn());
    assert_eq!(builder.to_be_signed(), Err(Error::PoposkInputSender));
}

fn null_dn() -> GeneralName {
    GeneralName::DirectoryName(Name::default())
}

#[test]
fn poposk_input_holds_the_key_of_the_template() {
    let request = cert_request(&[&public_key_field()]);
    let input = poposk_input(&sender(), OTHER_KEY.public_key().spki_octets());
    let message = cert_req_msg(&request, &retagged(0xa0, &input), &input);
    assert_eq!(verify(&message).unwrap_err(), Error::PoposkInputPublicKey);
}

#[test]
fn public_key_mac_needs_a_secret() {
    let mac = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&[6, 3, 42, 3, 4]]), &[BIT_STRING, 2, 0, 0]]);
    let input = tlv(SEQUENCE, &[&mac, spki()]);
    let message = cert_req_msg(&cert_request(&[&public_key_field()]), &retagged(0xa0, &input), &input);
    assert_eq!(verify(&message).unwrap_err(), Error::PublicKeyMac);
}

#[test]
fn other_kinds_of_proof_are_decoded_and_not_supported() {
    let request = cert_request(&[&subject_field(), &public_key_field()]);
    for (tag, kind) in [(0xa2, "keyEncipherment"), (0xa3, "keyAgreement")] {
        // subsequentMessage [1] encrCert(0); agreeMAC [3]
        for inner in [&[0x81, 1, 0][..], &[0xa3, 10, 0x30, 5, 6, 3, 42, 3, 4, 3, 1, 0]] {
            let octets = tlv(SEQUENCE, &[&request, &tlv(tag, &[inner])]);
            let message = CertReqMsg::from_der(&octets).unwrap();
            assert_eq!(message.to_der().unwrap(), octets);
            assert_eq!(message.popo().unwrap().to_der().unwrap(), tlv(tag, &[inner]));
            assert_eq!(verify(&octets).unwrap_err(), Error::UnsupportedPop(kind));
        }
    }
    for (tag, inner) in [
        (0xa4, &[5, 0][..]),                  // there is no [4]
        (0xa2, &[0x81, 1, 2]),                // nor a third SubsequentMessage
        (0xa2, &[0x85, 1, 0]),                // nor a sixth POPOPrivKey
        (0xa3, &[0xa3, 5, 0x30, 0, 3, 1, 0]), // an AlgorithmIdentifier has an algorithm
        (0xa3, &[0x81, 1, 0, 0x81, 1, 0]),    // two at once
        (0x80, &[0]),                         // NULL is empty
    ] {
        let unknown = tlv(SEQUENCE, &[&request, &tlv(tag, &[inner])]);
        assert!(matches!(CertReqMsg::from_der(&unknown), Err(Error::Malformed(_))), "{inner:02x?}");
    }
}

#[test]
fn a_missing_proof_is_missed() {
    let octets = tlv(SEQUENCE, &[&cert_request(&[&subject_field(), &public_key_field()])]);
    assert_eq!(verify(&octets).unwrap_err(), Error::MissingPop);
    let message = CertReqMsg::from_der(&octets).unwrap();
    assert_eq!(message.accept_ra_verified().unwrap_err(), Error::NotRaVerified);
}

#[test]
fn ra_verified_counts_only_when_it_is_accepted() {
    let message = builder().ra_verified().unwrap();
    assert_eq!(message.octets()[message.octets().len() - 2..], [0x80, 0x00]);
    assert!(message.is_ra_verified());
    assert_eq!(verify(message.octets()).unwrap_err(), Error::RaVerified);
    let verified = message.accept_ra_verified().unwrap();
    assert_eq!(verified.public_key(), KEY.public_key());
    assert_eq!(verified.extensions().len(), 2);

    let proven = builder().sign(&*KEY).unwrap();
    assert_eq!(proven.accept_ra_verified().unwrap_err(), Error::NotRaVerified);
}

#[test]
fn ra_verified_does_not_make_a_template_good() {
    let weak =
        tlv(0xa6, &[&tlv(SEQUENCE, &[&RSA_ENCRYPTION, &[5, 0]]), &tlv(BIT_STRING, &[&[0], &rsa_1024()])]);
    let octets = tlv(SEQUENCE, &[&cert_request(&[&subject_field(), &weak]), &[0x80, 0x00]]);
    let error = CertReqMsg::from_der(&octets).unwrap().accept_ra_verified().unwrap_err();
    assert_eq!(error, Error::PublicKey(KeyError::RsaModulus { bits: 1024 }));
    assert_eq!(verify(&octets).unwrap_err(), error);
}

const RSA_ENCRYPTION: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

fn rsa_1024() -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(INTEGER, &[&[0], &[0xff; 128]]), &[INTEGER, 3, 1, 0, 1]])
}

#[test]
fn a_request_leaves_out_what_is_not_its_own() {
    let (subject, key) = (subject_field(), public_key_field());
    let serial_number = [0x81, 1, 7];
    let signing_alg = retagged(0xa2, &KEY.algorithm().identifier().to_der().unwrap());
    let unique_id = |tag| [tag, 2, 0, 0xff];
    for (fields, name) in [
        ([&serial_number[..], &subject, &key, &[]], "serialNumber"),
        ([&signing_alg, &subject, &key, &[]], "signingAlg"),
        ([&subject, &key, &unique_id(0x87), &[]], "issuerUID"),
        ([&subject, &key, &unique_id(0x88), &[]], "subjectUID"),
    ] {
        assert_eq!(verify(&signed(&fields)).unwrap_err(), Error::UnexpectedField(name));
    }
    assert_eq!(verify(&signed(&[&subject])).unwrap_err(), Error::MissingPublicKey);
    // issuer is no harm
    let issuer = retagged(0xa3, &subject);
    assert!(verify(&signed(&[&issuer, &subject, &key])).is_ok());
}

#[test]
fn version_is_v3_or_absent() {
    let (subject, key) = (subject_field(), public_key_field());
    assert!(verify(&signed(&[&[0x80, 1, 2], &subject, &key])).is_ok());
    for version in [0, 1] {
        assert_eq!(verify(&signed(&[&[0x80, 1, version], &subject, &key])).unwrap_err(), Error::Version);
    }
    let error = verify(&signed(&[&[0x80, 1, 3], &subject, &key])).unwrap_err();
    assert!(matches!(error, Error::Malformed(_)), "{error}");
}

#[test]
fn validity_has_a_bound() {
    let (subject, key) = (subject_field(), public_key_field());
    let error = verify(&signed(&[&[0xa4, 0], &subject, &key])).unwrap_err();
    assert_eq!(error, Error::EmptyValidity);
    let mut builder = builder();
    builder.validity = Some(OptionalValidity::new(None, None));
    assert_eq!(builder.to_be_signed(), Err(Error::EmptyValidity));

    let not_after = [&[0xa1, 15, 0x17, 13][..], b"301231235959Z"].concat();
    let verified = verify(&signed(&[&tlv(0xa4, &[&not_after]), &subject, &key])).unwrap();
    let validity = verified.message().template().validity.as_ref().unwrap();
    assert!(validity.not_before.is_none() && validity.not_after.is_some());
}

#[test]
fn lists_are_not_empty() {
    let (subject, key) = (subject_field(), public_key_field());
    let error = verify(&signed(&[&subject, &key, &[0xa9, 0]])).unwrap_err();
    assert_eq!(error, Error::EmptyList("extensions"));

    let template = tlv(SEQUENCE, &[&subject, &key]);
    let request = tlv(SEQUENCE, &[&[INTEGER, 1, 0], &template, &[SEQUENCE, 0]]);
    assert_eq!(verify(&cert_req_msg(&request, &[], &request)).unwrap_err(), Error::EmptyList("controls"));

    let request = cert_request(&[&subject, &key]);
    let proven = CertReqMsg::from_der(&cert_req_msg(&request, &[], &request)).unwrap();
    let proof = proven.popo().unwrap().to_der().unwrap();
    let octets = tlv(SEQUENCE, &[&request, &proof, &[SEQUENCE, 0]]);
    assert_eq!(verify(&octets).unwrap_err(), Error::EmptyList("regInfo"));
}

#[test]
fn extensions_are_bounded_and_asked_for_once() {
    let mut builder = builder();
    builder.extensions = vec![extension(1), extension(2), extension(1)];
    let twice = retagged(0xa9, &builder.extensions.to_der().unwrap());
    let expected = Error::DuplicateExtension(extension(1).extn_id);
    assert_eq!(builder.to_be_signed().unwrap_err(), expected);
    let template = [&subject_field()[..], &public_key_field(), &twice];
    assert_eq!(verify(&signed(&template)).unwrap_err(), expected);

    builder.extensions = (0..33).map(extension).collect();
    let many = retagged(0xa9, &builder.extensions.to_der().unwrap());
    let expected = Error::TooManyExtensions { count: 33, limit: MAX_EXTENSIONS };
    assert_eq!(builder.to_be_signed().unwrap_err(), expected);
    let template = [&subject_field()[..], &public_key_field(), &many];
    assert_eq!(verify(&signed(&template)).unwrap_err(), expected);
}

#[test]
fn sha1_and_algorithms_of_other_keys_are_refused() {
    let request = cert_request(&[&subject_field(), &public_key_field()]);
    let signature = tlv(BIT_STRING, &[&[0], &KEY.sign(&request).unwrap()]);
    let with_algorithm = |algorithm: &[u8]| {
        verify(&tlv(SEQUENCE, &[&request, &tlv(0xa1, &[algorithm, &signature])])).unwrap_err()
    };
    let sha1 = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    let error = with_algorithm(&tlv(SEQUENCE, &[&sha1.to_der().unwrap()]));
    assert_eq!(error, Error::Algorithm(AlgorithmError::Unsupported(sha1)));

    let algorithm = SignatureAlgorithm::Sha256WithRsa;
    let misfit =
        Error::ProofOfPossession(VerifyError::AlgorithmDoesNotFitKey { algorithm, key: KeyKind::P256 });
    assert_eq!(with_algorithm(&algorithm.identifier().to_der().unwrap()), misfit);
    assert_eq!(builder().with_signature(algorithm, &[1; 256]).unwrap_err(), misfit);
}

#[test]
fn a_signature_is_whole_octets() {
    let request = cert_request(&[&subject_field(), &public_key_field()]);
    let algorithm = KEY.algorithm().identifier().to_der().unwrap();
    let signature = tlv(BIT_STRING, &[&[1], &[0x30; 70]]);
    let octets = tlv(SEQUENCE, &[&request, &tlv(0xa1, &[&algorithm, &signature])]);
    assert_eq!(verify(&octets).unwrap_err(), Error::UnusedBits);
}

#[test]
fn the_signature_covers_the_octets_received_even_where_they_are_not_canonical() {
    // DER omits `critical FALSE`; what was signed is what counts.
    let extension = [0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0x00, 0x04, 0x02, 0x05, 0x00];
    let extensions = tlv(0xa9, &[&tlv(SEQUENCE, &[&extension])]);
    let octets = signed(&[&subject_field(), &public_key_field(), &extensions]);
    let verified = verify(&octets).unwrap();
    assert_eq!(verified.message().to_der().unwrap(), octets);
}

#[test]
fn messages_are_bounded() {
    let message = builder().sign(&*KEY).unwrap();
    assert!(matches!(message.popo(), Some(ProofOfPossession::Signature(_))));
    for count in [0, MAX_CERT_REQ_MESSAGES + 1] {
        let expected = Error::MessageCount { count, limit: MAX_CERT_REQ_MESSAGES };
        assert_eq!(CertReqMessages::new(vec![message.clone(); count]), Err(expected));
        let octets = tlv(SEQUENCE, &vec![message.octets(); count]);
        assert!(matches!(CertReqMessages::from_der(&octets), Err(Error::Malformed(_))), "{count}");
    }
    let most = CertReqMessages::new(vec![message; MAX_CERT_REQ_MESSAGES]).unwrap();
    assert_eq!(CertReqMessages::from_der(&most.to_der().unwrap()).unwrap(), most);
}
