use std::fmt;
use std::sync::{Arc, Mutex};

use crypto::{CryptoProvider, KeyKind, PublicKey, SignError, SignatureAlgorithm, SigningKey};
use cryptoki::error::{Error as CryptokiError, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use secrecy::SecretString;

use crate::module::{Module, failed, lock};
use crate::signature::Demand;
use crate::{Error, TokenUri, public_key};

/// What the key signs when it is opened: not DER, so never to be taken for a certificate or a message.
const TEST: &[u8] = b"does this private key fit its public key?";

/// A private key in a PKCS #11 token: it signs there, and does not come out. Clones share a session, and so sign one after
/// the other.
///
/// When the session is lost, because the token was pulled out and put back for instance, the next signature opens a new
/// one and logs in again. A PIN that was refused is never tried a second time. Signing blocks.
///
/// It signs with ecdsa-with-SHA256 on P-256, ecdsa-with-SHA384 on P-384, ecdsa-with-SHA512 on P-521, sha256WithRSAEncryption
/// with RSA (or another one, [`Pkcs11Key::with_algorithm`]), and with Ed25519 where the token does. Keys that want a PIN for
/// each signature (CKA_ALWAYS_AUTHENTICATE) are not supported.
#[derive(Clone)]
pub struct Pkcs11Key {
    holder: Arc<Holder>,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
}

/// What clones share.
struct Holder {
    uri: TokenUri,
    pin: Option<SecretString>,
    provider: CryptoProvider,
    module: Arc<Module>,
    connection: Mutex<Option<Connection>>,
}

struct Connection {
    session: Session,
    key: ObjectHandle,
}

impl Pkcs11Key {
    /// Logs in, finds the key, and has it sign something, which proves that it fits its public key. That is read from the
    /// token; where it is not in there, it must be `certified`, the one in the key's certificate. Blocks.
    ///
    /// # Errors
    /// When there is no such module, token or key, the PIN is wrong, or the key cannot be used.
    pub fn open(
        uri: &TokenUri,
        pin: Option<SecretString>,
        certified: Option<&PublicKey>,
        provider: CryptoProvider,
    ) -> Result<Self, Error> {
        let module = Module::load(uri.module_path())?;
        let connection = Mutex::default();
        let holder = Holder { uri: uri.clone(), pin, provider, module, connection };
        let connection = holder.connect()?;
        let found = public_key::find(&connection.session, connection.key)
            .map_err(|error| failed(uri, "reading the public key", error))?;
        let public_key = match (found, certified) {
            (Some(found), _) => found.map_err(|reason| Error::PublicKey { uri: uri.to_string(), reason })?,
            (None, Some(certified)) => certified.clone(),
            (None, None) => return Err(Error::NoPublicKey { uri: uri.to_string() }),
        };
        *lock(&holder.connection) = Some(connection);
        let algorithm = match public_key.kind() {
            KeyKind::P256 => SignatureAlgorithm::EcdsaWithSha256,
            KeyKind::P384 => SignatureAlgorithm::EcdsaWithSha384,
            KeyKind::P521 => SignatureAlgorithm::EcdsaWithSha512,
            KeyKind::Ed25519 => SignatureAlgorithm::Ed25519,
            // Nothing else comes out of a token; what a certificate has besides fails when it is to sign.
            _ => SignatureAlgorithm::Sha256WithRsa,
        };
        Self { holder: Arc::new(holder), public_key, algorithm }.tested()
    }

    /// The same key, which signs with that algorithm: of RSA keys any with PKCS #1 v1.5 or PSS that the token has.
    ///
    /// # Errors
    /// When a key of this kind, or the token, does not.
    pub fn with_algorithm(&self, algorithm: SignatureAlgorithm) -> Result<Self, Error> {
        let key = self.public_key.kind();
        // ECDSA stays with the digest that is as long as the curve.
        let is_rsa = matches!(key, KeyKind::Rsa { .. }) && algorithm.fits(key);
        if algorithm != self.algorithm && !is_rsa {
            return Err(Error::Algorithm { uri: self.holder.uri.to_string(), algorithm, key });
        }
        Self { algorithm, ..self.clone() }.tested()
    }

    fn tested(self) -> Result<Self, Error> {
        let signature = self.try_sign(TEST)?;
        self.holder
            .provider
            .verify(self.algorithm, &self.public_key, TEST, &signature)
            .map_err(|_| Error::DoesNotFit { uri: self.holder.uri.to_string() })?;
        Ok(self)
    }

    fn try_sign(&self, octets: &[u8]) -> Result<Vec<u8>, Error> {
        let unsupported = || Error::Algorithm {
            uri: self.holder.uri.to_string(),
            algorithm: self.algorithm,
            key: self.public_key.kind(),
        };
        let demand = Demand::new(self.algorithm, octets, &self.holder.provider).ok_or_else(unsupported)?;
        self.meet(&demand)
    }

    fn meet(&self, demand: &Demand) -> Result<Vec<u8>, Error> {
        let signature = self.holder.sign(demand)?;
        demand.finish(signature).ok_or_else(|| Error::DoesNotFit { uri: self.holder.uri.to_string() })
    }
}

impl Holder {
    fn sign(&self, demand: &Demand) -> Result<Vec<u8>, Error> {
        let mut place = lock(&self.connection);
        if let Some(Connection { session, key }) = &*place {
            match session.sign(&demand.mechanism, *key, &demand.octets) {
                Ok(signature) => return Ok(signature),
                Err(error) if is_lost(&error) => {
                    tracing::warn!(key = %self.uri, reason = %error, "the token's session is lost; logging in anew");
                }
                Err(error) => return Err(failed(&self.uri, "signing", error)),
            }
        }
        // Closed before another is opened, which may get the same number.
        *place = None;
        let connection = self.connect()?;
        let signature = connection
            .session
            .sign(&demand.mechanism, connection.key, &demand.octets)
            .map_err(|error| failed(&self.uri, "signing", error))?;
        *place = Some(connection);
        Ok(signature)
    }

    fn connect(&self) -> Result<Connection, Error> {
        let session = self.module.open(&self.uri, self.pin.as_ref())?;
        let key = self.find(&session)?;
        Ok(Connection { session, key })
    }

    fn find(&self, session: &Session) -> Result<ObjectHandle, Error> {
        let search = |template: &[Attribute]| {
            session.find_objects(template).map_err(|error| failed(&self.uri, "looking for the key", error))
        };
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        template.extend(self.uri.object().map(|label| Attribute::Label(label.as_bytes().to_vec())));
        template.extend(self.uri.id().map(|id| Attribute::Id(id.to_vec())));
        let uri = self.uri.to_string();
        match search(&template)?.as_slice() {
            [key] => Ok(*key),
            [] => {
                let all = search(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?;
                let present = all.into_iter().filter_map(|object| label(session, object)).collect();
                Err(Error::ObjectAbsent { uri, present })
            }
            several => Err(Error::ObjectAmbiguous { uri, count: several.len() }),
        }
    }
}

fn label(session: &Session, object: ObjectHandle) -> Option<String> {
    let attributes = session.get_attributes(object, &[AttributeType::Label]).ok()?;
    attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::Label(label) => Some(String::from_utf8_lossy(&label).into_owned()),
        _ => None,
    })
}

/// What another session may cure.
fn is_lost(error: &CryptokiError) -> bool {
    let CryptokiError::Pkcs11(error, _) = error else { return false };
    matches!(
        error,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::DeviceRemoved
            | RvError::DeviceError
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::UserNotLoggedIn
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::CryptokiNotInitialized
            | RvError::OperationActive
            | RvError::GeneralError
            | RvError::FunctionFailed
    )
}

impl SigningKey for Pkcs11Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        self.try_sign(octets).map_err(|error| logged(&error))
    }

    fn sign_digest(&self, digest: &[u8]) -> Option<Result<Vec<u8>, SignError>> {
        let demand = Demand::of_digest(self.algorithm, digest)?;
        Some(self.meet(&demand).map_err(|error| logged(&error)))
    }
}

fn logged(error: &Error) -> SignError {
    tracing::error!("{error}");
    SignError::new()
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Key({}, {})", self.public_key.kind(), self.holder.uri)
    }
}
