//! NIST's tests of path validation, with this provider's signatures.

#[test]
fn paths_are_validated_as_nist_expects_or_as_the_deviations_say() {
    testkit::pkits::check(&crypto_aws_lc::provider());
}
