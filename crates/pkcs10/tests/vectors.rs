//! Requests that others made.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::sync::LazyLock;

use asn1::RawDer;
use asn1::oids::rfc5280;
use crypto::{AlgorithmError, CryptoProvider, KeyKind, VerifyError};
use der::{Decode, Encode, Reader, SliceReader};
use pkcs10::{CertReq, Error};
use testkit::vectors;

static PROVIDER: LazyLock<CryptoProvider> = LazyLock::new(crypto_aws_lc::provider);

/// Decodes, and encodes to the same octets again.
fn decoded(name: &str, octets: &[u8]) -> CertReq {
    let request = CertReq::from_der(octets).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(request.octets(), octets, "{name}");
    assert_eq!(request.to_der().unwrap(), octets, "{name}");
    request
}

fn from_pem(octets: &[u8]) -> Vec<u8> {
    vectors::from_pem(std::str::from_utf8(octets).unwrap()).unwrap()
}

#[test]
fn openssl_made_these() {
    for (name, extensions) in [
        ("openssl-mock/vendor-bs.csr.pem", &[][..]),
        ("openssl-mock/oper-bs.csr.pem", &[rfc5280::SUBJECT_ALT_NAME, rfc5280::KEY_USAGE]),
    ] {
        let request = decoded(name, &from_pem(&vectors::own(name)));
        let verified = request.verify_pop(&PROVIDER).unwrap();
        assert_eq!(verified.public_key().kind(), KeyKind::P256, "{name}");
        let asked: Vec<_> = verified.extensions().iter().map(|extension| extension.extn_id).collect();
        assert_eq!(asked, extensions, "{name}");
    }
}

#[test]
fn siemens_made_these() {
    for name in ["cmp-test-suite/csr-rsa.pem", "cmp-test-suite/example-csr.pem"] {
        let Some(pem) = vectors::outside(name) else { return };
        let verified = decoded(name, &from_pem(&pem)).verify_pop(&PROVIDER).unwrap();
        assert_eq!(verified.public_key().kind(), KeyKind::Rsa { bits: 2048 }, "{name}");
    }
}

#[test]
fn siemens_made_this_post_quantum_one() {
    let name = "cmp-test-suite/pq_csr_ml_dsa_44.pem";
    let Some(pem) = vectors::outside(name) else { return };
    let request = decoded(name, &from_pem(&pem));
    for provider in providers() {
        let verified = request.verify_pop(&provider).unwrap();
        assert_eq!(verified.public_key().kind(), KeyKind::MlDsa44);
    }
}

#[test]
fn openssl_4_made_these_through_pyca() {
    for (algorithm, kind) in [
        ("p521", KeyKind::P521),
        ("ed25519", KeyKind::Ed25519),
        ("ml-dsa-44", KeyKind::MlDsa44),
        ("ml-dsa-65", KeyKind::MlDsa65),
        ("ml-dsa-87", KeyKind::MlDsa87),
    ] {
        let name = format!("signatures/{algorithm}-bs.csr.pem");
        let octets = from_pem(&vectors::own(&name));
        let request = decoded(&name, &octets);
        let mut forged = octets.clone();
        *forged.last_mut().unwrap() ^= 1;
        for provider in providers() {
            assert_eq!(request.verify_pop(&provider).unwrap().public_key().kind(), kind, "{name}");
            let error = CertReq::from_der(&forged).unwrap().verify_pop(&provider).unwrap_err();
            assert_eq!(error, Error::ProofOfPossession(VerifyError::BadSignature), "{name}");
        }
    }
}

fn providers() -> [CryptoProvider; 2] {
    let random = Box::new(testkit::InsecureCountingRandom::starting_at(1));
    [crypto_aws_lc::provider(), crypto_rustcrypto::provider(random)]
}

#[test]
fn a_request_signed_with_sha1_is_decoded_and_refused() {
    let name = "openssl-tests/msg/pkcs10.der";
    let Some(octets) = vectors::outside(name) else { return };
    let error = decoded(name, &octets).verify_pop(&PROVIDER).unwrap_err();
    let sha1_with_rsa = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
    assert_eq!(error, Error::Algorithm(AlgorithmError::Unsupported(sha1_with_rsa)));
}

#[test]
fn requests_inside_of_messages_verify() {
    let p10cr =
        |(name, message): (String, vectors::ExpectedMessage)| (message.body == "p10cr").then_some(name);
    let own = vectors::own_expected().into_iter().filter_map(p10cr);
    let outside = vectors::outside_expected().into_iter().flatten().filter_map(p10cr);
    let messages: Vec<_> = own
        .map(|name| (vectors::own(&name), name))
        .chain(outside.map(|name| (vectors::outside(&name).unwrap(), name)))
        .collect();
    assert!(messages.len() >= 4, "{} messages", messages.len());
    for (message, name) in messages {
        let request = decoded(&name, &body_content(&message));
        request.verify_pop(&PROVIDER).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// What stands under the context tag of a PKIMessage's body.
fn body_content(message: &[u8]) -> Vec<u8> {
    let fields: Vec<RawDer> = Vec::from_der(message).unwrap();
    let mut body = SliceReader::new(fields[1].octets()).unwrap();
    der::Header::decode(&mut body).unwrap();
    body.tlv_bytes().unwrap().to_vec()
}
