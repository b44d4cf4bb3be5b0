//! CertReqMessages that decode encode to the same octets, and their proofs of possession are decided.
#![no_main]

use crmf::{CertReqMessages, MacLimits};
use crypto::SharedSecret;
use der::Encode;
use libfuzzer_sys::fuzz_target;
use testkit::no_security;

fuzz_target!(|octets: &[u8]| {
    let Ok(messages) = CertReqMessages::from_der(octets) else { return };
    assert_eq!(messages.to_der().as_deref(), Ok(octets));
    let (provider, secret) = (no_security::provider(), SharedSecret::new("secret".into()));
    let mut limits = MacLimits::default();
    limits.max_iterations = 1000;
    for message in messages.messages() {
        let _ = message.verify_pop(&provider, None);
        let _ = message.verify_pop_with_secret(&provider, &secret, &limits);
    }
});
