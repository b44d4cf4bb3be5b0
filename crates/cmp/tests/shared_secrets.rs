//! Messages protected with a shared secret: transactions under both MACs, and everything that must be refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod secrets;

use asn1::oids::rfc8018;
use cmp::end_entity::{Answer, CertificateRequest, RequestKind, Transaction};
use cmp::management_entity::{Confirmation, ReplyTo, VerifiedRequest};
use cmp::{
    CertReqId, Credential, Error, Expectation, PkiFailureInfo, PkiMessage, Pvno, Quirk, Quirks, Reference,
    SenderNonce, SignerRole, TransactionId, Validator, bundle, unbundle,
};
use crmf::{CertReqMessages, CertReqMsgBuilder, MacLimits, PasswordMac};
use crypto::SigningKey;
use crypto_aws_lc::provider;
use der::asn1::OctetString;
use testkit::vectors::{self, NOW};
use x509_cert::ext::pkix::name::GeneralName;

use secrets::{House, REFERENCE, SECRET, bad_mac, credential, entry, macs, reference, with_header, with_tag};

#[test]
fn a_transaction_stands_under_one_mac_from_ir_to_pkiconf() {
    for mac in macs() {
        let house = House::new(mac);
        for request in [house.ir_with_subject(), house.ir_with_public_key_mac(SECRET), house.p10cr()] {
            let (ir, awaiting) = house.start(request);
            let message = house.at_ca(&ir, &Expectation::First).unwrap();
            assert_eq!(message.signer().credential, Credential::SharedSecret(reference()));
            assert_eq!(message.signer().role, SignerRole::SecretHolder);
            assert_eq!(message.signer().name.to_string(), "CN=4711");
            assert!(message.signer().certificate().is_none());

            let (ip, at_ca) = house.grant(&message);
            let reply = house.at_station(&ip, &awaiting.expectation()).unwrap();
            assert_eq!(reply.signer().role, SignerRole::CertificationAuthority);
            let Answer::Granted(granted) = awaiting.handle(&reply).unwrap() else { panic!() };
            granted.check().unwrap();

            let part = granted.confirm(house.station.identity(), &house.provider, NOW).unwrap();
            let cert_conf = part.0.authenticate(&house.station, &house.provider).unwrap();
            let message = house.at_ca(&cert_conf, &at_ca.expectation()).unwrap();
            let credential = message.mac_credential().unwrap().clone();
            let (confirmation, answer) = at_ca.handle(&message, &house.responder(&credential)).unwrap();
            assert_eq!(confirmation, Confirmation::Accepted);
            let pki_conf = answer.authenticate(&credential, &house.provider).unwrap();
            let message = house.at_station(&pki_conf, &part.1.expectation()).unwrap();
            part.1.handle(&message).unwrap();

            let mut identifiers = Vec::new();
            for octets in [&ir, &ip, &cert_conf, &pki_conf] {
                let message = PkiMessage::from_der(octets).unwrap();
                let algorithm = message.header().protection_alg.clone().unwrap();
                let used = PasswordMac::from_identifier(&algorithm, &MacLimits::default()).unwrap();
                assert!(used.renews(house.station_mac()), "salt and iterations stay");
                if !identifiers.contains(&algorithm) {
                    identifiers.push(algorithm);
                }
                assert_eq!(message.header().sender_kid, OctetString::new(REFERENCE.as_bytes()).ok());
                assert_eq!(message.header().sender_name().unwrap().to_string(), "CN=4711");
                assert!(message.extra_certs().is_empty());
            }
            let nonces = house.station_mac().clone().renew(&house.provider).unwrap() != *house.station_mac();
            assert_eq!(identifiers.len(), if nonces { 4 } else { 1 }, "only a nonce is a new one each time");
        }
    }
}

/// OmniTrust ILM takes transactionIDs of 16 octets or more, at most 100000 iterations, and no pvno but 2.
#[test]
fn what_is_sent_stays_within_what_the_strictest_peer_takes() {
    for mac in macs() {
        let house = House::new(mac);
        for request in [house.ir_with_subject(), house.ir_with_public_key_mac(SECRET), house.p10cr()] {
            let message = PkiMessage::from_der(&house.start(request).0).unwrap();
            let header = message.header();
            assert!(header.transaction_id.as_ref().unwrap().as_octets().len() >= 16);
            assert_eq!(header.pvno, Pvno::CMP2000);
            let mut limits = MacLimits::default();
            limits.max_iterations = 100_000;
            PasswordMac::from_identifier(header.protection_alg.as_ref().unwrap(), &limits).unwrap();
        }
    }
}

#[test]
fn a_request_that_waits_is_polled_for_under_the_same_secret() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let (request, awaiting) = house.start(house.p10cr());
    let message = house.at_ca(&request, &Expectation::First).unwrap();
    let open = VerifiedRequest::verify(&message, &house.provider).unwrap().open().clone();
    let credential = message.mac_credential().unwrap();
    let reply_to = ReplyTo::new(message.message().header());
    let (part, at_ca) = open.wait(&reply_to, &house.responder(credential)).unwrap();
    let reply = part.authenticate(credential, &house.provider).unwrap();
    let reply = house.at_station(&reply, &awaiting.expectation()).unwrap();
    let Answer::Waiting(waiting) = awaiting.handle(&reply).unwrap() else { panic!() };
    let (part, awaiting) = waiting.poll(house.station.identity(), &house.provider, NOW).unwrap();

    let other = credential_of("4712", "another-secret-of-somebody");
    let foreign = part.to_be_signed().unwrap();
    assert!(part.authenticate(&other, &house.provider).is_err(), "made for another credential");
    assert!(part.sign(&house.station_key).is_err(), "a key is no secret");
    assert!(part.with_signature(&foreign).is_err());
    let poll = part.authenticate(&house.station, &house.provider).unwrap();
    let message = house.at_ca(&poll, &at_ca.expectation()).unwrap();
    at_ca.handle(&message).unwrap();

    // A signed pollRep would be an answer of another kind.
    let signed =
        open.wait_again(core::time::Duration::ZERO, &reply_to, &house.signing_responder()).unwrap().0;
    let signed = signed.sign(&house.ca_key).unwrap();
    let signed = with_header(&signed, |header| {
        let polled = PkiMessage::from_der(&poll).unwrap().header().sender_nonce.clone().unwrap();
        header.recip_nonce = Some(polled.into());
    });
    assert_eq!(house.at_station(&signed, &awaiting.expectation()).unwrap_err(), Error::WrongProtection);
}

fn credential_of(reference: &str, text: &str) -> cmp::MacCredential {
    credential(reference, text, PasswordMac::pbmac1(&provider()).unwrap())
}

#[test]
fn a_key_is_bound_to_the_secret_when_there_is_no_subject() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let verify = |request| {
        let (octets, _) = house.start(request);
        VerifiedRequest::verify(&house.at_ca(&octets, &Expectation::First).unwrap(), &house.provider)
    };
    let verified = verify(house.ir_with_public_key_mac(SECRET)).unwrap();
    assert_eq!(verified.public_key(), house.station_key.public_key());
    assert!(verified.subject().is_none());
    let error = verify(house.ir_with_public_key_mac("another secret")).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_POP, "{error}");

    // The name in the header is the sender's word only, so it does not do for a proof.
    let mut builder = CertReqMsgBuilder::new(None, house.station_key.public_key());
    builder.sender = Some(GeneralName::DirectoryName(reference().name()));
    let message = builder.sign(&house.station_key).unwrap();
    let error = verify(CertificateRequest::Ir(CertReqMessages::new(vec![message]).unwrap())).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::NOT_AUTHORIZED, "{error}");
}

#[test]
fn a_secret_makes_an_end_entity_unless_its_entry_says_more() {
    let mut house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let request = CertReqMsgBuilder::new(Some("CN=a".parse().unwrap()), house.station_key.public_key());
    let request = CertReqMessages::new(vec![request.ra_verified().unwrap()]).unwrap();
    let (octets, _) = house.start(CertificateRequest::Ir(request));
    let verify = |house: &House| {
        VerifiedRequest::verify(&house.at_ca(&octets, &Expectation::First).unwrap(), &house.provider)
    };
    assert_eq!(verify(&house).unwrap_err().fail_info(), PkiFailureInfo::NOT_AUTHORIZED);
    house.secrets_at_ca[0].role = SignerRole::RegistrationAuthority;
    verify(&house).unwrap();
}

#[test]
fn a_message_says_what_it_likes_of_its_sender_and_is_known_by_its_reference() {
    let mut house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    house.station = house.station.with_name("CN=nem-1,O=Operator".parse().unwrap());
    let (octets, _) = house.start(house.p10cr());
    let message = house.at_ca(&octets, &Expectation::First).unwrap();
    assert_eq!(message.message().header().sender_name().unwrap().to_string(), "CN=nem-1,O=Operator");
    assert_eq!(message.signer().name.to_string(), "CN=4711");
}

#[test]
fn a_wrong_secret_and_an_unknown_reference_are_one_error() {
    for mac in macs() {
        let house = House::new(mac.clone());
        let request = |reference: &str, text: &str| {
            let mut house = House::new(mac.clone());
            house.station = credential(reference, text, mac.clone());
            house.start(house.p10cr()).0
        };
        let wrong = request(REFERENCE, "not-the-secret");
        let (right, _) = house.start(house.p10cr());
        let without_reference = with_header(&right, |header| header.sender_kid = None);
        for octets in [
            wrong.clone(),
            request("4713", SECRET),
            request("4713", ""),
            request("", SECRET),
            request("471", SECRET),
            request("4712", SECRET),
            without_reference,
        ] {
            let error = house.at_ca(&octets, &Expectation::First).unwrap_err();
            assert_eq!(error, bad_mac());
            assert_eq!(error.fail_info(), PkiFailureInfo::BAD_MESSAGE_CHECK);
        }
        // And they cost the same.
        let work = |octets: &[u8]| {
            let (provider, work) = secrets::counting_provider();
            let mut validator = Validator::new(&provider, &[]);
            validator.secrets = &house.secrets_at_ca;
            let message = PkiMessage::from_der(octets).unwrap();
            assert_eq!(validator.validate(message, &Expectation::First, NOW).unwrap_err(), bad_mac());
            work.total()
        };
        assert_eq!(work(&wrong), work(&request("4713", "not-the-secret")));
        assert!(work(&wrong) > 1);
    }
}

#[test]
fn the_work_that_a_mac_demands_is_limited_before_any_is_done() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let mut validator = Validator::new(&house.provider, &house.trust_at_ca);
    validator.secrets = &house.secrets_at_ca;
    let (idle, work) = secrets::counting_provider();
    validator.provider = &idle;
    let (right, _) = house.start(house.p10cr());
    for (what, algorithm) in secrets::unacceptable() {
        let octets = with_header(&right, |header| header.protection_alg = Some(algorithm.clone()));
        let message = PkiMessage::from_der(&octets).unwrap();
        let error = validator.validate(message.clone(), &Expectation::First, NOW).unwrap_err();
        assert!(matches!(error, Error::Mac(_)), "{what}: {error}");
        assert_eq!(error.fail_info(), PkiFailureInfo::BAD_ALG, "{what}");
        assert!(validator.mac_credential(&message).is_none(), "{what}");
        assert_eq!(work.total(), 0, "{what}");
    }
    validator.mac_limits.max_iterations = 9_999;
    let error = validator.validate(PkiMessage::from_der(&right).unwrap(), &Expectation::First, NOW);
    assert_eq!(error.unwrap_err().fail_info(), PkiFailureInfo::BAD_ALG);
    assert_eq!(work.total(), 0);
}

#[test]
fn every_flipped_bit_is_noticed() {
    for mac in secrets::quick_macs() {
        let house = House::new(mac);
        let (octets, _) = house.start(house.p10cr());
        house.at_ca(&octets, &Expectation::First).unwrap();
        for position in 0..octets.len() {
            for bit in 0..8 {
                let mut flipped = octets.clone();
                flipped[position] ^= 1 << bit;
                assert!(house.at_ca(&flipped, &Expectation::First).is_err(), "octet {position}, bit {bit}");
            }
        }
        // A MAC that is cut off, or longer, is no MAC.
        let tag = PkiMessage::from_der(&octets).unwrap().protection().unwrap().as_bytes().unwrap().to_vec();
        for tag in [&tag[..31], &tag[..1], &[], &[tag.clone(), vec![0]].concat()] {
            let error = house.at_ca(&with_tag(&octets, tag), &Expectation::First).unwrap_err();
            assert_eq!(error, bad_mac());
        }
    }
}

#[test]
fn the_kind_of_protection_never_changes_within_a_transaction() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let wrong = |outcome: Result<_, Error>| {
        let _: &cmp::ValidatedMessage = match &outcome {
            Err(error) => {
                assert_eq!(error.fail_info(), PkiFailureInfo::WRONG_INTEGRITY, "{error}");
                return;
            }
            Ok(message) => message,
        };
        panic!("believed");
    };
    // A signed answer to a MAC, though the signer is trusted.
    let (request, awaiting) = house.start(house.p10cr());
    let message = house.at_ca(&request, &Expectation::First).unwrap();
    wrong(house.at_station(&house.signed_grant(&message), &awaiting.expectation()));
    // A MAC in answer to a signature, though the secret is shared.
    let (signed, awaiting_signed) = house.start_signed();
    let at_ca = house.at_ca(&signed, &Expectation::First).unwrap();
    assert!(at_ca.mac_credential().is_none());
    wrong(house.at_station(&house.grant_with(&at_ca, &house.station).0, &awaiting_signed.expectation()));

    // And of the requester's later messages.
    let (ip, at_ca) = house.grant(&message);
    let reply = house.at_station(&ip, &awaiting.expectation()).unwrap();
    let Answer::Granted(granted) = awaiting.handle(&reply).unwrap() else { panic!() };
    let (part, _) = granted.clone().confirm(&house.vendor.1, &house.provider, NOW).unwrap();
    wrong(house.at_ca(&part.sign(&house.vendor.0).unwrap(), &at_ca.expectation()));
    // Nor does anybody else's secret do.
    let other = house.other_station();
    let (part, _) = granted.confirm(other.identity(), &house.provider, NOW).unwrap();
    let cert_conf = part.authenticate(&other, &house.provider).unwrap();
    assert_eq!(house.at_ca(&cert_conf, &at_ca.expectation()).unwrap_err(), Error::OtherSigner);
    // Facts that were stored say which kind is due, too.
    let id = TransactionId::new(&[1; 16]).unwrap();
    let stored = Transaction::new(id, RequestKind::Ir, CertReqId::FIRST, false, vec![], vec![]);
    assert!(matches!(stored.expectation(), Expectation::Within { signer: None, .. }));
}

#[test]
fn a_reflected_message_is_no_answer() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let (request, awaiting) = house.start(house.p10cr());
    let error = house.at_station(&request, &awaiting.expectation()).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_RECIPIENT_NONCE);
    let (reply, at_ca) = house.grant(&house.at_ca(&request, &Expectation::First).unwrap());
    for expectation in [Expectation::First, at_ca.expectation()] {
        let error = house.at_ca(&reply, &expectation).unwrap_err();
        assert_eq!(error.fail_info(), PkiFailureInfo::BAD_RECIPIENT_NONCE);
    }
}

#[test]
fn nobody_attests_or_bundles_with_a_secret() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let inner = PkiMessage::from_der(&house.start(house.p10cr()).0).unwrap();
    let identity = house.station.identity();
    let (part, _) =
        bundle(std::slice::from_ref(&inner), "CN=CA".parse().unwrap(), identity, &house.provider, NOW)
            .unwrap();
    let octets = part.authenticate(&house.station, &house.provider).unwrap();
    let message = house.at_ca(&octets, &Expectation::First).unwrap();
    let error = unbundle(&message, &cmp::ReadingPolicy::default()).unwrap_err();
    assert_eq!(error.fail_info(), PkiFailureInfo::WRONG_INTEGRITY);
}

#[test]
fn nothing_shows_a_secret() {
    let house = House::new(PasswordMac::pbm(&provider()).unwrap());
    let (request, awaiting) = house.start(house.ir_with_public_key_mac(SECRET));
    let message = house.at_ca(&request, &Expectation::First).unwrap();
    let wrong = House::new(PasswordMac::pbm(&provider()).unwrap());
    let refused = wrong.at_ca(&with_tag(&request, &[0; 32]), &Expectation::First).unwrap_err();
    let mut validator = Validator::new(&house.provider, &house.trust_at_ca);
    validator.secrets = &house.secrets_at_ca;
    let octets = format!("{:?}", SECRET.as_bytes());
    for shown in [
        format!("{message:?}"),
        format!("{awaiting:?}"),
        format!("{:?}", house.station),
        format!("{:?}", house.secrets_at_ca),
        format!("{validator:?}"),
        format!("{:?}", VerifiedRequest::verify(&message, &house.provider)),
        format!("{refused} {refused:?} {:?}", refused.status_info()),
    ] {
        assert!(!shown.contains(SECRET) && !shown.contains(octets.trim_matches(['[', ']'])), "{shown}");
    }
}

#[test]
fn references_are_shown_and_named_safely() {
    for (octets, shown, name) in [
        (&b"4711"[..], "4711", "CN=4711"),
        (b"a,b+c", "a,b+c", "CN=a\\,b\\+c"),
        (b"\x1b[2J", "\\u{1b}[2J", "CN=\\1b[2J"),
        (b"\xff\x00", "#ff00", ""),
        (b"", "", ""),
    ] {
        let reference = Reference::new(octets);
        assert_eq!(reference.to_string(), shown);
        assert_eq!(reference.name().to_string().to_lowercase(), name.to_lowercase());
    }
    assert!(Reference::new([b'a'; 65]).name().is_empty());
    assert!(!Reference::new([b'a'; 64]).name().is_empty());
}

#[test]
fn macs_of_other_implementations_are_believed() {
    let provider = provider();
    let of = |reference: &str, text: &str| entry(reference, text);
    let secrets = [of("4711", "nemsecret"), of("enb-ref-0001", "nem-shared-secret-0001")];
    let mut validator = Validator::new(&provider, &[]);
    validator.time_window = None;
    let validate = |validator: &Validator<'_>, name: &str, expectation: &Expectation<'_>| {
        let message = PkiMessage::from_der(&vectors::own(name)).unwrap();
        validator.validate(message, expectation, NOW)
    };
    let first = "openssl-mock/pbm_1_ir.der";
    assert_eq!(validate(&validator, first, &Expectation::First).unwrap_err(), Error::WrongProtection);
    validator.secrets = &secrets;
    for name in [first, "derived/pbmac1_p10cr.der", "derived/pbm_sha256_p10cr.der"] {
        let message =
            validate(&validator, name, &Expectation::First).unwrap_or_else(|error| panic!("{name}: {error}"));
        VerifiedRequest::verify(&message, &provider).unwrap();
    }
    let request = validate(&validator, first, &Expectation::First).unwrap();
    let within = |nonce: &SenderNonce, name: &str| {
        let nonces = [nonce.clone()];
        let signer = Some(&request.signer().credential);
        validate(
            &validator,
            name,
            &Expectation::Within { transaction_id: request.transaction_id(), nonces: &nonces, signer },
        )
    };
    // The mock server answers with HMAC-SHA-1, whatever it was asked with.
    let answer = PkiMessage::from_der(&vectors::own("openssl-mock/pbm_2_ip.der")).unwrap();
    let error = within(request.sender_nonce(), "openssl-mock/pbm_2_ip.der").unwrap_err();
    assert!(matches!(error, Error::Mac(_)), "{error}");
    let mut lenient = Validator::new(&provider, &[]);
    (lenient.secrets, lenient.time_window) = (&secrets, None);
    lenient.quirks = Quirks::NONE.with(Quirk::Sha1InMac);
    let nonces = [request.sender_nonce().clone()];
    let signer = Some(&request.signer().credential);
    let expectation =
        Expectation::Within { transaction_id: request.transaction_id(), nonces: &nonces, signer };
    let believed = validate(&lenient, "openssl-mock/pbm_2_ip.der", &expectation).unwrap();
    let answered_with = believed.mac_credential().unwrap().identity();
    assert!(
        !format!("{answered_with:?}").contains(&rfc8018::HMAC_WITH_SHA1.to_string()),
        "{answered_with:?}"
    );
    within(answer.header().sender_nonce.as_ref().unwrap(), "openssl-mock/pbm_3_certConf.der").unwrap();
    let kem = validate(&validator, "derived/kembm_p10cr.der", &Expectation::First).unwrap_err();
    assert_eq!(kem, Error::KemCiphertextMissing);
}

#[test]
fn a_first_request_may_be_signed_where_secrets_are_shared_too() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let (signed, _) = house.start_signed();
    let message = house.at_ca(&signed, &Expectation::First).unwrap();
    assert_eq!(message.signer().role, SignerRole::VendorCertified);
    assert!(message.signer().certificate().is_some());
}
