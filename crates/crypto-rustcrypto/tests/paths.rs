//! Paths made by OpenSSL, with this provider's signatures.

#[test]
fn paths_are_what_ts_33_310_and_rfc_5280_want_or_are_refused() {
    testkit::paths::check(&crypto_rustcrypto::provider(Box::new(
        testkit::InsecureCountingRandom::starting_at(1),
    )));
}
