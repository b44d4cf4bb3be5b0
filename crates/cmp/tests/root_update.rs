//! A root CA's new certificate, vouched for by the old one, as OpenSSL makes them (RFC 9483 section 4.3.2).
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use asn1::{EncodedCertificate, UnixTime};
use cmp::{Error, RootCaKeyUpdateContent};
use testkit::programs::run;

const CA: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

fn openssl(folder: &Path, words: &str) {
    run("openssl", words, folder).success();
}

/// `NAME.pem`, self-signed.
fn root(folder: &Path, name: &str, subject: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -subj {subject} -days 30"
        ),
    );
}

/// The key of one, certified by another, under a subject.
fn cross(folder: &Path, of: &str, by: &str, subject: &str, extensions: &str) -> EncodedCertificate {
    fs::write(folder.join("ext"), extensions).unwrap();
    openssl(folder, &format!("req -new -key {of}.key -subj {subject} -out cross.csr"));
    openssl(
        folder,
        &format!(
            "x509 -req -in cross.csr -CA {by}.pem -CAkey {by}.key -set_serial 7 -days 20 -extfile ext -out cross.pem"
        ),
    );
    certificate(folder, "cross")
}

fn certificate(folder: &Path, name: &str) -> EncodedCertificate {
    openssl(folder, &format!("x509 -in {name}.pem -outform DER -out {name}.der"));
    EncodedCertificate::new(&fs::read(folder.join(format!("{name}.der"))).unwrap()).unwrap()
}

#[test]
fn only_what_the_old_root_vouches_for_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    root(folder, "old", "/CN=Root");
    root(folder, "new", "/CN=Root");
    root(folder, "planted", "/CN=Root");
    root(folder, "other", "/CN=Other");
    let [old, new, planted, other] = ["old", "new", "planted", "other"].map(|name| certificate(folder, name));
    let new_with_old = cross(folder, "new", "old", "/CN=Root", CA);
    let old_with_new = cross(folder, "old", "new", "/CN=Root", CA);
    let provider = crypto_aws_lc::provider();
    let now = UnixTime::from_secs(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let update = |new_with_new: &EncodedCertificate, link: &EncodedCertificate| {
        let mut update = RootCaKeyUpdateContent::new(new_with_new.clone());
        update.new_with_old = Some(link.clone());
        update
    };
    let mut good = update(&new, &new_with_old);
    assert_eq!(good.verify(&old, &provider, now).unwrap(), &new);
    good.old_with_new = Some(old_with_new.clone());
    assert_eq!(good.verify(&old, &provider, now).unwrap(), &new);

    let mut wrong_way_back = good.clone();
    wrong_way_back.old_with_new = Some(new_with_old.clone());
    let of_no_ca = cross(folder, "new", "old", "/CN=Root", "basicConstraints=critical,CA:FALSE\n");
    let of_other_name = cross(folder, "other", "old", "/CN=Other", CA);
    for (update, old, reason) in [
        (RootCaKeyUpdateContent::new(new.clone()), &old, "newWithOld is missing"),
        (update(&planted, &new_with_old), &old, "different keys"),
        (update(&new, &cross(folder, "new", "planted", "/CN=Root", CA)), &old, "not signed with the old"),
        (update(&new, &new), &old, "not signed with the old"),
        (update(&new_with_old, &new_with_old), &old, "not signed with its own"),
        (update(&new, &of_no_ca), &old, "no CA certificate"),
        (update(&other, &of_other_name), &old, "another name"),
        (good.clone(), &other, "not signed with the old"),
        (wrong_way_back, &old, "oldWithNew"),
    ] {
        let error = update.verify(old, &provider, now).unwrap_err();
        assert!(matches!(error, Error::BadRootUpdate(told) if told.contains(reason)), "{reason}: {error}");
    }
    let late = now.saturating_add(Duration::from_secs(25 * 86_400));
    assert!(good.verify(&old, &provider, late).is_err(), "newWithOld has expired");
}
