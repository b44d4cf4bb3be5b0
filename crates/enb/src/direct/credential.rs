//! As whom messages are sent, and with what they are protected.

use std::sync::Arc;

use asn1::EncodedCertificate;
use cmp::{MacCredential, ProtectedPart, Reference, SecretTrust, SenderIdentity, SignerRole};
use crmf::{MacLimits, PasswordMac};
use crypto::{CryptoProvider, SharedSecret, SigningKey};
use crypto_aws_lc::SoftwareKey;
use host::{read_credential, read_secret_file, read_software_credential};

use super::certified_key::{EncipheringKey, Opener};
use super::{CmpSender, MacKind};
use crate::Error;

/// A certificate with its key, or a shared secret.
#[derive(Clone)]
pub(super) struct Credential {
    means: Means,
    /// What opens what is enciphered for it; only where something will be.
    opener: Option<Arc<Opener>>,
}

#[derive(Clone)]
enum Means {
    Signature { identity: SenderIdentity, key: Arc<dyn SigningKey> },
    Mac(MacCredential),
}

impl Credential {
    pub(super) fn read(sender: &CmpSender, provider: &CryptoProvider) -> Result<Self, Error> {
        match sender {
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

    pub(super) fn identity(&self) -> &SenderIdentity {
        match &self.means {
            Means::Signature { identity, .. } => identity,
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
            Means::Signature { identity, .. } => {
                identity.certificate().map(EncodedCertificate::octets).unwrap_or_default()
            }
            Means::Mac(mac) => mac.reference().map(Reference::as_octets).unwrap_or_default(),
        }
    }

    /// With whom the secret is shared: the RA/CA that answers.
    pub(super) fn secrets(&self) -> Vec<SecretTrust> {
        match &self.means {
            Means::Signature { .. } => Vec::new(),
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
            Means::Signature { .. } => None,
            Means::Mac(mac) => mac.secret(),
        }
    }

    /// The complete message.
    pub(super) fn protect(&self, part: &ProtectedPart, provider: &CryptoProvider) -> Result<Vec<u8>, Error> {
        Ok(match &self.means {
            Means::Signature { key, .. } => part.sign(key.as_ref())?,
            Means::Mac(mac) => part.authenticate(mac, provider)?,
        })
    }
}
