//! The ledger on disk: what is written is read back, by every way it is looked for, also after it was reopened.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound::{Excluded, Unbounded};
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use asn1::UnixTime;
use cmp::end_entity::{Correspondent, RequestKind, Transaction};
use cmp::{CertReqId, Credential, Reference, SenderNonce, TransactionId};
use nem::ledger::{
    CannotUnbundle, Certificates, Confirming, Export, ExportForm, ExportId, Exported, ExportedMessage, Fetch,
    Ledger, LedgerError, PassedId, PassedMessage, PassedTransaction, Record, RequestId, State,
};
use nem::{Label, Passing};
use store::Error;
use store::ledger::{EmbeddedLedger, Entry, KeyValueLedger, KeyValues};
use testkit::vectors;

fn transaction() -> Transaction {
    Transaction::new(
        TransactionId::new(&[7; 16]).unwrap(),
        RequestKind::P10cr,
        CertReqId::P10CR,
        true,
        vec![0x30, 0x00],
        vec![SenderNonce::new(&[1; 16]).unwrap(), SenderNonce::new(&[2; 16]).unwrap()],
    )
}

fn states() -> Vec<State> {
    let certificate = vectors::own_certificate("openssl-mock/oper-bs.crt.pem");
    let root = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    let certificates = Certificates { certificate: certificate.clone(), chain: vec![root.clone()] };
    let correspondent =
        Correspondent::new("CN=CMP".parse().unwrap(), SenderNonce::new(&[3; 16]).unwrap(), root.into());
    let confirming = |turned_down| {
        State::Confirming(Box::new(Confirming {
            certificates: certificates.clone(),
            transaction: transaction(),
            correspondent: correspondent.clone(),
            message: vec![1, 2, 3],
            nonce: SenderNonce::new(&[4; 16]).unwrap(),
            turned_down,
        }))
    };
    vec![
        State::Queued,
        State::Sent { message: vec![0; 70_000], transaction: transaction() },
        State::Waiting {
            transaction: transaction(),
            correspondent: correspondent.clone(),
            poll_at: UnixTime::from_secs(1_795_000_100),
        },
        confirming(None),
        confirming(Some("for another key".to_owned())),
        State::Issued(certificates.clone()),
        State::Delivered(Certificates { certificate, chain: Vec::new() }),
        State::Rejected { reason: "badRequest: größer".to_owned() },
        State::Exported(Box::new(Exported { export: ExportId::new([8; 16]), sent: None })),
        State::Exported(Box::new(Exported {
            export: ExportId::new([9; 16]),
            sent: Some(ExportedMessage { message: vec![4, 5], transaction: transaction() }),
        })),
    ]
}

fn record(number: u8, state: State) -> Record {
    let mut record = Record::new(
        RequestId::new([number; 16]),
        format!("enb-{number}"),
        RequestKind::P10cr,
        vec![0x30, number],
        vec![0x31, number],
        UnixTime::from_secs(1_795_000_000),
    );
    record.changed_at = UnixTime::from_secs(1_795_000_001);
    record.upstream = (number % 2 == 1).then(|| "raca".to_owned());
    record.held = number % 3 == 1;
    record.turn_down = (number % 4 == 1).then(|| "stolen".to_owned());
    record.fetch = match number % 3 {
        0 => None,
        1 => Some(Fetch::Awaited),
        _ => Some(Fetch::Done),
    };
    record.state = state;
    record
}

fn open_requests(ledger: &EmbeddedLedger) -> Vec<Record> {
    let mut records = Vec::new();
    ledger.open_requests(&mut |record| records.push(record)).unwrap();
    records
}

#[test]
fn every_state_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let records: Vec<Record> =
        states().into_iter().zip(0..).map(|(state, number)| record(number, state)).collect();
    let ledger = EmbeddedLedger::open(&path).unwrap();
    let (first, rest) = records.split_first().unwrap();
    ledger.put(first).unwrap();
    ledger.put_all(rest).unwrap();
    drop(ledger);

    let ledger = EmbeddedLedger::open(&path).unwrap();
    for record in &records {
        assert_eq!(ledger.request(record.id).unwrap().as_ref(), Some(record));
        assert_eq!(ledger.find(&record.station, &record.request).unwrap().as_ref(), Some(record));
        assert_eq!(ledger.owner_of_key(&record.public_key).unwrap().as_ref(), Some(&record.station));
    }
    let open: Vec<Record> = records.iter().filter(|record| !record.state.is_decided()).cloned().collect();
    assert_eq!(open_requests(&ledger), open);
    let newest_first: Vec<Record> = records.iter().rev().take(3).cloned().collect();
    assert_eq!(ledger.latest(3).unwrap(), newest_first);
    assert_eq!(ledger.request(RequestId::new([99; 16])).unwrap(), None);
    assert_eq!(ledger.find("enb-0", &[0x30, 1]).unwrap(), None);
    assert_eq!(ledger.owner_of_key(&[0x55]).unwrap(), None);
}

#[test]
fn what_was_written_before_there_were_kinds_is_pkcs_10() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = EmbeddedLedger::open(&path).unwrap();
    for (number, kind) in (0..).zip([RequestKind::P10cr, RequestKind::Ir, RequestKind::Cr]) {
        let mut record = record(number, State::Queued);
        record.kind = kind;
        ledger.put(&record).unwrap();
        assert_eq!(ledger.request(record.id).unwrap(), Some(record));
    }
    drop(ledger);
    // As the version before wrote them: without a kind, which the request of PKCS #10 still is.
    let table = redb::TableDefinition::<&[u8; 16], &[u8]>::new("requests");
    let database = store::open_database(&path).unwrap();
    let tables = redb::ReadableDatabase::begin_read(&database).unwrap();
    let octets = tables.open_table(table).unwrap().get(&[0; 16]).unwrap().unwrap();
    assert_eq!(octets.value(), BEFORE_KINDS);
}

/// The first record of [`what_was_written_before_there_were_kinds_is_pkcs_10`].
const BEFORE_KINDS: &[u8] = &[
    0x30, 0x30, // requestID, station, csr, publicKey, receivedAt, changedAt, state
    0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, //
    0x0c, 0x05, b'e', b'n', b'b', b'-', b'0', //
    0x04, 0x02, 0x30, 0x00, //
    0x04, 0x02, 0x31, 0x00, //
    0x02, 0x04, 0x6a, 0xfd, 0x86, 0xc0, //
    0x02, 0x04, 0x6a, 0xfd, 0x86, 0xc1, //
    0x0a, 0x01, 0x00,
];

#[test]
fn a_request_that_is_decided_is_open_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = EmbeddedLedger::open(&directory.path().join("ledger.redb")).unwrap();
    let decided = |state: &State| state.is_decided();
    let (last, first): (Vec<State>, Vec<State>) = states().into_iter().partition(decided);
    for state in first.into_iter().chain(last) {
        ledger.put(&record(1, state)).unwrap();
    }
    assert!(open_requests(&ledger).is_empty());
    assert_eq!(ledger.latest(10).unwrap().len(), 1);
}

#[test]
fn the_latest_of_two_requests_with_the_same_octets_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = EmbeddedLedger::open(&directory.path().join("ledger.redb")).unwrap();
    let first = record(1, State::Rejected { reason: "busy".to_owned() });
    let mut second = record(1, State::Queued);
    second.id = RequestId::new([2; 16]);
    ledger.put(&first).unwrap();
    ledger.put(&second).unwrap();
    assert_eq!(ledger.find("enb-1", &first.request).unwrap(), Some(second));
}

#[test]
fn a_station_s_requests_are_found_by_what_it_calls_them_and_by_age() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = EmbeddedLedger::open(&path).unwrap();
    let label = |text| Label::new(text).unwrap();
    let labelled = |number, text| {
        let mut record = record(number, State::Queued);
        record.station = "enb-1".to_owned();
        record.label = Some(label(text));
        record
    };
    let (mut first, second, third) = (labelled(1, "a"), labelled(2, "b"), labelled(3, "a"));
    let mut other = labelled(4, "a");
    other.station = "enb-10".to_owned();
    for record in [&first, &second, &third, &other] {
        ledger.put(record).unwrap();
    }
    // Progress of an older one takes the name from nobody.
    first.cancelled = true;
    first.state = State::Rejected { reason: "late".to_owned() };
    ledger.put(&first).unwrap();
    drop(ledger);

    // As before there was an index of stations.
    let database = store::open_database(&path).unwrap();
    let tables = database.begin_write().unwrap();
    tables.delete_table(redb::TableDefinition::<(&str, u64), &[u8; 16]>::new("stations")).unwrap();
    tables.commit().unwrap();
    drop(database);

    let ledger = EmbeddedLedger::open(&path).unwrap();
    assert_eq!(ledger.labelled("enb-1", &label("a")).unwrap().as_ref(), Some(&third));
    assert_eq!(ledger.labelled("enb-1", &label("b")).unwrap().as_ref(), Some(&second));
    assert_eq!(ledger.labelled("enb-1", &label("c")).unwrap(), None);
    assert_eq!(ledger.labelled("enb-2", &label("a")).unwrap(), None);
    assert_eq!(ledger.latest_of("enb-1", 2).unwrap(), [third.clone(), second.clone()]);
    assert_eq!(ledger.latest_of("enb-1", 9).unwrap(), [third, second, first.clone()]);
    assert!(ledger.latest_of("enb", 9).unwrap().is_empty());
    // Uploaded once more under another name, it goes by that.
    first.label = Some(label("z"));
    ledger.put(&first).unwrap();
    assert_eq!(ledger.labelled("enb-1", &label("z")).unwrap(), Some(first));
}

#[test]
fn what_was_found_out_about_an_ra_ca_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let known = CannotUnbundle {
        reason: "it answered a batch with badRequest".to_owned(),
        since: UnixTime::from_secs(1_795_000_000),
    };
    let ledger = EmbeddedLedger::open(&path).unwrap();
    assert_eq!(ledger.cannot_unbundle("raca").unwrap(), None);
    ledger.set_cannot_unbundle("raca", Some(&known)).unwrap();
    drop(ledger);
    let ledger = EmbeddedLedger::open(&path).unwrap();
    assert_eq!(ledger.cannot_unbundle("raca").unwrap(), Some(known));
    assert_eq!(ledger.cannot_unbundle("other").unwrap(), None);
    ledger.set_cannot_unbundle("raca", None).unwrap();
    assert_eq!(ledger.cannot_unbundle("raca").unwrap(), None);
}

#[test]
fn exports_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let export = |number, form, written| Export {
        id: ExportId::new([number; 16]),
        form,
        upstream: "raca".to_owned(),
        nonce: SenderNonce::new(&[number; 16]).unwrap(),
        made_at: UnixTime::from_secs(1_795_000_000),
        file: "/mnt/usb/a.pki".to_owned(),
        requests: 100_000,
        written,
    };
    let (mut first, second) = (export(1, ExportForm::Pki, false), export(2, ExportForm::Pkcs10, true));
    let ledger = EmbeddedLedger::open(&path).unwrap();
    assert!(ledger.exports().unwrap().is_empty());
    ledger.put_export(&first).unwrap();
    ledger.put_export(&second).unwrap();
    first.written = true;
    ledger.put_export(&first).unwrap();
    drop(ledger);
    let ledger = EmbeddedLedger::open(&path).unwrap();
    assert_eq!(ledger.export(first.id).unwrap().as_ref(), Some(&first));
    assert_eq!(ledger.exports().unwrap(), [first, second]);
    assert_eq!(ledger.export(ExportId::new([3; 16])).unwrap(), None);
    let map = KeyValueLedger::new(Map::default());
    map.put(&record(1, State::Queued)).unwrap();
    assert!(map.exports().unwrap().is_empty());
    for export in ledger.exports().unwrap() {
        map.put_export(&export).unwrap();
        assert_eq!(map.export(export.id).unwrap(), Some(export));
    }
    assert_eq!(map.exports().unwrap(), ledger.exports().unwrap());
}

#[test]
fn transactions_of_stations_own_messages_survive_a_restart_until_they_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    // As one that was written before there were such.
    EmbeddedLedger::open(&path).unwrap();
    let database = store::open_database(&path).unwrap();
    let tables = database.begin_write().unwrap();
    assert!(tables.delete_table(redb::TableDefinition::<&[u8; 32], &[u8]>::new("passed")).unwrap());
    tables.commit().unwrap();
    drop(database);
    let certificate = vectors::own_certificate("openssl-mock/oper-bs.crt.pem");
    let signers = [None, Some(certificate.into()), Some(Credential::SharedSecret(Reference::new(b"enb-1")))];
    let passings = [Passing::Unchanged, Passing::AddedProtection, Passing::ReplacedProtection];
    let all: Vec<PassedTransaction> = passings
        .into_iter()
        .zip(signers)
        .zip(0_u8..)
        .map(|((passing, signer), number)| PassedTransaction {
            id: PassedId::new([number; 32]),
            station: format!("enb-{number}"),
            upstream: "raca".to_owned(),
            passing,
            until: UnixTime::from_secs(1_795_000_000 + u64::from(number)),
            signer,
            last: (number > 0).then(|| PassedMessage { digest: [number; 32], message: vec![number; 70_000] }),
        })
        .collect();
    let listed = |ledger: &dyn Ledger| {
        let mut listed = Vec::new();
        ledger.passed_transactions(&mut |transaction| listed.push(transaction)).unwrap();
        listed
    };
    let map = KeyValueLedger::new(Map::default());
    let disk = EmbeddedLedger::open(&path).unwrap();
    let ledgers: [&dyn Ledger; 2] = [&disk, &map];
    for ledger in ledgers {
        assert!(listed(ledger).is_empty());
        ledger.put_passed(&all, &[PassedId::new([9; 32])]).unwrap();
    }
    drop(disk);
    let disk = EmbeddedLedger::open(&path).unwrap();
    let changed = PassedTransaction { passing: Passing::ReplacedProtection, ..all[2].clone() };
    let ledgers: [&dyn Ledger; 2] = [&disk, &map];
    for ledger in ledgers {
        assert_eq!(listed(ledger), all);
        assert_eq!(ledger.passed_transaction(all[1].id).unwrap().as_ref(), Some(&all[1]));
        ledger.put_passed(std::slice::from_ref(&changed), &[all[0].id, all[1].id]).unwrap();
        assert_eq!(listed(ledger), std::slice::from_ref(&changed));
        assert!(ledger.passed_transaction(all[1].id).unwrap().is_none());
    }
}

#[test]
fn the_file_is_its_owners_and_one_process_s() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let _ledger = EmbeddedLedger::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(EmbeddedLedger::open(&path), Err(Error::Locked { .. })));
}

#[test]
fn a_file_that_is_no_ledger_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    fs::write(&path, "[[station]]\nname = \"enb-1\"\n").unwrap();
    let error = EmbeddedLedger::open(&path).unwrap_err().to_string();
    assert!(error.contains("ledger.redb"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "[[station]]\nname = \"enb-1\"\n");
}

/// A store of somebody else's.
#[derive(Debug, Default)]
struct Map(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl KeyValues for Map {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn next(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        let map = self.0.lock().unwrap();
        Ok(map.range::<[u8], _>((Excluded(key), Unbounded)).next().map(|(key, _)| key.clone()))
    }

    fn write(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        let mut map = self.0.lock().unwrap();
        for Entry { key, value } in entries {
            assert!(key.len() <= 64);
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }
}

#[test]
fn a_ledger_in_somebody_else_s_store_answers_as_the_one_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let disk = EmbeddedLedger::open(&directory.path().join("ledger.redb")).unwrap();
    let map = KeyValueLedger::new(Map::default());
    let ledgers: [&dyn Ledger; 2] = [&disk, &map];
    let known = CannotUnbundle { reason: "badRequest".to_owned(), since: UnixTime::from_secs(1_795_000_000) };
    let mut ids = Vec::new();
    // Each state after each other one, of two stations, with names that change.
    for (state, number) in states().into_iter().chain(states()).zip(0_u8..) {
        let mut record = record(number, state);
        record.station = format!("enb-{}", number % 2);
        record.request = vec![0x30, number % 5];
        record.label = Label::new(&format!("label-{}", number % 3)).filter(|_| number % 4 > 0);
        ids.push(record.id);
        let mut next = record.clone();
        next.state = State::Rejected { reason: "late".to_owned() };
        next.label = Label::new("renamed");
        for ledger in ledgers {
            ledger.put_all(&[]).unwrap();
            ledger.put(&record).unwrap();
            if number % 3 == 0 {
                ledger.put_all(&[next.clone()]).unwrap();
            }
            ledger.set_cannot_unbundle("raca", Some(&known).filter(|_| number % 2 == 0)).unwrap();
        }
        let answers = ledgers.map(|ledger| {
            let mut open = Vec::new();
            ledger.open_requests(&mut |record| open.push(record)).unwrap();
            let of_ids: Vec<_> = ids.iter().map(|id| ledger.request(*id).unwrap()).collect();
            let of_stations = ["enb-0", "enb-1", "enb"].map(|station| {
                let labels = ["label-0", "label-1", "renamed"].map(|label| Label::new(label).unwrap());
                let labelled = labels.map(|label| ledger.labelled(station, &label).unwrap());
                let found = ledger.find(station, &record.request).unwrap();
                (ledger.latest_of(station, 3).unwrap(), labelled, found)
            });
            let owners =
                [[0x31, 0], [0x31, number], [0x31, 200]].map(|key| ledger.owner_of_key(&key).unwrap());
            (open, of_ids, of_stations, owners, ledger.cannot_unbundle("raca").unwrap())
        });
        assert_eq!(answers[0], answers[1]);
    }
}
