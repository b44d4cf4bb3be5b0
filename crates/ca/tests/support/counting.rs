use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crypto::{
    CryptoProvider, DigestAlgorithm, Digester, MacAlgorithm, MacComputer, PublicKey, Random, RandomError,
    SignatureAlgorithm, SignatureVerifier, WebPki,
};

/// How much was computed.
#[derive(Clone, Default)]
pub struct Work {
    signatures: Arc<AtomicU64>,
    hashes: Arc<AtomicU64>,
}

impl Work {
    /// Signatures verified since the last time.
    pub fn signatures(&self) -> u64 {
        self.signatures.swap(0, Ordering::Relaxed)
    }

    /// Digests, MACs and iterations since the last time.
    pub fn hashes(&self) -> u64 {
        self.hashes.swap(0, Ordering::Relaxed)
    }
}

/// AWS-LC's cryptography, and how much of it was done.
pub fn provider() -> (CryptoProvider, Work) {
    let work = Work::default();
    let part = || Box::new(Counting { inner: crypto_aws_lc::provider(), work: work.clone() });
    let provider = CryptoProvider::new(part(), part(), part(), part(), Box::new(WebPki::new()));
    (provider, work)
}

struct Counting {
    inner: CryptoProvider,
    work: Work,
}

impl Counting {
    fn hashed(&self, times: u32) {
        self.work.hashes.fetch_add(times.into(), Ordering::Relaxed);
    }
}

impl SignatureVerifier for Counting {
    fn is_valid(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        octets: &[u8],
        signature: &[u8],
    ) -> bool {
        self.work.signatures.fetch_add(1, Ordering::Relaxed);
        self.inner.verify(algorithm, key, octets, signature).is_ok()
    }
}

impl Digester for Counting {
    fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
        self.hashed(1);
        self.inner.digest(algorithm, octets)
    }
}

impl MacComputer for Counting {
    fn mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8]) -> Vec<u8> {
        self.hashed(1);
        self.inner.mac(algorithm, key, octets)
    }

    fn is_valid_mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        self.hashed(1);
        self.inner.verify_mac(algorithm, key, octets, tag).is_ok()
    }

    fn pbkdf2(
        &self,
        prf: MacAlgorithm,
        password: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
        key: &mut [u8],
    ) {
        self.hashed(iterations.get());
        self.inner.pbkdf2(prf, password, salt, iterations, key);
    }
}

impl Random for Counting {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        octets.copy_from_slice(self.inner.random::<64>()?.get(..octets.len()).ok_or(RandomError::new())?);
        Ok(())
    }
}
