//! Keys as rustls wants them.

use std::sync::Arc;

use crypto::{SignatureAlgorithm, SigningKey};
use crypto_aws_lc::SoftwareKey;
use crypto_pkcs11::Pkcs11Key;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{Error, KeySource};

/// What TLS calls a signature, and what certificates do; best first.
type Signatures = &'static [(SignatureScheme, SignatureAlgorithm)];

const P256: Signatures = &[(SignatureScheme::ECDSA_NISTP256_SHA256, SignatureAlgorithm::EcdsaWithSha256)];
const P384: Signatures = &[(SignatureScheme::ECDSA_NISTP384_SHA384, SignatureAlgorithm::EcdsaWithSha384)];
const P521: Signatures = &[(SignatureScheme::ECDSA_NISTP521_SHA512, SignatureAlgorithm::EcdsaWithSha512)];
const ED25519: Signatures = &[(SignatureScheme::ED25519, SignatureAlgorithm::Ed25519)];
/// PSS first: with RSA, TLS 1.3 knows no other (RFC 8446 section 4.2.3).
const RSA: Signatures = &[
    (SignatureScheme::RSA_PSS_SHA256, SignatureAlgorithm::RsassaPssSha256),
    (SignatureScheme::RSA_PSS_SHA384, SignatureAlgorithm::RsassaPssSha384),
    (SignatureScheme::RSA_PSS_SHA512, SignatureAlgorithm::RsassaPssSha512),
    (SignatureScheme::RSA_PKCS1_SHA256, SignatureAlgorithm::Sha256WithRsa),
    (SignatureScheme::RSA_PKCS1_SHA384, SignatureAlgorithm::Sha384WithRsa),
    (SignatureScheme::RSA_PKCS1_SHA512, SignatureAlgorithm::Sha512WithRsa),
];

/// A key in memory, as rustls signs with it.
///
/// # Errors
/// When TLS has no signature of its kind.
pub fn tls_key(key: &SoftwareKey) -> Result<Arc<dyn rustls::sign::SigningKey>, Error> {
    let octets = key.to_pkcs8_der().map_err(Error::Key)?;
    // Borrowed, so that there is no copy that nobody wipes.
    any_supported_type(&PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(octets.as_slice())))
        .map_err(|error| Error::TlsKey { key: format!("{key:?}"), reason: error.to_string() })
}

/// A key in a token: it signs with whatever of the peer's offers it can do.
pub(crate) fn of_token(
    key: &Pkcs11Key,
    source: &KeySource,
) -> Result<Arc<dyn rustls::sign::SigningKey>, Error> {
    let (algorithm, signatures) = match key.algorithm() {
        SignatureAlgorithm::EcdsaWithSha256 => (rustls::SignatureAlgorithm::ECDSA, P256),
        SignatureAlgorithm::EcdsaWithSha384 => (rustls::SignatureAlgorithm::ECDSA, P384),
        SignatureAlgorithm::EcdsaWithSha512 => (rustls::SignatureAlgorithm::ECDSA, P521),
        SignatureAlgorithm::Ed25519 => (rustls::SignatureAlgorithm::ED25519, ED25519),
        _ => (rustls::SignatureAlgorithm::RSA, RSA),
    };
    let mut keys: Vec<(SignatureScheme, Arc<dyn SigningKey>)> = Vec::new();
    for (scheme, wanted) in signatures {
        match key.with_algorithm(*wanted) {
            Ok(key) => keys.push((*scheme, Arc::new(key))),
            Err(error) => tracing::debug!("not in TLS: {error}"),
        }
    }
    if keys.is_empty() {
        let reason = "the token makes none of the signatures that TLS knows".to_owned();
        return Err(Error::TlsKey { key: source.to_string(), reason });
    }
    let public_key = key.public_key().spki_octets().to_vec().into();
    Ok(Arc::new(OutsideKey { keys, algorithm, public_key }))
}

/// A key that rustls does not hold itself, once for each signature that it can make, best first.
#[derive(Debug)]
struct OutsideKey {
    keys: Vec<(SignatureScheme, Arc<dyn SigningKey>)>,
    algorithm: rustls::SignatureAlgorithm,
    public_key: SubjectPublicKeyInfoDer<'static>,
}

impl rustls::sign::SigningKey for OutsideKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        let (scheme, key) = self.keys.iter().find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(Signer { scheme: *scheme, key: key.clone() }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.public_key.clone())
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        self.algorithm
    }
}

#[derive(Debug)]
struct Signer {
    scheme: SignatureScheme,
    key: Arc<dyn SigningKey>,
}

impl rustls::sign::Signer for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let sign = || self.key.sign(message);
        // A token takes milliseconds, or for ever when it was pulled out. Handshakes are made on the reactor, so its other
        // tasks are handed to another thread meanwhile. Where there is none, they wait.
        let signature = match Handle::try_current() {
            Ok(reactor) if reactor.runtime_flavor() == RuntimeFlavor::MultiThread => {
                tokio::task::block_in_place(sign)
            }
            _ => sign(),
        };
        signature.map_err(|error| rustls::Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
