//! What the named policies let through, and that none of them lets anything else through.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    dead_code
)]

mod secrets;

use asn1::EncodedCertificate;
use cmp::{
    CertRepMessage, CertReqId, CertResponse, Credential, Error, ErrorMsgContent, Expectation, PkiBody,
    PkiFailureInfo, PkiHeader, PkiMessage, PkiStatus, PkiStatusInfo, Quirk, Quirks, RecipNonce,
    RevRepContent, SenderNonce, SignerRole, TransactionId, Trust, Validator,
};
use crmf::{MacError, PasswordMac};
use crypto::ExtendedKeyUsage;
use crypto_aws_lc::provider;
use der::{Any, Encode, Tag};
use proptest::prelude::*;
use secrets::{House, with_header};
use testkit::vectors::{self, NOW};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

fn every_set() -> impl Iterator<Item = Quirks> {
    (0..1_u16 << Quirk::ALL.len()).map(|bits| {
        let chosen = Quirk::ALL.into_iter().enumerate().filter(|(position, _)| bits >> position & 1 == 1);
        chosen.map(|(_, quirk)| quirk).collect()
    })
}

fn message(header: &PkiHeader, body: &PkiBody) -> PkiMessage {
    let parts = [header.to_der().unwrap(), body.to_der().unwrap()].concat();
    PkiMessage::from_der(&Any::new(Tag::Sequence, parts).unwrap().to_der().unwrap()).unwrap()
}

/// An answer without protection to a message with these.
fn answer(transaction_id: &TransactionId, nonce: &SenderNonce, body: &PkiBody) -> PkiMessage {
    let name = GeneralName::DirectoryName(Name::default());
    let mut header = PkiHeader::new(name.clone(), name);
    header.transaction_id = Some(transaction_id.clone());
    header.sender_nonce = Some(SenderNonce::new(&[9; 16]).unwrap());
    header.recip_nonce = Some(RecipNonce::from(nonce.clone()));
    message(&header, body)
}

fn rejected() -> PkiStatusInfo {
    PkiStatusInfo::rejection(PkiFailureInfo::NOT_AUTHORIZED, "no".into())
}

/// Whether a body says no and nothing else, by the letter.
fn is_refusal(body: &PkiBody) -> bool {
    let only =
        |statuses: &[&PkiStatusInfo]| statuses.len() == 1 && statuses[0].status == PkiStatus::Rejection;
    match body {
        PkiBody::Error(content) => only(&[&content.pki_status_info]),
        PkiBody::Ip(content) | PkiBody::Cp(content) | PkiBody::Kup(content) | PkiBody::Ccp(content) => {
            let statuses: Vec<_> = content.response.iter().map(|response| &response.status).collect();
            only(&statuses) && content.ca_pubs.is_none() && content.response[0].certified_key_pair.is_none()
        }
        PkiBody::Rp(content) => {
            only(&content.status.iter().collect::<Vec<_>>())
                && content.rev_certs.is_none()
                && content.crls.is_none()
        }
        _ => false,
    }
}

/// With and without each quirk, in answer to a signature and to a MAC.
fn nothing_but_refusals_pass(body: &PkiBody) {
    let provider = provider();
    let (id, nonce) = (TransactionId::new(&[1; 16]).unwrap(), SenderNonce::new(&[2; 16]).unwrap());
    let message = answer(&id, &nonce, body);
    let nonces = [nonce];
    let anchor = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    let trust = [Trust::new(SignerRole::CertificationAuthority, vec![anchor.clone()], ExtendedKeyUsage::Any)];
    let secrets = [secrets::entry("4711", secrets::SECRET)];
    let answerers =
        [None, Some(Credential::from(anchor)), Some(Credential::SharedSecret(secrets::reference()))];
    let mut expectations: Vec<_> = answerers
        .iter()
        .map(|signer| Expectation::Within { transaction_id: &id, nonces: &nonces, signer: signer.as_ref() })
        .collect();
    expectations.push(Expectation::First);
    for quirks in every_set() {
        let mut validator = Validator::new(&provider, &trust);
        (validator.secrets, validator.quirks) = (&secrets, quirks);
        for expectation in &expectations {
            let believed = validator.validate(message.clone(), expectation, NOW);
            assert!(believed.is_err(), "{:?} {quirks:?}", body.kind());
            let refusal = validator.unprotected_refusal(&message, expectation, NOW);
            let due = quirks.contains(Quirk::UnprotectedErrors)
                && is_refusal(body)
                && matches!(expectation, Expectation::Within { .. });
            assert_eq!(refusal.is_ok(), due, "{body:?} {quirks:?} {refusal:?}");
        }
    }
}

#[test]
fn no_recorded_message_is_believed_without_its_protection() {
    let mut kinds = std::collections::BTreeSet::new();
    for name in vectors::own_expected().keys() {
        let body = PkiMessage::from_der(&vectors::own(name)).unwrap().body().clone();
        kinds.insert(body.kind().name());
        nothing_but_refusals_pass(&body);
    }
    for name in vectors::own_names().iter().filter(|name| name.starts_with("composed/")) {
        let Ok(message) = PkiMessage::from_der(&vectors::own(name)) else { continue };
        kinds.insert(message.body().kind().name());
        nothing_but_refusals_pass(message.body());
    }
    assert_eq!(kinds.len(), 27, "every body: {kinds:?}");
}

fn status() -> impl Strategy<Value = PkiStatusInfo> {
    let status = prop::sample::select(vec![
        PkiStatus::Accepted,
        PkiStatus::GrantedWithMods,
        PkiStatus::Rejection,
        PkiStatus::Waiting,
        PkiStatus::RevocationWarning,
        PkiStatus::RevocationNotification,
        PkiStatus::KeyUpdateWarning,
    ]);
    (status, any::<bool>()).prop_map(|(status, says_why)| {
        let mut info = PkiStatusInfo::new(status);
        info.fail_info = says_why.then_some(PkiFailureInfo::BAD_REQUEST);
        info
    })
}

fn responses() -> impl Strategy<Value = CertRepMessage> {
    let certificate = EncodedCertificate::new(&[0x30, 0x03, 0x02, 0x01, 0x05]).unwrap();
    let response = (status(), prop::bool::weighted(0.2)).prop_map({
        let certificate = certificate.clone();
        move |(status, with)| match with {
            true => CertResponse::with_certificate(CertReqId::FIRST, status, certificate.clone()),
            false => CertResponse::without_certificate(CertReqId::FIRST, status),
        }
    });
    (prop::collection::vec(response, 1..3), prop::bool::weighted(0.2)).prop_map(move |(responses, pubs)| {
        let mut content = CertRepMessage::new(responses[0].clone());
        content.response = responses;
        content.ca_pubs = pubs.then(|| vec![certificate.clone()]);
        content
    })
}

fn body() -> impl Strategy<Value = PkiBody> {
    prop_oneof![
        responses().prop_map(PkiBody::Ip),
        responses().prop_map(PkiBody::Cp),
        responses().prop_map(PkiBody::Kup),
        responses().prop_map(PkiBody::Ccp),
        status().prop_map(|status| PkiBody::Error(ErrorMsgContent::new(status))),
        prop::collection::vec(status(), 1..3).prop_map(|statuses| {
            let mut content = RevRepContent::new(statuses[0].clone());
            content.status = statuses;
            PkiBody::Rp(content)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_quirk_lets_an_unprotected_message_through_that_is_not_a_refusal(body in body()) {
        nothing_but_refusals_pass(&body);
    }
}

#[test]
fn an_unprotected_refusal_must_answer_the_message_that_was_sent() {
    let provider = provider();
    let mut validator = Validator::new(&provider, &[]);
    validator.quirks = Quirks::NONE.with(Quirk::UnprotectedErrors);
    let (id, nonce) = (TransactionId::new(&[1; 16]).unwrap(), SenderNonce::new(&[2; 16]).unwrap());
    let nonces = [nonce.clone()];
    let expectation = Expectation::Within { transaction_id: &id, nonces: &nonces, signer: None };
    let error = PkiBody::Error(ErrorMsgContent::new(rejected()));
    let fitting = answer(&id, &nonce, &error);
    let refusal = validator.unprotected_refusal(&fitting, &expectation, NOW).unwrap();
    assert_eq!(refusal.status(), &rejected());

    let changed = |change: &dyn Fn(&mut PkiHeader)| {
        let mut header = fitting.header().clone();
        change(&mut header);
        validator.unprotected_refusal(&message(&header, &error), &expectation, NOW).unwrap_err()
    };
    assert!(matches!(
        changed(&|header| header.transaction_id = TransactionId::new(&[3; 16]).ok()),
        Error::OtherTransaction(_)
    ));
    assert_eq!(changed(&|header| header.transaction_id = None), Error::BadTransactionId);
    assert_eq!(changed(&|header| header.recip_nonce = None), Error::BadRecipientNonce);
    let other = |header: &mut PkiHeader| {
        header.recip_nonce = SenderNonce::new(&[3; 16]).ok().map(RecipNonce::from);
    };
    assert_eq!(changed(&other), Error::BadRecipientNonce);
    let algorithm = crypto::SignatureAlgorithm::EcdsaWithSha256.identifier();
    assert_eq!(
        changed(&|header| header.protection_alg = Some(algorithm.clone())),
        Error::WrongProtection,
        "half a protection is none"
    );
}

#[test]
fn an_answer_by_signature_to_a_mac_is_a_policy() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let (request, awaiting) = house.start(house.p10cr());
    let at_ca = house.at_ca(&request, &Expectation::First).unwrap();
    let reply = PkiMessage::from_der(&house.signed_grant(&at_ca)).unwrap();
    let anchor = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    let trusting = |role| [Trust::new(role, vec![anchor.clone()], ExtendedKeyUsage::Any)];
    let trust = trusting(SignerRole::CertificationAuthority);
    let mut validator = Validator::new(&house.provider, &trust);
    let validate =
        |validator: &Validator<'_>| validator.validate(reply.clone(), &awaiting.expectation(), NOW);
    assert_eq!(validate(&validator).unwrap_err(), Error::WrongProtection);
    validator.quirks = Quirks::NONE.with(Quirk::AnswerByOtherKind);
    let message = validate(&validator).unwrap();
    assert_eq!(message.signer().role, SignerRole::CertificationAuthority);
    // Whoever is trusted as something else does not answer for the RA/CA: a requester's transaction stays one of MACs.
    for role in
        [SignerRole::VendorCertified, SignerRole::OperatorCertified, SignerRole::RegistrationAuthority]
    {
        let trust = trusting(role);
        let mut validator = Validator::new(&house.provider, &trust);
        validator.quirks = Quirks::NONE.with(Quirk::AnswerByOtherKind);
        assert_eq!(validate(&validator).unwrap_err(), Error::WrongProtection, "{role:?}");
    }
    // Nor is a MAC an answer to a signature.
    let (signed, awaiting) = house.start_signed();
    let at_ca = house.at_ca(&signed, &Expectation::First).unwrap();
    let (by_mac, _) = house.grant_with(&at_ca, &house.station);
    let error = validator.validate(PkiMessage::from_der(&by_mac).unwrap(), &awaiting.expectation(), NOW);
    assert_eq!(error.unwrap_err(), Error::WrongProtection);
}

/// LightweightCmpRa's flow IrWithMacProtection: PBMAC1 on the way up, signatures on the way down.
#[test]
fn lightweight_cmp_ra_answers_macs_by_signature() {
    let flow =
        |name: &str| vectors::outside(&format!("lightweightcmpra-flows/IrWithMacProtection__{name}.der"));
    let (Some(request), Some(answer)) = (flow("downstream_INIT_REQ"), flow("downstream_INIT_REP")) else {
        return;
    };
    let read = |octets: &[u8]| PkiMessage::inspect(octets, &cmp::ReadingPolicy::lenient()).unwrap();
    let (request, answer) = (read(&request), read(&answer));
    let header = request.header();
    let nonces = [header.sender_nonce.clone().unwrap()];
    let secret =
        Credential::SharedSecret(cmp::Reference::new(header.sender_kid.as_ref().unwrap().as_bytes()));
    let expectation = Expectation::Within {
        transaction_id: header.transaction_id.as_ref().unwrap(),
        nonces: &nonces,
        signer: Some(&secret),
    };
    let provider = provider();
    // The last of the signer's chain; the root itself is left out.
    let anchors = vec![answer.extra_certs()[2].clone()];
    let trust = [Trust::new(SignerRole::CertificationAuthority, anchors, ExtendedKeyUsage::Any)];
    let mut validator = Validator::new(&provider, &trust);
    validator.time_window = None;
    assert_eq!(validator.validate(answer.clone(), &expectation, NOW).unwrap_err(), Error::WrongProtection);
    validator.quirks = Quirks::NONE.with(Quirk::AnswerByOtherKind);
    let believed = validator.validate(answer, &expectation, NOW).unwrap();
    assert!(believed.signer().certificate().is_some());

    // Its keyLength of 4096 means bits; no quirk helps it: what is meant cannot be told from the message.
    let secrets = [secrets::entry("senderKid", "Password")];
    for quirks in every_set() {
        let mut validator = Validator::new(&provider, &trust);
        (validator.secrets, validator.quirks, validator.time_window) = (&secrets, quirks, None);
        let error = validator.validate(request.clone(), &Expectation::First, NOW).unwrap_err();
        assert!(matches!(error, Error::Mac(MacError::KeyLength { octets: 4096, .. })), "{error}");
        assert_eq!(error.fail_info(), PkiFailureInfo::BAD_ALG);
    }
}

#[test]
fn pbes2_in_pbmac1_is_a_policy_and_is_answered_with_pbkdf2() {
    let house = House::new(PasswordMac::pbmac1(&provider()).unwrap());
    let (request, _) = house.start(house.p10cr());
    let renamed = with_header(&request, |header| {
        let algorithm = header.protection_alg.as_mut().unwrap();
        let parameters: crmf::Pbmac1Params = algorithm.parameters.as_ref().unwrap().decode_as().unwrap();
        let mut parameters = parameters;
        parameters.key_derivation_func.oid = asn1::oids::rfc8018::PBES2;
        algorithm.parameters = Some(Any::encode_from(&parameters).unwrap());
    });
    // The header is protected, so the MAC is made anew, with the key that the parameters give.
    let message = PkiMessage::from_der(&renamed).unwrap();
    let mac = house.station_mac();
    let secret = secrets::secret(secrets::SECRET);
    let tag = mac.authenticate(&house.provider, &secret, &message.protected_part().unwrap()).unwrap();
    let message = PkiMessage::from_der(&secrets::with_tag(&renamed, tag.value.as_bytes().unwrap())).unwrap();

    let mut validator = Validator::new(&house.provider, &house.trust_at_ca);
    validator.secrets = &house.secrets_at_ca;
    let error = validator.validate(message.clone(), &Expectation::First, NOW).unwrap_err();
    assert_eq!(error, Error::Mac(MacError::Unsupported(asn1::oids::rfc8018::PBES2)));
    assert_eq!(error.fail_info(), PkiFailureInfo::BAD_ALG);
    validator.quirks = Quirks::NONE.with(Quirk::Pbes2InPbmac1);
    let believed = validator.validate(message, &Expectation::First, NOW).unwrap();
    let (answer, _) = house.grant(&believed);
    let answer = PkiMessage::from_der(&answer).unwrap();
    assert_eq!(answer.header().protection_alg.as_ref(), Some(&mac.identifier().unwrap()));
}
