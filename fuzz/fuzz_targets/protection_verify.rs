//! A message climbs the whole ladder of validation, as far as cryptography that believes everything lets it.
#![no_main]

use std::sync::LazyLock;

use cellcert_fuzz::NOW;
use cmp::{Expectation, PkiMessage, Reference, SecretTrust, SignerRole, Trust, Validator};
use crypto::{ExtendedKeyUsage, SharedSecret};
use libfuzzer_sys::fuzz_target;
use testkit::{no_security, vectors};

static TRUST: LazyLock<[Trust; 1]> = LazyLock::new(|| {
    let anchor = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    [Trust::new(SignerRole::OperatorCertified, vec![anchor], ExtendedKeyUsage::Any)]
});

static SECRETS: LazyLock<[SecretTrust; 1]> =
    LazyLock::new(|| [SecretTrust::new(Reference::new("4711"), SharedSecret::new("nemsecret".into()))]);

fuzz_target!(|octets: &[u8]| {
    let Ok(message) = PkiMessage::from_der(octets) else { return };
    let provider = no_security::provider();
    let mut validator = Validator::new(&provider, &*TRUST);
    validator.time_window = None;
    validator.secrets = &*SECRETS;
    validator.mac_limits.max_iterations = 1000;
    if let Ok(validated) = validator.validate(message.clone(), &Expectation::First, NOW) {
        assert_eq!(validated.message(), &message);
        let (header, signer) = (message.header(), validated.signer());
        match validated.mac_credential() {
            None => assert_eq!(header.sender_name(), Some(&signer.name)),
            Some(credential) => {
                assert_eq!(header.sender_kid.as_ref().unwrap().as_bytes(), b"4711");
                assert_eq!(credential.reference(), Some(&SECRETS[0].reference));
                assert_eq!((signer.role, &signer.name), (SignerRole::SecretHolder, &SECRETS[0].name));
            }
        }
    }
});
