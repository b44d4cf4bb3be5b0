//! The audit log: whole, broken, left unfinished.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asn1::UnixTime;
use host::audit::{AuditLog, Entry, recent, verify};
use testkit::programs::run_words;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

fn entry(number: usize) -> Entry {
    let mut entry = Entry::new(format!("CN=nem-{number}"), "p10cr", "issued");
    entry.why = Some("the profile \"ne\" has it\n".to_owned());
    entry.transaction_id = Some("8f14e45f".to_owned());
    entry
}

fn log(entries: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = AuditLog::open(&path, NOW).unwrap();
    log.record(&(1..=entries).map(entry).collect::<Vec<_>>(), NOW).unwrap();
    (folder, path)
}

fn broken(path: &Path) -> String {
    verify(path).unwrap_err().to_string()
}

#[test]
fn entries_are_chained_over_restarts() {
    let (_folder, path) = log(2);
    AuditLog::open(&path, NOW).unwrap().record(&[entry(3)], NOW).unwrap();
    let account = verify(&path).unwrap();
    assert_eq!((account.entries, account.unfinished_octets), (3, 0));
    assert!(account.mended.is_empty());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.lines().last().unwrap().contains(&account.last_hash));
    for (position, line) in text.lines().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["number"], position + 1);
        assert_eq!(value["who"], format!("CN=nem-{}", position + 1));
        assert!(value["time"].as_str().unwrap().starts_with("2026-"), "{line}");
        assert!(value.get("serial_number").is_none());
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(broken(Path::new("nowhere")).contains("nowhere"));
}

/// As the documentation has it.
#[test]
fn others_can_verify_the_chain_with_what_every_system_has() {
    let (folder, path) = log(3);
    let script = "prev=$(printf '0%.0s' $(seq 64)); while IFS= read -r line; do hash=${line:9:64}; rest=${line:75}; \
                  [ \"$(printf '%s%s' \"$prev\" \"$rest\" | sha256sum | cut -c1-64)\" = \"$hash\" ] || exit 1; prev=$hash; \
                  done < audit.jsonl; echo \"$prev\"";
    let hash = run_words("bash", &["-c", script], folder.path()).success();
    assert_eq!(hash.trim(), verify(&path).unwrap().last_hash);
}

#[test]
fn a_broken_chain_names_its_line() {
    let (_folder, path) = log(6);
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let verdict = |lines: &[&str]| {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        broken(&path)
    };
    for position in 0..lines.len() {
        let number = format!("line {}:", position + 1);
        let mut changed = lines.clone();
        let other = lines[position].replace("issued", "denied");
        changed[position] = &other;
        let said = verdict(&changed);
        assert!(said.contains(&number) && said.contains("changed") && said.contains("audit.jsonl"), "{said}");
        let mut doubled = lines.clone();
        doubled.insert(position, lines[position]);
        let said = verdict(&doubled);
        assert!(said.contains(&format!("line {}:", position + 2)), "{said}");
        if position + 1 < lines.len() {
            let mut missing = lines.clone();
            missing.remove(position);
            let said = verdict(&missing);
            assert!(
                said.contains(&number) && said.contains(&format!("{} is missing", position + 1)),
                "{said}"
            );
            let mut swapped = lines.clone();
            swapped.swap(position, position + 1);
            assert!(verdict(&swapped).contains(&number));
        }
    }
    for garbage in ["", "hello", "{}", "{\"hash\":\"00\",\"number\":7}"] {
        let mut more = lines.clone();
        more.insert(3, garbage);
        assert!(verdict(&more).contains("line 4:"), "{garbage}");
        let mut more = lines.clone();
        more.push(garbage);
        fs::write(&path, more.join("\n") + "\n").unwrap();
        if garbage.starts_with('{') {
            assert!(broken(&path).contains("line 7:"), "{garbage}");
        } else {
            assert_eq!(
                verify(&path).unwrap().unfinished_octets,
                garbage.len() + 1,
                "nothing that was written"
            );
        }
    }
    // What is missing at the end shows by the last hash only.
    fs::write(&path, lines[..4].join("\n") + "\n").unwrap();
    assert_ne!(verify(&path).unwrap().last_hash, lines[5][9..73]);
}

/// A program can be killed after any octet, and once more while it mends that.
#[test]
fn an_unfinished_line_is_told_and_mended_wherever_it_ends() {
    let (_folder, path) = log(2);
    let good = fs::read(&path).unwrap();
    let first = good.iter().position(|octet| *octet == b'\n').unwrap() + 1;
    for length in 0..=good.len() {
        fs::write(&path, &good[..length]).unwrap();
        let before = verify(&path).unwrap();
        let is_whole = |end: usize| length == end || length == end - 1;
        let torn = length > 0 && !is_whole(first) && !is_whole(good.len());
        assert_eq!(before.unfinished_octets > 0, torn, "{length}");
        AuditLog::open(&path, NOW).unwrap().record(&[entry(9)], NOW).unwrap();
        let after = verify(&path).unwrap();
        assert_eq!(after.entries, before.entries + 1 + u64::from(torn), "{length}");
        assert_eq!(after.mended, if torn { vec![before.entries + 1] } else { vec![] }, "{length}");
        assert!(fs::read(&path).unwrap().starts_with(&good[..length]), "nothing is taken back");
    }

    fs::write(&path, &good[..good.len() - 9]).unwrap();
    AuditLog::open(&path, NOW).unwrap();
    let mended = fs::read(&path).unwrap();
    for length in good.len() - 9..mended.len() {
        fs::write(&path, &mended[..length]).unwrap();
        verify(&path).unwrap();
        AuditLog::open(&path, NOW).unwrap().record(&[entry(9)], NOW).unwrap();
        let after = verify(&path).unwrap();
        assert_eq!((after.entries, after.mended.len(), after.unfinished_octets), (3, 1, 0), "{length}");
    }
    // What was mended cannot be changed either.
    let text = String::from_utf8_lossy(&mended).replacen("CN=nem-2", "CN=nem-7", 1);
    fs::write(&path, text.as_bytes()).unwrap();
    assert!(broken(&path).contains("line 2:"));
}

#[test]
fn what_is_no_audit_log_is_not_written_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    for octets in [&b"{\"a\": 1}\n"[..], &[b"[1]\n".repeat(9), vec![b' '; 90_000]].concat()] {
        fs::write(&path, octets).unwrap();
        let said = AuditLog::open(&path, NOW).unwrap_err().to_string();
        assert!(said.contains("other.json") && said.contains("move it away"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), octets);
    }
    assert!(AuditLog::open(folder.path(), NOW).is_err());
}

#[test]
fn one_process_and_any_number_of_threads_write() {
    let (_folder, path) = log(0);
    let log = Arc::new(AuditLog::open(&path, NOW).unwrap());
    let said = AuditLog::open(&path, NOW).unwrap_err().to_string();
    assert!(said.contains("another process"), "{said}");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..25 {
                    log.record(&[entry(thread * 100 + number)], NOW).unwrap();
                }
            });
        }
    });
    assert_eq!(verify(&path).unwrap().entries, 100);
}

#[test]
fn the_latest_entries_are_read_back() {
    let (folder, path) = log(2000);
    let entries = recent(&path).unwrap();
    assert!((200..2000).contains(&entries.len()), "{}", entries.len());
    let (time, last) = entries.last().unwrap();
    assert_eq!((time, last), (&NOW.to_string(), &entry(2000)));
    assert_eq!(recent(&folder.path().join("none")).unwrap(), []);
}

#[test]
fn long_texts_are_cut() {
    let (_folder, path) = log(0);
    let long = "ä".repeat(100_000);
    let mut entry = Entry::new(&long, &long, &long);
    (entry.why, entry.subject) = (Some(long.clone()), Some("\u{1}".repeat(9000)));
    (entry.transaction_id, entry.serial_number) = (Some(long.clone()), Some(long));
    AuditLog::open(&path, NOW).unwrap().record(&[entry.clone(), entry], NOW).unwrap();
    assert_eq!(verify(&path).unwrap().entries, 2);
    AuditLog::open(&path, NOW).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 60_000);
}
