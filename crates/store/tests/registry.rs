//! The registry on disk: what is written is read back, also after it was reopened, and nothing is written by halves.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use asn1::UnixTime;
use ca::registry::{
    CertificateRecord, CertificateStatus, CertificateStep, CrlRecord, Exchange, Registry, StatusChange,
    TransactionRecord, TransactionState, Write,
};
use cmp::end_entity::RequestKind;
use cmp::management_entity::OpenRequest;
use cmp::{CertReqId, Credential, PkiFailureInfo, PkiStatusInfo, Reference, SenderNonce, TransactionId};
use store::Error;
use store::registry::EmbeddedRegistry;
use testkit::vectors;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::serial_number::SerialNumber;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

fn id(number: u8) -> TransactionId {
    TransactionId::new(&[number; 16]).unwrap()
}

fn serial(number: u8) -> SerialNumber {
    SerialNumber::new(&[1, number]).unwrap()
}

fn certificate(number: u8, status: CertificateStatus) -> CertificateRecord {
    let certificate = vectors::own_certificate("openssl-mock/oper-bs.crt.pem");
    let requester = Some("CN=nem,O=Operator".parse().unwrap()).filter(|_| number.is_multiple_of(2));
    CertificateRecord::new(certificate, serial(number), "ne".into(), requester, NOW, status)
}

fn transaction(number: u8, kind: RequestKind, state: TransactionState) -> TransactionRecord {
    let signer = match number {
        0..=1 | 3.. => Credential::Certificate(vectors::own_certificate("openssl-mock/nem-ra.crt.pem")),
        2 => Credential::SharedSecret(Reference::new([number])),
    };
    let request = OpenRequest::new(id(number), kind, CertReqId::P10CR, number.is_multiple_of(2), signer);
    let exchange =
        |octet| Exchange::new(vec![octet; 2_000], vec![octet], SenderNonce::new(&[octet; 16]).unwrap());
    TransactionRecord::new(request, Some(serial(number)), true, state, vec![exchange(1), exchange(2)], 0)
}

fn open(path: &Path) -> EmbeddedRegistry {
    EmbeddedRegistry::open(path).unwrap()
}

#[test]
fn every_transaction_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let cases = [
        (RequestKind::Ir, TransactionState::Waiting { due: NOW }, CertificateStatus::Unconfirmed),
        (RequestKind::Cr, TransactionState::AwaitingCertConf, CertificateStatus::Unconfirmed),
        (RequestKind::P10cr, TransactionState::Confirmed, CertificateStatus::Valid),
        (RequestKind::Ccr, TransactionState::Confirmed, CertificateStatus::Valid),
        (
            RequestKind::P10cr,
            TransactionState::Rejected,
            CertificateStatus::Revoked { at: NOW, reason: CrlReason::KeyCompromise },
        ),
    ];
    let registry = open(&path);
    for (number, (kind, state, status)) in (0..).zip(cases.clone()) {
        let written =
            registry.open(&transaction(number, kind, state.clone()), Some(&certificate(number, status)));
        assert_eq!(written.unwrap(), Write::Done);
    }
    drop(registry);
    let registry = open(&path);
    let issued = registry.certificates().unwrap();
    assert_eq!(issued.len(), cases.len(), "in the order in which they were issued");
    for (number, (kind, state, status)) in (0..).zip(cases) {
        let found = registry.transaction(&id(number)).unwrap().unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", transaction(number, kind, state)));
        assert_eq!(registry.certificate(&serial(number)).unwrap().unwrap(), certificate(number, status));
        assert_eq!(issued.get(usize::from(number)), Some(&certificate(number, status)));
    }
    assert!(registry.transaction(&id(99)).unwrap().is_none());
    assert!(registry.certificate(&serial(99)).unwrap().is_none());
}

#[test]
fn the_first_to_write_wins() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory.path().join("registry.redb"));
    let first = transaction(1, RequestKind::P10cr, TransactionState::AwaitingCertConf);
    let unconfirmed = certificate(1, CertificateStatus::Unconfirmed);
    assert_eq!(registry.open(&first, Some(&unconfirmed)).unwrap(), Write::Done);
    // The same transactionID again, with another certificate: nothing of it is written.
    let second = certificate(2, CertificateStatus::Unconfirmed);
    assert_eq!(registry.open(&first, Some(&second)).unwrap(), Write::Conflict);
    assert!(registry.certificate(&serial(2)).unwrap().is_none());
    assert_eq!(registry.certificates().unwrap().len(), 1);

    // Two that read the same revision: one of them goes on.
    let read = registry.transaction(&id(1)).unwrap().unwrap();
    assert_eq!(
        registry.advance(&read, CertificateStep::Status(CertificateStatus::Valid)).unwrap(),
        Write::Done
    );
    let revoked = CertificateStatus::Revoked { at: NOW, reason: CrlReason::KeyCompromise };
    assert_eq!(registry.advance(&read, CertificateStep::Status(revoked)).unwrap(), Write::Conflict);
    assert_eq!(registry.certificate(&serial(1)).unwrap().unwrap().status, CertificateStatus::Valid);
    let read = registry.transaction(&id(1)).unwrap().unwrap();
    assert_eq!(registry.advance(&read, CertificateStep::Status(revoked)).unwrap(), Write::Done);
}

#[test]
fn what_waits_for_approval_has_no_certificate_until_it_is_issued() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let registry = open(&path);
    let waits = |number, kind| {
        let endpoint_profile = (kind == RequestKind::Kur).then(|| "gnb".to_owned());
        let state = TransactionState::AwaitingApproval { received: NOW, endpoint_profile };
        let mut record = transaction(number, kind, state);
        record.serial_number = None;
        record
    };
    for (number, kind) in [(1, RequestKind::Ir), (2, RequestKind::P10cr), (3, RequestKind::Kur)] {
        assert_eq!(registry.open(&waits(number, kind), None).unwrap(), Write::Done);
    }
    let approved = transaction(1, RequestKind::Ir, TransactionState::Waiting { due: NOW });
    let issued = certificate(1, CertificateStatus::Unconfirmed);
    assert_eq!(registry.advance(&approved, CertificateStep::Issue(&issued)).unwrap(), Write::Done);
    // Two approve at a time: the second has issued nothing.
    let other = certificate(9, CertificateStatus::Unconfirmed);
    assert_eq!(registry.advance(&approved, CertificateStep::Issue(&other)).unwrap(), Write::Conflict);
    let status = PkiStatusInfo::rejection(PkiFailureInfo::NOT_AUTHORIZED, "not one of ours".into());
    let mut refused = waits(2, RequestKind::P10cr);
    refused.state = TransactionState::Refused { status: status.clone() };
    assert_eq!(registry.advance(&refused, CertificateStep::None).unwrap(), Write::Done);
    // A status without a certificate is nobody's.
    let third = registry.transaction(&id(3)).unwrap().unwrap();
    assert!(registry.advance(&third, CertificateStep::Status(CertificateStatus::Valid)).is_err());
    drop(registry);

    let registry = open(&path);
    assert_eq!(registry.awaiting_approval().unwrap(), [waits(3, RequestKind::Kur)]);
    assert_eq!(registry.certificates().unwrap(), [issued]);
    assert_eq!(registry.transaction(&id(1)).unwrap().unwrap().serial_number, Some(serial(1)));
    let refused = registry.transaction(&id(2)).unwrap().unwrap();
    assert_eq!((refused.serial_number, refused.state), (None, TransactionState::Refused { status }));
}

#[test]
fn what_was_revoked_stays_so_and_stands_on_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let registry = open(&path);
    let begun = transaction(1, RequestKind::Ir, TransactionState::AwaitingCertConf);
    registry.open(&begun, Some(&certificate(1, CertificateStatus::Unconfirmed))).unwrap();
    registry.register(&certificate(2, CertificateStatus::Valid)).unwrap();
    let revoked = |reason| CertificateStatus::Revoked { at: NOW, reason };
    let exchange = Exchange::new(vec![1], vec![2], SenderNonce::new(&[3; 16]).unwrap());
    let change = |number, from, to, answered: Option<u8>| {
        let answered = answered.map(|number| (id(number), exchange.clone()));
        registry.change_status(&StatusChange { serial_number: serial(number), from, to, answered })
    };
    let hold = revoked(CrlReason::CertificateHold);
    assert_eq!(change(2, CertificateStatus::Unconfirmed, hold, Some(8)).unwrap(), Write::Conflict);
    assert_eq!(
        change(2, CertificateStatus::Valid, hold, Some(1)).unwrap(),
        Write::Conflict,
        "that id is in use"
    );
    assert_eq!(registry.answered(&id(8)).unwrap(), None, "nothing of a conflict is written");
    assert_eq!(change(2, CertificateStatus::Valid, hold, Some(8)).unwrap(), Write::Done);
    assert_eq!(change(2, hold, CertificateStatus::Valid, Some(8)).unwrap(), Write::Conflict);
    assert_eq!(registry.answered(&id(8)).unwrap(), Some(exchange.clone()));
    let other = transaction(8, RequestKind::Ir, TransactionState::Confirmed);
    assert_eq!(
        registry.open(&other, Some(&certificate(8, CertificateStatus::Valid))).unwrap(),
        Write::Conflict
    );

    let compromised = revoked(CrlReason::KeyCompromise);
    assert_eq!(change(1, CertificateStatus::Unconfirmed, compromised, None).unwrap(), Write::Done);
    assert_eq!(
        registry.advance(&begun, CertificateStep::Status(CertificateStatus::Valid)).unwrap(),
        Write::Done
    );
    assert!(change(9, CertificateStatus::Valid, hold, None).is_err());
    drop(registry);

    let registry = open(&path);
    assert_eq!(registry.revoked().unwrap(), [certificate(1, compromised), certificate(2, hold)]);
    let taken_back =
        StatusChange { serial_number: serial(2), from: hold, to: CertificateStatus::Valid, answered: None };
    registry.change_status(&taken_back).unwrap();
    assert_eq!(registry.revoked().unwrap(), [certificate(1, compromised)]);
}

#[test]
fn the_latest_crl_is_kept_and_numbers_do_not_repeat() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let registry = open(&path);
    assert_eq!(registry.crl().unwrap(), None);
    let crl = |number: u8| CrlRecord { number: number.into(), octets: vec![number] };
    assert_eq!(registry.replace_crl(&crl(1)).unwrap(), Write::Done);
    assert_eq!(registry.replace_crl(&crl(1)).unwrap(), Write::Conflict);
    assert_eq!(registry.replace_crl(&crl(3)).unwrap(), Write::Conflict);
    assert_eq!(registry.replace_crl(&crl(2)).unwrap(), Write::Done);
    drop(registry);
    assert_eq!(open(&path).crl().unwrap(), Some(crl(2)));
}

#[test]
fn serial_numbers_are_registered_once() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory.path().join("registry.redb"));
    registry.register(&certificate(1, CertificateStatus::Valid)).unwrap();
    assert!(registry.register(&certificate(1, CertificateStatus::Valid)).is_err());
    let unknown = transaction(7, RequestKind::Ir, TransactionState::Confirmed);
    assert!(registry.advance(&unknown, CertificateStep::Status(CertificateStatus::Valid)).is_err());
    assert_eq!(registry.certificates().unwrap().len(), 1);
}

#[test]
fn the_file_is_its_owners_and_one_process_s() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let _registry = open(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = EmbeddedRegistry::open(&path).unwrap_err();
    assert!(matches!(&error, Error::Locked { .. }) && error.to_string().contains("registry.redb"));
}

#[test]
fn files_that_are_no_registry_are_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.redb");
    let registry = open(&path);
    registry.register(&certificate(1, CertificateStatus::Valid)).unwrap();
    drop(registry);
    let good = fs::read(&path).unwrap();
    for bad in [b"listen = 1\n".to_vec(), vec![0; 5_000], good.get(..100).unwrap().to_vec()] {
        fs::write(&path, &bad).unwrap();
        let error = EmbeddedRegistry::open(&path).unwrap_err().to_string();
        assert!(error.contains("registry.redb"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
}

/// A copy of the file is what a crash leaves.
#[test]
fn what_is_written_together_is_there_together() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(&folder.path().join("registry.redb"));
    let after_crash = || {
        fs::copy(folder.path().join("registry.redb"), folder.path().join("copy.redb")).unwrap();
        open(&folder.path().join("copy.redb")).certificates().unwrap().len()
    };
    let register = |number| registry.register(&certificate(number, CertificateStatus::Valid)).unwrap();
    register(1);
    let mut some = || {
        (2..=5).for_each(register);
        assert!(registry.certificate(&serial(5)).unwrap().is_some());
        assert_eq!((registry.certificates().unwrap().len(), after_crash()), (5, 1));
    };
    registry.together(&mut some).unwrap();
    assert_eq!(after_crash(), 5);
    register(6);
    assert_eq!(after_crash(), 6);
    let latest: Vec<_> =
        registry.latest_certificates(2).unwrap().into_iter().map(|record| record.serial_number).collect();
    assert_eq!(latest, [serial(6), serial(5)]);
}

#[test]
fn what_others_read_or_write_while_many_are_written_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(&folder.path().join("registry.redb"));
    let after_crash = || {
        fs::copy(folder.path().join("registry.redb"), folder.path().join("copy.redb")).unwrap();
        open(&folder.path().join("copy.redb")).certificates().unwrap().len()
    };
    let register = |number| registry.register(&certificate(number, CertificateStatus::Valid)).unwrap();
    let others = |run: &(dyn Fn() + Sync)| std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    let mut some = || {
        register(1);
        assert_eq!(after_crash(), 0);
        others(&|| assert!(registry.certificate(&serial(1)).unwrap().is_some()));
        assert_eq!(after_crash(), 1);
        register(2);
        others(&|| register(3));
        assert_eq!(after_crash(), 3);
        register(4);
        assert_eq!(after_crash(), 3);
    };
    registry.together(&mut some).unwrap();
    assert_eq!(after_crash(), 4);
    // Whoever panicked in the middle does not put off what is written after it.
    let panics = std::panic::AssertUnwindSafe(|| registry.together(&mut || panic!("in the middle")));
    std::panic::catch_unwind(panics).unwrap_err();
    register(5);
    assert_eq!(after_crash(), 5);
}
