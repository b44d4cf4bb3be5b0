//! The messages among testkit's vectors.

use std::collections::BTreeMap;

use der::Document;
use testkit::vectors;

use crate::{Kind, Message};

/// Vectors that are CertReqMessages of their own.
const CERT_REQ_MESSAGES: [&str; 3] = [
    "derived/crmf_poposkInput_publicKeyMAC.der",
    "derived/crmf_poposkInput_sender.der",
    "rustcrypto/crmf_certreqmsgs.bin",
];

const PEM_LABEL: &str = "CERTIFICATE REQUEST";

/// Every message and request: the project's own, and the outside ones where they are at hand.
pub fn messages() -> Vec<Message> {
    let own = vectors::own_names().into_iter().map(|name| (vectors::own(&name), name));
    let outside = vectors::outside_names()
        .into_iter()
        .flatten()
        .map(|name| (vectors::outside(&name).expect("it was named"), name));
    let mut expected = vectors::own_expected();
    expected.extend(vectors::outside_expected().unwrap_or_default());
    let files: BTreeMap<_, _> = own.chain(outside).map(|(octets, name)| (name, octets)).collect();
    files
        .into_iter()
        .filter_map(|(name, octets)| {
            let (kind, octets) = if expected.contains_key(&name) {
                (Kind::PkiMessage, octets)
            } else if CERT_REQ_MESSAGES.contains(&name.as_str()) {
                (Kind::CertReqMessages, octets)
            } else if name.ends_with("/pkcs10.der") {
                (Kind::Pkcs10, octets)
            } else {
                (Kind::Pkcs10, from_pem(&octets)?)
            };
            Some(Message { name, kind, octets })
        })
        .collect()
}

/// The request in a PEM file, behind whatever text stands before it.
fn from_pem(octets: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(octets).ok()?;
    let block = text.get(text.find(&format!("-----BEGIN {PEM_LABEL}-----"))?..)?;
    let end = format!("-----END {PEM_LABEL}-----");
    let block = block.get(..block.find(&end)? + end.len())?;
    Document::from_pem(block).ok().map(|(_, document)| document.into_vec())
}

/// One of the project's own PKIMessages, such as `sig_1_ir`.
pub fn own(name: &str) -> Message {
    let octets = vectors::own(&format!("openssl-mock/{name}.der"));
    Message { name: name.into(), kind: Kind::PkiMessage, octets }
}
