//! Encrypted private keys, to and from the `openssl` program, and files that are meant to do harm.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crypto::SigningKey;
use crypto_aws_lc::{
    KeyFileError, KeyType, SoftwareKey, read_encrypted_key_file, read_key_file, write_encrypted_key_file,
};
use der::asn1::OctetStringRef;
use der::pem::LineEnding;
use der::{Document, Encode, SecretDocument};
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, ScryptParams};
use secrecy::SecretString;

const PASSPHRASE: &str = "correct horse";

fn passphrase() -> SecretString {
    PASSPHRASE.into()
}

/// What `openssl` writes to stdout.
fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut process = Command::new("openssl")
        .args(arguments.split(' '))
        .env("PASSPHRASE", PASSPHRASE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is needed: `cargo xtask peers` installs it");
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn encrypted_by_openssl(key: &SoftwareKey, options: &str) -> String {
    let arguments = format!("pkcs8 -topk8 -passout env:PASSPHRASE {options}");
    String::from_utf8(openssl(&arguments, key.to_pkcs8_pem().unwrap().as_bytes())).unwrap()
}

fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyType::P256).unwrap()
}

#[test]
fn what_openssl_encrypts_is_read() {
    for options in [
        "-v2 aes-128-cbc",
        "-v2 aes-192-cbc",
        "-v2 aes-256-cbc",
        "-v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000",
        "-v2 aes-256-cbc -v2prf hmacWithSHA384",
        "-v2 aes-256-cbc -v2prf hmacWithSHA512",
        "-scrypt",
        "-scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 16",
    ] {
        let key = key();
        let text = encrypted_by_openssl(&key, options);
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{options}");
        let read = SoftwareKey::from_encrypted_pem(&text, &passphrase()).unwrap();
        assert_eq!(read.public_key(), key.public_key(), "{options}");

        let wrong = SoftwareKey::from_encrypted_pem(&text, &"correct house".into()).unwrap_err();
        assert!(matches!(wrong, KeyFileError::WrongPassphrase), "{options}: {wrong}");
        let without = SoftwareKey::from_pem(&text).unwrap_err();
        assert!(matches!(without, KeyFileError::Encrypted), "{options}: {without}");
    }
}

#[test]
fn openssl_reads_what_we_encrypt() {
    for key_type in [KeyType::P256, KeyType::P521, KeyType::Rsa2048, KeyType::Ed25519] {
        let key = SoftwareKey::generate(key_type).unwrap();
        let text = key.to_encrypted_pem(&passphrase()).unwrap();
        let public_key = openssl("pkey -passin env:PASSPHRASE -pubout -outform DER", text.as_bytes());
        assert_eq!(key.public_key().spki_octets(), public_key, "{key_type}");
        let read = SoftwareKey::from_encrypted_pem(&text, &passphrase()).unwrap();
        assert_eq!(read.public_key(), key.public_key(), "{key_type}");
    }
    let ml_dsa = SoftwareKey::generate(KeyType::MlDsa44).unwrap();
    let text = ml_dsa.to_encrypted_pem(&passphrase()).unwrap();
    let read = SoftwareKey::from_encrypted_pem(&text, &passphrase()).unwrap();
    assert_eq!(read.public_key(), ml_dsa.public_key());
    let again = ml_dsa.to_encrypted_pem(&passphrase()).unwrap();
    assert_ne!(*text, *again, "salt and initialisation vector are new each time");
}

#[test]
fn other_ways_to_encrypt_are_refused_with_the_way_to_convert() {
    let key = key();
    for options in
        ["-v2 des3", "-v2 aes-256-cbc -v2prf hmacWithSHA1", "-v1 PBE-SHA1-3DES", "-v2 camellia-256-cbc"]
    {
        let text = encrypted_by_openssl(&key, options);
        let error = SoftwareKey::from_encrypted_pem(&text, &passphrase()).unwrap_err();
        assert!(matches!(error, KeyFileError::Encryption), "{options}: {error}");
        assert!(error.to_string().contains("openssl pkcs8 -topk8"), "{error}");
    }
    for arguments in
        ["ec -aes256 -passout env:PASSPHRASE", "rsa -aes256 -traditional -passout env:PASSPHRASE"]
    {
        let key_type = if arguments.starts_with("ec") { KeyType::P256 } else { KeyType::Rsa2048 };
        let key = SoftwareKey::generate(key_type).unwrap();
        let text = openssl(arguments, key.to_pkcs8_pem().unwrap().as_bytes());
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Proc-Type: 4,ENCRYPTED"), "{text}");
        for error in [
            SoftwareKey::from_pem(&text).unwrap_err(),
            SoftwareKey::from_encrypted_pem(&text, &passphrase()).unwrap_err(),
        ] {
            assert!(matches!(error, KeyFileError::LegacyEncryption), "{error}");
            assert!(error.to_string().contains("openssl pkcs8 -topk8"), "{error}");
        }
    }
    let plain = key.to_pkcs8_pem().unwrap();
    let error = SoftwareKey::from_encrypted_pem(&plain, &passphrase()).unwrap_err();
    assert!(matches!(error, KeyFileError::NotEncrypted), "{error}");
}

/// An `ENCRYPTED PRIVATE KEY` that says it was made so.
fn claimed(kdf: impl Into<Kdf>) -> String {
    let encryption = EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let encrypted = EncryptedPrivateKeyInfo {
        encryption_algorithm: Parameters { kdf: kdf.into(), encryption }.into(),
        encrypted_data: OctetStringRef::new(&[0; 160]).unwrap(),
    };
    pem(&encrypted.to_der().unwrap())
}

fn pem(octets: &[u8]) -> String {
    let document = Document::try_from(octets).unwrap();
    document.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).unwrap()
}

#[test]
fn bombs_are_refused_before_anything_is_derived() {
    let pbkdf2 = |iteration_count| {
        let mut parameters = Pbkdf2Params::hmac_sha256(1, &[0; 8]).unwrap();
        parameters.iteration_count = iteration_count;
        claimed(parameters)
    };
    let salt = Pbkdf2Params::hmac_sha256(1, &[0; 8]).unwrap().salt;
    let scrypt = |cost_parameter, block_size, parallelization| {
        claimed(ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None })
    };
    for (bomb, reason) in [
        (pbkdf2(10_000_001), "10000001 iterations"),
        (pbkdf2(u32::MAX), "4294967295 iterations"),
        (scrypt(1 << 19, 8, 1), "N = 524288"),
        (scrypt(1 << 14, 8, 65), "p = 65"),
        (scrypt(1 << 14, u16::MAX, 1), "r = 65535"),
        (scrypt(1 << 63, u16::MAX, u16::MAX), "N = 9223372036854775808"),
        (scrypt(u64::MAX, 1, 1), "N = 18446744073709551615"),
    ] {
        let began = Instant::now();
        let error = SoftwareKey::from_encrypted_pem(&bomb, &passphrase()).unwrap_err();
        assert!(matches!(error, KeyFileError::Work { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    }
    // Numbers that are no parameters of scrypt at all.
    for wrong in [scrypt(0, 8, 1), scrypt(1000, 8, 1), scrypt(1024, 0, 1), scrypt(1024, 8, 0), pbkdf2(0)] {
        SoftwareKey::from_encrypted_pem(&wrong, &passphrase()).unwrap_err();
    }
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let key = key();
    let text = encrypted_by_openssl(&key, "-v2 aes-256-cbc -iter 1");
    let (_, document) = SecretDocument::from_pem(&text).unwrap();
    let octets = document.as_bytes();
    let read = |octets: &[u8]| {
        let text = der::pem::encode_string("ENCRYPTED PRIVATE KEY", LineEnding::LF, octets).unwrap();
        SoftwareKey::from_encrypted_pem(&text, &passphrase())
    };
    for length in 0..octets.len() {
        read(&octets[..length]).unwrap_err();
    }
    for at in 0..octets.len() {
        let mut damaged = octets.to_vec();
        damaged[at] ^= 0x01;
        // A flipped bit in the key itself may give another key, but never a panic.
        let _ = read(&damaged);
    }
}

#[test]
fn encrypted_files_are_their_owners_alone_and_errors_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.key.pem");
    let key = key();
    write_encrypted_key_file(&path, &key, &passphrase()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(read_encrypted_key_file(&path, &passphrase()).unwrap().public_key(), key.public_key());
    for error in [
        read_key_file(&path).unwrap_err(),
        read_encrypted_key_file(&path, &"secret of another".into()).unwrap_err(),
        write_encrypted_key_file(&path, &key, &passphrase()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("ca.key.pem"), "{text}");
        assert!(!text.contains("secret of another") && !format!("{error:?}").contains("secret of another"));
    }
}
