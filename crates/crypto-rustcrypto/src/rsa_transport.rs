//! RSAES-OAEP, enciphered (RFC 8017 section 7.1.1). It is deciphered nowhere: the `rsa` crate's private key operations are not constant
//! in time.

use alloc::vec::Vec;

use crypto::{EnvelopeError, KeyKind, PublicKey, Random, RandomError};
use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::Sha256;

use crate::rsa_signature::rsa_public_key;

pub(crate) fn encipher(
    key: &PublicKey,
    octets: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, EnvelopeError> {
    let KeyKind::Rsa { .. } = key.kind() else { return Err(EnvelopeError::OtherKind(key.kind())) };
    let rsa = rsa_public_key(key.key_octets()).ok_or(EnvelopeError::BadKey)?;
    rsa.oaep_encrypt_with_rng::<Sha256, _>(&mut Source(random), octets).map_err(|error| match error {
        rsa::Error::Rng => EnvelopeError::Random(RandomError::new()),
        _ => EnvelopeError::BadKey,
    })
}

struct Source<'a>(&'a dyn Random);

impl TryRng for Source<'_> {
    type Error = RandomError;

    fn try_next_u32(&mut self) -> Result<u32, RandomError> {
        let mut octets = [0; 4];
        self.0.fill(&mut octets).map(|()| u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, RandomError> {
        let mut octets = [0; 8];
        self.0.fill(&mut octets).map(|()| u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(octets)
    }
}

impl TryCryptoRng for Source<'_> {}
