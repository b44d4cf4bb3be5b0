//! A root CA's new key, RFC 9810 section 4.4: certificates that lead from the old key to the new one, and back.

use alloc::boxed::Box;
use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::RootCaKeyUpdateContent;
use crypto::{CryptoProvider, SigningKey};

use crate::profile::ca_extensions;
use crate::{CertificateContents, Error, Issuer};

impl Issuer {
    /// The same root CA with a new key: a certificate that the new key issues to itself, under the old name, and
    /// newWithOld and oldWithNew, each valid as long as both roots are.
    ///
    /// # Errors
    /// [`Error::UnusableIssuer`] when this CA is no root; otherwise when its certificate is not valid now, or randomness or a key
    /// fails.
    pub fn successor(
        &self,
        key: Box<dyn SigningKey>,
        validity: Duration,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<(Self, RootCaKeyUpdateContent), Error> {
        if !self.is_root() {
            return Err(Error::UnusableIssuer("it is no root's; whoever issued it certifies the new key"));
        }
        let next = Self::root(self.name().clone(), key, self.path_length(), validity, provider, now)?;
        let mut update = RootCaKeyUpdateContent::new(next.certificate().clone());
        update.new_with_old = Some(self.certify(&next, provider, now)?);
        update.old_with_new = Some(next.certify(self, provider, now)?);
        update.verify(self.certificate(), provider, now)?;
        Ok((next, update))
    }

    fn certify(
        &self,
        other: &Self,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<EncodedCertificate, Error> {
        let contents = CertificateContents::new(
            other.name().clone(),
            other.public_key().clone(),
            ca_extensions(other.path_length())?,
            other.not_after().abs_diff(now),
        );
        Ok(self.issue(&contents, provider, now)?.certificate)
    }
}
