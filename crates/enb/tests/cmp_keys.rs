//! A station whose key the RA/CA generates, and one whose key others encipher for: `enb cmp` with `raca`, and with somebody who changes
//! what `raca` enciphers.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asn1::RawDer;
use cmp::{BodyKind, CertOrEncCert, CertRepMessage, PkiBody, PkiMessage};
use crypto::SigningKey;
use der::asn1::BitString;
use der::{Encode, Tag, TagNumber};
use support::{ENB, House, Meddling, Passing};
use testkit::programs::{Ended, run, run_words};

/// The factory also certifies keys that can be enciphered for: `agree` on P-256, `rsa`, and `sign`, which only signs.
fn house(configured: bool) -> House {
    let encrypted = ("encrypted_certificates = false", "encrypted_certificates = true");
    let settings = if configured { &[encrypted][..] } else { &[] };
    House::prepared(settings, |folder| {
        for (name, kind, usage) in [
            ("agree", "ec -pkeyopt ec_paramgen_curve:P-256", "digitalSignature,keyAgreement"),
            ("other", "ec -pkeyopt ec_paramgen_curve:P-256", "digitalSignature,keyAgreement"),
            ("rsa", "rsa:2048", "digitalSignature,keyEncipherment"),
            ("sign", "ec -pkeyopt ec_paramgen_curve:P-256", "digitalSignature"),
        ] {
            certify(folder, name, kind, usage);
        }
        if configured {
            generate_keys(folder);
        }
    })
}

fn certify(folder: &Path, name: &str, kind: &str, usage: &str) {
    let request = format!(
        "req -new -newkey {kind} -nodes -keyout {name}.key -out {name}.csr -subj /O=Vendor/CN=enb1 \
         -addext keyUsage=critical,{usage} -addext subjectKeyIdentifier=hash"
    );
    run("openssl", &request, folder).success();
    let certificate = format!(
        "x509 -req -in {name}.csr -CA factory.pem -CAkey factory.key -CAcreateserial -copy_extensions copy -days 30 -out {name}.pem"
    );
    run("openssl", &certificate, folder).success();
}

/// As docs/raca.md has it.
fn generate_keys(folder: &Path) {
    let config = folder.join("ra/raca.toml");
    let append = |text: &str| {
        writeln!(OpenOptions::new().append(true).open(&config).unwrap(), "\n{text}").unwrap();
    };
    append("[kem]");
    append("[profiles.kga]\nextended_key_usage = [\"1.3.6.1.5.5.7.3.32\"]");
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ra/kga.key.pem -out kga.csr -subj /CN=KGA";
    run("openssl", request, folder).success();
    fs::set_permissions(folder.join("ra/kga.key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let csr = fs::read(folder.join("kga.csr")).unwrap();
    fs::write(folder.join("ra/kga.pem"), ra_server::issue(&config, &csr, "kga").unwrap()).unwrap();
    append(
        "[key_generation]\ncertificate = \"kga.pem\"\nkey = \"kga.key.pem\"\nkeys = [\"p384\", \"rsa2048\", \"ed25519\"]",
    );
}

impl House {
    fn enb(&self, url: &str, words: &str) -> Ended {
        let words = words.replacen(' ', &format!(" --server {url} --operator-ca ra/ca.pem "), 1);
        run(ENB, &format!("cmp {words}"), self.path())
    }

    /// The directory has a key that only its owner reads, and the certificate of that key.
    fn has_both(&self, directory: &str) {
        let key = self.path().join(directory).join("key.pem");
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600, "{directory}");
        let certified =
            run("openssl", &format!("x509 -in {directory}/cert.pem -noout -pubkey"), self.path()).success();
        let own = run("openssl", &format!("pkey -in {directory}/key.pem -pubout"), self.path()).success();
        assert_eq!(certified, own, "{directory}");
        run("openssl", &format!("verify -CAfile ra/ca.pem {directory}/cert.pem"), self.path()).success();
        self.has_only(directory, &["cert.pem", "chain.pem", "key.pem"]);
    }

    fn has_only(&self, directory: &str, due: &[&str]) {
        let entries = fs::read_dir(self.path().join(directory)).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, due, "{directory}");
    }

    fn usage(&self, directory: &str) -> String {
        let words = format!("x509 -in {directory}/cert.pem -noout -ext keyUsage");
        run("openssl", &words, self.path()).success()
    }

    fn statuses(&self) -> Vec<String> {
        self.issued().into_iter().map(|entry| entry.status).collect()
    }

    /// What the RA/CA would not send, signed with its key all the same.
    fn resigned(&self) -> Resigned {
        Resigned(self.path().join("ra/cmp.key.pem"))
    }
}

struct Resigned(PathBuf);

impl Resigned {
    fn change(&self, answer: &[u8], change: impl FnOnce(&mut CertRepMessage)) -> Vec<u8> {
        let message = PkiMessage::from_der(answer).unwrap();
        let mut body = message.body().clone();
        let PkiBody::Ip(content) = &mut body else { panic!("{body:?}") };
        change(content);
        let part = [message.header().to_der().unwrap(), body.to_der().unwrap()].concat();
        let key = crypto_aws_lc::read_key_file(&self.0).unwrap();
        let signature = key.sign(&asn1::compose(Tag::Sequence, &[&part]).unwrap()).unwrap();
        let number = |number| Tag::ContextSpecific { constructed: true, number: TagNumber(number) };
        let signature = BitString::from_bytes(&signature).unwrap().to_der().unwrap();
        let signature = asn1::compose(number(0), &[&signature]).unwrap();
        let extra = message.extra_certs().to_vec().to_der().unwrap();
        let extra = asn1::compose(number(1), &[&extra]).unwrap();
        asn1::compose(Tag::Sequence, &[&part, &signature, &extra]).unwrap()
    }
}

/// What is enciphered in an ip.
fn enciphered(content: &mut CertRepMessage) -> &mut RawDer {
    let pair = content.response.first_mut().unwrap().certified_key_pair.as_mut().unwrap();
    match (&mut pair.private_key, &mut pair.cert_or_enc_cert) {
        (Some(key), _) => key,
        (None, CertOrEncCert::EncryptedCert(certificate)) => certificate,
        (None, other) => panic!("{other:?}"),
    }
}

/// With one bit changed, so many octets before the end, where the signature of a generated key stands, or in what is enciphered.
fn flipped(data: &RawDer, before_end: usize) -> RawDer {
    let mut octets = data.octets().to_vec();
    let place = octets.len() - before_end;
    *octets.get_mut(place).unwrap() ^= 1;
    RawDer::new(&octets).unwrap()
}

type Change = dyn Fn(&RawDer) -> RawDer + Send + Sync;

#[test]
fn the_ra_ca_generates_a_key_for_whoever_can_open_it() {
    let house = house(true);
    for (number, (words, kind)) in [
        ("ir --generate-key --cert agree.pem --key agree.key --out a", "secp384r1"),
        ("ir --generate-key --alg ed25519 --cert rsa.pem --key rsa.key --out b", "ED25519"),
        ("cr --generate-key --alg rsa2048 --ref 4711 --secret-file 4711.secret --out c", "2048 bit"),
        ("ir --generate-key --implicit-confirm --cert agree.pem --key agree.key --out d", "secp384r1"),
    ]
    .into_iter()
    .enumerate()
    {
        house.enb(&house.url, words).success();
        let directory = words.split("--out ").nth(1).unwrap();
        house.has_both(directory);
        let text = run("openssl", &format!("pkey -in {directory}/key.pem -noout -text"), house.path());
        let text = text.success();
        assert!(text.contains(kind), "{words}: {text}");
        assert_eq!(house.statuses(), vec!["valid"; number + 1], "{words}");
    }

    // An encrypted key, and a key in place of the vendor's, which opens the next one.
    fs::write(house.path().join("pass"), "correct horse\n").unwrap();
    fs::set_permissions(house.path().join("pass"), fs::Permissions::from_mode(0o600)).unwrap();
    let words = "ir --generate-key --cert agree.pem --key agree.key --out e --own-key-passphrase file:pass";
    house.enb(&house.url, words).success();
    let key = fs::read_to_string(house.path().join("e/key.pem")).unwrap();
    assert!(key.contains("BEGIN ENCRYPTED PRIVATE KEY"), "{key}");

    // A key that is there is not lost.
    fs::create_dir(house.path().join("f")).unwrap();
    fs::copy(house.path().join("agree.key"), house.path().join("f/key.pem")).unwrap();
    let words = "ir --generate-key --cert agree.pem --key agree.key --out f";
    assert!(house.enb(&house.url, words).failure(1).contains("nothing is overwritten"));
    house.has_only("f", &["key.pem"]);
}

#[test]
fn a_certificate_for_a_key_that_others_encipher_for_is_deciphered_and_confirmed() {
    let house = house(true);
    let vendor = "--cert enb1.pem --key enb1.key --encryption-key";
    for (number, (words, usage)) in [
        (format!("ir {vendor} --out a"), "Key Agreement"),
        (format!("ir {vendor} --alg p521 --out b --subject CN=enb1,O=Vendor"), "Key Agreement"),
        (format!("cr {vendor} --alg rsa2048 --out c"), "Key Encipherment"),
        (
            "ir --ref 4711 --secret-file 4711.secret --encryption-key --alg p384 --out d".to_owned(),
            "Key Agreement",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        house.enb(&house.url, &words).success();
        let directory = words.split("--out ").nth(1).unwrap().split(' ').next().unwrap();
        house.has_both(directory);
        let shown = house.usage(directory);
        assert!(shown.contains(usage) && !shown.contains("Digital Signature"), "{words}: {shown}");
        assert_eq!(house.statuses(), vec!["valid"; number + 1], "{words}");
    }
    // Which OpenSSL 3.0 does not know.
    house.enb(&house.url, &format!("ir {vendor} --alg ml-kem-768 --out e")).success();
    house.has_only("e", &["cert.pem", "chain.pem", "key.pem"]);
    assert!(house.usage("e").contains("Key Encipherment"));
    let key = host::read_kem_key(&house.path().join("e/key.pem"), None).unwrap();
    let certificate = host::files::read_certificates(&house.path().join("e/cert.pem")).unwrap().remove(0);
    let spki = crypto::DecapsulationKey::public_key(&key).spki_octets();
    assert!(certificate.octets().windows(spki.len()).any(|window| window == spki));
}

#[test]
fn a_key_of_a_kem_opens_what_the_ra_ca_generates() {
    let house = house(true);
    let vendor = "--cert enb1.pem --key enb1.key --encryption-key";
    house.enb(&house.url, &format!("ir {vendor} --alg ml-kem-768 --out kem")).success();
    let kem = "--cert kem/cert.pem --key kem/key.pem";
    house.enb(&house.url, &format!("cr --generate-key {kem} --out a")).success();
    house.has_both("a");
    // In the place of the certificate that it was enciphered for.
    house.enb(&house.url, "kur --generate-key --alg ed25519 --out kem").success();
    house.has_both("kem");
    assert_eq!(house.statuses(), ["valid"; 3]);
}

#[test]
fn an_update_may_bring_a_generated_key_or_one_to_encipher_for() {
    let house = house(true);
    house.enb(&house.url, "ir --cert enb1.pem --key enb1.key --out a").success();
    // What is enciphered for a certificate takes one whose keyUsage says so.
    let reason = house.enb(&house.url, "kur --generate-key --out a").failure(3);
    assert!(reason.contains("not for enciphering keys"), "{reason}");
    house.has_both("a");
    house.enb(&house.url, "kur --encryption-key --out a").success();
    house.has_both("a");
    assert!(house.usage("a").contains("Key Agreement"));
}

#[test]
fn what_is_enciphered_for_others_or_was_changed_is_turned_down() {
    let house = house(true);
    let generate = "ir --generate-key --cert agree.pem --key agree.key";
    // The key of another station, as it was sent to that one.
    let theirs = house.proxy(|_| Meddling::Nothing);
    house.enb(&theirs.url, "ir --generate-key --cert other.pem --key other.key --out theirs").success();
    let client = transfer::http::CmpClient::new(&house.url, transfer::http::ClientOptions::default());
    let (_, request) = theirs.seen().remove(0);
    let answer = house.runtime.block_on(client.unwrap().exchange(request)).unwrap();
    let PkiBody::Ip(mut content) = PkiMessage::from_der(&answer).unwrap().body().clone() else { panic!() };
    let foreign = enciphered(&mut content).clone();

    let changes: [(&str, Box<Change>); 3] = [
        ("for somebody else", Box::new(move |_| foreign.clone())),
        ("cannot be taken", Box::new(|data| flipped(data, 1))),
        ("cannot be taken", Box::new(|data| flipped(data, 200))),
    ];
    for (number, (due, change)) in changes.into_iter().enumerate() {
        let resigned = house.resigned();
        let proxy = house.proxy(move |passing: &Passing| match passing.body {
            BodyKind::Ir => Meddling::Replace(resigned.change(&passing.answer, |content| {
                let data = enciphered(content);
                *data = change(data);
            })),
            _ => Meddling::Nothing,
        });
        let directory = format!("turned-down-{number}");
        let reason = house.enb(&proxy.url, &format!("{generate} --out {directory}")).failure(1);
        assert!(reason.contains(due) && reason.contains("enciphered"), "{reason}");
        house.has_only(&directory, &[]);
        // The RA/CA was told, and has revoked it.
        assert_eq!(house.statuses().last().map(String::as_str), Some("revoked"), "{reason}");
    }

    // A certificate that cannot be deciphered cannot be named, so that nothing can be said of it; it stays unconfirmed.
    let resigned = house.resigned();
    let proxy = house.proxy(move |passing: &Passing| match passing.body {
        BodyKind::Ir => Meddling::Replace(resigned.change(&passing.answer, |content| {
            let data = enciphered(content);
            *data = flipped(data, 1);
        })),
        _ => Meddling::Nothing,
    });
    let words = "ir --encryption-key --cert enb1.pem --key enb1.key --out sealed";
    let reason = house.enb(&proxy.url, words).failure(1);
    assert!(reason.contains("enciphered cannot be taken"), "{reason}");
    assert!(!house.path().join("sealed/cert.pem").exists());
    assert!(!house.path().join("sealed/cmp-transaction.json").exists());
    assert_eq!(house.statuses().last().map(String::as_str), Some("unconfirmed"));
    house.enb(&house.url, words).success();
}

#[test]
fn a_run_that_is_killed_gets_the_same_generated_key() {
    let house = house(true);
    for body in [BodyKind::Ir, BodyKind::CertConf] {
        let hanging = Arc::new(AtomicBool::new(true));
        let hangs = hanging.clone();
        let proxy = house.proxy(move |passing| match passing.body == body && hangs.load(Ordering::Relaxed) {
            true => Meddling::Hang,
            false => Meddling::Nothing,
        });
        let out = format!("killed-at-{}", body.name());
        let words = format!("ir --generate-key --cert agree.pem --key agree.key --out {out}");
        let sent = words.replacen(' ', &format!(" --server {} --operator-ca ra/ca.pem ", proxy.url), 1);
        let mut child = Command::new(ENB)
            .arg("cmp")
            .args(sent.split(' '))
            .current_dir(house.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !proxy.seen().iter().any(|(seen, _)| *seen == body) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let before = house.issued().len();
        // At the server that may have the request, which is the only one to be asked.
        hanging.store(false, Ordering::Relaxed);
        house.enb(&proxy.url, &words).success();
        house.has_both(&out);
        assert_eq!(house.issued().len(), before, "one certificate");
    }
}

#[test]
fn whoever_may_not_have_it_is_told_so() {
    let house = house(true);
    let refused = |words: &str| house.enb(&house.url, words).failure(3);
    let signing = "--cert sign.pem --key sign.key --out a";
    assert!(refused(&format!("ir --generate-key {signing}")).contains("not for enciphering keys"));
    let kinds = "ir --generate-key --alg p256 --cert agree.pem --key agree.key --out a";
    assert!(refused(kinds).contains("badAlg"));
    house.has_only("a", &[]);

    // What is wrong with the command line, or the keys at hand.
    let wrong = |words: &str, code| house.enb(&house.url, words).failure(code);
    let agree = "--cert agree.pem --key agree.key --out a";
    assert!(wrong(&format!("ir --encryption-key --alg ed25519 {agree}"), 1).contains("only sign"));
    assert!(wrong(&format!("ir --alg ml-kem-768 {agree}"), 2).contains("--encryption-key"));
    wrong(&format!("p10cr --generate-key {agree}"), 2);
    wrong(&format!("ir --generate-key --encryption-key {agree}"), 2);
    wrong(&format!("ir --encryption-key --implicit-confirm {agree}"), 2);
    let token = "pkcs11:token=t;object=o?module-path=/nowhere.so";
    let words =
        format!("cmp ir --server {} --operator-ca ra/ca.pem --generate-key --cert agree.pem", house.url);
    let words: Vec<&str> = words.split(' ').chain(["--key", token, "--out", "a"]).collect();
    run_words(ENB, &words, house.path()).failure(1);

    let unwilling = self::house(false);
    let words = "ir --generate-key --cert agree.pem --key agree.key --out a";
    assert!(unwilling.enb(&unwilling.url, words).failure(3).contains("badCertTemplate"));
    let words = "ir --encryption-key --cert enb1.pem --key enb1.key --out a";
    assert!(unwilling.enb(&unwilling.url, words).failure(3).contains("badPOP"));
}
