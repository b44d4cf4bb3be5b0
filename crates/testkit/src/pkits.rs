//! NIST's Public Key Interoperability Test Suite (PKITS), version 1.0.1: every test of its sections 4.1 to 4.16.
//!
//! A test that ends otherwise than NIST expects stands in `deviations.tsv`, with the reason.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use asn1::{EncodedCertificate, UnixTime};
use crypto::{
    CertificateList, CertificatePath, CryptoProvider, ExtendedKeyUsage, Revocation, RevocationPolicy,
};

/// 2026-11-24T00:00:00Z. What is meant to be valid is so from 2010 to 2030.
const NOW: UnixTime = UnixTime::from_secs(1_795_478_400);

/// The sections' headings.
const SECTIONS: [(&str, &str); 16] = [
    ("4.1", "signatures"),
    ("4.2", "validity"),
    ("4.3", "chains of names"),
    ("4.4", "CRLs"),
    ("4.5", "self-issued certificates"),
    ("4.6", "basicConstraints"),
    ("4.7", "keyUsage"),
    ("4.8", "certificatePolicies"),
    ("4.9", "requireExplicitPolicy"),
    ("4.10", "policyMappings"),
    ("4.11", "inhibitPolicyMapping"),
    ("4.12", "inhibitAnyPolicy"),
    ("4.13", "nameConstraints"),
    ("4.14", "distribution points"),
    ("4.15", "delta CRLs"),
    ("4.16", "private extensions"),
];

/// A test as PKITS describes it.
#[derive(Debug)]
struct Test {
    id: String,
    is_valid: bool,
    end_entity: String,
    intermediates: Vec<String>,
    crls: Vec<String>,
}

/// Runs every test, with a CRL required for each certificate.
///
/// # Panics
/// When one ends otherwise than it must; the message tells which.
pub fn check(provider: &CryptoProvider) {
    let deviations = deviations();
    let mut faults = String::new();
    let tests = tests();
    assert_eq!(tests.len(), 249);
    for test in &tests {
        let outcome = validate(test, provider);
        let deviates = outcome.is_ok() != test.is_valid;
        if deviates != deviations.contains_key(&test.id) {
            let expected = if test.is_valid { "valid" } else { "invalid" };
            writeln!(faults, "{} ({}) is {expected}, and led to {outcome:?}", test.id, test.end_entity)
                .expect("a String takes it");
        }
    }
    assert!(faults.is_empty(), "deviations.tsv says otherwise:\n{faults}");
}

fn validate(test: &Test, provider: &CryptoProvider) -> Result<(), String> {
    let lists = test.crls.iter().map(|name| CertificateList::from_der(&read(&format!("crls/{name}.crl"))));
    // A program would not take in a file that is no CRL it can use: whatever depends on that one has none.
    let lists: Vec<CertificateList> = lists.filter_map(Result::ok).collect();
    let revocation = Revocation::new(lists, RevocationPolicy::Required);
    let intermediates: Vec<EncodedCertificate> =
        test.intermediates.iter().map(|name| certificate(name)).collect();
    provider
        .validate_path(&CertificatePath {
            end_entity: &certificate(&test.end_entity),
            intermediates: &intermediates,
            anchors: &[certificate("TrustAnchorRootCertificate")],
            extended_key_usage: ExtendedKeyUsage::Any,
            revocation: Some(&revocation),
            now: NOW,
        })
        .map_err(|error| error.to_string())
}

/// The table of how many tests of each section end how, in Markdown.
pub fn table() -> String {
    let deviations = deviations();
    let tests = tests();
    let mut table = String::from(
        "| section | tests | as NIST expects | valid, refused | invalid, accepted |\n|---|---|---|---|---|\n",
    );
    let mut row = |heading: &str, tests: &[&Test]| {
        let deviating = |is_valid| {
            let of_kind = |test: &&&Test| deviations.contains_key(&test.id) && test.is_valid == is_valid;
            tests.iter().filter(of_kind).count()
        };
        let (refused, accepted) = (deviating(true), deviating(false));
        let passed = tests.len() - refused - accepted;
        writeln!(table, "| {heading} | {} | {passed} | {refused} | {accepted} |", tests.len())
            .expect("a String takes it");
    };
    for (section, title) in SECTIONS {
        let of_section =
            |test: &&Test| test.id.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        let of_section: Vec<&Test> = tests.iter().filter(of_section).collect();
        row(&format!("{section} {title}"), &of_section);
    }
    row("all", &tests.iter().collect::<Vec<_>>());
    table
}

/// The deviations by their reasons, in Markdown: the tests that belong to each, and whether they refuse or accept.
pub fn deviations_table() -> String {
    let mut by_reason: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    let deviations = deviations();
    for test in tests() {
        if let Some(reason) = deviations.get(&test.id) {
            by_reason.entry((test.is_valid, reason.clone())).or_default().push(test.id);
        }
    }
    let mut table = String::from("| what happens | why | tests |\n|---|---|---|\n");
    for ((is_valid, reason), tests) in by_reason {
        let what = if is_valid { "valid, refused" } else { "invalid, accepted" };
        writeln!(table, "| {what} | {reason} | {} |", tests.join(", ")).expect("a String takes it");
    }
    table
}

fn tests() -> Vec<Test> {
    let names = |text: &str| text.split(' ').filter(|name| *name != "-").map(str::to_owned).collect();
    rows("tests.tsv")
        .into_iter()
        .map(|row| match row.as_slice() {
            // The settings concern policies, which nobody can ask for here.
            [id, expected, end_entity, intermediates, crls, _settings] => Test {
                id: id.clone(),
                is_valid: match expected.as_str() {
                    "valid" => true,
                    "invalid" => false,
                    _ => panic!("tests.tsv: {id}: {expected}"),
                },
                end_entity: end_entity.clone(),
                intermediates: names(intermediates),
                crls: names(crls),
            },
            _ => panic!("tests.tsv: {row:?}"),
        })
        .collect()
}

/// Why tests end otherwise than NIST expects, by their numbers.
fn deviations() -> BTreeMap<String, String> {
    let mut deviations = BTreeMap::new();
    for row in rows("deviations.tsv") {
        let [ids, reason] = row.as_slice() else { panic!("deviations.tsv: {row:?}") };
        for id in ids.split(' ') {
            let before = deviations.insert(id.to_owned(), reason.clone());
            assert_eq!(before, None, "deviations.tsv: {id} stands there twice");
        }
    }
    deviations
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8(read(name)).unwrap_or_else(|_| panic!("{name} is not text"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn certificate(name: &str) -> EncodedCertificate {
    EncodedCertificate::new(&read(&format!("certs/{name}.crt")))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pkits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_figures_of_the_run() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/path-validation.md");
        let document = fs::read_to_string(&path).expect("docs/path-validation.md is there");
        for table in [table(), deviations_table()] {
            assert!(document.contains(&table), "docs/path-validation.md should have this table:\n\n{table}");
        }
    }

    #[test]
    fn every_test_that_deviates_is_there() {
        let tests = tests();
        for id in deviations().keys() {
            assert!(tests.iter().any(|test| test.id == *id), "{id}");
        }
    }
}
