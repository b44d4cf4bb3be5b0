//! What a station remembers of its transaction, so that a run that was stopped at any point goes on: octets and RFC facts, in JSON.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use asn1::{EncodedCertificate, UnixTime};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cmp::end_entity::{Correspondent, RequestKind, Transaction};
use cmp::{CertReqId, Credential, Reference, SenderNonce, TransactionId};
use der::{Decode, Encode};
use host::files;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use x509_cert::name::Name;

use crate::Error;

/// Messages, and a few certificates.
const MAX_LENGTH: u64 = 4 * 1024 * 1024;

const VERSION: u32 = 1;

/// Octets, in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Octets(pub(super) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

/// A transaction under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// ir, cr, kur or p10cr.
    pub(super) kind: String,
    /// What the proof of possession covers; a run that asks for something else does not go on with this.
    pub(super) asked: Octets,
    /// The certificate of who asks, or the reference of its secret.
    pub(super) sender: Octets,
    /// The server at which the transaction may be known.
    pub(super) server: Option<String>,
    /// The root that was taken from the first answer.
    #[serde(default)]
    pub(super) root: Option<Octets>,
    /// What the RA/CA has encapsulated for the KEM key of who asks; nothing of it is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ciphertext: Option<Octets>,
    /// When the present message was made, in seconds since 1970.
    pub(super) since: u64,
    transaction: Facts,
    pub(super) step: Step,
}

/// What comes next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Step {
    /// The request, or a pollReq, is to be answered.
    Sent { message: Octets, polling: bool },
    /// It is to be asked again.
    Waiting { correspondent: Other, poll_at: u64 },
    /// certConf is to be answered.
    Confirming {
        message: Octets,
        nonce: Octets,
        correspondent: Other,
        certificates: Issued,
        turned_down: Option<String>,
    },
    /// The certificate is to be written where it belongs.
    Issued(Issued),
}

/// A certificate and the CA certificates above it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issued {
    pub(super) certificate: Octets,
    pub(super) chain: Vec<Octets>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    transaction_id: Octets,
    cert_req_id: i64,
    implicit_confirm: bool,
    public_key: Octets,
    nonces: Vec<Octets>,
    answerer: Option<By>,
}

/// Who answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    name: Octets,
    nonce: Octets,
    credential: By,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum By {
    Certificate(Octets),
    SharedSecret(Octets),
}

impl State {
    pub(super) fn new(
        asked: &[u8],
        sender: &[u8],
        transaction: &Transaction,
        message: Vec<u8>,
        since: UnixTime,
    ) -> Self {
        Self {
            version: VERSION,
            kind: transaction.kind.name().to_owned(),
            asked: Octets(asked.to_vec()),
            sender: Octets(sender.to_vec()),
            server: None,
            root: None,
            ciphertext: None,
            since: since.as_secs(),
            transaction: Facts::of(transaction),
            step: Step::Sent { message: Octets(message), polling: false },
        }
    }

    pub(super) fn transaction(&self, kind: RequestKind) -> Result<Transaction, Error> {
        self.transaction.open(kind).map_err(Error::Malformed)
    }

    /// Replaces what is known of the transaction.
    pub(super) fn set_transaction(&mut self, transaction: &Transaction) {
        self.transaction = Facts::of(transaction);
    }
}

impl Facts {
    fn of(transaction: &Transaction) -> Self {
        Self {
            transaction_id: Octets(transaction.transaction_id.as_octets().to_vec()),
            cert_req_id: transaction.cert_req_id.number(),
            implicit_confirm: transaction.implicit_confirm,
            public_key: Octets(transaction.public_key.clone()),
            nonces: transaction.nonces.iter().map(|nonce| Octets(nonce.as_octets().to_vec())).collect(),
            answerer: transaction.answerer.as_ref().map(By::of),
        }
    }

    fn open(&self, kind: RequestKind) -> der::Result<Transaction> {
        let nonces = self.nonces.iter().map(|Octets(nonce)| SenderNonce::new(nonce));
        let mut transaction = Transaction::new(
            TransactionId::new(&self.transaction_id.0)?,
            kind,
            CertReqId::new(self.cert_req_id),
            self.implicit_confirm,
            self.public_key.0.clone(),
            nonces.collect::<Result<_, _>>()?,
        );
        transaction.answerer = self.answerer.as_ref().map(By::open).transpose()?;
        Ok(transaction)
    }
}

impl Other {
    pub(super) fn of(correspondent: &Correspondent) -> Result<Self, Error> {
        Ok(Self {
            name: Octets(correspondent.name.to_der().map_err(Error::Malformed)?),
            nonce: Octets(correspondent.nonce.as_octets().to_vec()),
            credential: By::of(&correspondent.credential),
        })
    }

    pub(super) fn open(&self) -> Result<Correspondent, Error> {
        let open = || {
            let name = Name::from_der(&self.name.0)?;
            Ok(Correspondent::new(name, SenderNonce::new(&self.nonce.0)?, self.credential.open()?))
        };
        open().map_err(Error::Malformed)
    }
}

impl By {
    fn of(credential: &Credential) -> Self {
        match credential {
            Credential::Certificate(certificate) => Self::Certificate(Octets(certificate.octets().to_vec())),
            Credential::SharedSecret(reference) => Self::SharedSecret(Octets(reference.as_octets().to_vec())),
        }
    }

    fn open(&self) -> der::Result<Credential> {
        Ok(match self {
            Self::Certificate(Octets(octets)) => Credential::Certificate(EncodedCertificate::new(octets)?),
            Self::SharedSecret(Octets(octets)) => Credential::SharedSecret(Reference::new(octets.clone())),
        })
    }
}

impl Issued {
    pub(super) fn of(certificate: &EncodedCertificate, chain: &[EncodedCertificate]) -> Self {
        let octets = |certificate: &EncodedCertificate| Octets(certificate.octets().to_vec());
        Self { certificate: octets(certificate), chain: chain.iter().map(octets).collect() }
    }

    pub(super) fn open(&self) -> Result<(EncodedCertificate, Vec<EncodedCertificate>), Error> {
        let open = |Octets(octets): &Octets| EncodedCertificate::new(octets).map_err(Error::Malformed);
        Ok((open(&self.certificate)?, self.chain.iter().map(open).collect::<Result<_, _>>()?))
    }
}

/// The file that the state is kept in.
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(directory.join("cmp-transaction.json"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn read(&self) -> Result<Option<State>, Error> {
        let bad = |reason: String| Error::BadState { path: self.0.clone(), reason };
        let text = match files::read(&self.0, MAX_LENGTH) {
            Ok(text) => text,
            Err(host::Error::File { error, .. }) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let state: State = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        if state.version == VERSION {
            Ok(Some(state))
        } else {
            Err(bad(format!("its version is {}; {VERSION} is known", state.version)))
        }
    }

    /// When this returns, the state is on the disk.
    pub(super) fn write(&self, state: &State) -> Result<(), Error> {
        let bad =
            |error: serde_json::Error| Error::BadState { path: self.0.clone(), reason: error.to_string() };
        let text = serde_json::to_vec_pretty(state).map_err(bad)?;
        Ok(files::write_atomically(&self.0, &text)?)
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.0) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(host::Error::File { path: self.0.clone(), error }.into()),
        }
    }
}
