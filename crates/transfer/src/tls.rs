//! TLS 1.2 and 1.3 by rustls, with certificates handed over as octets.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use der::Decode;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName, InconsistentKeys, RootCertStore,
    ServerConfig, SignatureScheme, WantsVersions,
};

use crate::TransferError;

/// A certificate chain, leaf first, and its private key, wherever that is.
#[derive(Clone, Debug)]
pub struct Identity {
    chain: Vec<Vec<u8>>,
    key: Arc<dyn SigningKey>,
}

impl Identity {
    /// From certificates in DER, and a key as rustls wants it.
    pub fn new(chain: Vec<Vec<u8>>, key: Arc<dyn SigningKey>) -> Self {
        Self { chain, key }
    }

    fn into_rustls(self) -> Result<Arc<SingleCertAndKey>, TransferError> {
        let chain = self.chain.into_iter().map(CertificateDer::from).collect();
        let certified = CertifiedKey::new(chain, self.key);
        match certified.keys_match() {
            // Not every key can say what its public half is.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Arc::new(SingleCertAndKey::from(certified)))
            }
            Err(error) => Err(bad_credential(error)),
        }
    }
}

/// A client that believes servers with a path to one of the anchors, and shows its identity when asked.
///
/// # Errors
/// When an anchor or the identity cannot be used.
pub fn client_config(
    anchors: &[Vec<u8>],
    identity: Option<Identity>,
) -> Result<Arc<ClientConfig>, TransferError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(bad_credential)?
        .with_root_certificates(root_store(anchors)?);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder.with_client_cert_resolver(identity.into_rustls()?),
    };
    Ok(Arc::new(config))
}

/// A server that asks for a client certificate, and when one is shown insists on a path to one of the anchors. A client
/// that shows none is let in: what it may do is for the handlers to say. Sessions are not resumed, so every connection is
/// verified at its own time. Without anchors no certificate is asked for.
///
/// # Errors
/// When an anchor or the identity cannot be used.
pub fn server_config(
    identity: Identity,
    client_anchors: &[Vec<u8>],
) -> Result<Arc<ServerConfig>, TransferError> {
    if client_anchors.is_empty() {
        return serving(identity, ServerConfig::builder_with_provider(provider()), None);
    }
    server_config_trusting(identity, &ClientTrust::new(client_anchors)?)
}

/// As [`server_config`], with client certificates that may be revoked while it serves.
///
/// # Errors
/// When the identity cannot be used.
pub fn server_config_trusting(
    identity: Identity,
    clients: &ClientTrust,
) -> Result<Arc<ServerConfig>, TransferError> {
    serving(identity, ServerConfig::builder_with_provider(provider()), Some(clients))
}

fn serving(
    identity: Identity,
    builder: ConfigBuilder<ServerConfig, WantsVersions>,
    clients: Option<&ClientTrust>,
) -> Result<Arc<ServerConfig>, TransferError> {
    let builder = builder.with_safe_default_protocol_versions().map_err(bad_credential)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(clients.0.clone()),
    };
    let mut config = builder.with_cert_resolver(identity.into_rustls()?);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn root_store(anchors: &[Vec<u8>]) -> Result<RootCertStore, TransferError> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots.add(CertificateDer::from(anchor.as_slice())).map_err(bad_credential)?;
    }
    Ok(roots)
}

fn bad_credential(error: rustls::Error) -> TransferError {
    let text = error.to_string();
    // What `openssl x509 -req` makes when it is given no extensions; rustls says it in its own words only.
    let version_1 = text.contains("UnsupportedCertVersion");
    TransferError::BadCredential(if version_1 {
        "a certificate is of X.509 version 1, without extensions; version 3 is needed".to_owned()
    } else {
        text
    })
}

/// The TLS side of a server; it can be replaced while connections are served. Clones share it.
#[derive(Clone)]
pub struct ServerTls(Arc<RwLock<Arc<ServerConfig>>>);

impl ServerTls {
    /// Begins with that configuration.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Connections from now on are served with that configuration.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What connections are served with from now on.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}

/// Which client certificates a server believes: those under these anchors that no CRL revokes. Clones share it.
#[derive(Clone, Debug)]
pub struct ClientTrust(Arc<Reporting>);

impl ClientTrust {
    /// Believes certificates under these anchors, revoked or not.
    ///
    /// # Errors
    /// When an anchor cannot be used, or there is none.
    pub fn new(anchors: &[Vec<u8>]) -> Result<Self, TransferError> {
        Self::with(anchors, false)
    }

    /// The same, and whoever shows none is turned away, too.
    ///
    /// # Errors
    /// When an anchor cannot be used, or there is none.
    pub fn mandatory(anchors: &[Vec<u8>]) -> Result<Self, TransferError> {
        Self::with(anchors, true)
    }

    fn with(anchors: &[Vec<u8>], mandatory: bool) -> Result<Self, TransferError> {
        let roots = Arc::new(root_store(anchors)?);
        let verifier = verifier(&roots, &[], false)?;
        let hints = verifier.root_hint_subjects().to_vec();
        Ok(Self(Arc::new(Reporting { roots, hints, mandatory, verifier: RwLock::new(verifier) })))
    }

    /// From now on no certificate of a path may be in these CRLs, in DER; the first of an issuer decides. If they are required,
    /// every certificate needs one that is not out of date; without any CRL nothing is asked even then.
    ///
    /// # Errors
    /// When a CRL cannot be used; then all stays as it was.
    pub fn set_crls(&self, crls: &[&[u8]], required: bool) -> Result<(), TransferError> {
        let verifier = verifier(&self.0.roots, crls, required)?;
        *self.0.verifier.write().unwrap_or_else(PoisonError::into_inner) = verifier;
        Ok(())
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    crls: &[&[u8]],
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TransferError> {
    let crls = crls.iter().map(|crl| CertificateRevocationListDer::from(crl.to_vec()));
    let builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
        .allow_unauthenticated()
        .with_crls(crls);
    let builder = if required {
        builder.enforce_revocation_expiration()
    } else {
        builder.allow_unknown_revocation_status()
    };
    builder.build().map_err(|error| TransferError::BadCredential(error.to_string()))
}

/// More than any chain has. The library tries the orders of what a client sends one by one, and dozens of certificates that
/// certify each other would keep it busy for seconds.
const MAX_INTERMEDIATES: usize = 8;

/// Logs whose certificate was refused and why, before TLS refuses it without words.
#[derive(Debug)]
struct Reporting {
    roots: Arc<RootCertStore>,
    hints: Vec<DistinguishedName>,
    /// Whether everybody must show one.
    mandatory: bool,
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
}

impl Reporting {
    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientCertVerifier for Reporting {
    fn offer_client_auth(&self) -> bool {
        self.current().offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = if intermediates.len() > MAX_INTERMEDIATES {
            Err(rustls::Error::General(format!("{} certificates were sent with it", intermediates.len())))
        } else {
            self.current().verify_client_cert(end_entity, intermediates, now)
        };
        verified.inspect_err(|error| {
            tracing::warn!(station = %subject(end_entity), reason = %error, "client certificate refused");
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

fn subject(certificate: &[u8]) -> String {
    x509_cert::Certificate::from_der(certificate).map_or_else(
        |_| "unreadable certificate".to_owned(),
        |certificate| certificate.tbs_certificate().subject().to_string(),
    )
}
