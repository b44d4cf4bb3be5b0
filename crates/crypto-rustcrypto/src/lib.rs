//! A [`CryptoProvider`] for firmware on RustCrypto, without `std`, and private keys in memory: [`EcKey`],
//! [`Ed25519Key`], [`MlDsaKey`], [`MlKemKey`].
//!
//! The features `p384`, `p521`, `ed25519`, `ml-dsa` and `rsa` are on unless default features are off. Signatures of an algorithm that is
//! left out do not verify. So it is with `aes-gmac`, AES-GMAC in PasswordBasedMac, `ml-kem`, KEM-based MACs,
//! `sha1`, MACs of peers that know SHA-1 only, and `enveloped-data`, EnvelopedData and keys that agree on others.
//!
//! RSA signatures are verified and never made, and what is enciphered for RSA keys is never deciphered: the `rsa` crate's private key operations are not constant in time.
#![no_std]

extern crate alloc;

mod ec_key;
#[cfg(feature = "ed25519")]
mod ed25519_key;
#[cfg(feature = "enveloped-data")]
mod enveloping;
mod error;
#[cfg(feature = "aes-gmac")]
mod gmac;
mod mac;
#[cfg(feature = "ml-dsa")]
mod ml_dsa_key;
#[cfg(feature = "ml-kem")]
mod ml_kem_key;
#[cfg(feature = "rsa")]
mod rsa_signature;
#[cfg(all(feature = "enveloped-data", feature = "rsa"))]
mod rsa_transport;
mod verify;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crypto::{CryptoProvider, DigestAlgorithm, Digester, Random, WebPki};
use sha2::{Digest, Sha256, Sha384, Sha512};

pub use ec_key::EcKey;
#[cfg(feature = "ed25519")]
pub use ed25519_key::Ed25519Key;
pub use error::PrivateKeyError;
#[cfg(feature = "ml-dsa")]
pub use ml_dsa_key::MlDsaKey;
#[cfg(feature = "ml-kem")]
pub use ml_kem_key::MlKemKey;

/// RustCrypto's cryptography with the device's own randomness.
///
/// RSA public exponents longer than 33 bits are beyond the `rsa` crate: no signature verifies with such a key.
pub fn provider(random: Box<dyn Random>) -> CryptoProvider {
    let part = || Box::new(RustCrypto);
    let provider = CryptoProvider::new(part(), part(), part(), random, Box::new(WebPki::new()));
    #[cfg(feature = "ml-kem")]
    let provider = provider.with_key_encapsulation(part());
    #[cfg(feature = "enveloped-data")]
    let provider = provider.with_enveloping(part());
    provider
}

/// The parts of [`provider`], for firmware that has some of them in hardware, or needs but one.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // it has no state
pub struct RustCrypto;

impl Digester for RustCrypto {
    fn digest(&self, algorithm: DigestAlgorithm, octets: &[u8]) -> Vec<u8> {
        match algorithm {
            DigestAlgorithm::Sha256 => Sha256::digest(octets).to_vec(),
            DigestAlgorithm::Sha384 => Sha384::digest(octets).to_vec(),
            DigestAlgorithm::Sha512 => Sha512::digest(octets).to_vec(),
            other => unreachable!("{other:?} is not in DigestAlgorithm::ALL"),
        }
    }
}
