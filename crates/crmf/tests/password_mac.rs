//! MACs with shared secrets: values from outside, what is refused before it costs anything, and publicKeyMAC.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::as_conversions, missing_docs)]

mod handmade;

use asn1::oids::{rfc8018, rfc9810};
use crmf::{CertReqMsg, CertReqMsgBuilder, Error, MacError, MacLimits, PasswordMac, PkMacValue};
use crypto::{MacAlgorithm, SharedSecret, SigningKey, VerifyError};
use der::asn1::{BitString, Null, OctetString};
use der::{Any, Decode, Encode, Sequence};
use handmade::*;
use spki::AlgorithmIdentifierOwned;

fn secret(text: &str) -> SharedSecret {
    SharedSecret::new(text.into())
}

/// PKCS #12, RFC 7292 section 4, as far as it is needed to find the MAC.
#[derive(Sequence)]
#[allow(dead_code)] // to get past it
struct Pfx {
    version: u8,
    auth_safe: ContentInfo,
    mac_data: MacData,
}

#[derive(Sequence)]
#[allow(dead_code)] // to get past it
struct ContentInfo {
    content_type: der::asn1::ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: OctetString,
}

#[derive(Sequence)]
#[allow(dead_code)] // to get past it
struct MacData {
    mac: DigestInfo,
    mac_salt: OctetString,
    iterations: u32,
}

#[derive(Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

/// RFC 9579 appendix A. With PBMAC1 a PKCS #12 password counts as UTF-8, and no longer as a BMPString.
#[test]
fn the_examples_of_rfc_9579_verify_or_not() {
    let password = secret("1234");
    let limits = MacLimits::default();
    for (name, expected) in [
        ("A1", Ok(())),
        ("A2", Ok(())),
        ("A3", Ok(())),
        ("A4", Err(Error::ProofOfPossession(VerifyError::BadMac))),
        ("A5", Err(Error::ProofOfPossession(VerifyError::BadMac))),
        ("A6", Err(Error::Mac(MacError::KeyLength { octets: 0, least: 20, most: 512 }))),
    ] {
        let Some(octets) = testkit::vectors::outside(&format!("rfc9579/rfc9579_{name}.p12")) else { return };
        let pfx = Pfx::from_der(&octets).unwrap();
        assert_eq!(pfx.version, 3, "{name}");
        let digest = BitString::from_bytes(pfx.mac_data.mac.digest.as_bytes()).unwrap();
        let mac = PkMacValue::new(pfx.mac_data.mac.algorithm, digest);
        let verified = mac.verify(&PROVIDER, &password, pfx.auth_safe.content.as_bytes(), &limits);
        assert_eq!(verified, expected, "{name}");
    }
}

#[test]
fn what_was_made_verifies_and_nothing_else() {
    let limits = MacLimits::default();
    for mac in [PasswordMac::pbmac1(&PROVIDER).unwrap(), PasswordMac::pbm(&PROVIDER).unwrap()] {
        let value = mac.authenticate(&PROVIDER, &secret("right"), b"octets").unwrap();
        let again = PkMacValue::from_der(&value.to_der().unwrap()).unwrap();
        assert_eq!(PasswordMac::from_identifier(&again.alg_id, &limits), Ok(mac));
        assert_eq!(again.verify(&PROVIDER, &secret("right"), b"octets", &limits), Ok(()));
        let refused = Err(Error::ProofOfPossession(VerifyError::BadMac));
        assert_eq!(again.verify(&PROVIDER, &secret("wrong"), b"octets", &limits), refused);
        assert_eq!(again.verify(&PROVIDER, &secret("right"), b"octet", &limits), refused);
        assert_ne!(PasswordMac::pbmac1(&PROVIDER), PasswordMac::pbmac1(&PROVIDER), "the salt is fresh");
    }
}

fn identifier(oid: der::asn1::ObjectIdentifier, parameters: &impl Encode) -> AlgorithmIdentifierOwned {
    let parameters = Any::from_der(&parameters.to_der().unwrap()).unwrap();
    AlgorithmIdentifierOwned { oid, parameters: Some(parameters) }
}

#[test]
fn what_costs_too_much_or_too_little_is_refused_before_it_is_computed() {
    let limits = MacLimits::default();
    let refused = |identifier: &AlgorithmIdentifierOwned| {
        PasswordMac::from_identifier(identifier, &limits).unwrap_err()
    };
    for count in [0, 99, 1_000_001, u32::MAX] {
        let expected = MacError::Iterations { count, least: 100, most: 1_000_000 };
        let pbmac1 = crmf::Pbmac1Params::new(&[1; 16], count).unwrap();
        assert_eq!(refused(&identifier(rfc8018::PBMAC1, &pbmac1)), expected);
        let pbm = crmf::PbmParameter::new(&[1; 16], count).unwrap();
        assert_eq!(refused(&identifier(rfc9810::PASSWORD_BASED_MAC, &pbm)), expected);
    }
    let salt = MacError::Salt { octets: 257, most: 256 };
    let pbm = crmf::PbmParameter::new(&[1; 257], 500).unwrap();
    assert_eq!(refused(&identifier(rfc9810::PASSWORD_BASED_MAC, &pbm)), salt);
    let pbmac1 = crmf::Pbmac1Params::new(&[1; 257], 500).unwrap();
    assert_eq!(refused(&identifier(rfc8018::PBMAC1, &pbmac1)), salt);

    for (key_length, octets) in [(None, 0), (Some(19), 19), (Some(513), 513), (Some(4096), 4096)] {
        let mut pbmac1 = crmf::Pbmac1Params::new(&[1; 16], 500).unwrap();
        let mut pbkdf2 = pbmac1.pbkdf2().unwrap();
        pbkdf2.key_length = key_length;
        pbmac1.key_derivation_func = identifier(rfc8018::PBKDF2, &pbkdf2);
        let expected = MacError::KeyLength { octets, least: 20, most: 512 };
        assert_eq!(refused(&identifier(rfc8018::PBMAC1, &pbmac1)), expected);
    }
    // HMAC-SHA-1, by name and by default.
    let mut pbm = crmf::PbmParameter::new(&[1; 16], 500).unwrap();
    pbm.mac.oid = rfc8018::HMAC_WITH_SHA1;
    let sha1 = MacError::Unsupported(rfc8018::HMAC_WITH_SHA1);
    assert_eq!(refused(&identifier(rfc9810::PASSWORD_BASED_MAC, &pbm)), sha1);
    let mut pbmac1 = crmf::Pbmac1Params::new(&[1; 16], 500).unwrap();
    let mut pbkdf2 = pbmac1.pbkdf2().unwrap();
    pbkdf2.prf = None;
    pbmac1.key_derivation_func = identifier(rfc8018::PBKDF2, &pbkdf2);
    assert_eq!(refused(&identifier(rfc8018::PBMAC1, &pbmac1)), sha1);

    for oid in [rfc8018::PBMAC1, rfc9810::PASSWORD_BASED_MAC] {
        assert_eq!(refused(&identifier(oid, &Null)), MacError::BadParameters(oid));
        let absent = AlgorithmIdentifierOwned { oid, parameters: None };
        assert_eq!(refused(&absent), MacError::BadParameters(oid));
    }
    let hmac = MacAlgorithm::HmacSha256.identifier();
    assert_eq!(refused(&hmac), MacError::Unsupported(hmac.oid));
}

#[test]
fn a_key_is_bound_to_a_shared_secret() {
    let limits = MacLimits::default();
    for mac in [PasswordMac::pbmac1(&PROVIDER).unwrap(), PasswordMac::pbm(&PROVIDER).unwrap()] {
        let mut builder = CertReqMsgBuilder::new(None, KEY.public_key());
        let spki = KEY.public_key().spki_octets();
        builder.public_key_mac = Some(mac.authenticate(&PROVIDER, &secret("right"), spki).unwrap());
        let message = CertReqMsg::from_der(builder.sign(&*KEY).unwrap().octets()).unwrap();
        let verified = message.verify_pop_with_secret(&PROVIDER, &secret("right"), &limits).unwrap();
        assert_eq!(verified.public_key(), KEY.public_key());
        let bad = Error::ProofOfPossession(VerifyError::BadMac);
        assert_eq!(message.verify_pop_with_secret(&PROVIDER, &secret("wrong"), &limits).unwrap_err(), bad);
        assert_eq!(message.verify_pop(&PROVIDER, Some(&sender())).unwrap_err(), Error::PublicKeyMac);

        // Somebody else's MAC, over another key.
        builder.public_key_mac = Some(mac.authenticate(&PROVIDER, &secret("right"), b"other").unwrap());
        let message = builder.sign(&*KEY).unwrap();
        assert_eq!(message.verify_pop_with_secret(&PROVIDER, &secret("right"), &limits).unwrap_err(), bad);
    }
}

#[test]
fn a_request_says_once_whose_it_is() {
    let mac = PasswordMac::pbmac1(&PROVIDER).unwrap();
    let value = mac.authenticate(&PROVIDER, &secret("right"), KEY.public_key().spki_octets()).unwrap();
    let mut builder = CertReqMsgBuilder::new(None, KEY.public_key());
    builder.public_key_mac = Some(value);
    builder.sender = Some(sender());
    assert_eq!(builder.sign(&*KEY).unwrap_err(), Error::UnexpectedPoposkInput);
    builder.sender = None;
    builder.subject = Some(subject());
    assert_eq!(builder.sign(&*KEY).unwrap_err(), Error::UnexpectedPoposkInput);

    // A sender's name does not do for one who is known by a secret.
    let mut builder = CertReqMsgBuilder::new(None, KEY.public_key());
    builder.sender = Some(sender());
    let message = builder.sign(&*KEY).unwrap();
    let error = message.verify_pop_with_secret(&PROVIDER, &secret("right"), &MacLimits::default());
    assert_eq!(error.unwrap_err(), Error::PoposkInputSender);
}
