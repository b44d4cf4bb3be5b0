//! Whether a root CA's new certificate may take the place of the old one, RFC 9483 section 4.3.2 and RFC 9810 section 4.4.

use asn1::{EncodedCertificate, UnixTime};
use crypto::{CaCertificate, CryptoProvider, names_match};

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
        let old = CaCertificate::open(old_root).ok_or(bad("the old root cannot be decoded"))?;
        let new = CaCertificate::open(&self.new_with_new).ok_or(bad("newWithNew cannot be decoded"))?;
        let link = CaCertificate::open(new_with_old).ok_or(bad("newWithOld cannot be decoded"))?;
        if !new.is_signed_by(&new, provider) {
            return Err(bad("newWithNew is not signed with its own key"));
        }
        if !link.is_signed_by(&old, provider) {
            return Err(bad("newWithOld is not signed with the old root's key"));
        }
        if link.spki_octets() != new.spki_octets() {
            return Err(bad("newWithOld and newWithNew are for different keys"));
        }
        if !(is_named_as(&new, &old) && is_named_as(&link, &old)) {
            return Err(bad("the new root has another name than the old one"));
        }
        if !(new.is_ca_at(now) && link.is_ca_at(now)) {
            return Err(bad("newWithOld or newWithNew is no CA certificate that is valid now"));
        }
        if let Some(certificate) = &self.old_with_new {
            let back = CaCertificate::open(certificate).ok_or(bad("oldWithNew cannot be decoded"))?;
            if back.spki_octets() != old.spki_octets() || !back.is_signed_by(&new, provider) {
                return Err(bad("oldWithNew is not for the old root's key, or not signed with the new one"));
            }
        }
        Ok(&self.new_with_new)
    }
}

fn is_named_as(certificate: &CaCertificate, old: &CaCertificate) -> bool {
    names_match(certificate.subject(), old.subject()) && names_match(certificate.issuer(), old.subject())
}
