//! Messages with one octet changed: where a peer and we disagree about one, a test here explains it by its name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod explained;

use std::sync::LazyLock;

use differential::mutated::{Mutated, mutations};
use differential::{Message, Reading, generated, ours, recorded};
use explained::{BOUNCY_CASTLE, Disagreement, PYASN1};

/// What is changed: recorded messages, and of the generated ones those that have something else.
fn originals() -> Vec<Message> {
    let recorded = [
        "sig_1_ir",
        "sig_2_ip",
        "sig_3_certConf",
        "sig_4_pkiConf",
        "p10cr_1",
        "poll_4_pollRep",
        "rr_1",
        "rr_2_rp",
        "rej_2_ip_rejection_badCertTemplate",
        "genm_caCerts_1",
    ];
    let kinds = ["control", "keyEncipherment", "poposkInput", "raVerified", "regInfo", "validity 2"];
    let requests = generated::cert_req_messages()
        .into_iter()
        .filter(|message| kinds.iter().any(|kind| message.name.starts_with(kind)));
    // Of several with the same body, the first or the last: those between have what the peers do not know.
    let mut messages = generated::pki_messages();
    let of = |bodies: &'static [&str], messages: &[Message]| -> Vec<Message> {
        let first = |body: &&str| messages.iter().find(|message| message.name.starts_with(body)).cloned();
        bodies.iter().filter_map(first).collect()
    };
    let first = of(&["ckuann", "crlann", "genm", "popdecc", "popdecr", "rr "], &messages);
    messages.reverse();
    let last = of(&["error", "pollRep", "rann"], &messages);
    let pkcs10 = generated::pkcs10().into_iter().filter(|message| message.octets.len() < 1500);
    recorded.into_iter().map(recorded::own).chain(pkcs10).chain(requests).chain(first).chain(last).collect()
}

static MUTATED: LazyLock<Vec<Mutated>> = LazyLock::new(|| mutations(&originals()));

static DISAGREEMENTS: LazyLock<Vec<Disagreement>> = LazyLock::new(|| {
    assert!(MUTATED.len() > 5000, "{}", MUTATED.len());
    explained::disagreements(&MUTATED)
});

/// What is signed is the octets received, which are kept. An explicit `critical FALSE`, which DER does not have, is taken
/// all the same, for there are such certificates.
#[test]
fn what_we_decode_encodes_to_the_same_octets_but_for_explicit_false() {
    for Mutated { message, path, .. } in MUTATED.iter() {
        if let Reading::Accepted { der, .. } = ours::read(message)
            && der != message.octets
        {
            assert!(path.ends_with("/01 value"), "{}", message.name);
        }
    }
}

explanations! { &DISAGREEMENTS;
    /// Certificates, CRLs, EnvelopedData and every ANY are looked into when they are needed, if ever.
    what_stays_closed_may_hold_anything: |it| it.peer_does_not_take() && it.mutated.is_in_closed_value();

    /// Here the change makes a body of one kind into one of another, in which only closed values stand.
    bodies_of_closed_values_may_hold_anything: |it|
        it.peer_does_not_take() && it.is_at(&["/b1 tag", "/b5 tag", "/ac/30/a0 tag"])
            && ["cann", "crlann", "nested", "rp"].contains(&it.body());

    /// The octet that an OBJECT IDENTIFIER lost becomes the tag of the value behind it, an ANY. Bouncy Castle sees an
    /// OBJECT IDENTIFIER there, which has an unfinished number.
    values_in_names_stay_closed: |it|
        it.is_of(BOUNCY_CASTLE) && it.is_at(&["/31/30/06 length"]) && it.peer_refuses("corrupted stream");

    /// A control or the like that is broken makes the whole message no message for the peer; we take the message, and
    /// fail to open the control.
    a_broken_control_is_the_control_s_fault: |it| it.peer_does_not_take() && it.is_unopened();

    /// X.690 8.19.2
    bouncy_castle_takes_object_identifiers_that_begin_with_padding: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("malformed OID") && it.octet() == 0x80;

    /// Below joint-iso-itu-t(2) there are more than 40 arcs, such as 2.999; `const-oid` cannot hold them.
    we_refuse_object_identifiers_whose_second_arc_is_above_39: |it|
        it.peer_takes("malformed OID") && matches!(it.octet(), 0x7f | 0xff);

    /// Versions, PKIStatus, and the INTEGERs of RFC 4211 with names. Only pvno is not refused until it is understood.
    peers_take_integers_that_stand_for_nothing: |it|
        it.peer_takes("INTEGER") && it.is_at(&["/02 value", "/81 value", "/80 value", "/81 tag"]);

    /// DER has Z at its end, and digits before (X.690 11.7 and 11.8).
    peers_take_times_that_are_none: |it| it.peer_takes("GeneralizedTime") || it.peer_takes("UTCTime");

    /// It decodes the text when somebody asks for it.
    bouncy_castle_takes_utf8_strings_that_are_not_utf8: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("invalid utf-8");

    /// The only form of GeneralName that it leaves closed, beside otherName.
    bouncy_castle_takes_anything_for_an_edi_party_name: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("got SEQUENCE") && it.is_at(&["/a4 tag"]) && it.octet() == 0xa5;

    /// NULL under an implicit tag; it looks at the tag's number only.
    bouncy_castle_takes_anything_for_ra_verified: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("trailing data")
            && it.is_at(&["/30/30/a1 tag", "/30/30/80 tag"]) && it.octet() == 0xa0;

    /// notBefore twice, or notAfter.
    bouncy_castle_takes_fields_twice: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("trailing data") && it.is_at(&["/a4/a0 tag", "/a4/a1 tag"]);

    /// A SET in place of CertStatus' statusInfo.
    bouncy_castle_takes_a_set_for_a_sequence: |it|
        it.is_of(BOUNCY_CASTLE) && it.peer_takes("trailing data") && it.is_at(&["/b8/30/30/30 tag"])
            && it.octet() == 0x31;

    /// The one universal type that the `der` crate has not even a tag for. No specification here uses it.
    peers_take_object_descriptors_for_any: |it|
        it.peer_takes("unknown/unsupported ASN.1 DER tag") && it.is_at(&["tag"]) && it.octet() == 0x07;

    /// Strings in pieces, and a SEQUENCE that is primitive, are no DER (X.690 10.2 and 8.9.1); for pyasn1 an ANY is octets.
    pyasn1_takes_any_with_the_wrong_form: |it|
        it.is_of(PYASN1) && it.peer_takes("unknown/unsupported ASN.1 DER tag") && it.is_at(&["tag"])
            && matches!(it.octet(), 0x10 | 0x11 | 0x20..=0x3f);

    /// It takes `-2^(8n-1)` for a number of 8n + 1 bits.
    pyasn1_writes_an_octet_too_many_for_the_least_integers: |it|
        it.is_of(PYASN1) && it.peer_encodes_otherwise() && it.is_at(&["/02 value"]) && it.octet() == 0x80;

    /// They leave out what is the DEFAULT, as DER wants it; we take it. Bouncy Castle does so where it opens
    /// Extensions.
    peers_do_not_take_an_explicit_false: |it|
        it.peer_encodes_otherwise() && it.is_at(&["/01 value"]) && it.octet() == 0;
}
