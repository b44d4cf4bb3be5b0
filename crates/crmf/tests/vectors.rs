//! Requests that others made.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::sync::LazyLock;

use asn1::RawDer;
use asn1::oids::rfc5912;
use crmf::{
    AuthInfo, CertReqMessages, CertReqMsg, CertRequest, CertTemplate, Error, MacError, MacLimits,
    ProofOfPossession,
};
use crypto::{AlgorithmError, CryptoProvider, DigestAlgorithm, KeyKind, SharedSecret, VerifyError};
use der::{Decode, Encode, Reader, SliceReader};
use testkit::vectors::{self, ExpectedMessage};
use x509_cert::ext::pkix::name::GeneralName;

static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(crypto_aws_lc::provider);

/// Decodes, and encodes to the same octets again.
fn decoded(name: &str, octets: &[u8]) -> CertReqMessages {
    let messages = CertReqMessages::from_der(octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(messages.to_der().unwrap(), octets, "{name}");
    messages
}

/// The vectors were made with another implementation (Bouncy Castle verified them too).
#[test]
fn poposk_input_with_sender() {
    let messages = decoded("sender", &vectors::own("derived/crmf_poposkInput_sender.der"));
    let [message] = messages.messages() else { panic!("one message") };
    let Some(ProofOfPossession::Signature(proof)) = message.popo() else { panic!("a signature") };
    let AuthInfo::Sender(sender) = &proof.poposk_input.as_ref().unwrap().value().auth_info else {
        panic!("a sender")
    };
    let verified = message.verify_pop(&PROVIDER, Some(sender)).unwrap();
    assert_eq!(verified.public_key().kind(), KeyKind::P256);
    assert_eq!(verified.subject(), None);
    assert_eq!(message.verify_pop(&PROVIDER, None).unwrap_err(), Error::PoposkInputSender);
}

#[test]
fn poposk_input_with_public_key_mac() {
    let messages = decoded("publicKeyMAC", &vectors::own("derived/crmf_poposkInput_publicKeyMAC.der"));
    let [message] = messages.messages() else { panic!("one message") };
    assert_eq!(message.verify_pop(&PROVIDER, None).unwrap_err(), Error::PublicKeyMac);
    let limits = MacLimits::default();
    let with = |secret: &str, limits: &MacLimits| {
        message.verify_pop_with_secret(&PROVIDER, &SharedSecret::new(secret.into()), limits)
    };
    assert_eq!(with("nem-shared-secret-0001", &limits).unwrap().subject(), None);
    let error = with("nem-shared-secret-0002", &limits).unwrap_err();
    assert_eq!(error, Error::ProofOfPossession(VerifyError::BadMac));
    let mut strict = limits;
    strict.max_iterations = 9_999;
    let error = with("nem-shared-secret-0001", &strict).unwrap_err();
    assert!(matches!(error, Error::Mac(MacError::Iterations { count: 10_000, .. })), "{error}");
}

#[test]
fn the_pieces_that_rustcrypto_cut_from_a_message_of_openssl() {
    let Some(octets) = vectors::outside("rustcrypto/crmf_certreqmsgs.bin") else { return };
    let messages = decoded("certreqmsgs", &octets);
    let [message] = messages.messages() else { panic!("one message") };
    assert_eq!(message.verify_pop(&PROVIDER, None).unwrap().public_key().kind(), KeyKind::P384);

    let piece = |name: &str| vectors::outside(&format!("rustcrypto/crmf_{name}.bin")).unwrap();
    assert_eq!(CertReqMsg::from_der(&piece("certreqmsg")).unwrap(), *message);
    assert_eq!(message.octets(), piece("certreqmsg"));
    assert_eq!(message.cert_req().octets(), piece("certrequest"));
    assert_eq!(CertRequest::from_der(&piece("certrequest")).unwrap(), *message.cert_req().value());
    assert_eq!(CertTemplate::from_der(&piece("certtemplate")).unwrap(), *message.template());
    assert_eq!(message.template().to_der().unwrap(), piece("certtemplate"));
}

/// ir, cr and kur of OpenSSL, Bouncy Castle (in LightweightCmpRa) and others.
#[test]
fn requests_inside_of_messages() {
    let mut verified = 0;
    for (name, expected, message) in requests() {
        let (sender, content) = sender_and_body_content(&message);
        let messages = decoded(&name, &content);
        assert_eq!(messages.messages().len(), expected.cert_req_ids.len(), "{name}");
        for (index, message) in messages.messages().iter().enumerate() {
            assert_eq!(message.cert_req_id().number(), expected.cert_req_ids[index], "{name}");
            let digest = PROVIDER.digest(DigestAlgorithm::Sha256, message.cert_req().octets());
            assert_eq!(digest, expected.cert_req_sha256[index], "{name}");
            assert_eq!(message.is_ra_verified(), expected.popo[index] == "raVerified", "{name}");
            inspect_controls(&name, message, &expected.controls[index]);
            verified += usize::from(inspect_pop(&name, message, &sender));
        }
    }
    assert!(verified >= 5, "{verified} proofs verify");
}

fn inspect_controls(name: &str, message: &CertReqMsg, expected: &[String]) {
    let request = message.cert_req().value();
    let controls: Vec<_> = request.controls.iter().flatten().map(|control| control.oid.to_string()).collect();
    assert_eq!(controls, expected, "{name}");
    match request.old_cert_id().unwrap() {
        Some(id) => {
            assert!(matches!(id.issuer, GeneralName::DirectoryName(_)), "{name}");
            assert_eq!(id.to_der().unwrap(), request.controls.as_ref().unwrap()[0].value.octets(), "{name}");
        }
        None => assert!(expected.is_empty(), "{name}"),
    }
}

/// Whether the proof verifies. Where it does not, the reason is one that is due.
fn inspect_pop(name: &str, message: &CertReqMsg, sender: &GeneralName) -> bool {
    match message.verify_pop(&PROVIDER, Some(sender)) {
        Ok(_) => true,
        Err(Error::RaVerified) => {
            assert!(message.is_ra_verified() && message.accept_ra_verified().is_ok(), "{name}");
            false
        }
        // OpenSSL of 2018 wrote NULL parameters, which RFC 5758 section 3.2 forbids.
        Err(Error::Algorithm(AlgorithmError::BadParameters(rfc5912::ECDSA_WITH_SHA256)))
            if name.starts_with("openssl-tests/") =>
        {
            false
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

fn requests() -> Vec<(String, ExpectedMessage, Vec<u8>)> {
    let own = vectors::own_expected().into_iter().map(|(name, expected)| {
        let message = vectors::own(&name);
        (name, expected, message)
    });
    let outside = vectors::outside_expected().into_iter().flatten().map(|(name, expected)| {
        let message = vectors::outside(&name).unwrap();
        (name, expected, message)
    });
    own.chain(outside)
        .filter(|(_, expected, _)| matches!(expected.body.as_str(), "ir" | "cr" | "kur"))
        .collect()
}

/// The sender in a PKIMessage's header, and what stands under the context tag of its body.
fn sender_and_body_content(message: &[u8]) -> (GeneralName, Vec<u8>) {
    let fields: Vec<RawDer> = Vec::from_der(message).unwrap();
    let header: Vec<RawDer> = fields[0].decode_as().unwrap();
    let mut body = SliceReader::new(fields[1].octets()).unwrap();
    der::Header::decode(&mut body).unwrap();
    (header[1].decode_as().unwrap(), body.tlv_bytes().unwrap().to_vec())
}
