//! A CertificationRequest that decodes has the octets it came with; its extensions and its proof of possession are decided.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pkcs10::CertReq;
use testkit::no_security;

fuzz_target!(|octets: &[u8]| {
    let Ok(request) = CertReq::from_der(octets) else { return };
    assert_eq!(request.octets(), octets);
    let _ = request.requested_extensions();
    if let Ok(verified) = request.verify_pop(&no_security::provider()) {
        assert_eq!(verified.subject(), request.subject());
    }
});
