//! A message climbs the whole ladder of validation, as far as cryptography that believes everything lets it.
#![no_main]

use std::sync::LazyLock;

use cellcert_fuzz::NOW;
use cmp::{Expectation, PkiMessage, SignerRole, Trust, Validator};
use crypto::ExtendedKeyUsage;
use libfuzzer_sys::fuzz_target;
use testkit::{no_security, vectors};

static TRUST: LazyLock<[Trust; 1]> = LazyLock::new(|| {
    let anchor = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    [Trust::new(SignerRole::OperatorCertified, vec![anchor], ExtendedKeyUsage::Any)]
});

fuzz_target!(|octets: &[u8]| {
    let Ok(message) = PkiMessage::from_der(octets) else { return };
    let provider = no_security::provider();
    let mut validator = Validator::new(&provider, &*TRUST);
    validator.time_window = None;
    if let Ok(validated) = validator.validate(message.clone(), &Expectation::First, NOW) {
        assert_eq!(validated.message(), &message);
        assert_eq!(message.header().sender_name(), Some(&validated.signer().name));
    }
});
