//! A CA's certificate by itself, outside of any path: who it names, whether it is one at a time, and who signed it.

use alloc::vec::Vec;

use asn1::{EncodedCertificate, UnixTime};
use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::{CryptoProvider, PublicKey, SignatureAlgorithm, names_match};

/// A decoded certificate with the octets that its signature covers. It is believed in nothing.
#[derive(Debug)]
pub struct CaCertificate {
    certificate: Certificate,
    signed: Vec<u8>,
    spki: Vec<u8>,
}

impl CaCertificate {
    /// Decodes it; `None` when it cannot be decoded.
    pub fn open(encoded: &EncodedCertificate) -> Option<Self> {
        let certificate = Certificate::from_der(encoded.octets()).ok()?;
        let mut reader = SliceReader::new(encoded.octets()).ok()?;
        der::Header::decode(&mut reader).ok()?;
        let signed = reader.tlv_bytes().ok()?.to_vec();
        let spki = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        Some(Self { certificate, signed, spki })
    }

    /// Its subject.
    pub fn subject(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    /// Its issuer.
    pub fn issuer(&self) -> &Name {
        self.certificate.tbs_certificate().issuer()
    }

    /// Whether subject and issuer are the same, as in a root's certificate.
    pub fn is_self_issued(&self) -> bool {
        names_match(self.subject(), self.issuer())
    }

    /// Its SubjectPublicKeyInfo.
    pub fn spki_octets(&self) -> &[u8] {
        &self.spki
    }

    /// Whether it is signed with the key of that one; names are not looked at.
    pub fn is_signed_by(&self, issuer: &Self, provider: &CryptoProvider) -> bool {
        let algorithm = SignatureAlgorithm::from_identifier(self.certificate.signature_algorithm());
        let key = PublicKey::from_spki_der(&issuer.spki);
        let signature = self.certificate.signature().as_bytes();
        match (algorithm, key, signature) {
            (Ok(algorithm), Ok(key), Some(signature)) => {
                provider.verify(algorithm, &key, &self.signed, signature).is_ok()
            }
            _ => false,
        }
    }

    /// Whether it says that it is a CA's (basicConstraints), and is valid then.
    pub fn is_ca_at(&self, now: UnixTime) -> bool {
        let tbs = self.certificate.tbs_certificate();
        let seconds = |time: &Time| time.to_unix_duration().as_secs();
        let (from, until) = (seconds(&tbs.validity().not_before), seconds(&tbs.validity().not_after));
        let constraints = tbs.get_extension::<BasicConstraints>();
        matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
            && (from..=until).contains(&now.as_secs())
    }
}
