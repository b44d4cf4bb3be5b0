use std::time::Duration;

use asn1::EncodedCertificate;
use asn1::oids::rfc6402;
use crypto::{CertificatePath, CryptoProvider, ExtendedKeyUsage, PathError};

use super::single_bit_flips;
use crate::vectors::{NOW, own_certificate};

/// RFC 5280 section 6 with this provider's signatures, over certificates that others made.
pub(super) fn check(provider: &CryptoProvider) {
    let certificate = |name| own_certificate(&format!("openssl-mock/{name}.crt.pem"));
    let (ca, nem, station) = (certificate("oper-ca"), certificate("nem-ra"), certificate("oper-bs"));
    let (vendor_ca, vendor_station) = (certificate("vendor-ca"), certificate("vendor-bs"));
    let validate = |end_entity: &EncodedCertificate, anchor: &EncodedCertificate, extended_key_usage, now| {
        let anchors = std::slice::from_ref(anchor);
        let path = CertificatePath {
            end_entity,
            intermediates: &[],
            anchors,
            extended_key_usage,
            revocation: None,
            now,
        };
        provider.validate_path(&path)
    };
    let (any, cmc_ra) = (ExtendedKeyUsage::Any, ExtendedKeyUsage::Required(rfc6402::KP_CMC_RA));
    let years = |years: u64| Duration::from_secs(years * 366 * 86_400);

    assert_eq!(validate(&station, &ca, any, NOW), Ok(()));
    assert_eq!(validate(&vendor_station, &vendor_ca, any, NOW), Ok(()));
    assert_eq!(validate(&nem, &ca, cmc_ra, NOW), Ok(()));
    assert_eq!(validate(&ca, &ca, any, NOW), Ok(()), "a trust anchor itself");

    let lacking = Err(PathError::ExtendedKeyUsage(rfc6402::KP_CMC_RA));
    assert_eq!(validate(&station, &ca, cmc_ra, NOW), lacking);
    assert_eq!(validate(&ca, &ca, cmc_ra, NOW), lacking);
    let below_anchor = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_RA);
    assert_eq!(validate(&ca, &ca, below_anchor, NOW), Ok(()));
    assert_eq!(validate(&nem, &ca, below_anchor, NOW), Ok(()));
    assert_eq!(validate(&station, &ca, below_anchor, NOW), lacking);
    assert_eq!(validate(&station, &vendor_ca, any, NOW), Err(PathError::UnknownIssuer));
    assert_eq!(validate(&station, &ca, any, NOW.saturating_add(years(21))), Err(PathError::Expired));
    assert_eq!(validate(&station, &ca, any, NOW.saturating_sub(years(1))), Err(PathError::NotYetValid));
    assert_eq!(validate(&ca, &ca, any, NOW.saturating_add(years(21))), Err(PathError::Expired));

    for algorithm in ["p521", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] {
        let certificate = |name| own_certificate(&format!("signatures/{algorithm}-{name}.crt.pem"));
        let (station, ca) = (certificate("bs"), certificate("ca"));
        assert_eq!(validate(&station, &ca, any, NOW), Ok(()), "{algorithm}");
        for flipped in single_bit_flips(station.octets()).step_by(997) {
            let Ok(forged) = EncodedCertificate::new(&flipped) else { continue };
            assert!(validate(&forged, &ca, any, NOW).is_err(), "{algorithm}: {flipped:02x?}");
        }
    }

    for flipped in single_bit_flips(station.octets()).step_by(5) {
        let Ok(forged) = EncodedCertificate::new(&flipped) else { continue };
        let validated = validate(&forged, &ca, any, NOW);
        assert!(validated.is_err(), "a certificate with one bit flipped was believed: {flipped:02x?}");
    }
}
