//! Many certificates beside a path.

use std::time::{Duration, Instant};

use asn1::EncodedCertificate;
use crypto::{ExtendedKeyUsage, PathError};
use der::Decode;
use x509_cert::Certificate;

use super::{CA, House, LEAF, P256, now};

impl House<'_> {
    /// Certificates that cost their sender nothing: none of these is signed by anybody.
    pub(super) fn check_heaps(&self) {
        let any = ExtendedKeyUsage::Any;
        let mut unrelated = self.variants("root", 1000);
        unrelated.push(self.certificate("sub"));
        quickly("unrelated ones", || {
            // By its name, root issued itself; but no name leads there.
            assert_eq!(
                self.validate_for("leaf", &unrelated, "root", any, now()),
                Err(PathError::TooManyIssuers)
            );
        });
        self.make("stranger", None, P256, "sha256", &CA);
        let mut unrelated = self.variants("stranger", 1000);
        unrelated.push(self.certificate("sub"));
        quickly("unrelated ones", || {
            assert_eq!(self.validate_for("leaf", &unrelated, "root", any, now()), Ok(()));
        });
        quickly("copies of one", || {
            let copies = vec![self.certificate("sub"); 1000];
            assert_eq!(self.validate_for("leaf", &copies, "root", any, now()), Ok(()));
        });

        self.make("g-leaf", Some("stranger"), P256, "sha256", &LEAF);
        for count in [1, 5, 7, 8, 9, 100, 1000] {
            let mut loops = self.variants("stranger", count - 1);
            loops.push(self.certificate("stranger"));
            quickly("self-issued ones", || {
                let error =
                    self.validate_for("g-leaf", &loops, "root", any, now()).expect_err("nobody signed any");
                assert_eq!(error == PathError::TooManyIssuers, count > 8, "{count}: {error}");
            });
        }
        // The same where signatures would be verified, because the anchor has the name.
        self.make("g-leaf", Some("root"), P256, "sha256", &LEAF);
        for count in [8, 1000] {
            let loops = self.variants("root", count);
            quickly("an anchor's namesakes", || {
                let validated = self.validate_for("g-leaf", &loops, "root", any, now());
                assert_eq!(validated.is_ok(), count <= 8, "{count}: {validated:?}");
            });
        }
    }

    /// The certificate with other keys, and so other signatures that do not hold.
    fn variants(&self, name: &str, count: usize) -> Vec<EncodedCertificate> {
        let certificate = self.certificate(name);
        let decoded = Certificate::from_der(certificate.octets()).expect("OpenSSL makes certificates");
        let key = decoded.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes();
        let key_at = certificate.octets().windows(key.len()).position(|window| window == key);
        let last = key_at.expect("the key is in the certificate") + key.len() - 2;
        let variant = |number: usize| {
            let mut octets = certificate.octets().to_vec();
            let number = u16::try_from(number + 1).expect("few of them");
            for (octet, change) in octets.iter_mut().skip(last).zip(number.to_be_bytes()) {
                *octet ^= change;
            }
            EncodedCertificate::new(&octets).expect("still one SEQUENCE")
        };
        (0..count).map(variant).collect()
    }
}

/// Whatever is thrown at it ends soon, also where nothing is optimised.
fn quickly(what: &str, action: impl FnOnce()) {
    let begin = Instant::now();
    action();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(2), "{what} took {took:?}");
}
