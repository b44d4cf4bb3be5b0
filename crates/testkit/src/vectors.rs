//! Messages and credentials by name, such as `openssl-mock/sig_1_ir.der`, and what must be found in each.
//!
//! The project's *own* vectors lie beside this crate and are always there. The *outside* ones hold many more; they are
//! found in `../shared/spec/vectors`, seen from the workspace, or missed with one line on stderr.

mod expected;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use asn1::{EncodedCertificate, UnixTime};
use der::Document;

pub use expected::{
    ExpectedCertResponse, ExpectedCertStatus, ExpectedMessage, ExpectedPoll, ExpectedStatusInfo,
};

/// 2026-11-23T18:00:00Z. Every certificate of `openssl-mock` is valid then, and its messages are at most three minutes
/// old; the messageTime of those in `derived` is 2025-01-01T00:00:00Z.
pub const NOW: UnixTime = UnixTime::from_secs(1_795_456_800);

/// The octets of one of the own vectors.
///
/// # Panics
/// When there is none of this name.
pub fn own(name: &str) -> Vec<u8> {
    read(&own_folder(), name)
}

/// One of the own vectors that is text, such as a PEM file.
///
/// # Panics
/// When there is none of this name, or it is not UTF-8.
pub fn own_text(name: &str) -> String {
    String::from_utf8(own(name)).unwrap_or_else(|_| panic!("vector {name} is not text"))
}

/// One of the own certificates, from its PEM file, such as `openssl-mock/oper-ca.crt.pem`.
///
/// # Panics
/// When there is none of this name, or it is not a PEM certificate.
pub fn own_certificate(name: &str) -> EncodedCertificate {
    let text = own_text(name);
    let (label, document) =
        Document::from_pem(&text).unwrap_or_else(|error| panic!("vector {name} is not PEM: {error}"));
    assert_eq!(label, "CERTIFICATE", "vector {name}");
    EncodedCertificate::new(document.as_bytes()).expect("Document holds one SEQUENCE")
}

/// The octets of the first PEM block in a text, whatever stands before and behind it; `None` when there is none.
pub fn from_pem(text: &str) -> Option<Vec<u8>> {
    let (_, block) = text.split_once("-----BEGIN ")?;
    let (block, end) = block.split_once("-----END ")?;
    let (label, _) = end.split_once("-----")?;
    let block = format!("-----BEGIN {block}-----END {label}-----\n");
    Document::from_pem(&block).ok().map(|(_, document)| document.as_bytes().to_vec())
}

/// The names of all own vectors, sorted.
pub fn own_names() -> Vec<String> {
    names(&own_folder())
}

/// What must be found in the own PKIMessages, by their names.
pub fn own_expected() -> BTreeMap<String, ExpectedMessage> {
    parse_expected(&own_folder())
}

/// The octets of one of the outside vectors; `None` when they are not at hand.
///
/// # Panics
/// When they are at hand, and none has this name.
pub fn outside(name: &str) -> Option<Vec<u8>> {
    outside_folder().map(|folder| read(&folder, name))
}

/// The names of all outside vectors, sorted; `None` when they are not at hand.
pub fn outside_names() -> Option<Vec<String>> {
    outside_folder().map(|folder| names(&folder))
}

/// Path, size, kind, what was verified with what, and SHA-256 of each outside vector, separated by tabs; `None` when they are
/// not at hand.
pub fn outside_manifest() -> Option<String> {
    let folder = outside_folder()?;
    Some(String::from_utf8(read(&folder, "manifest.tsv")).expect("the manifest is text"))
}

/// What must be found in the outside PKIMessages, by their names; `None` when they are not at hand.
pub fn outside_expected() -> Option<BTreeMap<String, ExpectedMessage>> {
    outside_folder().map(|folder| parse_expected(&folder))
}

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn outside_folder() -> Option<PathBuf> {
    static MISSING: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/spec/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    MISSING.call_once(|| {
        eprintln!("../shared/spec/vectors is not there: tests run with the project's own vectors only");
    });
    None
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("vector {}: {error}", path.display()))
}

fn parse_expected(folder: &Path) -> BTreeMap<String, ExpectedMessage> {
    serde_json::from_slice(&read(folder, "expected.json"))
        .unwrap_or_else(|error| panic!("{}: expected.json: {error}", folder.display()))
}

/// Every file in a folder below this one; what lies in this one itself describes them.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("{}: {error}", next.display())).path();
            if path.is_dir() {
                folders.push(path);
            } else if next != folder {
                let name = path.strip_prefix(folder).unwrap_or(&path);
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_is_described_is_there() {
        let names = own_names();
        let expected = own_expected();
        assert_eq!(expected.len(), 42);
        for (name, message) in &expected {
            assert!(names.contains(name), "{name}");
            assert_eq!(message.pvno, 2, "{name}");
        }
        if let (Some(names), Some(all)) = (outside_names(), outside_expected()) {
            assert_eq!(all.len(), 112);
            assert!(all.keys().all(|name| names.contains(name)));
            assert!(expected.iter().all(|(name, message)| all.get(name) == Some(message)));
            assert!(expected.keys().all(|name| outside(name).as_deref() == Some(own(name).as_slice())));
        }
    }

    #[test]
    fn a_description_is_read_whole() {
        let expected = own_expected();
        let ir = &expected["openssl-mock/sig_1_ir.der"];
        assert_eq!((ir.body.as_str(), ir.body_tag), ("ir", 0));
        assert_eq!(ir.cert_req_ids, [0]);
        assert_eq!(ir.popo, ["signature"]);
        assert_eq!(ir.transaction_id.as_ref().map(Vec::len), Some(16));

        let rejection = &expected["openssl-mock/rej_2_ip_rejection_badCertTemplate.der"].responses[0];
        assert_eq!(rejection.status, 2);
        assert_eq!(rejection.fail_info, ["badCertTemplate"]);

        let batch = &expected["derived/nested_batch_response.der"];
        assert_eq!(batch.inner.len(), 3);
        assert_eq!(batch.inner[1].responses[0].cert_req_id, -1);

        let poll = &expected["openssl-mock/poll_4_pollRep.der"];
        assert_eq!(poll.poll, [ExpectedPoll { cert_req_id: 0, check_after: 1 }]);
    }

    #[test]
    fn certificates_are_read_from_pem() {
        assert!(own_certificate("openssl-mock/oper-ca.crt.pem").octets().len() > 400);
    }

    #[test]
    #[should_panic(expected = "no-such-set/vector.der")]
    fn a_misspelt_name_is_no_missing_folder() {
        own("no-such-set/vector.der");
    }
}
