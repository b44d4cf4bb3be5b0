//! Protection by a MAC with a shared secret, PBMAC1 or PasswordBasedMac (RFC 9810 section 5.1.3.1, RFC 9481 section 6.1): made and
//! verified.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crmf::{MacLimits, PasswordMac};
use crypto::{CryptoProvider, SharedSecret, VerifyError};
use der::asn1::OctetString;
use der::{Any, Decode, Encode, Tag};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RelativeDistinguishedName};

use super::kem_mac::KemSecret;
use super::{Due, Means, ProtectedPart, SenderIdentity};
use crate::error::Error;
use crate::message::PkiMessage;
use crate::trust::SecretTrust;

/// The reference number of a shared secret: what senderKID holds, so that the other side finds the secret. It is not secret
/// itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Vec<u8>);

impl Reference {
    /// From its octets.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// The octets.
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }

    /// A distinguished name with the reference as its commonName, as RFC 9483 section 3.1 has it; the NULL-DN when the reference
    /// is no text of 1 to 64 characters (RFC 9810 section 5.1.1).
    pub fn name(&self) -> Name {
        let characters = core::str::from_utf8(&self.0).map_or(0, |text| text.chars().count());
        if !(1..=64).contains(&characters) {
            return Name::default();
        }
        common_name(&self.0).unwrap_or_default()
    }
}

fn common_name(text: &[u8]) -> der::Result<Name> {
    let oid = asn1::oids::x520::COMMON_NAME;
    let attribute = AttributeTypeAndValue { oid, value: Any::new(Tag::Utf8String, text)? };
    let name = RelativeDistinguishedName::try_from(Vec::from([attribute]))?;
    Name::from_der(&Vec::from([name]).to_der()?)
}

/// The text with everything escaped that could drive a terminal; `#` and hexadecimal digits when it is no text.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(&self.0) {
            Ok(text) => write!(f, "{}", text.escape_debug()),
            Err(_) => {
                f.write_str("#")?;
                self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({self})")
    }
}

/// A shared secret to protect messages with, or what was encapsulated for a KEM key. Salt and iteration count stay the same for as
/// long as this is used, as RFC 9810 section 5.1.3.1 recommends within a transaction; make a new one for the next. `Debug` does not
/// show the secret.
#[derive(Clone, Debug)]
pub struct MacCredential {
    pub(super) identity: SenderIdentity,
    pub(super) secret: MacSecret,
}

#[derive(Clone, Debug)]
pub(super) enum MacSecret {
    Shared(Reference, SharedSecret),
    Kem(KemSecret),
}

fn due(means: &Means, provider: &CryptoProvider) -> Result<(Due, AlgorithmIdentifierOwned), Error> {
    let Means::Mac(mac) = means else { return Err(Error::BadCredential) };
    let mac = mac.clone().renew(provider).map_err(Error::CertReqMsg)?;
    let identifier = mac.identifier().map_err(Error::CertReqMsg)?;
    Ok((Due::Mac(mac), identifier))
}

impl MacCredential {
    /// Sends under the reference as commonName (RFC 9483 section 3.1).
    ///
    /// # Errors
    /// When the reference is too long for DER.
    pub fn new(reference: Reference, secret: SharedSecret, mac: PasswordMac) -> Result<Self, Error> {
        let key_id = OctetString::new(reference.as_octets()).map_err(Error::Encoding)?;
        let identity =
            SenderIdentity { name: reference.name(), key_id: Some(key_id), means: Means::Mac(mac), due };
        Ok(Self { identity, secret: MacSecret::Shared(reference, secret) })
    }

    /// Sends under another name. The other side finds the secret by its reference.
    #[must_use]
    pub fn with_name(mut self, name: Name) -> Self {
        self.identity.name = name;
        self
    }

    /// What messages show of it.
    pub const fn identity(&self) -> &SenderIdentity {
        &self.identity
    }

    /// Which shared secret it is; `None` when it was encapsulated.
    pub const fn reference(&self) -> Option<&Reference> {
        match &self.secret {
            MacSecret::Shared(reference, _) => Some(reference),
            MacSecret::Kem(_) => None,
        }
    }

    /// The shared secret, for the publicKeyMAC of a request without subject (RFC 4211 section 4.1); `None` when it was encapsulated.
    pub const fn secret(&self) -> Option<&SharedSecret> {
        match &self.secret {
            MacSecret::Shared(_, secret) => Some(secret),
            MacSecret::Kem(_) => None,
        }
    }
}

impl ProtectedPart {
    /// The complete message, with a MAC over [`ProtectedPart::to_be_signed`].
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the message was not made for this credential's [`MacCredential::identity`]; when it is too
    /// long for DER.
    pub fn authenticate(
        &self,
        credential: &MacCredential,
        provider: &CryptoProvider,
    ) -> Result<Vec<u8>, Error> {
        match (&self.due, &credential.identity.means, &credential.secret) {
            (Due::Mac(due), Means::Mac(mac), MacSecret::Shared(_, secret)) if due.renews(mac) => {
                let value = due.authenticate(provider, secret, &self.to_be_signed()?);
                let value = value.map_err(Error::CertReqMsg)?.value;
                self.with_protection(value.as_bytes().ok_or(Error::MalformedProtection)?)
            }
            (Due::Kem(due), Means::Kem { certificate, .. }, MacSecret::Kem(secret))
                if self.extra_certs.first() == Some(certificate) =>
            {
                self.with_protection(&due.authenticate(secret, &self.to_be_signed()?, provider)?)
            }
            _ => Err(Error::BadCredential),
        }
    }
}

/// How to verify a message's MAC, and what to answer it with: [`verify_mac`].
pub(crate) type VerifyMac = for<'a> fn(
    &PkiMessage,
    &'a [SecretTrust],
    &MacLimits,
    &CryptoProvider,
) -> Result<(&'a SecretTrust, MacCredential), Error>;

/// Verifies a message's MAC over the octets that were received, with the secret that senderKID names.
///
/// The limits come first. Then an unknown reference costs as much time as a known one and ends with the same error as a wrong
/// MAC, so that nobody can find out which references there are.
pub(crate) fn verify_mac<'a>(
    message: &PkiMessage,
    secrets: &'a [SecretTrust],
    limits: &MacLimits,
    provider: &CryptoProvider,
) -> Result<(&'a SecretTrust, MacCredential), Error> {
    let header = message.header();
    let identifier = header.protection_alg.as_ref().ok_or(Error::Unprotected)?;
    let tag = message.protection().ok_or(Error::ProtectionMissing)?;
    let tag = tag.as_bytes().ok_or(Error::MalformedProtection)?;
    let mac = PasswordMac::from_identifier(identifier, limits).map_err(Error::Mac)?;

    let reference = header.sender_kid.as_ref().map(OctetString::as_bytes);
    let named = secrets.iter().find(|entry| Some(entry.reference.as_octets()) == reference);
    let nobodys = SharedSecret::new(String::new());
    let secret = named.map_or(&nobodys, |entry| &entry.secret);
    let holds = mac.verify(provider, secret, &message.protected_part()?, tag).is_ok();
    match named {
        Some(entry) if holds => {
            let (reference, secret) = (entry.reference.clone(), entry.secret.clone());
            Ok((entry, MacCredential::new(reference, secret, mac.without_sha1())?))
        }
        _ => Err(Error::BadProtection(VerifyError::BadMac)),
    }
}
