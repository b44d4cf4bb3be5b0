//! Messages in messages are opened level by level, never deeper than is allowed, and batches come apart in any case.
#![no_main]

use std::sync::LazyLock;

use cellcert_fuzz::NOW;
use cmp::{Expectation, PkiMessage, ReadingPolicy, SignerRole, Trust, Unbundled, Validator, unbundle};
use crypto::ExtendedKeyUsage;
use libfuzzer_sys::fuzz_target;
use testkit::{no_security, vectors};

static TRUST: LazyLock<[Trust; 1]> = LazyLock::new(|| {
    let anchor = vectors::own_certificate("openssl-mock/oper-ca.crt.pem");
    [Trust::new(SignerRole::RegistrationAuthority, vec![anchor], ExtendedKeyUsage::Any)]
});

fuzz_target!(|octets: &[u8]| {
    let policy = ReadingPolicy::lenient();
    let Ok(message) = PkiMessage::inspect(octets, &policy) else { return };
    assert!(open(&message, &policy) <= policy.nested_depth);

    let provider = no_security::provider();
    let mut validator = Validator::new(&provider, &*TRUST);
    validator.time_window = None;
    let Ok(validated) = validator.validate(message, &Expectation::First, NOW) else { return };
    if let Ok(Unbundled::AddedProtection(inner)) = unbundle(&validated, &policy) {
        assert_eq!(inner.header().transaction_id.as_ref(), Some(validated.transaction_id()));
    }
});

/// How many levels there are.
fn open(message: &PkiMessage, policy: &ReadingPolicy) -> u8 {
    let (Ok(opened), Some(inside)) = (message.open_nested(policy), policy.inside()) else { return 0 };
    let levels = opened.iter().flatten().map(|inner| open(inner, &inside));
    1 + levels.max().unwrap_or_default()
}
