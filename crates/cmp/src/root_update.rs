//! Whether a root CA's new certificate may take the place of the old one, RFC 9483 section 4.3.2 and RFC 9810 section 4.4.

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CryptoProvider, PublicKey, SignatureAlgorithm, names_match};
use der::{Decode, Encode, Reader, SliceReader};
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;

use crate::announcement::RootCaKeyUpdateContent;
use crate::error::Error;

impl RootCaKeyUpdateContent {
    /// Verifies that the old root's key vouches for the new root: newWithOld is signed with the old key, newWithNew with its own,
    /// both are valid CA certificates of the same name and for the same key, and oldWithNew, where it is there, is for the old key
    /// and signed with the new one. Returns newWithNew, the new trust anchor.
    ///
    /// # Errors
    /// [`Error::BadRootUpdate`] with the first of these that does not hold; RFC 9483 requires newWithOld.
    pub fn verify(
        &self,
        old_root: &EncodedCertificate,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<&EncodedCertificate, Error> {
        let bad = Error::BadRootUpdate;
        let new_with_old = self.new_with_old.as_ref().ok_or(bad("newWithOld is missing"))?;
        let old = Link::open(old_root).ok_or(bad("the old root cannot be decoded"))?;
        let new = Link::open(&self.new_with_new).ok_or(bad("newWithNew cannot be decoded"))?;
        let link = Link::open(new_with_old).ok_or(bad("newWithOld cannot be decoded"))?;
        if !new.is_signed_by(&new, provider) {
            return Err(bad("newWithNew is not signed with its own key"));
        }
        if !link.is_signed_by(&old, provider) {
            return Err(bad("newWithOld is not signed with the old root's key"));
        }
        if link.key != new.key {
            return Err(bad("newWithOld and newWithNew are for different keys"));
        }
        if !(new.is_named_as(&old) && link.is_named_as(&old)) {
            return Err(bad("the new root has another name than the old one"));
        }
        if !(new.is_ca_at(now) && link.is_ca_at(now)) {
            return Err(bad("newWithOld or newWithNew is no CA certificate that is valid now"));
        }
        if let Some(certificate) = &self.old_with_new {
            let back = Link::open(certificate).ok_or(bad("oldWithNew cannot be decoded"))?;
            if back.key != old.key || !back.is_signed_by(&new, provider) {
                return Err(bad("oldWithNew is not for the old root's key, or not signed with the new one"));
            }
        }
        Ok(&self.new_with_new)
    }
}

/// A certificate, and the octets that its signature covers.
struct Link {
    certificate: Certificate,
    signed: alloc::vec::Vec<u8>,
    /// The SubjectPublicKeyInfo's octets.
    key: alloc::vec::Vec<u8>,
}

impl Link {
    fn open(encoded: &EncodedCertificate) -> Option<Self> {
        let certificate = Certificate::from_der(encoded.octets()).ok()?;
        let mut reader = SliceReader::new(encoded.octets()).ok()?;
        der::Header::decode(&mut reader).ok()?;
        let signed = reader.tlv_bytes().ok()?.to_vec();
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        Some(Self { certificate, signed, key })
    }

    fn is_signed_by(&self, issuer: &Self, provider: &CryptoProvider) -> bool {
        let algorithm = SignatureAlgorithm::from_identifier(self.certificate.signature_algorithm());
        let key = PublicKey::from_spki_der(&issuer.key);
        let signature = self.certificate.signature().as_bytes();
        match (algorithm, key, signature) {
            (Ok(algorithm), Ok(key), Some(signature)) => {
                provider.verify(algorithm, &key, &self.signed, signature).is_ok()
            }
            _ => false,
        }
    }

    fn is_named_as(&self, old: &Self) -> bool {
        let (tbs, name) = (self.certificate.tbs_certificate(), old.certificate.tbs_certificate().subject());
        names_match(tbs.subject(), name) && names_match(tbs.issuer(), name)
    }

    fn is_ca_at(&self, now: UnixTime) -> bool {
        let tbs = self.certificate.tbs_certificate();
        let seconds = |time: &Time| time.to_unix_duration().as_secs();
        let (from, until) = (seconds(&tbs.validity().not_before), seconds(&tbs.validity().not_after));
        let constraints = tbs.get_extension::<BasicConstraints>();
        matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
            && (from..=until).contains(&now.as_secs())
    }
}
