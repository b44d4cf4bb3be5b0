//! Keys in SoftHSM2, and everything that can be wrong with a token.
#![allow(clippy::unwrap_used, missing_docs)]

use crypto::{KeyKind, SignatureAlgorithm, SigningKey};
use crypto_aws_lc::{KeyType, SoftwareKey, provider};
use crypto_pkcs11::{Error, Pkcs11Key, TokenUri};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use secrecy::SecretString;
use testkit::soft_hsm::{SOFT_HSM_MODULE, SoftHsm, with_soft_hsm};

const PIN: &str = "48151623";

fn pin() -> Option<SecretString> {
    Some(PIN.into())
}

fn uri(path: &str) -> TokenUri {
    format!("pkcs11:{path}?module-path={SOFT_HSM_MODULE}").parse().unwrap()
}

fn open(path: &str) -> Result<Pkcs11Key, Error> {
    Pkcs11Key::open(&uri(path), pin(), None, provider())
}

/// One token, and one key in it.
fn prepare(hsm: &SoftHsm, key_type: KeyType) -> SoftwareKey {
    let key = SoftwareKey::generate(key_type).unwrap();
    hsm.add_token("ra", PIN);
    hsm.import("ra", PIN, "ca-key", "01", &key.to_pkcs8_pem().unwrap());
    key
}

/// What went wrong, in words that never show a PIN.
fn reason(result: Result<Pkcs11Key, Error>) -> String {
    let error = result.unwrap_err();
    let text = error.to_string();
    assert!(!format!("{text} {error:?}").contains(PIN), "{error:?}");
    text
}

#[test]
fn keys_of_every_kind_sign() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("keys_of_every_kind_sign", folder.path(), |hsm| {
        hsm.add_token("ra", PIN);
        let types = [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Rsa2048, KeyType::Ed25519];
        for (number, key_type) in types.into_iter().enumerate() {
            let software = SoftwareKey::generate(key_type).unwrap();
            let (name, id) = (key_type.to_string(), format!("0{number}"));
            hsm.import("ra", PIN, &name, &id, &software.to_pkcs8_pem().unwrap());
            // The module has looked into its folder when it was begun; a new key is found all the same.
            let key = open(&format!("token=ra;object={name}")).unwrap();
            assert_eq!(key.public_key(), software.public_key(), "{key_type}");
            assert_eq!(key.algorithm(), software.algorithm(), "{key_type}");
            for octets in [&b""[..], b"octets", &[7; 100_000]] {
                let signature = key.sign(octets).unwrap();
                provider().verify(key.algorithm(), key.public_key(), octets, &signature).unwrap();
            }
        }
        let rsa = open("token=ra;id=%03").unwrap();
        assert!(matches!(rsa.public_key().kind(), KeyKind::Rsa { bits: 2048 }));
        for algorithm in [
            SignatureAlgorithm::Sha256WithRsa,
            SignatureAlgorithm::Sha384WithRsa,
            SignatureAlgorithm::Sha512WithRsa,
            SignatureAlgorithm::RsassaPssSha256,
            SignatureAlgorithm::RsassaPssSha384,
            SignatureAlgorithm::RsassaPssSha512,
        ] {
            let key = rsa.with_algorithm(algorithm).unwrap();
            let signature = key.sign(b"octets").unwrap();
            provider().verify(algorithm, key.public_key(), b"octets", &signature).unwrap();
        }
        for algorithm in [SignatureAlgorithm::EcdsaWithSha256, SignatureAlgorithm::MlDsa44] {
            assert!(matches!(rsa.with_algorithm(algorithm), Err(Error::Algorithm { .. })));
        }
    });
}

#[test]
fn what_is_missing_or_ambiguous_is_named() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("what_is_missing_or_ambiguous_is_named", folder.path(), |hsm| {
        let key = prepare(hsm, KeyType::P256);
        let pem = key.to_pkcs8_pem().unwrap();
        hsm.import("ra", PIN, "twin", "02", &pem);
        hsm.import("ra", PIN, "twin", "03", &pem);
        hsm.add_token("copies", PIN);
        hsm.add_token("copies", PIN);

        let absent = reason(open("token=rb;object=ca-key"));
        assert!(absent.contains("token=rb") && absent.contains("\"ra\""), "{absent}");
        let twice = reason(open("token=copies;object=ca-key"));
        assert!(twice.contains("serial="), "{twice}");
        let absent = reason(open("token=ra;object=cakey"));
        assert!(absent.contains("object=cakey") && absent.contains("\"ca-key\""), "{absent}");
        let twin = reason(open("token=ra;object=twin"));
        assert!(twin.contains("2 private keys") && twin.contains("id="), "{twin}");
        open("token=ra;object=twin;id=%03").unwrap();

        let without = Pkcs11Key::open(&uri("token=ra;object=ca-key;serial=0"), pin(), None, provider());
        assert!(reason(without).contains("not there"));

        let module = |path: &str| format!("pkcs11:token=ra?module-path={path}").parse().unwrap();
        for path in ["/nowhere/libpkcs11.so", "/etc/passwd", "/lib/x86_64-linux-gnu/libm.so.6"] {
            let text = reason(Pkcs11Key::open(&module(path), pin(), None, provider()));
            assert!(text.contains(path) && text.contains("module-path"), "{text}");
        }
    });
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("a_wrong_pin_is_tried_once", folder.path(), |hsm| {
        prepare(hsm, KeyType::P256);
        let with = |pin: Option<SecretString>| {
            Pkcs11Key::open(&uri("token=ra;object=ca-key"), pin, None, provider())
        };
        let missing = reason(with(None));
        assert!(missing.contains("pin-source=file:PATH"), "{missing}");
        let wrong = reason(with(Some("wrong wrong".into())));
        assert!(wrong.contains("refuses the PIN") && !wrong.contains("wrong wrong"), "{wrong}");
        // Not even the right one: it is too late to tell one key's PIN from another's.
        let again = with(pin()).unwrap_err();
        assert!(matches!(again, Error::PinWrong { .. }), "{again}");
    });
}

#[test]
fn a_lost_session_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("a_lost_session_is_opened_again", folder.path(), |hsm| {
        prepare(hsm, KeyType::P256);
        let key = open("token=ra;object=ca-key").unwrap();
        let signs = || {
            let signature = key.sign(b"octets").unwrap();
            provider().verify(key.algorithm(), key.public_key(), b"octets", &signature).unwrap();
        };
        signs();
        // The same module in the same process: what is closed here is closed there.
        let module = Pkcs11::new(SOFT_HSM_MODULE).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        module.open_ro_session(slot).unwrap().logout().unwrap();
        signs();
        module.finalize().unwrap();
        signs();

        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| signs()));
            }
        });
    });
}

#[test]
fn without_the_public_key_the_certificate_says_it() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("without_the_public_key_the_certificate_says_it", folder.path(), |hsm| {
        let software = prepare(hsm, KeyType::P384);
        let module = Pkcs11::new(SOFT_HSM_MODULE).unwrap();
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let session = module.open_rw_session(slot).unwrap();
        session.login(UserType::User, pin().as_ref()).unwrap();
        for object in session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY)]).unwrap() {
            session.destroy_object(object).unwrap();
        }
        let uri = uri("token=ra;object=ca-key");
        let missing = reason(Pkcs11Key::open(&uri, pin(), None, provider()));
        assert!(missing.contains("does not hold the public key"), "{missing}");
        let key = Pkcs11Key::open(&uri, pin(), Some(software.public_key()), provider()).unwrap();
        assert_eq!(key.public_key(), software.public_key());

        for other in [KeyType::P384, KeyType::P256, KeyType::Ed25519, KeyType::MlDsa44] {
            let other = SoftwareKey::generate(other).unwrap();
            reason(Pkcs11Key::open(&uri, pin(), Some(other.public_key()), provider()));
        }
    });
}

#[test]
fn weak_keys_are_refused_and_debug_shows_no_pin() {
    let folder = tempfile::tempdir().unwrap();
    with_soft_hsm("weak_keys_are_refused_and_debug_shows_no_pin", folder.path(), |hsm| {
        prepare(hsm, KeyType::P256);
        let weak = std::process::Command::new("openssl").args(["genrsa", "1024"]).output().unwrap();
        hsm.import("ra", PIN, "weak", "09", &String::from_utf8(weak.stdout).unwrap());
        let text = reason(open("token=ra;object=weak"));
        assert!(text.contains("1024 bits"), "{text}");
        let key = open("token=ra;object=ca-key").unwrap();
        let shown = format!("{key:?} {:?}", uri("token=ra;object=ca-key"));
        assert!(shown.contains("ca-key") && !shown.contains(PIN), "{shown}");
    });
}
