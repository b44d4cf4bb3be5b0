use std::fmt;
use std::path::PathBuf;

use crypto::{KeyError, KeyKind, SignatureAlgorithm};

/// What is wrong with a PKCS #11 URI. Nothing of its values is shown: a PIN may be among them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// It does not begin with `pkcs11:`.
    NoUri,
    /// An attribute has no value.
    NoValue,
    /// An attribute stands there twice.
    Twice(String),
    /// An attribute's value cannot be used.
    BadValue(String),
    /// An attribute is not known.
    Unknown(String),
    /// The PIN stands in the URI itself.
    PinValue,
    /// There is no `module-path`.
    NoModule,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUri => f.write_str("the name of a key in a token begins with pkcs11:"),
            Self::NoValue => f.write_str("an attribute of the PKCS #11 URI has no value; write NAME=VALUE"),
            Self::Twice(name) => write!(f, "the attribute {name:?} stands twice in the PKCS #11 URI"),
            Self::BadValue(name) => {
                write!(f, "the value of the attribute {name:?} in the PKCS #11 URI cannot be used")?;
                match name.as_str() {
                    "pin-source" => f.write_str("; write pin-source=file:PATH"),
                    "type" => f.write_str("; it is type=private, or left out"),
                    _ => Ok(()),
                }
            }
            Self::Unknown(name) => write!(
                f,
                "the attribute {name:?} of the PKCS #11 URI is not known; there are token, manufacturer, model, serial, \
                 slot-id, object, id and type, and after the question mark module-path and pin-source"
            ),
            Self::PinValue => f.write_str(
                "pin-value is not accepted, because too many may read what stands in a configuration or on a command \
                 line; put the PIN into a file of its own, `chmod 600` it, and write pin-source=file:PATH",
            ),
            Self::NoModule => f.write_str(
                "the PKCS #11 URI does not say which module has the token; add ?module-path= with the module's path, \
                 such as /usr/lib/softhsm/libsofthsm2.so",
            ),
        }
    }
}

impl std::error::Error for UriError {}

/// Why a key in a token cannot be used. Each message names the token and what to do; none shows a PIN.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The module cannot be loaded or begun.
    Module {
        /// The file.
        path: PathBuf,
        /// What the system or the module says.
        reason: String,
    },
    /// No token of that name is there.
    TokenAbsent {
        /// The key's URI.
        uri: String,
        /// The labels of the tokens that are there.
        present: Vec<String>,
    },
    /// More than one token of that name is there.
    TokenAmbiguous {
        /// The key's URI.
        uri: String,
        /// Their serial numbers.
        serials: Vec<String>,
    },
    /// The token wants a PIN, and none was given.
    PinMissing {
        /// The key's URI.
        uri: String,
    },
    /// The token refuses the PIN. It is not tried again.
    PinWrong {
        /// The key's URI.
        uri: String,
    },
    /// The token is locked, or one more wrong PIN would lock it.
    PinLocked {
        /// The key's URI.
        uri: String,
        /// Whether it is locked already.
        already: bool,
    },
    /// No such private key is in the token.
    ObjectAbsent {
        /// The key's URI.
        uri: String,
        /// The labels of the private keys that are in it.
        present: Vec<String>,
    },
    /// More than one such private key is in the token.
    ObjectAmbiguous {
        /// The key's URI.
        uri: String,
        /// How many.
        count: usize,
    },
    /// The public key is neither in the token nor known otherwise.
    NoPublicKey {
        /// The key's URI.
        uri: String,
    },
    /// The public key is of another kind than can be used, or weak.
    PublicKey {
        /// The key's URI.
        uri: String,
        /// Why not.
        reason: KeyError,
    },
    /// A key of this kind does not sign with that algorithm.
    Algorithm {
        /// The key's URI.
        uri: String,
        /// The algorithm asked for.
        algorithm: SignatureAlgorithm,
        /// What the key is.
        key: KeyKind,
    },
    /// What the key signs does not verify with its public key.
    DoesNotFit {
        /// The key's URI.
        uri: String,
    },
    /// The token failed.
    Token {
        /// The key's URI.
        uri: String,
        /// What was asked of it.
        doing: &'static str,
        /// What it says.
        error: cryptoki::error::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { path, reason } => write!(
                f,
                "the PKCS #11 module {} cannot be used: {reason}; check module-path, and that the token's software is \
                 installed and configured",
                path.display()
            ),
            Self::TokenAbsent { uri, present } => {
                write!(f, "{uri}: the token is not there; is it plugged in, and readable for this user? ")?;
                list(f, "tokens there", present)
            }
            Self::TokenAmbiguous { uri, serials } => {
                write!(f, "{uri}: several tokens are called so; add serial= to the URI. ")?;
                list(f, "serial numbers", serials)
            }
            Self::PinMissing { uri } => write!(
                f,
                "{uri}: the token wants a PIN; say where it comes from: pin-source=file:PATH in the URI, or \
                 key_passphrase beside the key (--key-passphrase on a command line)"
            ),
            Self::PinWrong { uri } => write!(
                f,
                "{uri}: the token refuses the PIN. It is not tried again, because a token locks itself after a few \
                 wrong ones: correct the PIN, then start anew"
            ),
            Self::PinLocked { uri, already: true } => {
                write!(f, "{uri}: the token is locked after wrong PINs; its security officer can unlock it")
            }
            Self::PinLocked { uri, already: false } => write!(
                f,
                "{uri}: one more wrong PIN locks the token, so none is tried; log in once by hand with the right PIN \
                 (`pkcs11-tool --login --test`), then start anew"
            ),
            Self::ObjectAbsent { uri, present } => {
                write!(f, "{uri}: there is no such private key in the token. ")?;
                list(f, "labels of the private keys there", present)
            }
            Self::ObjectAmbiguous { uri, count } => {
                write!(f, "{uri}: {count} private keys in the token are called so; add id= to the URI")
            }
            Self::NoPublicKey { uri } => write!(
                f,
                "{uri}: the token does not hold the public key; put it there beside the private one, with the same id"
            ),
            Self::PublicKey { uri, reason } => write!(f, "{uri}: the key cannot be used: {reason}"),
            Self::Algorithm { uri, algorithm, key } => {
                write!(f, "{uri}: a {key} key does not sign with {algorithm} there")
            }
            Self::DoesNotFit { uri } => write!(
                f,
                "{uri}: what the key signed does not verify with the public key; private and public key do not belong \
                 together, or the token is broken"
            ),
            Self::Token { uri, doing, error } => write!(f, "{uri}: {doing} failed: {error}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, what: &str, items: &[String]) -> fmt::Result {
    if items.is_empty() {
        return write!(f, "({what}: none)");
    }
    write!(f, "({what}: {})", items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", "))
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for Error {}
