//! When stations renew: not all of them in the same night.

use std::time::Duration;

use crypto::DigestAlgorithm;
use der::Decode;
use nem::ledger::Certificates;
use x509_cert::Certificate;

/// When a certificate is to be renewed, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// From when on its station is told to: a point within the sixth of its validity that follows the first two thirds, chosen by
    /// the certificate's own octets, so that certificates issued together are renewed apart, and a station that asks twice is told
    /// the same.
    pub(crate) from: u64,
    /// When every certificate that was issued with it should have been renewed.
    pub(crate) until: u64,
    /// Until when it is valid.
    pub(crate) not_after: u64,
}

impl Window {
    /// `None` when the certificate cannot be decoded.
    pub(crate) fn of(certificate: &[u8]) -> Option<Self> {
        let decoded = Certificate::from_der(certificate).ok()?;
        let validity = decoded.tbs_certificate().validity();
        let begin = validity.not_before.to_unix_duration().as_secs();
        let not_after = validity.not_after.to_unix_duration().as_secs();
        let length = not_after.checked_sub(begin)?;
        let digest = crypto_aws_lc::provider().digest(DigestAlgorithm::Sha256, certificate);
        let point = u32::from_be_bytes(digest.first_chunk::<4>().copied()?);
        let within = (u128::from(length / 6) * u128::from(point)) >> 32;
        let earliest = begin.checked_add(length / 3 * 2)?;
        let from = earliest.checked_add(u64::try_from(within).ok()?)?;
        Some(Self { from, until: earliest.checked_add(length / 6)?, not_after })
    }
}

/// From when on a station is to renew that certificate, in Unix seconds.
pub(crate) fn renew_from(certificate: &[u8]) -> Option<u64> {
    Window::of(certificate).map(|window| window.from)
}

/// How long until then; `None` when it is time.
pub(crate) fn renew_after(certificates: &Certificates) -> Option<Duration> {
    let at = renew_from(certificates.certificate.octets())?;
    at.checked_sub(host::now().as_secs()).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_issued_together_are_renewed_apart_within_the_window() {
        let folder = tempfile::tempdir().unwrap();
        let factory = testkit::programs::Factory::new(folder.path());
        let points: Vec<u64> = ["a", "b", "c"]
            .into_iter()
            .map(|name| {
                factory.certify(name, 30);
                let pem = std::fs::read(folder.path().join(format!("{name}.pem"))).unwrap();
                let certificate = der::Document::from_pem(str::from_utf8(&pem).unwrap()).unwrap().1;
                let decoded = Certificate::from_der(certificate.as_bytes()).unwrap();
                let validity = decoded.tbs_certificate().validity();
                let (from, to) = (validity.not_before, validity.not_after);
                let (from, to) = (from.to_unix_duration().as_secs(), to.to_unix_duration().as_secs());
                let point = renew_from(certificate.as_bytes()).unwrap();
                assert_eq!(renew_from(certificate.as_bytes()), Some(point));
                let length = to - from;
                assert!((length / 3 * 2..=length / 6 * 5 + 1).contains(&(point - from)), "{point}");
                point
            })
            .collect();
        assert!(points[0] != points[1] && points[1] != points[2], "{points:?}");
        assert_eq!(renew_from(b"no certificate"), None);
    }
}
