//! Whom to believe, in which role, and by what: a certificate, or a shared secret.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::EncodedCertificate;
use crypto::{ExtendedKeyUsage, Revocation, SharedSecret};
use x509_cert::name::Name;

use crate::protection::{Reference, VerifyMac, verify_mac};

/// In what capacity somebody sends messages; it decides what is done for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignerRole {
    /// An RA: vouches for the requests it passes on.
    RegistrationAuthority,
    /// A station with its vendor's certificate: may ask for its first certificate.
    VendorCertified,
    /// An end entity with a certificate of the operator's PKI.
    OperatorCertified,
    /// An end entity that shares a secret with the RA/CA, and has no certificate to show.
    SecretHolder,
    /// The RA/CA that answers requests; to a CA, another CA that asks for cross-certification.
    CertificationAuthority,
}

/// Whom to believe in a role: by which anchors, with what in the extKeyUsage extension.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trust {
    /// The role.
    pub role: SignerRole,
    /// The trust anchors.
    pub anchors: Vec<EncodedCertificate>,
    /// Certificates at hand that may lie on a path.
    pub intermediates: Vec<EncodedCertificate>,
    /// What the signer's certificate must be for.
    pub extended_key_usage: ExtendedKeyUsage,
    /// Whether the signer, or an issuer below the anchor, is revoked; `None`: nobody asks.
    pub revocation: Option<Revocation>,
    /// The only certificates that are believed, if not all that have a path.
    pub signers: Option<Vec<EncodedCertificate>>,
    /// The certificate profiles that an RA/CA has for whoever is believed by this; see [`Signer::cert_profiles`].
    pub cert_profiles: Vec<String>,
}

impl Trust {
    /// Believes in whoever has a path to one of the anchors, without asking whether it is revoked.
    pub const fn new(
        role: SignerRole,
        anchors: Vec<EncodedCertificate>,
        extended_key_usage: ExtendedKeyUsage,
    ) -> Self {
        Self {
            role,
            anchors,
            intermediates: Vec::new(),
            extended_key_usage,
            revocation: None,
            signers: None,
            cert_profiles: Vec::new(),
        }
    }
}

/// Whom to believe because of a secret shared with it (RFC 9483 section 4.1.5). `Debug` does not show the secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecretTrust {
    /// What senderKID must hold.
    pub reference: Reference,
    /// The secret.
    pub secret: SharedSecret,
    /// The role.
    pub role: SignerRole,
    /// Whom the secret was given to. What a message says of its sender is not believed.
    pub name: Name,
    /// The certificate profiles that an RA/CA has for it; see [`Signer::cert_profiles`].
    pub cert_profiles: Vec<String>,
    /// By a pointer, so that firmware that shares no secret does not link it.
    pub(crate) verify: VerifyMac,
}

impl SecretTrust {
    /// Believes that whoever knows the secret is the end entity to which the reference was given, with the reference as its
    /// commonName.
    pub fn new(reference: Reference, secret: SharedSecret) -> Self {
        let name = reference.name();
        Self {
            reference,
            secret,
            role: SignerRole::SecretHolder,
            name,
            cert_profiles: Vec::new(),
            verify: verify_mac,
        }
    }
}

/// By what the sender of a message is known. All messages that one side sends in a transaction are protected with the same one
/// (RFC 9483 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // a third kind must be thought about wherever somebody is believed
pub enum Credential {
    /// A certificate, whose key signed; or, when it is one of a KEM, whose key opened the ciphertext that a MAC is made with. Such a
    /// key does nothing else, so that the certificate tells the kind.
    Certificate(EncodedCertificate),
    /// The secret that this names.
    SharedSecret(Reference),
}

impl From<EncodedCertificate> for Credential {
    fn from(certificate: EncodedCertificate) -> Self {
        Self::Certificate(certificate)
    }
}

/// Who protected a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signer {
    /// What the protection was made with.
    pub credential: Credential,
    /// The certificate's subject; or the name that was given out with the secret, whatever the message itself says.
    pub name: Name,
    /// The role it was found trustworthy in.
    pub role: SignerRole,
    /// The names of the certificate profiles that it may ask for, as its [`Trust`] or [`SecretTrust`] lists them; empty: those that
    /// everybody may ask for.
    pub cert_profiles: Vec<String>,
}

impl Signer {
    /// The certificate, if it is known by one.
    pub const fn certificate(&self) -> Option<&EncodedCertificate> {
        match &self.credential {
            Credential::Certificate(certificate) => Some(certificate),
            Credential::SharedSecret(_) => None,
        }
    }
}
