//! Proof of possession by the certificate itself, which is sent enciphered: whoever confirms it has deciphered it (RFC 4211 sections 4.2
//! and 4.3, RFC 9810 section 5.2.8.3.2). How such a request is made, see
//! [`CertReqMsgBuilder::key_encipherment`](crate::CertReqMsgBuilder::key_encipherment).

use crypto::{KeyKind, PublicKey};

use crate::{CertReqMsg, Error, PopoPrivKey, ProofOfPossession, SubsequentMessage};

impl CertReqMsg {
    /// Whether possession is to be proved by deciphering the certificate.
    pub fn is_encr_cert(&self) -> bool {
        let proof = match self.popo() {
            Some(ProofOfPossession::KeyEncipherment(proof) | ProofOfPossession::KeyAgreement(proof)) => proof,
            _ => return false,
        };
        matches!(proof, PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert))
    }

    /// The key of a request whose possession is to be proved by deciphering the certificate. Nothing is proved yet: the certificate must
    /// go out enciphered for this key only, and is worth nothing before it is confirmed.
    ///
    /// # Errors
    /// When the template is not for a certificate, another proof stands there, or the key is not for that: RSA and ML-KEM keys encipher,
    /// keys on curves agree.
    pub fn defer_pop(&self) -> Result<PublicKey, Error> {
        let key = self.inspect()?;
        match self.popo() {
            None => Err(Error::MissingPop),
            Some(ProofOfPossession::KeyEncipherment(_)) if !self.is_encr_cert() => {
                Err(Error::UnsupportedPop("keyEncipherment"))
            }
            Some(ProofOfPossession::KeyAgreement(_)) if !self.is_encr_cert() => {
                Err(Error::UnsupportedPop("keyAgreement"))
            }
            Some(ProofOfPossession::KeyEncipherment(_)) if enciphers(key.kind()) => Ok(key),
            Some(ProofOfPossession::KeyAgreement(_)) if agrees(key.kind()) => Ok(key),
            _ => Err(Error::UnsupportedPop("encrCert, with a key that is not for it,")),
        }
    }
}

const fn enciphers(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::Rsa { .. } | KeyKind::MlKem512 | KeyKind::MlKem768 | KeyKind::MlKem1024)
}

const fn agrees(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521)
}
