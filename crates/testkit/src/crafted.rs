//! Inputs that are made to cost a decoder as much as they can: lists of the smallest elements, sets in the worst order, deep nests.

use der::asn1::ObjectIdentifier;
use der::{Any, Encode, Tag, TagNumber};

/// A name for what is crafted, and PKIMessages of about so many octets.
pub fn pki_messages(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let pki_conf = context(19, &[5, 0]);
    let header = |rest: &[u8]| sequence(&[&[2, 1, 2][..], &null_dn(), &null_dn(), rest].concat());
    let with_header = |header: &[u8]| sequence(&[header, &pki_conf].concat());
    let with_body = |number, body: &[u8]| sequence(&[&header(&[])[..], &context(number, body)].concat());
    let with_sender =
        |name: &[u8]| with_header(&sequence(&[&[2, 1, 2][..], &context(4, name), &null_dn()].concat()));
    let extra_certs = |list: &[u8]| sequence(&[&header(&[])[..], &pki_conf, &context(1, list)].concat());
    let info = sequence(&[6, 1, 42]);
    let attributes = |count: usize| (0..count).map(attribute).collect::<Vec<_>>();
    let rdns: Vec<u8> = attributes(size / 16).iter().flat_map(|attribute| tlv(Tag::Set, attribute)).collect();
    let mut sorted = attributes(size / 14);
    sorted.sort();
    let reversed: Vec<_> = sorted.iter().rev().cloned().collect();
    let set = |attributes: &[Vec<u8>]| sequence(&tlv(Tag::Set, &attributes.concat()));
    let status = [0x30, 5, 4, 0, 2, 1, 0];
    let poll = [0x30, 3, 2, 1, 0];
    let response = [0x30, 8, 2, 1, 0, 0x30, 3, 2, 1, 0];
    let revocation = sequence(&sequence(&[]));
    let request = sequence(&sequence(&[&[2, 1, 0][..], &sequence(&[])].concat()));
    vec![
        ("nothing but zeros", vec![0; size]),
        ("a SEQUENCE of SEQUENCEs of SEQUENCEs", deep(size)),
        ("many empty texts in freeText", with_header(&header(&context(7, &list(&[12, 0], size))))),
        ("many items in generalInfo", with_header(&header(&context(8, &list(&info, size))))),
        ("many certificates in extraCerts", extra_certs(&list(&[0x30, 0], size))),
        ("many relative names in sender", with_sender(&sequence(&rdns))),
        ("many attributes in one relative name", with_sender(&set(&sorted))),
        ("the same in the wrong order", with_sender(&set(&reversed))),
        ("many nested messages", with_body(20, &list(&[0x30, 0], size))),
        ("many requests in ir", with_body(0, &list(&request, size))),
        ("many responses in ip", with_body(1, &sequence(&list(&response, size)))),
        ("many statuses in certConf", with_body(24, &list(&status, size))),
        ("many items in pollReq", with_body(25, &list(&poll, size))),
        ("many items in genm", with_body(21, &list(&info, size))),
        ("many details in rr", with_body(11, &list(&revocation, size))),
        (
            "many certificates in krp",
            with_body(
                10,
                &sequence(&[&[0x30, 3, 2, 1, 0][..], &context(1, &list(&[0x30, 0], size))].concat()),
            ),
        ),
        ("many numbers in popdecr", with_body(6, &list(&[2, 1, 0], size))),
        ("many CRLs in crlann", with_body(18, &list(&[0x30, 0], size))),
        ("one long number in popdecr", with_body(6, &sequence(&tlv(Tag::Integer, &vec![0x7f; size])))),
        (
            "many texts in error",
            with_body(23, &sequence(&[&[0x30, 3, 2, 1, 2][..], &list(&[12, 0], size)].concat())),
        ),
    ]
}

/// The same for certification requests.
pub fn certification_requests(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let spki = sequence(&[&sequence(&[6, 1, 42])[..], &[3, 2, 0, 1]].concat());
    let request = |attributes: &[u8]| {
        let fields = [&[2, 1, 0][..], &sequence(&[]), &spki, &context(0, attributes)].concat();
        sequence(&[&sequence(&fields)[..], &sequence(&[6, 1, 42]), &[3, 2, 0, 1]].concat())
    };
    let mut attributes: Vec<_> =
        (0..size / 18).map(|number| sequence(&[oid(number), tlv(Tag::Set, &[5, 0])].concat())).collect();
    attributes.sort();
    let sorted = attributes.concat();
    attributes.reverse();
    let mut values: Vec<_> = (0..size / 6).map(|number| tlv(Tag::OctetString, &small(number))).collect();
    values.sort();
    values.reverse();
    let values = sequence(&[&[6, 1, 42][..], &tlv(Tag::Set, &values.concat())].concat());
    vec![
        ("many attributes", request(&sorted)),
        ("the same in the wrong order", request(&attributes.concat())),
        ("many values of one attribute in the wrong order", request(&values)),
    ]
}

fn list(element: &[u8], size: usize) -> Vec<u8> {
    sequence(&element.repeat(size / element.len()))
}

fn attribute(number: usize) -> Vec<u8> {
    sequence(&[oid(number), vec![12, 1, b'x']].concat())
}

fn oid(number: usize) -> Vec<u8> {
    let text = format!("1.2.{}.{}", 1000 + number / 128, 1000 + number % 128);
    ObjectIdentifier::new(&text)
        .and_then(|oid| oid.to_der().map_err(|_| der::oid::Error::Length))
        .expect("it is short")
}

fn small(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("it is small").to_be_bytes()
}

fn deep(size: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while octets.len() < size.min(8 * 1024) {
        octets = sequence(&octets);
    }
    octets
}

fn null_dn() -> Vec<u8> {
    context(4, &[0x30, 0])
}

fn sequence(octets: &[u8]) -> Vec<u8> {
    tlv(Tag::Sequence, octets)
}

fn context(number: u32, octets: &[u8]) -> Vec<u8> {
    tlv(Tag::ContextSpecific { constructed: true, number: TagNumber(number) }, octets)
}

fn tlv(tag: Tag, octets: &[u8]) -> Vec<u8> {
    Any::new(tag, octets).and_then(|any| any.to_der()).expect("it is short")
}
