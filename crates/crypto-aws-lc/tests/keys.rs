//! Private keys as text, as octets, in files, and to and from the `openssl` program.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crypto::{DigestAlgorithm, KeyError, KeyKind, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{
    KeyFileError, KeyType, PrivateFileError, SoftwareKey, provider, read_key_file, write_key_file,
};
use der::asn1::{Any, OctetString};
use der::{Decode, Document, Encode, SecretDocument, Tag};
use spki::SubjectPublicKeyInfoRef;
use testkit::provider::{
    RFC_8410_PRIVATE_KEYS, RFC_8410_PUBLIC_KEY, ml_dsa_expanded_keys, ml_dsa_known_answers,
};
use testkit::vectors::own_text;

/// Their generation takes seconds, and they are as RSA with 2048 bits is.
const SLOW: [KeyType; 2] = [KeyType::Rsa3072, KeyType::Rsa4096];

#[test]
fn key_types_have_names() {
    for key_type in KeyType::ALL {
        assert_eq!(key_type.to_string().parse::<KeyType>().unwrap(), key_type);
    }
    let error = "rsa1024".parse::<KeyType>().unwrap_err().to_string();
    let names = "p256 p384 p521 rsa2048 rsa3072 rsa4096 ed25519 ml-dsa-44 ml-dsa-65 ml-dsa-87";
    assert_eq!(error, format!(r#"there is no key type "rsa1024"; choose one of {names}"#));
}

#[test]
fn keys_survive_pkcs8() {
    for key_type in KeyType::ALL.into_iter().filter(|key_type| !SLOW.contains(key_type)) {
        let key = SoftwareKey::generate(key_type).unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("\n"), "{key_type}");
        assert_eq!(SoftwareKey::from_pem(&pem).unwrap().public_key(), key.public_key());

        let octets = key.to_pkcs8_der().unwrap();
        assert_eq!(SoftwareKey::from_pkcs8_der(&octets).unwrap().public_key(), key.public_key());
        for length in (0..octets.len()).step_by(5) {
            let error = SoftwareKey::from_pkcs8_der(&octets[..length]).unwrap_err();
            assert!(matches!(error, KeyFileError::Rejected), "{error}");
        }
    }
}

#[test]
fn keys_as_openssl_writes_them_are_read() {
    for (arguments, label, kind) in [
        ("ecparam -genkey -name prime256v1", "EC PRIVATE KEY", KeyKind::P256),
        ("ecparam -genkey -noout -name secp384r1", "EC PRIVATE KEY", KeyKind::P384),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", "PRIVATE KEY", KeyKind::P256),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", "PRIVATE KEY", KeyKind::P384),
        ("ecparam -genkey -name secp521r1", "EC PRIVATE KEY", KeyKind::P521),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521", "PRIVATE KEY", KeyKind::P521),
        ("genpkey -algorithm ED25519", "PRIVATE KEY", KeyKind::Ed25519),
        ("genrsa -traditional 2048", "RSA PRIVATE KEY", KeyKind::Rsa { bits: 2048 }),
        ("genrsa 2048", "PRIVATE KEY", KeyKind::Rsa { bits: 2048 }),
    ] {
        let pem = String::from_utf8(openssl(arguments, b"")).unwrap();
        assert!(pem.contains(&format!("-----BEGIN {label}-----")), "{arguments}");
        let public_key = openssl("pkey -pubout -outform DER", pem.as_bytes());
        for text in [pem.clone(), pem.replace('\n', "\r\n"), format!("{CERTIFICATE}{pem}{CERTIFICATE}")] {
            let key = SoftwareKey::from_pem(&text).unwrap();
            assert_eq!(key.public_key().kind(), kind, "{arguments}");
            assert_eq!(key.public_key().spki_octets(), public_key, "{arguments}");
        }
    }
}

#[test]
fn openssl_reads_our_keys_and_verifies_our_signatures() {
    let folder = folder("openssl-verifies");
    for (key_type, digest) in [
        (KeyType::P256, "-digest sha256"),
        (KeyType::P384, "-digest sha384"),
        (KeyType::P521, "-digest sha512"),
        (KeyType::Rsa2048, "-digest sha256"),
        (KeyType::Ed25519, ""),
    ] {
        let key = SoftwareKey::generate(key_type).unwrap();
        let public_key = openssl("pkey -pubout", key.to_pkcs8_pem().unwrap().as_bytes());
        let [key_path, signature_path, octets_path] =
            ["key.pem", "signature", "octets"].map(|name| folder.join(name));
        fs::write(&key_path, public_key).unwrap();
        fs::write(&signature_path, key.sign(b"octets").unwrap()).unwrap();
        fs::write(&octets_path, b"octets").unwrap();
        let arguments = format!(
            "pkeyutl -verify -pubin -inkey {} -sigfile {} -in {} -rawin {digest}",
            key_path.display(),
            signature_path.display(),
            octets_path.display()
        );
        let report = openssl(arguments.trim_end(), b"");
        assert_eq!(report, b"Signature Verified Successfully\n", "{key_type}");
    }
}

#[test]
fn a_digest_is_signed_and_verified_as_its_octets_are() {
    let octets = vec![7; 100_000];
    for key_type in KeyType::ALL {
        let key = SoftwareKey::generate(key_type).unwrap();
        let algorithm = key.algorithm();
        let digest = algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
        let signed = key.sign_digest(&provider().digest(digest, &octets));
        let by_octets_only = matches!(
            algorithm,
            SignatureAlgorithm::Ed25519
                | SignatureAlgorithm::MlDsa44
                | SignatureAlgorithm::MlDsa65
                | SignatureAlgorithm::MlDsa87
        );
        assert_eq!(signed.is_none(), by_octets_only, "{key_type}");
        let verify = |digest: &[u8], signature: &[u8]| {
            provider().verify_digest(algorithm, key.public_key(), digest, signature)
        };
        let digest = provider().digest(digest, &octets);
        // As it is signed otherwise.
        assert_eq!(verify(&digest, &key.sign(&octets).unwrap()).is_err(), by_octets_only, "{key_type}");
        if let Some(signature) = signed {
            let signature = signature.unwrap();
            provider().verify(algorithm, key.public_key(), &octets, &signature).unwrap();
            assert_eq!(verify(&digest, &signature), Ok(()), "{key_type}");
            let mut other = digest.clone();
            other.iter_mut().take(1).for_each(|octet| *octet ^= 1);
            for (digest, signature) in [
                (other.as_slice(), signature.as_slice()),
                (&digest[1..], &signature),
                (&[], &signature),
                (&digest, &signature[1..]),
                (&digest, &[]),
            ] {
                assert!(verify(digest, signature).is_err(), "{key_type}");
            }
            assert!(key.sign_digest(&[0; 20]).unwrap().is_err(), "{key_type}: a digest of another length");
        }
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused_by_their_fault() {
    let refused = |text: &str| SoftwareKey::from_pem(text).unwrap_err();
    let made = |arguments: &str| refused(&String::from_utf8(openssl(arguments, b"")).unwrap());

    assert!(matches!(refused(""), KeyFileError::NotPem));
    assert!(matches!(refused(CERTIFICATE), KeyFileError::NotPem));
    assert!(matches!(refused("-----BEGIN PRIVATE KEY-----\nMII"), KeyFileError::NotPem), "no end");
    let damaged = "-----BEGIN PRIVATE KEY-----\nMII*\n-----END PRIVATE KEY-----\n";
    assert!(matches!(refused(damaged), KeyFileError::Rejected));

    let encrypted = made("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret");
    assert!(matches!(encrypted, KeyFileError::Encrypted), "{encrypted}");
    let encrypted = made("genrsa -traditional -aes256 -passout pass:secret 2048");
    assert!(matches!(encrypted, KeyFileError::LegacyEncryption), "{encrypted}");

    for arguments in [
        "genpkey -algorithm ED448",
        "genpkey -algorithm X25519",
        "genrsa 1024",
        "genrsa -traditional 1024",
        "ecparam -genkey -name secp256k1",
    ] {
        let error = made(arguments);
        assert!(matches!(error, KeyFileError::Rejected), "{arguments}: {error}");
    }
    let error = made("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3");
    assert!(matches!(error, KeyFileError::Weak(KeyError::RsaExponent)), "{error}");
}

#[test]
fn keys_of_rfc_8410_are_read_and_a_false_public_key_is_not() {
    let (_, public_key) = Document::from_pem(RFC_8410_PUBLIC_KEY).unwrap();
    for text in RFC_8410_PRIVATE_KEYS {
        let key = SoftwareKey::from_pem(text).unwrap();
        assert_eq!(key.public_key().spki_octets(), public_key.as_bytes());
    }
    let (_, document) = SecretDocument::from_pem(RFC_8410_PRIVATE_KEYS[1]).unwrap();
    let mut octets = document.as_bytes().to_vec();
    *octets.last_mut().unwrap() ^= 1;
    let error = SoftwareKey::from_pkcs8_der(&octets).unwrap_err();
    assert!(matches!(error, KeyFileError::Rejected), "{error}");
}

#[test]
fn keys_of_rfc_9881_are_read_and_written_again() {
    for name in ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] {
        let text = own_text(&format!("rfc9881/{name}.key.pem"));
        let key = SoftwareKey::from_pem(&text).unwrap();
        let (_, public_key) = Document::from_pem(&own_text(&format!("rfc9881/{name}.pub.pem"))).unwrap();
        assert_eq!(key.public_key().spki_octets(), public_key.as_bytes(), "{name}");
        assert_eq!(*key.to_pkcs8_pem().unwrap(), text, "{name}");
    }
    for known in ml_dsa_known_answers() {
        let key = SoftwareKey::from_pkcs8_der(&known.private_key).unwrap();
        assert_eq!(key.public_key(), &known.public_key);
    }
}

#[test]
fn an_expanded_ml_dsa_key_signs_and_one_beside_another_seed_is_refused() {
    for (expanded, public_key, in_range) in ml_dsa_expanded_keys() {
        let expanded = OctetString::new(expanded).unwrap().to_der().unwrap();
        let spki = SubjectPublicKeyInfoRef::from_der(public_key.spki_octets()).unwrap();
        let private_key_info = |private_key: Vec<u8>| {
            let parts = [
                0_u8.to_der().unwrap(),
                spki.algorithm.to_der().unwrap(),
                OctetString::new(private_key).unwrap().to_der().unwrap(),
            ];
            Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap()
        };
        let read = SoftwareKey::from_pkcs8_der(&private_key_info(expanded.clone()));
        if !in_range {
            assert!(matches!(read, Err(KeyFileError::Rejected)), "{read:?}");
            continue;
        }
        let key = read.unwrap();
        assert_eq!(key.public_key(), &public_key);
        let signature = key.sign(b"octets").unwrap();
        crypto_aws_lc::provider().verify(key.algorithm(), &public_key, b"octets", &signature).unwrap();
        assert!(matches!(key.to_pkcs8_der(), Err(KeyFileError::Failed)), "there is no seed to write");

        let seed = OctetString::new([7; 32]).unwrap().to_der().unwrap();
        let both = Any::new(Tag::Sequence, [seed, expanded].concat()).unwrap().to_der().unwrap();
        let error = SoftwareKey::from_pkcs8_der(&private_key_info(both)).unwrap_err();
        assert!(matches!(error, KeyFileError::Rejected), "{error}");
    }
}

#[test]
fn a_key_file_is_its_owners_alone() {
    let path = folder("owner").join("key.pem");
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    write_key_file(&path, &key).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(read_key_file(&path).unwrap().public_key(), key.public_key());

    for open in [0o640, 0o604, 0o620, 0o601, 0o660, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let error = read_key_file(&path).unwrap_err();
        let KeyFileError::File(PrivateFileError::OpenToOthers { mode, .. }) = error else {
            panic!("{error}")
        };
        assert_eq!(mode, open);
        let path = path.display();
        assert_eq!(
            error.to_string(),
            format!("{path}: others may use this secret (mode {open:04o}); run `chmod 600 {path}`")
        );
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    read_key_file(&path).unwrap();
}

#[test]
fn a_key_file_is_never_overwritten() {
    let path = folder("overwritten").join("key.pem");
    let key = SoftwareKey::generate(KeyType::P256).unwrap();
    write_key_file(&path, &key).unwrap();
    let before = fs::read(&path).unwrap();

    let error = write_key_file(&path, &SoftwareKey::generate(KeyType::P256).unwrap()).unwrap_err();
    assert!(matches!(error, KeyFileError::Exists { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn errors_name_the_file() {
    let folder = folder("errors");
    let refused = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        read_key_file(&path).unwrap_err()
    };
    for error in [
        read_key_file(folder.join("absent.pem")).unwrap_err(),
        read_key_file(&folder).unwrap_err(),
        refused("empty.pem", b""),
        refused("binary.pem", &[0xff; 100]),
        refused("certificate.pem", CERTIFICATE.as_bytes()),
        refused("huge.pem", &[b'A'; 65 * 1024]),
        write_key_file(folder.join("no/such/folder.pem"), &SoftwareKey::generate(KeyType::P256).unwrap())
            .unwrap_err(),
    ] {
        assert!(error.to_string().starts_with(&*folder.to_string_lossy()), "{error}");
    }
    assert!(matches!(
        refused("huge.pem", &[b'A'; 65 * 1024]),
        KeyFileError::File(PrivateFileError::NotRegular { .. })
    ));
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

/// An empty folder for one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What `openssl` writes to stdout.
fn openssl(arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut process = Command::new("openssl")
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is missing; install it with `apt-get install openssl`");
    process.stdin.take().unwrap().write_all(input).unwrap();
    let output = process.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "openssl {arguments}: {complaint}");
    output.stdout
}
