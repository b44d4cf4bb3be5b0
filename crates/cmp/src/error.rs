use alloc::vec::Vec;
use core::fmt;

use crmf::MacError;
use crypto::{
    AlgorithmError, EnvelopeError, KemError, KeyError, PathError, RandomError, SignError, VerifyError,
};
use x509_cert::name::Name;

use crate::CertReqId;
use crate::body::BodyKind;
use crate::header::TransactionId;
use crate::reading::Deviation;
use crate::status::{PkiFailureInfo, PkiStatusInfo};
use crate::version::Pvno;

/// What can be wrong with a message, or with answering it. [`Error::fail_info`] says it in the protocol's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    // The sender's: syntax
    /// Not one PKIMessage in DER.
    Malformed(der::Error),
    /// A deviation from the syntax that a lenient reader would tolerate.
    Deviation(Deviation),
    /// A list that must not be empty is.
    EmptyList(&'static str),
    /// The message is larger than is accepted.
    TooLarge {
        /// The message's size.
        octets: usize,
        /// The largest accepted.
        limit: usize,
    },
    /// More certificates, or more nested messages, than are accepted.
    TooMany {
        /// The list they stand in.
        list: &'static str,
        /// How many there are.
        count: usize,
        /// The most accepted.
        limit: usize,
    },

    /// Messages are nested deeper than is accepted.
    TooDeep,

    // The sender's: header
    /// pvno is neither 2 nor 3.
    UnsupportedVersion(Pvno),
    /// transactionID is missing, or not of 8 to 64 octets.
    BadTransactionId,
    /// The message belongs to another transaction.
    OtherTransaction(TransactionId),
    /// The transactionID is in use for another request.
    TransactionIdInUse(TransactionId),
    /// No such transaction is under way.
    UnknownTransaction(TransactionId),
    /// senderNonce is missing, or not of 16 to 64 octets.
    BadSenderNonce,
    /// recipNonce is missing, or echoes no nonce that was sent, or stands in a first message.
    BadRecipientNonce,
    /// messageTime is too far from now.
    BadTime {
        /// How far, in seconds.
        seconds: u64,
    },
    /// An item of generalInfo has a malformed value.
    BadGeneralInfo(der::Error),

    // The sender's: protection
    /// The message is not protected.
    Unprotected,
    /// protectionAlg stands there without a protection.
    ProtectionMissing,
    /// The protection is a MAC where a signature is due, the other way round, or of a kind that is not accepted here.
    WrongProtection,
    /// The protection is a KEM-based MAC, and no ciphertext was exchanged for it in this transaction, or it is forgotten.
    KemCiphertextMissing,
    /// The protection is not whole octets.
    MalformedProtection,
    /// protectionAlg is not in the table of algorithms.
    Algorithm(AlgorithmError),
    /// protectionAlg is a MAC that is not in the table of algorithms, or not within the limits.
    Mac(MacError),
    /// A KEM's ciphertext or key is refused, or no such thing is at hand.
    Kem(KemError),
    /// No certificate that the sender and senderKID fields name is at hand.
    SignerNotFound,
    /// The signer's public key is refused.
    SignerKey(KeyError),
    /// The protection does not verify; of a MAC, it may also be that its reference is not known.
    BadProtection(VerifyError),
    /// The signer's certificate is not trusted.
    SignerNotTrusted(PathError),
    /// A later message of a transaction is protected by somebody else than the first.
    OtherSigner,
    /// The signer may not do this.
    NotAuthorized(&'static str),

    // The sender's: body
    /// The body is not the one that is due.
    UnexpectedBody(BodyKind),
    /// More or fewer than one request, answer or status.
    NotExactlyOne {
        /// What there should be one of.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// certReqId is not the one that is due.
    BadCertReqId(CertReqId),
    /// The PKCS #10 request is refused.
    CertificationRequest(pkcs10::Error),
    /// The CRMF request is refused.
    CertReqMsg(crmf::Error),
    /// certHash is not the hash of the certificate that was issued.
    BadCertHash,
    /// The answer grants a certificate without holding one, or the other way round.
    InconsistentAnswer,
    /// What is said to follow a root CA's certificate does not.
    BadRootUpdate(&'static str),
    /// The certificate is for another key than the one requested.
    OtherPublicKey,
    /// The certificate cannot be decoded.
    MalformedCertificate(der::Error),
    /// The other side refused.
    Refused(PkiStatusInfo),
    /// EnvelopedData, or what it has inside, is not in DER.
    MalformedEnvelope(der::Error),
    /// EnvelopedData, or what it has inside, is not as it should be.
    BadEnvelope(&'static str),
    /// It is enciphered for somebody else, or for another kind of key.
    NotTheRecipient,
    /// A public key in EnvelopedData is refused.
    EnvelopeKey(KeyError),
    /// Something cannot be enciphered, or deciphered.
    Envelope(EnvelopeError),
    /// The certificate is for a key that the RA/CA generated, and that was not opened, or is not there.
    PrivateKeyMissing,

    // Ours
    /// Something cannot be encoded.
    Encoding(der::Error),
    /// The source of randomness failed.
    Random(RandomError),
    /// The key did not sign.
    Sign(SignError),
    /// The certificate to sign with is unusable: it has no subject, or cannot be decoded. Or a message that was made for one
    /// credential was to be protected with another.
    BadCredential,
    /// The policy of this authority refuses the request.
    Policy {
        /// The bit that says why.
        fail_info: PkiFailureInfo,
        /// Why, for people.
        reason: &'static str,
    },
    /// The name asked for is not one the sender may have.
    NameNotAllowed(Vec<Name>),
}

impl Error {
    /// The failInfo bit of RFC 9810 section 5.2.3 that tells the sender what is wrong.
    pub fn fail_info(&self) -> PkiFailureInfo {
        match self {
            Self::Malformed(_)
            | Self::Deviation(_)
            | Self::TooDeep
            | Self::EmptyList(_)
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::BadTransactionId
            | Self::BadGeneralInfo(_)
            | Self::MalformedEnvelope(_)
            | Self::BadEnvelope(_)
            | Self::MalformedCertificate(_) => PkiFailureInfo::BAD_DATA_FORMAT,
            Self::UnsupportedVersion(_) => PkiFailureInfo::UNSUPPORTED_VERSION,
            Self::TransactionIdInUse(_) => PkiFailureInfo::TRANSACTION_ID_IN_USE,
            Self::OtherTransaction(_)
            | Self::UnknownTransaction(_)
            | Self::UnexpectedBody(_)
            | Self::NotExactlyOne { .. }
            | Self::BadCertReqId(_)
            | Self::InconsistentAnswer
            | Self::BadRootUpdate(_)
            | Self::Refused(_) => PkiFailureInfo::BAD_REQUEST,
            Self::BadSenderNonce => PkiFailureInfo::BAD_SENDER_NONCE,
            Self::BadRecipientNonce => PkiFailureInfo::BAD_RECIPIENT_NONCE,
            Self::BadTime { .. } => PkiFailureInfo::BAD_TIME,
            Self::Unprotected
            | Self::ProtectionMissing
            | Self::MalformedProtection
            | Self::SignerNotFound
            | Self::Kem(KemError::BadCiphertext)
            | Self::BadProtection(VerifyError::BadSignature | VerifyError::BadMac) => {
                PkiFailureInfo::BAD_MESSAGE_CHECK
            }
            Self::WrongProtection | Self::KemCiphertextMissing => PkiFailureInfo::WRONG_INTEGRITY,
            Self::Kem(KemError::Failed | KemError::Random(_)) => PkiFailureInfo::SYSTEM_FAILURE,
            Self::Kem(_) => PkiFailureInfo::BAD_ALG,
            Self::Algorithm(_) | Self::Mac(_) | Self::SignerKey(_) | Self::BadProtection(_) => {
                PkiFailureInfo::BAD_ALG
            }
            Self::SignerNotTrusted(PathError::Revoked) => PkiFailureInfo::CERT_REVOKED,
            Self::SignerNotTrusted(_) => PkiFailureInfo::SIGNER_NOT_TRUSTED,
            Self::OtherSigner | Self::NotAuthorized(_) | Self::NameNotAllowed(_) => {
                PkiFailureInfo::NOT_AUTHORIZED
            }
            Self::CertificationRequest(error) => certification_request_fail_info(error),
            Self::CertReqMsg(error) => cert_req_msg_fail_info(error),
            Self::BadCertHash => PkiFailureInfo::BAD_CERT_ID,
            Self::OtherPublicKey
            | Self::EnvelopeKey(_)
            | Self::PrivateKeyMissing
            | Self::Envelope(EnvelopeError::BadKey | EnvelopeError::OtherKind(_)) => {
                PkiFailureInfo::BAD_CERT_TEMPLATE
            }
            Self::NotTheRecipient | Self::Envelope(EnvelopeError::Undecipherable) => {
                PkiFailureInfo::BAD_MESSAGE_CHECK
            }
            Self::Envelope(_) => PkiFailureInfo::SYSTEM_FAILURE,
            Self::Encoding(_) | Self::Random(_) | Self::Sign(_) | Self::BadCredential => {
                PkiFailureInfo::SYSTEM_FAILURE
            }
            Self::Policy { fail_info, .. } => *fail_info,
        }
    }

    /// The rejection that tells the sender so.
    pub fn status_info(&self) -> PkiStatusInfo {
        PkiStatusInfo::rejection(self.fail_info(), alloc::format!("{self}"))
    }
}

/// A request that cannot be read or whose key is weak is a matter of the template; the rest is one of possession.
fn certification_request_fail_info(error: &pkcs10::Error) -> PkiFailureInfo {
    use pkcs10::Error;
    match error {
        Error::Malformed(_) => PkiFailureInfo::BAD_DATA_FORMAT,
        Error::TooManyAttributes { .. }
        | Error::TooManyExtensions { .. }
        | Error::DuplicateAttribute(_)
        | Error::NotSingleValued { .. }
        | Error::DuplicateExtension(_)
        | Error::PublicKey(_) => PkiFailureInfo::BAD_CERT_TEMPLATE,
        Error::Algorithm(_) => PkiFailureInfo::BAD_ALG,
        Error::UnusedBits | Error::ProofOfPossession(_) => PkiFailureInfo::BAD_POP,
        _ => PkiFailureInfo::SYSTEM_FAILURE,
    }
}

fn cert_req_msg_fail_info(error: &crmf::Error) -> PkiFailureInfo {
    use crmf::Error;
    match error {
        Error::Malformed(_) | Error::EmptyList(_) => PkiFailureInfo::BAD_DATA_FORMAT,
        Error::MessageCount { .. } | Error::DuplicateControl(_) => PkiFailureInfo::BAD_REQUEST,
        Error::Version
        | Error::UnexpectedField(_)
        | Error::MissingField(_)
        | Error::EmptyValidity
        | Error::TooManyExtensions { .. }
        | Error::DuplicateExtension(_)
        | Error::MissingPublicKey
        | Error::PublicKey(_) => PkiFailureInfo::BAD_CERT_TEMPLATE,
        Error::Algorithm(_) | Error::Mac(_) => PkiFailureInfo::BAD_ALG,
        Error::RaVerified | Error::PoposkInputSender => PkiFailureInfo::NOT_AUTHORIZED,
        Error::MissingPop
        | Error::NotRaVerified
        | Error::UnsupportedPop(_)
        | Error::UnexpectedPop
        | Error::UnexpectedPoposkInput
        | Error::MissingPoposkInput
        | Error::PoposkInputPublicKey
        | Error::PublicKeyMac
        | Error::UnusedBits
        | Error::ProofOfPossession(_) => PkiFailureInfo::BAD_POP,
        _ => PkiFailureInfo::SYSTEM_FAILURE,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not a PKIMessage in DER: {error}"),
            Self::TooDeep => f.write_str("messages are nested deeper than is accepted"),
            Self::Deviation(deviation) => deviation.fmt(f),
            Self::EmptyList(list) => write!(f, "{list} is there but empty"),
            Self::TooLarge { octets, limit } => {
                write!(f, "the message has {octets} octets; {limit} are accepted")
            }
            Self::TooMany { list, count, limit } => {
                write!(f, "{list} holds {count} items; {limit} are accepted")
            }
            Self::UnsupportedVersion(pvno) => write!(f, "pvno is {}; 2 and 3 are supported", pvno.number()),
            Self::BadTransactionId => f.write_str("transactionID is missing, or not of 8 to 64 octets"),
            Self::OtherTransaction(id) => write!(f, "the message belongs to transaction {id}"),
            Self::TransactionIdInUse(id) => write!(f, "transactionID {id} is in use for another request"),
            Self::UnknownTransaction(id) => write!(f, "no transaction {id} is under way"),
            Self::BadSenderNonce => f.write_str("senderNonce is missing, or not of 16 to 64 octets"),
            Self::BadRecipientNonce => {
                f.write_str("recipNonce is not the nonce of the message that is answered")
            }
            Self::BadTime { seconds } => write!(f, "messageTime is {seconds} seconds away from now"),
            Self::BadGeneralInfo(error) => write!(f, "an item of generalInfo is malformed: {error}"),
            Self::Unprotected => f.write_str("the message is not protected"),
            Self::ProtectionMissing => f.write_str("protectionAlg is there, the protection is missing"),
            Self::WrongProtection => f.write_str("the protection is of another kind than is due here"),
            Self::KemCiphertextMissing => f.write_str(
                "the protection is a KEM-based MAC; ask for its ciphertext in this transaction first",
            ),
            Self::Kem(error) => write!(f, "KEM: {error}"),
            Self::MalformedProtection => f.write_str("the protection is not whole octets"),
            Self::Algorithm(error) => write!(f, "protectionAlg: {error}"),
            Self::Mac(error) => write!(f, "protectionAlg: {error}"),
            Self::SignerNotFound => {
                f.write_str("no certificate at hand has the sender's name and the senderKID")
            }
            Self::SignerKey(error) => write!(f, "the signer's certificate: {error}"),
            Self::BadProtection(error) => write!(f, "protection: {error}"),
            Self::SignerNotTrusted(error) => write!(f, "the signer is not trusted: {error}"),
            Self::OtherSigner => {
                f.write_str("the message is protected by somebody else than the transaction's first")
            }
            Self::NotAuthorized(what) => write!(f, "not authorised: {what}"),
            Self::UnexpectedBody(kind) => write!(f, "a message with the body {kind} is not expected here"),
            Self::NotExactlyOne { what, count } => {
                write!(f, "exactly one {what} is expected; there are {count}")
            }
            Self::BadCertReqId(id) => write!(f, "certReqId {id} is not the one expected"),
            Self::CertificationRequest(error) => write!(f, "certification request: {error}"),
            Self::CertReqMsg(error) => write!(f, "certificate request message: {error}"),
            Self::BadCertHash => f.write_str("certHash is not the hash of the certificate that was issued"),
            Self::OtherPublicKey => {
                f.write_str("the certificate is for another public key than the one requested")
            }
            Self::InconsistentAnswer => {
                f.write_str("the answer's status and its certificate contradict each other")
            }
            Self::BadRootUpdate(reason) => write!(f, "the root CA's new certificate is not taken: {reason}"),
            Self::MalformedCertificate(error) => write!(f, "the certificate is malformed: {error}"),
            Self::Refused(status) => write!(f, "the other side refused: {status}"),
            Self::MalformedEnvelope(error) => write!(f, "what is enciphered is malformed: {error}"),
            Self::BadEnvelope(reason) => write!(f, "what is enciphered is refused: {reason}"),
            Self::NotTheRecipient => {
                f.write_str("it is enciphered for somebody else, or for another kind of key")
            }
            Self::EnvelopeKey(error) => write!(f, "a key in what is enciphered is refused: {error}"),
            Self::Envelope(error) => error.fmt(f),
            Self::PrivateKeyMissing => f.write_str(
                "the certificate is for a key that was to be generated, which is not there or was not opened",
            ),
            Self::Encoding(error) => write!(f, "cannot be encoded: {error}"),
            Self::Random(error) => error.fmt(f),
            Self::Sign(error) => error.fmt(f),
            Self::BadCredential => f.write_str("the credential to protect messages with cannot be used"),
            Self::Policy { reason, .. } => f.write_str(reason),
            Self::NameNotAllowed(names) => {
                f.write_str("the name asked for is not one the sender may have:")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
        }
    }
}

impl core::error::Error for Error {}

impl From<RandomError> for Error {
    fn from(error: RandomError) -> Self {
        Self::Random(error)
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}
