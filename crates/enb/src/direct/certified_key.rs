//! The key that is certified: one that signs, one that others encipher for, or one that the RA/CA generates.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use cmp::RecipientKey;
use crmf::MacLimits;
use crypto::{
    DecapsulationKey, KemAlgorithm, KeyAgreementKey, KeyKind, KeyTransportKey, KeyUse, PublicKey,
    SharedSecret, SigningKey,
};
use crypto_aws_lc::{AgreementKey, KemKey, KeyFileError, KeyType, SoftwareKey, TransportKey};
use host::{PassphraseSource, read_kem_key, write_kem_key};

use crate::Error;
use crate::directory::OwnKey;

/// Which key to have certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WantedKey {
    /// The directory's, which signs; it is made where there is none, or the certificate is updated.
    Signing(KeyType),
    /// The directory's, which need not sign: others hand keys to it (RSA), agree on keys with it (P-256, P-384, P-521) or encapsulate
    /// them for it (ML-KEM). That the station has it is proved by deciphering the certificate (RFC 9810 section 5.2.8.3.2).
    Enciphering(KeyAlgorithm),
    /// One that the RA/CA generates, of a kind that it chooses unless one is said, and sends enciphered for whoever asks (RFC 9483
    /// section 4.1.6).
    Generated(Option<KeyType>),
}

/// A kind of key, as it is named on command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// One that signs, some of which can be enciphered for, too.
    Signature(KeyType),
    /// One of a KEM.
    Kem(KemAlgorithm),
}

impl FromStr for KeyAlgorithm {
    type Err = KeyFileError;

    fn from_str(name: &str) -> Result<Self, KeyFileError> {
        let named = |kem: &KemAlgorithm| kem.to_string().eq_ignore_ascii_case(name);
        match KemAlgorithm::ALL.into_iter().find(named) {
            Some(kem) => Ok(Self::Kem(kem)),
            None => name.parse().map(Self::Signature),
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(key_type) => key_type.fmt(f),
            Self::Kem(kem) => f.write_str(&kem.to_string().to_lowercase()),
        }
    }
}

/// The key, as far as the station has it.
pub(super) enum CertifiedKey {
    Signing(SoftwareKey),
    Enciphering(EncipheringKey),
    Generated(Option<KeyKind>),
}

impl CertifiedKey {
    /// Reads the key at that place, or makes it where there is none. A key that is to be generated must not be there yet.
    pub(super) fn read_or_make(wanted: WantedKey, own_key: &OwnKey<'_>, path: &Path) -> Result<Self, Error> {
        match wanted {
            WantedKey::Signing(_) => own_key.read_or_make(path).map(Self::Signing),
            WantedKey::Enciphering(algorithm) => {
                EncipheringKey::read_or_make(algorithm, own_key.passphrase, path).map(Self::Enciphering)
            }
            WantedKey::Generated(key_type) => Ok(Self::Generated(key_type.map(KeyType::kind))),
        }
    }

    pub(super) const fn key_use(&self) -> KeyUse {
        match self {
            Self::Enciphering(_) => KeyUse::Enciphering,
            _ => KeyUse::Signing,
        }
    }

    /// What tells it from others.
    pub(super) fn octets(&self) -> Vec<u8> {
        match self {
            Self::Signing(key) => key.public_key().spki_octets().to_vec(),
            Self::Enciphering(key) => [key.public_key().spki_octets(), b"enciphering"].concat(),
            Self::Generated(kind) => format!("generated {kind:?}").into_bytes(),
        }
    }
}

/// A private key that others encipher for.
pub(super) enum EncipheringKey {
    Transport(TransportKey),
    Agreement(AgreementKey),
    Decapsulation(Arc<KemKey>),
}

impl EncipheringKey {
    fn read_or_make(
        algorithm: KeyAlgorithm,
        passphrase: Option<&PassphraseSource>,
        path: &Path,
    ) -> Result<Self, Error> {
        match algorithm {
            KeyAlgorithm::Signature(key_type) => {
                // Before there is a file.
                if !can_be_enciphered_for(key_type.kind()) {
                    return Err(Error::OnlySigns(key_type.kind()));
                }
                let own_key = OwnKey { key_type, signature: None, passphrase };
                Self::of(&own_key.read_or_make(path)?)
            }
            KeyAlgorithm::Kem(kem) => {
                let key = if path.exists() {
                    read_kem_key(path, passphrase)?
                } else {
                    let key = KemKey::generate(kem)?;
                    write_kem_key(path, &key, passphrase)?;
                    key
                };
                Ok(Self::Decapsulation(Arc::new(key)))
            }
        }
    }

    /// A key that also signs.
    pub(super) fn of(key: &SoftwareKey) -> Result<Self, Error> {
        let kind = key.public_key().kind();
        if !can_be_enciphered_for(kind) {
            return Err(Error::OnlySigns(kind));
        }
        let octets = key.to_pkcs8_der()?;
        Ok(match kind {
            KeyKind::Rsa { .. } => Self::Transport(TransportKey::from_pkcs8_der(&octets)?),
            _ => Self::Agreement(AgreementKey::from_pkcs8_der(&octets)?),
        })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        match self {
            Self::Transport(key) => key.public_key(),
            Self::Agreement(key) => key.public_key(),
            Self::Decapsulation(key) => key.public_key(),
        }
    }

    pub(super) fn recipient(&self) -> RecipientKey<'_> {
        match self {
            Self::Transport(key) => RecipientKey::Transport(key),
            Self::Agreement(key) => RecipientKey::Agreement(key),
            Self::Decapsulation(key) => RecipientKey::Decapsulation(key.as_ref()),
        }
    }

    /// Whether keys are agreed on with it; otherwise they are handed to it.
    pub(super) const fn agrees(&self) -> bool {
        matches!(self, Self::Agreement(_))
    }
}

const fn can_be_enciphered_for(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::Rsa { .. } | KeyKind::P256 | KeyKind::P384 | KeyKind::P521)
}

/// What opens a key that was generated: the other half of what protects the request.
pub(super) enum Opener {
    Key(EncipheringKey),
    Secret(SharedSecret, MacLimits),
}

impl Opener {
    pub(super) fn recipient(&self) -> RecipientKey<'_> {
        match self {
            Self::Key(key) => key.recipient(),
            Self::Secret(secret, limits) => RecipientKey::Secret(secret, limits),
        }
    }
}
