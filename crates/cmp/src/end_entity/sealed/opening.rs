//! What was enciphered, opened.

use asn1::oids::rfc5652;
use asn1::{EncodedCertificate, UnixTime};
use crmf::EncryptedKey;
use crypto::{CryptoProvider, GeneratedKey};

use super::SealedCertificate;
use crate::end_entity::Granted;
use crate::enveloped_data::{self, RecipientKey};
use crate::error::Error;
use crate::key_package::{self, KeyPackageOpener};

impl SealedCertificate {
    /// Deciphers the certificate with the private key that it is for.
    ///
    /// # Errors
    /// When the key is not the one that was requested for, the certificate was enciphered for another one, or it is none.
    pub fn open(self, key: &RecipientKey<'_>, provider: &CryptoProvider) -> Result<Granted, Error> {
        let public_key = key.public_key().ok_or(Error::NotTheRecipient)?;
        if public_key.spki_octets() != self.circumstances.transaction.public_key {
            return Err(Error::OtherPublicKey);
        }
        let encrypted: EncryptedKey = self.encrypted.decode_as().map_err(Error::MalformedEnvelope)?;
        // How the recipient is named tells nothing: its key has no certificate yet.
        let octets = enveloped_data::open(&encrypted, rfc5652::DATA, key, None, provider)?;
        let certificate = EncodedCertificate::new(&octets).map_err(Error::MalformedCertificate)?;
        Ok(Granted { certificate, circumstances: self.circumstances })
    }
}

impl Granted {
    /// Deciphers the private key that the RA/CA generated, verifies who signed it, and checks that the certificate is for it. The certificate
    /// can be confirmed after that only. `None` when no key was to be generated.
    ///
    /// # Errors
    /// When the key is enciphered for somebody else, not signed by whoever is believed, malformed, or another one than the certificate's.
    pub fn open_private_key(
        &mut self,
        opener: &KeyPackageOpener<'_>,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Option<GeneratedKey>, Error> {
        let Some(encrypted) = &self.circumstances.private_key else { return Ok(None) };
        let encrypted: EncryptedKey = encrypted.decode_as().map_err(Error::MalformedEnvelope)?;
        let generated = key_package::open(&encrypted, opener, &self.certificate, provider, now)?;
        self.circumstances.transaction.public_key = generated.public_key.spki_octets().to_vec();
        Ok(Some(generated))
    }
}
