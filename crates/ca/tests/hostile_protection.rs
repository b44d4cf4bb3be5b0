//! Protection that is not what it says, or not there: refused with the failInfo of its fault.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use std::num::NonZeroU32;

use asn1::oids::{rfc5912, rfc8018, rfc9810};
use cmp::{PkiFailureInfo, PkiHeader, PkiMessage, Reference, SecretTrust};
use const_oid::ObjectIdentifier;
use crmf::{PasswordMac, PbmParameter, Pbmac1Params};
use crypto::{DigestAlgorithm, MacAlgorithm, SharedSecret, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey};
use der::asn1::{Null, OctetString};
use der::{Any, Decode, Encode, Tag};
use spki::AlgorithmIdentifierOwned;
use support::{House, NOW, Requester, forged, granted, key, name, protected_by, sequence};

fn own_request(requester: &Requester) -> cmp::end_entity::Enrolment {
    support::ir(support::crmf(&requester.name(), &key()))
}

#[test]
fn an_algorithm_that_is_not_the_key_s() {
    let house = House::new();
    for kind in [KeyType::Rsa2048, KeyType::P256, KeyType::P384, KeyType::Ed25519, KeyType::MlDsa44] {
        let station =
            Requester::with_key(&house.vendor, "CN=enb-0001,O=Vendor", SoftwareKey::generate(kind).unwrap());
        let (message, _) = house.start(&station, own_request(&station));
        let mut fitting = 0;
        for claimed in SignatureAlgorithm::ALL {
            if claimed == station.key.algorithm() {
                continue;
            }
            let substituted =
                forged(&message, &station, |header, _| header.protection_alg = Some(claimed.identifier()));
            // Another digest, or RSASSA-PSS for PKCS #1, is a thing that the key could do: the signature is wrong then.
            let bit = if claimed.fits(station.key.public_key().kind()) {
                fitting += 1;
                PkiFailureInfo::BAD_MESSAGE_CHECK
            } else {
                PkiFailureInfo::BAD_ALG
            };
            house.refused_with(&substituted, bit);
        }
        let expected = match kind {
            KeyType::Rsa2048 => 5,
            KeyType::P256 | KeyType::P384 => 2,
            _ => 0,
        };
        assert_eq!(fitting, expected, "{kind}");
    }
    assert_eq!(house.registry.count(), 0);
}

fn identifier(oid: &str, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(oid).unwrap(), parameters }
}

#[test]
fn algorithms_that_are_not_accepted_from_anybody() {
    let house = House::new();
    let (message, _) = house.start(&house.station, own_request(&house.station));
    let null = || Some(Any::from(Null));
    let octets = |octets: &[u8]| Some(Any::from_der(octets).unwrap());
    for algorithm in [
        identifier("1.2.840.113549.1.1.5", null()), // sha1WithRSAEncryption
        identifier("1.2.840.113549.1.1.4", null()), // md5WithRSAEncryption
        identifier("1.2.840.10045.4.1", None),      // ecdsa-with-SHA1
        identifier("1.2.840.113549.1.1.1", null()), // rsaEncryption
        identifier("1.2.840.10045.2.1", octets(&support::crafted::P256)), // id-ecPublicKey
        identifier("2.16.840.1.101.3.4.2.1", None), // id-sha256
        identifier("1.2.840.10045.4.3.2", null()),  // ecdsa-with-SHA256 with a NULL
        identifier("1.2.840.10045.4.3.2", octets(&[0x30, 0])),
        identifier("1.3.101.112", null()), // Ed25519 with a NULL
        identifier("1.2.840.113549.1.1.11", octets(&[4, 0])),
        identifier("1.2.840.113549.1.1.10", None), // RSASSA-PSS without parameters
        identifier("1.2.840.113549.1.1.10", octets(&[0x30, 0])), // and with its defaults, SHA-1
        identifier("1.2.840.113549.2.9", null()),  // hmacWithSHA256, as if it were a protection
        identifier("1.2.3.4", None),
    ] {
        let oid = algorithm.oid;
        let forged = forged(&message, &house.station, |header, _| header.protection_alg = Some(algorithm));
        let status = house.refused(&forged);
        assert_eq!(status.fail_info, Some(PkiFailureInfo::BAD_ALG), "{oid}: {status}");
    }
}

#[test]
fn half_a_protection_is_none() {
    let house = House::new();
    let station = &house.station;
    let csr = || support::csr("CN=enb-0001,O=Vendor", &key(), Vec::new());
    let cr = support::cr(support::crmf(&station.name(), &key()));
    let mut messages: Vec<Vec<u8>> = [own_request(station), cr, support::p10cr(csr())]
        .into_iter()
        .map(|request| house.start(station, request).0)
        .collect();
    let (_, answer) = house.enrol(station, own_request(station));
    let (part, _) = granted(answer).confirm(&station.identity, &house.provider, NOW).unwrap();
    messages.push(part.sign(&station.key).unwrap());
    let part = cmp::add_protection(
        &PkiMessage::from_der(&messages[0]).unwrap(),
        &house.nem.identity,
        &house.provider,
        NOW,
    );
    messages.push(part.unwrap().sign(&house.nem.key).unwrap());
    for message in messages {
        let certificates = || vec![station.certificate.clone()];
        let sign = |octets: &[u8]| Some(station.key.sign(octets).unwrap());
        let no_algorithm = |header: &mut PkiHeader, _: &mut cmp::PkiBody| header.protection_alg = None;
        for bad in [
            protected_by(&message, |_, _| {}, |_| None, certificates()),
            protected_by(&message, no_algorithm, sign, certificates()),
            protected_by(&message, no_algorithm, |_| None, certificates()),
            support::unprotected(&message),
            // A protection of no octets at all.
            protected_by(&message, |_, _| {}, |_| Some(Vec::new()), certificates()),
        ] {
            house.refused_with(&bad, PkiFailureInfo::BAD_MESSAGE_CHECK);
        }
    }
}

/// A MAC with that key, over any message, by whoever calls himself so.
fn with_mac(message: &[u8], reference: &[u8], password: &[u8], mac: &PasswordMac) -> Vec<u8> {
    let provider = crypto_aws_lc::provider();
    let change = |header: &mut PkiHeader, _: &mut cmp::PkiBody| {
        header.sender_kid = OctetString::new(reference).ok();
        header.protection_alg = Some(mac.identifier().unwrap());
    };
    let tag = |octets: &[u8]| {
        let key = match mac {
            PasswordMac::Pbmac1(_) => {
                let mut key = [0; 32];
                let iterations = NonZeroU32::new(500).unwrap();
                provider.pbkdf2(MacAlgorithm::HmacSha256, password, &[7; 16], iterations, &mut key);
                key.to_vec()
            }
            _ => {
                let begin = [password, &[7; 16]].concat();
                (0..500).fold(begin, |octets, _| provider.digest(DigestAlgorithm::Sha256, &octets))
            }
        };
        Some(provider.mac(MacAlgorithm::HmacSha256, &key, octets))
    };
    protected_by(message, change, tag, Vec::new())
}

fn macs() -> [PasswordMac; 2] {
    [
        PasswordMac::Pbmac1(Pbmac1Params::new(&[7; 16], 500).unwrap()),
        PasswordMac::Pbm(PbmParameter::new(&[7; 16], 500).unwrap()),
    ]
}

#[test]
fn what_everybody_knows_is_no_secret() {
    let mut house = House::new();
    let (message, _) = house.start(&house.station, own_request(&house.station));
    let root = house.root.octets().to_vec();
    let station = house.station.certificate.octets().to_vec();
    let key_id = PkiMessage::from_der(&message).unwrap().header().sender_kid.clone().unwrap();
    let public: Vec<Vec<u8>> = vec![
        house.ca.issuer().public_key().spki_octets().to_vec(),
        house.ca.issuer().public_key().key_octets().to_vec(),
        house.station.key.public_key().spki_octets().to_vec(),
        house.nem.key.public_key().key_octets().to_vec(),
        root,
        station,
        key_id.as_bytes().to_vec(),
        b"4711".to_vec(),
        Vec::new(),
    ];
    for shares_secrets in [false, true] {
        if shares_secrets {
            let secret = SharedSecret::new("correct-horse-battery-staple".into());
            house.ca.secrets = vec![SecretTrust::new(Reference::new("4711"), secret)];
        }
        for mac in macs() {
            for password in &public {
                for reference in [key_id.as_bytes(), b"4711", b""] {
                    let octets = with_mac(&message, reference, password, &mac);
                    let bit = if shares_secrets {
                        PkiFailureInfo::BAD_MESSAGE_CHECK
                    } else {
                        PkiFailureInfo::WRONG_INTEGRITY
                    };
                    house.refused_with(&octets, bit);
                }
            }
        }
    }
    // The forgery itself is no worse than a true MAC.
    let own = name("CN=4711");
    let (true_message, _) = house.start(&house.station, support::ir(support::crmf(&own, &key())));
    for mac in macs() {
        let octets = with_mac(&true_message, b"4711", b"correct-horse-battery-staple", &mac);
        let reply = house.ca.handle(&octets, NOW);
        assert_eq!(reply.event.sender, "reference 4711");
        assert_eq!(house.registry.count(), 1, "{}", reply.event.outcome);
        house.registry.clear();
    }
}

fn parameters(oid: ObjectIdentifier, octets: &[u8]) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: Some(Any::from_der(octets).unwrap()) }
}

fn integer(octets: &[u8]) -> Vec<u8> {
    support::crafted::tlv(Tag::Integer, octets)
}

fn hmac_sha256() -> Vec<u8> {
    MacAlgorithm::HmacSha256.identifier().to_der().unwrap()
}

fn pbm(salt: &[u8], iterations: &[u8]) -> AlgorithmIdentifierOwned {
    let owf = DigestAlgorithm::Sha256.identifier().to_der().unwrap();
    let salt = support::crafted::tlv(Tag::OctetString, salt);
    let octets = sequence(&[&salt, &owf, &integer(iterations), &hmac_sha256()]);
    parameters(rfc9810::PASSWORD_BASED_MAC, &octets)
}

fn pbmac1(kdf: &[u8]) -> AlgorithmIdentifierOwned {
    parameters(rfc8018::PBMAC1, &sequence(&[kdf, &hmac_sha256()]))
}

fn pbkdf2(salt: &[u8], iterations: &[u8], key_length: &[u8]) -> AlgorithmIdentifierOwned {
    let salt = support::crafted::tlv(Tag::OctetString, salt);
    let parameters = sequence(&[&salt, &integer(iterations), &integer(key_length), &hmac_sha256()]);
    pbmac1(&sequence(&[&rfc8018::PBKDF2.to_der().unwrap(), &parameters]))
}

/// Numbers that are too small, too large or none, and what would cost most: not one hash is computed.
#[test]
fn what_a_mac_demands_is_refused_before_anything_is_computed() {
    let mut house = House::new();
    let (provider, work) = support::counting::provider();
    house.restart_with(provider);
    let secret = SharedSecret::new("correct-horse-battery-staple".into());
    house.ca.secrets = vec![SecretTrust::new(Reference::new("4711"), secret)];
    let (message, _) = house.start(&house.station, own_request(&house.station));
    let salt = [7; 16];
    let thousand: &[u8] = &[3, 0xe8];
    let mut algorithms = Vec::new();
    let counts: [&[u8]; 9] = [
        &[0],
        &[1],
        &[99],
        &[0xff],             // -1
        &[0x80, 0, 0, 0],    // -2^31
        &[0x0f, 0x42, 0x41], // 1,000,001
        &[0x7f, 0xff, 0xff, 0xff],
        &[0, 0xff, 0xff, 0xff, 0xff],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0x64], // 2^64 + 100
    ];
    for count in counts {
        algorithms.push(pbm(&salt, count));
        algorithms.push(pbkdf2(&salt, count, &[32]));
    }
    for length in
        [&[0][..], &[1], &[19], &[0xe0], &[2, 1], &[0x10, 0], &[0x7f, 0xff, 0xff, 0xff], &[1, 0, 0, 0, 32]]
    {
        algorithms.push(pbkdf2(&salt, thousand, length));
    }
    for octets in [257, 4096, 50_000] {
        algorithms.push(pbm(&vec![7; octets], thousand));
        algorithms.push(pbkdf2(&vec![7; octets], thousand, &[32]));
    }
    // A salt from elsewhere, a PBMAC1 inside PBMAC1, id-PBES2, nothing, and a public key for a function.
    let function = |oid: ObjectIdentifier, rest: &[u8]| sequence(&[&oid.to_der().unwrap(), rest]);
    let other_source = sequence(&[&hmac_sha256(), &integer(thousand), &integer(&[32]), &hmac_sha256()]);
    algorithms.push(pbmac1(&function(rfc8018::PBKDF2, &other_source)));
    let inner = pbkdf2(&salt, thousand, &[32]).to_der().unwrap();
    algorithms.push(pbmac1(&inner));
    let pbkdf2_parameters = sequence(&[
        &support::crafted::tlv(Tag::OctetString, &salt),
        &integer(thousand),
        &integer(&[32]),
        &hmac_sha256(),
    ]);
    algorithms.push(pbmac1(&function(rfc8018::PBES2, &pbkdf2_parameters)));
    algorithms.push(pbmac1(&function(rfc8018::PBKDF2, &[])));
    algorithms.push(pbmac1(&function(rfc5912::EC_PUBLIC_KEY, &support::crafted::P256)));
    algorithms.push(parameters(rfc8018::PBMAC1, &[0x30, 0]));
    algorithms.push(parameters(rfc9810::PASSWORD_BASED_MAC, &[5, 0]));
    algorithms.push(AlgorithmIdentifierOwned { oid: rfc8018::PBMAC1, parameters: None });
    for algorithm in algorithms {
        let shown = format!("{algorithm:?}");
        let change = |header: &mut PkiHeader, _: &mut cmp::PkiBody| {
            header.sender_kid = OctetString::new(*b"4711").ok();
            header.protection_alg = Some(algorithm);
        };
        let octets = protected_by(&message, change, |_| Some(vec![0; 32]), Vec::new());
        let shown = shown.get(..200).unwrap_or(&shown);
        let status = house.refused(&octets);
        assert_eq!(status.fail_info, Some(PkiFailureInfo::BAD_ALG), "{shown}: {status}");
        assert_eq!(work.hashes(), 0, "{shown}");
    }
    // The counter counts.
    let octets = with_mac(&message, b"4711", b"wrong", &macs()[0]);
    house.refused_with(&octets, PkiFailureInfo::BAD_MESSAGE_CHECK);
    assert!(work.hashes() > 500);
}

#[test]
fn macs_that_need_other_keys_than_a_secret() {
    let mut house = House::new();
    let secret = SharedSecret::new("correct-horse-battery-staple".into());
    let (message, _) = house.start(&house.station, own_request(&house.station));
    for secrets in [vec![], vec![SecretTrust::new(Reference::new("4711"), secret)]] {
        house.ca.secrets = secrets;
        for oid in [rfc9810::DH_BASED_MAC, rfc9810::KEM_BASED_MAC] {
            let change = |header: &mut PkiHeader, _: &mut cmp::PkiBody| {
                header.protection_alg = Some(parameters(oid, &[0x30, 0]));
            };
            let octets = protected_by(&message, change, |_| Some(vec![0; 32]), Vec::new());
            house.refused_with(&octets, PkiFailureInfo::WRONG_INTEGRITY);
        }
    }
}
