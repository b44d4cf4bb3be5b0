use asn1::{EncodedCertificate, RawDer, constructed};
use cmp::{CertRepMessage, CertReqId, CertResponse, PkiBody, PkiStatus, PkiStatusInfo};
use der::{Any, Decode, Encode, Tag};
use testkit::vectors;

use super::{name, requests::sequence};

fn tlv(tag: Tag, value: &[u8]) -> Vec<u8> {
    Any::new(tag, value).and_then(|any| any.to_der()).expect("it encodes")
}

/// pvno, sender and recipient, and what follows them.
fn header(rest: &[u8]) -> Vec<u8> {
    let name = name("CN=a").to_der().expect("it encodes");
    sequence(&[vec![2, 1, 2], name.clone(), name, rest.to_vec()])
}

/// A PKIMessage with an extraCerts in which there is nothing.
pub(super) fn empty_extra_certs() -> Vec<u8> {
    let body = PkiBody::PkiConf.to_der().expect("it encodes");
    sequence(&[header(&[]), body, tlv(constructed(1), &[0x30, 0])])
}

/// A PKIMessage whose messageTime is local time.
pub(super) fn time_with_offset() -> Vec<u8> {
    let time = tlv(constructed(0), &tlv(Tag::GeneralizedTime, b"20261124180000+0100"));
    sequence(&[header(&time), PkiBody::PkiConf.to_der().expect("it encodes")])
}

/// An ip with a certificate as they were before there were extensions.
pub(super) fn version_1_certificate() -> Vec<u8> {
    let certificate = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    let parts = |octets: &[u8]| Vec::<RawDer>::from_der(octets).expect("it is a SEQUENCE");
    let octets = |parts: &[RawDer]| parts.iter().map(|part| part.octets().to_vec()).collect::<Vec<_>>();
    let mut outer = octets(&parts(certificate.octets()));
    let tbs = octets(&parts(&outer.remove(0)));
    // Without version and extensions, the first and the last field.
    outer.insert(0, sequence(tbs.get(1..tbs.len() - 1).unwrap_or_default()));
    let certificate = EncodedCertificate::new(&sequence(&outer)).expect("it is DER");
    let status = PkiStatusInfo::new(PkiStatus::Accepted);
    let response = CertResponse::with_certificate(CertReqId::FIRST, status, certificate);
    let body = PkiBody::Ip(CertRepMessage::new(response));
    sequence(&[header(&[]), body.to_der().expect("it encodes")])
}
