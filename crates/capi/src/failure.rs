//! Why a call failed: a code for the program, and words for people where there is room for them.

use alloc::string::String;

use cmp::Error as CmpError;
use crypto::{AlgorithmError, CertificateFault, EnvelopeError, KemError, KeyError, VerifyError};

#[allow(clippy::wildcard_imports)] // the codes, each with the library's prefix
use crate::status::*;

/// A code, and what is said about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    #[cfg(feature = "text")]
    text: Option<String>,
}

impl Failure {
    /// Without words: the code says all.
    pub(crate) const fn code(code: i32) -> Self {
        Self {
            code,
            #[cfg(feature = "text")]
            text: None,
        }
    }

    #[cfg(feature = "text")]
    pub(crate) fn new(code: i32, error: &impl core::fmt::Display) -> Self {
        Self { code, text: Some(alloc::format!("{error}")) }
    }

    /// Nothing is formatted, so that none of it is linked.
    #[cfg(not(feature = "text"))]
    pub(crate) fn new<E>(code: i32, _: &E) -> Self {
        Self { code }
    }

    /// The words, where there are any.
    pub(crate) fn text(&self) -> Option<String> {
        #[cfg(feature = "text")]
        return self.text.clone();
        #[cfg(not(feature = "text"))]
        None
    }
}

impl From<der::Error> for Failure {
    fn from(error: der::Error) -> Self {
        Self::new(CELLCERT_ERR_MALFORMED, &error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(CELLCERT_ERR_KEY, &error)
    }
}

impl From<AlgorithmError> for Failure {
    fn from(error: AlgorithmError) -> Self {
        Self::new(CELLCERT_ERR_ALGORITHM, &error)
    }
}

impl From<CertificateFault> for Failure {
    fn from(error: CertificateFault) -> Self {
        Self::new(CELLCERT_ERR_CERTIFICATE, &error)
    }
}

impl From<pkcs10::Error> for Failure {
    fn from(error: pkcs10::Error) -> Self {
        Self::new(pkcs10_code(&error), &error)
    }
}

impl From<crmf::Error> for Failure {
    fn from(error: crmf::Error) -> Self {
        Self::new(crmf_code(&error), &error)
    }
}

impl From<CmpError> for Failure {
    fn from(error: CmpError) -> Self {
        Self::new(cmp_code(&error), &error)
    }
}

const fn verify_code(error: &VerifyError, otherwise: i32) -> i32 {
    match error {
        VerifyError::AlgorithmDoesNotFitKey { .. } => CELLCERT_ERR_ALGORITHM,
        _ => otherwise,
    }
}

pub(crate) const fn pkcs10_code(error: &pkcs10::Error) -> i32 {
    use pkcs10::Error;
    match error {
        Error::Malformed(_) => CELLCERT_ERR_MALFORMED,
        Error::TooManyAttributes { .. } | Error::TooManyExtensions { .. } => CELLCERT_ERR_LIMIT,
        Error::PublicKey(_) => CELLCERT_ERR_KEY,
        Error::Algorithm(_) => CELLCERT_ERR_ALGORITHM,
        Error::UnusedBits => CELLCERT_ERR_POP,
        Error::ProofOfPossession(error) => verify_code(error, CELLCERT_ERR_POP),
        Error::Sign(_) => CELLCERT_ERR_SIGN,
        _ => CELLCERT_ERR_REQUEST,
    }
}

const fn crmf_code(error: &crmf::Error) -> i32 {
    use crmf::Error;
    match error {
        Error::Malformed(_) | Error::EmptyList(_) => CELLCERT_ERR_MALFORMED,
        Error::MessageCount { .. } | Error::TooManyExtensions { .. } => CELLCERT_ERR_LIMIT,
        Error::PublicKey(_) => CELLCERT_ERR_KEY,
        Error::Algorithm(_) | Error::Mac(_) => CELLCERT_ERR_ALGORITHM,
        Error::MissingPop
        | Error::RaVerified
        | Error::NotRaVerified
        | Error::UnsupportedPop(_)
        | Error::PoposkInputSender
        | Error::PoposkInputPublicKey
        | Error::PublicKeyMac
        | Error::UnusedBits => CELLCERT_ERR_POP,
        Error::ProofOfPossession(error) => verify_code(error, CELLCERT_ERR_POP),
        Error::Random(_) => CELLCERT_ERR_RANDOM,
        Error::Sign(_) => CELLCERT_ERR_SIGN,
        _ => CELLCERT_ERR_REQUEST,
    }
}

pub(crate) const fn cmp_code(error: &CmpError) -> i32 {
    match error {
        CmpError::Malformed(_)
        | CmpError::Deviation(_)
        | CmpError::EmptyList(_)
        | CmpError::BadGeneralInfo(_)
        | CmpError::BadTransactionId
        | CmpError::BadSenderNonce
        | CmpError::UnsupportedVersion(_) => CELLCERT_ERR_MALFORMED,
        CmpError::TooLarge { .. } | CmpError::TooMany { .. } | CmpError::TooDeep => CELLCERT_ERR_LIMIT,
        CmpError::OtherTransaction(_)
        | CmpError::TransactionIdInUse(_)
        | CmpError::UnknownTransaction(_)
        | CmpError::BadRecipientNonce => CELLCERT_ERR_TRANSACTION,
        CmpError::BadTime { .. } => CELLCERT_ERR_TIME,
        CmpError::Algorithm(_) | CmpError::Mac(_) => CELLCERT_ERR_ALGORITHM,
        CmpError::BadProtection(error) => verify_code(error, CELLCERT_ERR_PROTECTION),
        CmpError::Unprotected
        | CmpError::KemCiphertextMissing
        | CmpError::ProtectionMissing
        | CmpError::WrongProtection
        | CmpError::MalformedProtection => CELLCERT_ERR_PROTECTION,
        CmpError::SignerNotFound
        | CmpError::SignerKey(_)
        | CmpError::SignerNotTrusted(_)
        | CmpError::OtherSigner
        | CmpError::NotAuthorized(_) => CELLCERT_ERR_TRUST,
        CmpError::UnexpectedBody(_)
        | CmpError::NotExactlyOne { .. }
        | CmpError::BadCertReqId(_)
        | CmpError::PrivateKeyMissing
        | CmpError::InconsistentAnswer => CELLCERT_ERR_ANSWER,
        CmpError::CertificationRequest(error) => pkcs10_code(error),
        CmpError::CertReqMsg(error) => crmf_code(error),
        CmpError::MalformedEnvelope(_) | CmpError::BadEnvelope(_) | CmpError::EnvelopeKey(_) => {
            CELLCERT_ERR_MALFORMED
        }
        CmpError::Envelope(EnvelopeError::Unsupported) => CELLCERT_ERR_UNSUPPORTED,
        CmpError::NotTheRecipient | CmpError::Envelope(_) | CmpError::Kem(KemError::Failed) => {
            CELLCERT_ERR_DECIPHER
        }
        CmpError::Kem(KemError::Unsupported) => CELLCERT_ERR_UNSUPPORTED,
        CmpError::Kem(KemError::Random(_)) => CELLCERT_ERR_RANDOM,
        CmpError::Kem(_) => CELLCERT_ERR_KEY,
        CmpError::OtherPublicKey | CmpError::MalformedCertificate(_) | CmpError::BadCertHash => {
            CELLCERT_ERR_CERTIFICATE
        }
        CmpError::Refused(_) => CELLCERT_ERR_REFUSED,
        CmpError::Random(_) => CELLCERT_ERR_RANDOM,
        CmpError::Sign(_) => CELLCERT_ERR_SIGN,
        _ => CELLCERT_ERR_REQUEST,
    }
}
