//! A certification request whose key never comes near: octets to sign go out, a signature comes in.
//!
//! `cargo run -p examples --example csr_with_key_elsewhere`

use std::fs::File;
use std::io::Read;

use crypto::{KeyKind, PublicKey, Random, RandomError, SigningKey};
use crypto_rustcrypto::EcKey;
use host::files::request_pem;
use pkcs10::CertReqBuilder;

/// What a station has in its secure element: it tells the public key, and signs.
struct SecureElement {
    key: EcKey,
}

impl SecureElement {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, crypto::SignError> {
        self.key.sign(octets)
    }
}

/// Where randomness comes from; a station has a hardware generator.
struct OperatingSystem;

impl Random for OperatingSystem {
    fn fill(&self, octets: &mut [u8]) -> Result<(), RandomError> {
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(octets))
            .map_err(|_| RandomError::new())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let element = SecureElement { key: EcKey::generate(KeyKind::P256, &OperatingSystem)? };

    let subject = "CN=enb17.operator.example,O=Operator".parse()?;
    let builder = CertReqBuilder::new(subject, element.public_key());
    let signature = element.sign(&builder.to_be_signed()?)?;
    let request = builder.with_signature(element.key.algorithm(), &signature)?;

    print!("{}", request_pem(&request)?);
    Ok(())
}
