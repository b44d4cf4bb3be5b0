//! Keys that are generated for those who ask for one (RFC 9483 section 4.1.6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use asn1::EncodedCertificate;
use cmp::management_entity::VerifiedRequest;
use cmp::{KeyGenerationAuthority, PkiFailureInfo, SignerRole, ValidatedMessage};
use crmf::EncryptedKey;
use crypto::{KeyGenerator, KeyKind, SigningKey};
use spki::AlgorithmIdentifierOwned;

use super::Ca;
use crate::Error;

/// How keys are generated for those who ask for one.
#[non_exhaustive]
pub struct KeyGeneration {
    /// The kinds of keys; whoever asks for none in particular gets the first. Of RSA keys there is one length.
    pub kinds: Vec<KeyKind>,
    /// What generates them.
    pub generator: Box<dyn KeyGenerator>,
    /// The certificate, with id-kp-cmKGA in its extKeyUsage, of the key that they are signed with.
    pub certificate: EncodedCertificate,
    /// The certificates between it and the root.
    pub chain: Vec<EncodedCertificate>,
    /// The key that they are signed with.
    pub key: Box<dyn SigningKey>,
}

impl KeyGeneration {
    /// Keys of these kinds, signed with that key.
    pub fn new(
        kinds: Vec<KeyKind>,
        generator: Box<dyn KeyGenerator>,
        certificate: EncodedCertificate,
        key: Box<dyn SigningKey>,
    ) -> Self {
        Self { kinds, generator, certificate, chain: Vec::new(), key }
    }

    fn choose(&self, asked: Option<&AlgorithmIdentifierOwned>) -> Option<KeyKind> {
        let mut kinds = self.kinds.iter().copied();
        match asked {
            None => kinds.next(),
            Some(asked) => kinds.find(|kind| kind.identifier() == *asked),
        }
    }
}

impl fmt::Debug for KeyGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyGeneration({:?})", self.kinds)
    }
}

impl Ca {
    /// The request with the key that was generated for it, and the key, enciphered for its sender; `None` when none is asked for. The sender is
    /// known by now; nobody generates a key for a stranger. An RA would get to know its stations' keys, and is refused.
    pub(super) fn generate_key(
        &self,
        validated: &ValidatedMessage,
    ) -> Result<Option<(VerifiedRequest, EncryptedKey)>, Error> {
        // Without it, a template without a key is none.
        let Some(generation) = &self.key_generation else { return Ok(None) };
        let Some(asked) = VerifiedRequest::key_to_generate(validated)? else { return Ok(None) };
        if validated.signer().role == SignerRole::RegistrationAuthority {
            return Err(Error::policy(
                PkiFailureInfo::NOT_AUTHORIZED,
                "keys are generated for those who have them, and not for an RA",
            ));
        }
        let kind = generation.choose(asked);
        let kind =
            kind.ok_or(Error::policy(PkiFailureInfo::BAD_ALG, "no keys of that kind are generated here"))?;
        let authority = KeyGenerationAuthority {
            certificate: &generation.certificate,
            chain: &generation.chain,
            key: generation.key.as_ref(),
        };
        let generated = generation.generator.generate(kind).map_err(cmp::Error::Envelope)?;
        let request = VerifiedRequest::with_generated_key(validated, &generated.public_key, &self.provider)?;
        let sealed = authority.seal(&generated, validated, &self.provider)?;
        Ok(Some((request, sealed)))
    }
}
