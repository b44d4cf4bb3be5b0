//! Messages as they were made: what others' decoders take, ours take too, and read the same in it.
//!
//! Where a peer and we disagree about one, a test here explains it by its name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod explained;

use std::sync::LazyLock;

use differential::mutated::Mutated;
use differential::{Message, Reading, generated, ours, recorded};
use explained::{BOUNCY_CASTLE, Disagreement, PYASN1};

fn well_made() -> Vec<Message> {
    [generated::pkcs10(), generated::cert_req_messages(), generated::pki_messages()].concat()
}

#[test]
fn what_we_make_we_read() {
    for message in well_made() {
        match ours::read(&message) {
            Reading::Accepted { unopened, .. } => assert_eq!(unopened, [], "{}", message.name),
            Reading::Refused(why) => panic!("{}: {why}", message.name),
        }
    }
}

#[test]
fn what_we_decode_encodes_to_the_same_octets() {
    for message in recorded::messages().into_iter().chain(well_made()) {
        if let Reading::Accepted { der, .. } = ours::read(&message) {
            assert_eq!(der, message.octets, "{}", message.name);
        }
    }
}

static DISAGREEMENTS: LazyLock<Vec<Disagreement>> = LazyLock::new(|| {
    let messages = [recorded::messages(), well_made(), generated::odd_pki_messages()].concat();
    assert!(messages.len() > 200, "{}", messages.len());
    let whole = |message| Mutated { message, path: String::new(), position: 0 };
    explained::disagreements(&messages.into_iter().map(whole).collect::<Vec<_>>())
});

explanations! { &DISAGREEMENTS;
    /// SIZE (1..MAX), RFC 9810 section 5.1. OpenSSL once sent such messages, and we are lenient here.
    pyasn1_leaves_out_empty_extra_certs: |it|
        it.is_of(PYASN1) && it.peer_encodes_otherwise() && it.has_octets(&[0xa1, 2, 0x30, 0]);

    /// DER has GeneralizedTime end in Z (X.690 11.7.1), and we are lenient here.
    pyasn1_writes_no_times_with_an_offset: |it|
        it.is_of(PYASN1) && it.peer_refuses("Must be UTC time") && it.has_octets(b"+0100");

    /// Certificates stay closed for us until they are needed.
    bouncy_castle_takes_certificates_of_version_3_only: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_refuses("only version 3 certificates allowed");

    /// ckuann has got its second form with RFC 9810.
    bouncy_castle_does_not_know_root_ca_key_updates_in_ckuann: |it|
        it.is_of(BOUNCY_CASTLE) && it.body() == "ckuann" && it.peer_refuses("unknown object in getInstance");

    /// Challenge has got encryptedRand with RFC 9810.
    bouncy_castle_does_not_know_encrypted_rand: |it|
        it.is_of(BOUNCY_CASTLE) && it.body() == "popdecc" && it.peer_refuses("illegal object in getInstance");

    /// It takes `-2^(8n-1)` for a number of 8n + 1 bits.
    pyasn1_writes_an_octet_too_many_for_the_least_integers: |it|
        it.is_of(PYASN1) && it.peer_encodes_otherwise()
            && (it.has_octets(&[2, 1, 0x80]) || it.has_octets(&[2, 8, 0x80, 0, 0, 0, 0, 0, 0, 0]));

    /// A NULL-DN in CertTemplate is there (RFC 4211 section 5); for pyasn1 an empty SEQUENCE OF that is optional is not.
    pyasn1_leaves_out_an_optional_null_dn: |it|
        it.is_of(PYASN1) && it.peer_encodes_otherwise() && it.has_octets(&[0xa5, 2, 0x30, 0]);

    /// KeyRecRepContent is still RFC 4210's there, and privateKey in it an EncryptedValue.
    pyasn1_alt_modules_has_no_encrypted_key_in_krp: |it|
        it.is_of(PYASN1) && it.body() == "krp" && it.peer_refuses("");
}
