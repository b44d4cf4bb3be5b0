//! Keys that are none, and certificates that somebody plants: refused with the failInfo of their fault, at a bounded cost.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod support;

use asn1::EncodedCertificate;
use cmp::{PkiFailureInfo, PkiMessage, SenderIdentity};
use crypto::SigningKey;
use crypto_aws_lc::{KeyType, SoftwareKey};
use pkcs10::CertReq;
use support::crafted::{Contents, Forger, P256, P384, ec_spki, request, rsa_spki};
use support::{House, NOW, granted, key, protected_by};

/// Keys that nobody should have, and whether it shows before anything is verified with them.
fn bad_keys() -> Vec<(&'static str, Vec<u8>, bool)> {
    let modulus = |octets: usize| [&[0][..], &vec![0xff; octets]].concat();
    let exponent = [1, 0, 1];
    let rsa = |modulus: &[u8], exponent: &[u8]| rsa_spki(modulus, exponent);
    let point = |octets: &[u8]| ec_spki(&P256, octets);
    let key = key();
    let mut off_curve = key.public_key().key_octets().to_vec();
    off_curve[64] ^= 1;
    let mut compressed = key.public_key().key_octets()[..33].to_vec();
    compressed[0] = 2;
    // The generator's coordinates, as a curve of somebody's own.
    let explicit = [0x30, 6, 2, 1, 1, 2, 1, 2];
    vec![
        ("RSA, 1024 bits", rsa(&modulus(128), &exponent), true),
        ("RSA, 8200 bits", rsa(&modulus(1025), &exponent), true),
        ("RSA, 65536 bits", rsa(&modulus(8192), &exponent), true),
        ("RSA, exponent 1", rsa(&modulus(256), &[1]), true),
        ("RSA, exponent 3", rsa(&modulus(256), &[3]), true),
        ("RSA, even exponent", rsa(&modulus(256), &[1, 0, 0]), true),
        ("RSA, exponent of 2048 bits", rsa(&modulus(256), &modulus(256)), true),
        ("RSA, even modulus", rsa(&[&[0][..], &[0xfe; 256]].concat(), &exponent), true),
        ("P-256, off the curve", point(&off_curve), false),
        ("P-256, compressed", point(&compressed), true),
        ("P-256, at infinity", point(&[0]), true),
        ("P-256, zeros", point(&[&[4][..], &[0; 64]].concat()), false),
        ("P-256, coordinates beyond the field", point(&[&[4][..], &[0xff; 64]].concat()), false),
        ("P-384 with a point of P-256", ec_spki(&P384, key.public_key().key_octets()), true),
        ("an explicit curve", ec_spki(&explicit, key.public_key().key_octets()), true),
        ("no curve", ec_spki(&[5, 0], key.public_key().key_octets()), true),
    ]
}

#[test]
fn keys_that_are_none_are_not_certified() {
    let house = House::new();
    let signer = key();
    for (what, spki, shows) in bad_keys() {
        let octets = request("CN=enb-0001,O=Vendor", &spki, &signer);
        let Ok(csr) = CertReq::from_der(&octets) else { panic!("{what} is to be decoded") };
        let (message, _) = house.start(&house.station, support::p10cr(csr));
        let status = house.refused(&message);
        let bit = if shows { PkiFailureInfo::BAD_CERT_TEMPLATE } else { PkiFailureInfo::BAD_POP };
        assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
    }
}

/// The house's CA with a vendor that certifies whatever it likes.
fn house_with_forger() -> (House, Forger) {
    let mut house = House::new();
    let forger = Forger::new("CN=Factory CA,O=Vendor");
    house.ca.trust[2].anchors = vec![forger.root()];
    (house, forger)
}

/// A message as somebody sends it, with any key and any certificates.
fn sent(
    house: &House,
    sender: &EncodedCertificate,
    signer: &SoftwareKey,
    extra_certs: Vec<EncodedCertificate>,
) -> Vec<u8> {
    let identity = SenderIdentity::new(sender.clone(), Vec::new(), signer.algorithm()).unwrap();
    let csr = support::csr("CN=enb-0001,O=Vendor", &key(), Vec::new());
    let (part, _) = support::p10cr(csr).start(&identity, &house.provider, NOW).unwrap();
    let message = part.sign(signer).unwrap();
    protected_by(&message, |_, _| {}, |octets| Some(signer.sign(octets).unwrap()), extra_certs)
}

#[test]
fn keys_that_are_none_protect_nothing() {
    let (house, forger) = house_with_forger();
    let signer = key();
    for (what, spki, shows) in bad_keys() {
        let certificate = forger.certify(&Contents::of("CN=enb-0001,O=Vendor", &spki));
        let status = house.refused(&sent(&house, &certificate, &signer, vec![certificate.clone()]));
        let rsa = what.starts_with("RSA");
        let bit = if shows || rsa { PkiFailureInfo::BAD_ALG } else { PkiFailureInfo::BAD_MESSAGE_CHECK };
        assert_eq!(status.fail_info, Some(bit), "{what}: {status}");
    }
}

#[test]
fn a_self_signed_certificate_in_extra_certs_is_no_anchor() {
    let (house, _) = house_with_forger();
    // Whoever calls his own CA as the vendor calls his.
    let liar = Forger::new("CN=Factory CA,O=Vendor");
    let signer = key();
    let spki = signer.public_key().spki_octets();
    let under_own_root = liar.certify(&Contents::of("CN=enb-0001,O=Vendor", spki));
    let status =
        house.refused(&sent(&house, &under_own_root, &signer, vec![under_own_root.clone(), liar.root()]));
    assert_eq!(status.fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED), "{status}");
    let self_signed = Forger { name: support::name("CN=enb-0001,O=Vendor"), key: signer };
    let own = self_signed
        .certify(&Contents::of("CN=enb-0001,O=Vendor", self_signed.key.public_key().spki_octets()));
    for certificate in [own, self_signed.root()] {
        let status = house.refused(&sent(&house, &certificate, &self_signed.key, vec![certificate.clone()]));
        assert_eq!(status.fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED), "{status}");
    }
}

#[test]
fn a_certificate_with_the_right_name_and_another_key() {
    let (house, forger) = house_with_forger();
    let (own, other) = (key(), key());
    let certify = |key: &SoftwareKey| {
        forger.certify(&Contents::of("CN=enb-0001,O=Vendor", key.public_key().spki_octets()))
    };
    let (certificate, same_name) = (certify(&own), certify(&other));
    // The certificate that is shown is somebody else's.
    let status = house.refused(&sent(&house, &same_name, &own, vec![same_name.clone()]));
    assert_eq!(status.fail_info, Some(PkiFailureInfo::BAD_MESSAGE_CHECK), "{status}");
    // Among several of that name the one with the key counts, wherever it stands.
    for extra_certs in [
        vec![certificate.clone(), same_name.clone()],
        vec![same_name.clone(), certificate.clone()],
        vec![forger.root(), same_name, certificate.clone()],
    ] {
        let reply = house.ca.handle(&sent(&house, &certificate, &own, extra_certs), NOW);
        assert!(matches!(reply.event.outcome, ca::Outcome::Issued { .. }), "{}", reply.event.outcome);
    }
}

#[test]
fn later_messages_need_no_certificate() {
    let house = House::new();
    let (_, answer) = house.enrol(&house.station, support::ir(support::crmf(&house.station.name(), &key())));
    let (part, _) = granted(answer).confirm(&house.station.identity, &house.provider, NOW).unwrap();
    let message = part.sign(&house.station.key).unwrap();
    let sign = |octets: &[u8]| Some(house.station.key.sign(octets).unwrap());
    let without = protected_by(&message, |_, _| {}, sign, Vec::new());
    assert!(PkiMessage::from_der(&without).unwrap().extra_certs().is_empty());
    let reply = house.ca.handle(&without, NOW);
    assert!(matches!(reply.event.outcome, ca::Outcome::Confirmed { .. }), "{}", reply.event.outcome);
}

#[test]
fn heaps_and_loops_of_certificates_cost_little() {
    let (mut house, forger) = house_with_forger();
    let (provider, work) = support::counting::provider();
    house.restart_with(provider);
    let signer = key();
    let spki = signer.public_key().spki_octets();

    // Two CAs that certify each other, and a station below one of them.
    let (one, another) = (Forger::new("CN=One"), Forger::new("CN=Another"));
    let cross = |issuer: &Forger, subject: &Forger| {
        issuer.certify(&Contents::ca(&subject.name.to_string(), subject.key.public_key().spki_octets()))
    };
    let station = one.certify(&Contents::of("CN=enb-0001,O=Vendor", spki));
    let loops =
        vec![station.clone(), cross(&another, &one), cross(&one, &another), one.root(), another.root()];
    let message = sent(&house, &station, &signer, loops);
    work.signatures();
    let status = house.refused(&message);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED), "{status}");
    let verified = work.signatures();
    assert!(verified <= 200, "{verified} signatures verified");

    // A thousand, and as many as may be: each of the sender's name, with the sender's key, by somebody else.
    let many = |count: usize| -> Vec<EncodedCertificate> {
        (0..count)
            .map(|number| {
                let liar = Forger {
                    name: support::name(&format!("CN=Liar {number}")),
                    key: SoftwareKey::generate(KeyType::P256).unwrap(),
                };
                liar.certify(&Contents::of("CN=enb-0001,O=Vendor", spki))
            })
            .collect()
    };
    let heap = many(1000);
    let message = sent(&house, &heap[0], &signer, heap.clone());
    work.signatures();
    let status = house.refused(&message);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::BAD_DATA_FORMAT), "{status}");
    assert_eq!(work.signatures(), 0, "refused before anything is verified");
    let message = sent(&house, &heap[0], &signer, heap[..32].to_vec());
    work.signatures();
    let status = house.refused(&message);
    assert_eq!(status.fail_info, Some(PkiFailureInfo::SIGNER_NOT_TRUSTED), "{status}");
    let verified = work.signatures();
    assert!(verified <= 200, "{verified} signatures verified");

    // What is true among them is still found where it stands among the first.
    let genuine = forger.certify(&Contents::of("CN=enb-0001,O=Vendor", spki));
    let message = sent(&house, &genuine, &signer, vec![heap[0].clone(), genuine.clone(), heap[1].clone()]);
    let reply = house.ca.handle(&message, NOW);
    assert!(matches!(reply.event.outcome, ca::Outcome::Issued { .. }), "{}", reply.event.outcome);
}
