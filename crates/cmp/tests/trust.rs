//! Whom a validator believes: anchors per purpose, and CRLs.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use asn1::{EncodedCertificate, UnixTime};
use cmp::{Error, Expectation, PkiFailureInfo, PkiMessage, SignerRole, Trust, Validator};
use crypto::{CertificateList, ExtendedKeyUsage, PathError, Revocation, RevocationPolicy};
use testkit::programs::Factory;
use testkit::vectors::{NOW, from_pem, own, own_certificate, own_text};

const FOLDER: &str = "openssl-mock";

fn certificate(name: &str) -> EncodedCertificate {
    own_certificate(&format!("{FOLDER}/{name}.crt.pem"))
}

fn trust(role: SignerRole, anchor: &str, usage: ExtendedKeyUsage) -> Trust {
    Trust::new(role, vec![certificate(anchor)], usage)
}

fn validate(message: &str, trust: &[Trust], now: UnixTime) -> Result<SignerRole, Error> {
    let message = PkiMessage::from_der(&own(&format!("{FOLDER}/{message}"))).unwrap();
    let provider = crypto_aws_lc::provider();
    let mut validator = Validator::new(&provider, trust);
    validator.time_window = None;
    let validated = validator.validate(message, &Expectation::First, now)?;
    Ok(validated.signer().role)
}

#[test]
fn anchors_count_for_their_own_purpose_only() {
    let (any, ra) = (ExtendedKeyUsage::Any, ExtendedKeyUsage::REGISTRATION_AUTHORITY);
    let vendor = |role| trust(role, "vendor-ca", any);
    let operator = |role| trust(role, "oper-ca", any);
    let all = [
        trust(SignerRole::RegistrationAuthority, "oper-ca", ra),
        operator(SignerRole::OperatorCertified),
        vendor(SignerRole::VendorCertified),
    ];
    // sig_1_ir is signed with the vendor's certificate, kur_1 with the operator's.
    assert_eq!(validate("sig_1_ir.der", &all, NOW), Ok(SignerRole::VendorCertified));
    assert_eq!(validate("kur_1.der", &all, NOW), Ok(SignerRole::OperatorCertified));

    let not_trusted = Err(Error::SignerNotTrusted(PathError::UnknownIssuer));
    for role in [
        SignerRole::RegistrationAuthority,
        SignerRole::OperatorCertified,
        SignerRole::CertificationAuthority,
        SignerRole::VendorCertified,
    ] {
        assert_eq!(validate("sig_1_ir.der", &[operator(role)], NOW), not_trusted, "{role:?}");
        assert_eq!(validate("kur_1.der", &[vendor(role)], NOW), not_trusted, "{role:?}");
    }
    // A station's certificate makes no RA, whoever's it is.
    for (message, anchor) in [("sig_1_ir.der", "vendor-ca"), ("kur_1.der", "oper-ca")] {
        let trust = [trust(SignerRole::RegistrationAuthority, anchor, ra)];
        let error = validate(message, &trust, NOW).unwrap_err();
        assert!(matches!(error, Error::SignerNotTrusted(PathError::ExtendedKeyUsage(_))), "{error}");
        assert_eq!(error.fail_info(), PkiFailureInfo::SIGNER_NOT_TRUSTED);
    }
}

/// A CRL that OpenSSL makes with a CA's key, with these of its certificates in it.
fn crl(folder: &Path, ca: &str, revoked: &[&str]) -> CertificateList {
    for (suffix, name) in [("crt", "pem"), ("key", "key")] {
        fs::write(folder.join(format!("{ca}.{name}")), own_text(&format!("{FOLDER}/{ca}.{suffix}.pem")))
            .unwrap();
    }
    let folder_of_ca = folder.join(ca);
    fs::create_dir(&folder_of_ca).unwrap();
    let factory =
        Factory::of(&folder_of_ca, &folder.join(format!("{ca}.pem")), &folder.join(format!("{ca}.key")));
    for name in revoked {
        let text = own_text(&format!("{FOLDER}/{name}.crt.pem"));
        fs::write(folder_of_ca.join(format!("{name}.pem")), text).unwrap();
        factory.revoke(name);
    }
    factory.crl("list.crl", 30);
    let text = fs::read_to_string(folder_of_ca.join("list.crl")).unwrap();
    CertificateList::from_der(&from_pem(&text).unwrap()).unwrap()
}

#[test]
fn a_revoked_signer_is_refused_with_cert_revoked_and_an_unknown_one_with_signer_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = crl(folder.path(), "vendor-ca", &["vendor-bs"]);
    let operator = crl(folder.path(), "oper-ca", &[]);
    let now = operator.this_update();
    let (if_available, required) = (RevocationPolicy::IfAvailable, RevocationPolicy::Required);
    let with = |lists: &[&CertificateList], policy| {
        let mut trust = [
            trust(SignerRole::OperatorCertified, "oper-ca", ExtendedKeyUsage::Any),
            trust(SignerRole::VendorCertified, "vendor-ca", ExtendedKeyUsage::Any),
        ];
        let lists: Vec<CertificateList> = lists.iter().copied().cloned().collect();
        for trust in &mut trust {
            trust.revocation = Some(Revocation::new(lists.clone(), policy));
        }
        trust
    };
    let refused = |message, trust: &[Trust], now, reason, fail_info| {
        let error = validate(message, trust, now).unwrap_err();
        assert_eq!(error, Error::SignerNotTrusted(reason));
        assert_eq!(error.fail_info(), fail_info);
    };
    let (revoked, not_trusted) = (PkiFailureInfo::CERT_REVOKED, PkiFailureInfo::SIGNER_NOT_TRUSTED);
    for policy in [if_available, required] {
        let trust = with(&[&vendor, &operator], policy);
        refused("sig_1_ir.der", &trust, now, PathError::Revoked, revoked);
        assert_eq!(validate("kur_1.der", &trust, now), Ok(SignerRole::OperatorCertified));
    }
    assert_eq!(
        validate("kur_1.der", &with(&[&vendor], if_available), now),
        Ok(SignerRole::OperatorCertified)
    );
    refused("kur_1.der", &with(&[&vendor], required), now, PathError::RevocationUnknown, not_trusted);
    refused("kur_1.der", &with(&[], required), now, PathError::RevocationUnknown, not_trusted);
    let late = operator.next_update().saturating_add(std::time::Duration::from_secs(1));
    refused("kur_1.der", &with(&[&operator], required), late, PathError::CrlExpired, not_trusted);
    assert_eq!(
        validate("kur_1.der", &with(&[&operator], if_available), late),
        Ok(SignerRole::OperatorCertified)
    );
}
