//! What comes enciphered: a certificate, to prove possession of a key that does not sign (RFC 9810 section 5.2.8.3.2), or a private key
//! that the RA/CA generated (RFC 9483 section 4.1.6).

#[cfg(feature = "enveloped-data")]
mod opening;

use alloc::boxed::Box;

use asn1::RawDer;

use super::answer::Circumstances;
use super::{Correspondent, Transaction};

/// A certificate was issued, and enciphered for the key it is for. Whoever deciphers and confirms it has proved to have the key.
#[derive(Clone, Debug)]
pub struct SealedCertificate {
    encrypted: RawDer,
    circumstances: Box<Circumstances>,
}

impl SealedCertificate {
    pub(super) const fn new(encrypted: RawDer, circumstances: Box<Circumstances>) -> Self {
        Self { encrypted, circumstances }
    }

    /// The transaction it belongs to.
    pub const fn transaction(&self) -> &Transaction {
        &self.circumstances.transaction
    }

    /// The other side.
    pub const fn correspondent(&self) -> &Correspondent {
        &self.circumstances.correspondent
    }

    /// The EncryptedKey, for whoever opens it elsewhere.
    pub const fn encrypted(&self) -> &RawDer {
        &self.encrypted
    }
}
