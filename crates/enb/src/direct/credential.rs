//! As whom messages are sent, and with what they are protected.

use std::path::Path;
use std::sync::Arc;

use asn1::EncodedCertificate;
use cmp::{
    KemCiphertextInfo, MacCredential, ProtectedPart, Reference, SecretTrust, SenderIdentity, SignerRole,
    TransactionId,
};
use crmf::{MacLimits, PasswordMac};
use crypto::{CryptoProvider, KemAlgorithm, SharedSecret, SigningKey};
use crypto_aws_lc::{KemKey, SoftwareKey};
use host::files::read_certificates;
use host::{
    KeyLocation, KeySource, read_credential, read_kem_credential, read_secret_file, read_software_credential,
};

use super::certified_key::{EncipheringKey, Opener};
use super::{CmpSender, MacKind};
use crate::Error;
use crate::directory::public_key;

/// A certificate with its key, or a shared secret.
#[derive(Clone)]
pub(super) struct Credential {
    means: Means,
    /// What opens what is enciphered for it; only where something will be.
    opener: Option<Arc<Opener>>,
}

#[derive(Clone)]
enum Means {
    Signature {
        identity: SenderIdentity,
        key: Arc<dyn SigningKey>,
    },
    Mac(MacCredential),
    /// The secret is each transaction's own: `None` until the RA/CA has sent its ciphertext.
    Kem {
        identity: SenderIdentity,
        key: Arc<KemKey>,
        mac: Option<Box<MacCredential>>,
    },
}

impl Credential {
    pub(super) fn read(sender: &CmpSender, provider: &CryptoProvider) -> Result<Self, Error> {
        match sender {
            CmpSender::Certificate { certificate, key } if is_kem(certificate)? => read_kem(certificate, key),
            CmpSender::Certificate { certificate, key } => {
                let (chain, key) = read_credential(certificate, key)?;
                Self::signing(&chain, key.into())
            }
            CmpSender::Secret { reference, secret_file, mac } => {
                let secret = read_secret_file(secret_file)?;
                let mac = match mac {
                    MacKind::Pbmac1 => PasswordMac::pbmac1(provider),
                    MacKind::Pbm => PasswordMac::pbm(provider),
                };
                let mac = mac.map_err(cmp::Error::CertReqMsg)?;
                let mac = MacCredential::new(Reference::new(reference.as_bytes()), secret, mac)?;
                Ok(Self { means: Means::Mac(mac), opener: None })
            }
        }
    }

    /// The same, which also opens what is enciphered for it.
    pub(super) fn read_with_opener(sender: &CmpSender, provider: &CryptoProvider) -> Result<Self, Error> {
        match sender {
            CmpSender::Certificate { certificate, key } if is_kem(certificate)? => read_kem(certificate, key),
            CmpSender::Certificate { certificate, key } => {
                let (chain, key) = read_software_credential(certificate, key)?;
                Self::opening(&chain, key)
            }
            CmpSender::Secret { .. } => {
                let mut credential = Self::read(sender, provider)?;
                let secret = credential.secret().cloned();
                let opener = secret.map(|secret| Opener::Secret(secret, MacLimits::default()));
                credential.opener = opener.map(Arc::new);
                Ok(credential)
            }
        }
    }

    /// From a certificate with its chain behind it, and the key to sign with and to open with.
    pub(super) fn opening(chain: &[EncodedCertificate], key: SoftwareKey) -> Result<Self, Error> {
        let opener = Opener::Key(EncipheringKey::of(&key)?);
        let mut credential = Self::signing(chain, Arc::new(key))?;
        credential.opener = Some(Arc::new(opener));
        Ok(credential)
    }

    /// From a certificate with its chain behind it.
    pub(super) fn signing(chain: &[EncodedCertificate], key: Arc<dyn SigningKey>) -> Result<Self, Error> {
        let (certificate, chain) = chain.split_first().ok_or(cmp::Error::BadCredential)?;
        let identity = SenderIdentity::new(certificate.clone(), chain.to_vec(), key.algorithm())?;
        Ok(Self { means: Means::Signature { identity, key }, opener: None })
    }

    /// From the certificate of a KEM key with its chain behind it. It also opens what is enciphered for it.
    pub(super) fn decapsulating(chain: &[EncodedCertificate], key: KemKey) -> Result<Self, Error> {
        let (certificate, chain) = chain.split_first().ok_or(cmp::Error::BadCredential)?;
        let (identity, key) = (SenderIdentity::with_kem(certificate.clone(), chain.to_vec())?, Arc::new(key));
        let opener = Opener::Key(EncipheringKey::Decapsulation(key.clone()));
        Ok(Self { means: Means::Kem { identity, key, mac: None }, opener: Some(Arc::new(opener)) })
    }

    /// Whether the RA/CA is to be asked for a ciphertext before anything else.
    pub(super) const fn wants_ciphertext(&self) -> bool {
        matches!(self.means, Means::Kem { .. })
    }

    /// From now on messages of that transaction are protected with what is in that ciphertext.
    pub(super) fn open_ciphertext(
        &mut self,
        ciphertext: &KemCiphertextInfo,
        transaction_id: TransactionId,
    ) -> Result<(), Error> {
        if let Means::Kem { identity, key, mac } = &mut self.means {
            let (identity, key) = (identity.clone(), key.as_ref());
            let opened = MacCredential::decapsulate(identity, key, ciphertext, transaction_id)?;
            *mac = Some(Box::new(opened));
        }
        Ok(())
    }

    pub(super) fn identity(&self) -> &SenderIdentity {
        match &self.means {
            Means::Signature { identity, .. } | Means::Kem { identity, .. } => identity,
            Means::Mac(mac) => mac.identity(),
        }
    }

    /// What opens what is enciphered for it, if that was asked for.
    pub(super) fn opener(&self) -> Option<&Opener> {
        self.opener.as_deref()
    }

    /// What tells it from others: the certificate, or the reference.
    pub(super) fn octets(&self) -> &[u8] {
        match &self.means {
            Means::Signature { identity, .. } | Means::Kem { identity, .. } => {
                identity.certificate().map(EncodedCertificate::octets).unwrap_or_default()
            }
            Means::Mac(mac) => mac.reference().map(Reference::as_octets).unwrap_or_default(),
        }
    }

    /// With whom the secret is shared: the RA/CA that answers.
    pub(super) fn secrets(&self) -> Vec<SecretTrust> {
        match &self.means {
            Means::Signature { .. } | Means::Kem { .. } => Vec::new(),
            Means::Mac(mac) => {
                let shared = mac.reference().zip(mac.secret()).into_iter();
                let trust = shared.map(|(reference, secret)| {
                    let mut trust = SecretTrust::new(reference.clone(), secret.clone());
                    trust.role = SignerRole::CertificationAuthority;
                    trust
                });
                trust.collect()
            }
        }
    }

    /// The shared secret, if it is one.
    pub(super) fn secret(&self) -> Option<&SharedSecret> {
        match &self.means {
            Means::Signature { .. } | Means::Kem { .. } => None,
            Means::Mac(mac) => mac.secret(),
        }
    }

    /// The complete message.
    pub(super) fn protect(&self, part: &ProtectedPart, provider: &CryptoProvider) -> Result<Vec<u8>, Error> {
        Ok(match &self.means {
            Means::Signature { key, .. } => part.sign(key.as_ref())?,
            Means::Mac(mac) => part.authenticate(mac, provider)?,
            Means::Kem { mac: Some(mac), .. } => part.authenticate(mac, provider)?,
            Means::Kem { mac: None, .. } => return Err(cmp::Error::BadCredential.into()),
        })
    }
}

fn read_kem(certificate: &Path, key: &KeySource) -> Result<Credential, Error> {
    let KeyLocation::File(path) = &key.location else {
        return Err(host::Error::InToken { key: key.to_string() }.into());
    };
    let (certificate, chain, key) = read_kem_credential(certificate, path, key.passphrase.as_ref())?;
    let chain: Vec<EncodedCertificate> = std::iter::once(certificate).chain(chain).collect();
    Credential::decapsulating(&chain, key)
}

/// Whether the first certificate in a file is for a key of a KEM.
pub(super) fn is_kem(certificate: &Path) -> Result<bool, Error> {
    Ok(is_for_kem(&read_certificates(certificate)?))
}

/// A certificate whose key is not known is for whoever reads it to refuse.
pub(super) fn is_for_kem(chain: &[EncodedCertificate]) -> bool {
    public_key(chain).is_ok_and(|key| KemAlgorithm::of(key.kind()).is_some())
}
