//! Finds out what a file holds from the outermost tags, so that what is malformed is still called by its name.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::{AnyRef, Decode, Document, Reader, SliceReader, Tag, Tagged};

/// Why a file cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectError {
    /// The file is larger than is looked into.
    TooLarge {
        /// How large it is.
        octets: usize,
        /// The largest that is looked into.
        limit: usize,
    },
    /// Neither DER, nor PEM, nor base64; the text says where it breaks.
    NotDer(String),
    /// It is something else, which the text names.
    SomethingElse(&'static str),
    /// DER, but not of anything that is known here.
    Unknown,
    /// It looks like one of what is known here, but its syntax breaks.
    Malformed {
        /// What it looks like.
        kind: &'static str,
        /// Where it breaks.
        reason: String,
    },
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { octets, limit } => write!(f, "{octets} octets; at most {limit} are looked into"),
            Self::NotDer(reason) => write!(f, "neither DER nor PEM: {reason}"),
            Self::SomethingElse(what) => write!(f, "this is {what}"),
            Self::Unknown => f.write_str(
                "DER, but neither a CertificationRequest, nor CertReqMessages, nor a PKIMessage; \
                 `openssl asn1parse -inform DER` shows its structure",
            ),
            Self::Malformed { kind, reason } => write!(f, "it looks like a {kind}, but: {reason}"),
        }
    }
}

impl std::error::Error for InspectError {}

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CertReq,
    CertReqMessages,
    CertReqMsg,
    PkiMessage,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::CertReq => "CertificationRequest",
            Self::CertReqMessages => "CertReqMessages",
            Self::CertReqMsg => "CertReqMsg",
            Self::PkiMessage => "PKIMessage",
        }
    }
}

const CERTIFICATE: InspectError = InspectError::SomethingElse(
    "an X.509 certificate; `openssl x509 -noout -text -in FILE` shows it (with -inform DER when it is not PEM)",
);
const CRL: InspectError = InspectError::SomethingElse(
    "a certificate revocation list; `openssl crl -noout -text -in FILE` shows it (with -inform DER when it is not PEM)",
);
const PRIVATE_KEY: InspectError = InspectError::SomethingElse(
    "a private key, which is not shown; keep it in a file that only its owner reads",
);
const PUBLIC_KEY: InspectError =
    InspectError::SomethingElse("a public key; `openssl pkey -pubin -noout -text -in FILE` shows it");
const CMS: InspectError = InspectError::SomethingElse(
    "a CMS (PKCS #7) message, as EST answers with; `openssl pkcs7 -inform DER -print_certs -in FILE` shows its \
     certificates",
);
const PKCS12: InspectError =
    InspectError::SomethingElse("a PKCS #12 file; `openssl pkcs12 -info -in FILE` shows it");
const NESTED: InspectError =
    InspectError::SomethingElse("a list of PKIMessages; each of them can be shown from a file of its own");
const CERT_REQUEST: InspectError = InspectError::SomethingElse(
    "a bare CertRequest (RFC 4211 section 5), the part of a CertReqMsg that is signed; show the CertReqMsg",
);

/// The DER octets inside PEM or base64, or the file itself.
pub(super) fn unwrap(file: &[u8]) -> Result<Vec<u8>, InspectError> {
    if file.is_empty() {
        return Err(InspectError::NotDer("the file is empty".to_owned()));
    }
    if file.first() == Some(&0x30) {
        // 0x30 is also the digit 0; base64 of a SEQUENCE begins with an M.
        return Ok(file.to_vec());
    }
    let Ok(text) = std::str::from_utf8(file) else {
        return Err(InspectError::NotDer("it begins with no SEQUENCE".to_owned()));
    };
    match text.find("-----BEGIN ") {
        Some(start) => unwrap_pem(text.get(start..).unwrap_or(text)),
        None => unwrap_base64(text),
    }
}

fn unwrap_pem(text: &str) -> Result<Vec<u8>, InspectError> {
    let label = text
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.split_once("-----"))
        .map_or("", |(label, _)| label);
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => return Err(CERTIFICATE),
        "X509 CRL" => return Err(CRL),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(PUBLIC_KEY),
        "PKCS7" | "CMS" => return Err(CMS),
        // openssl writes the parameters of a curve before the key.
        "EC PARAMETERS" => return Err(PRIVATE_KEY),
        label if label.ends_with("PRIVATE KEY") => return Err(PRIVATE_KEY),
        _ => {}
    }
    let end = format!("-----END {label}-----");
    let block = text
        .find(&end)
        .and_then(|position| text.get(..position.saturating_add(end.len())))
        .ok_or_else(|| InspectError::NotDer(format!("the PEM block has no line {end:?}")))?;
    Document::from_pem(block)
        .map(|(_, document)| document.as_bytes().to_vec())
        .map_err(|error| InspectError::NotDer(format!("the PEM block {label:?}: {error}")))
}

/// Without a PEM armour, as EST carries it (RFC 7030 section 4.2.1).
fn unwrap_base64(text: &str) -> Result<Vec<u8>, InspectError> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    match BASE64_STANDARD.decode(&text) {
        Ok(octets) if octets.first() == Some(&0x30) => Ok(octets),
        _ => Err(InspectError::NotDer(
            "it begins with no SEQUENCE, and there is no -----BEGIN line".to_owned(),
        )),
    }
}

/// What the tags of the outermost three levels say.
pub(super) fn kind(octets: &[u8]) -> Result<Kind, InspectError> {
    use Shape::{BitString, Context, Integer, ObjectIdentifier, OctetString, Sequence, Time};
    let outermost =
        AnyRef::from_der(octets).map_err(|error| InspectError::NotDer(length_fault(octets, &error)))?;
    let children = children(Some(&outermost));
    let grandchildren = self::children(children.first());
    let first_of_first = shape(&self::children(grandchildren.first()));
    match (shape(&children).as_slice(), shape(&grandchildren).as_slice()) {
        // SIGNED { ... }
        (
            [Sequence, Sequence, BitString],
            [Integer, Sequence, Sequence] | [Integer, Sequence, Sequence, Context],
        ) => Ok(Kind::CertReq),
        (
            [Sequence, Sequence, BitString],
            [Sequence, Sequence, Time, ..] | [Integer, Sequence, Sequence, Time, ..],
        ) => Err(CRL),
        ([Sequence, Sequence, BitString], [Context | Integer, ..]) => Err(CERTIFICATE),

        // PKIHeader begins with pvno and sender, CertRequest with certReqId and certTemplate.
        ([Sequence, Context, ..], [Integer, Context, ..]) => Ok(Kind::PkiMessage),
        ([Sequence] | [Sequence, Context | Sequence, ..], [Integer, Sequence, ..]) => Ok(Kind::CertReqMsg),
        ([Sequence, ..], [Sequence, ..]) => match first_of_first.as_slice() {
            [Integer, Context, ..] => Err(NESTED),
            [Integer, Sequence, ..] => Ok(Kind::CertReqMessages),
            _ => Err(InspectError::Unknown),
        },

        ([Sequence, BitString], [ObjectIdentifier, ..]) => Err(PUBLIC_KEY),
        ([ObjectIdentifier, Context], _) => Err(CMS),
        (
            [Integer, Sequence, OctetString, ..]
            | [Integer, OctetString, ..]
            | [Integer, Integer, Integer, ..],
            _,
        )
        | ([Sequence, OctetString], [ObjectIdentifier, ..]) => Err(PRIVATE_KEY),
        ([Integer, Sequence, ..], _) => match shape(&self::children(children.get(1))).as_slice() {
            [ObjectIdentifier, Context, ..] => Err(PKCS12),
            _ => Err(CERT_REQUEST),
        },
        _ => Err(InspectError::Unknown),
    }
}

/// The first elements of a constructed value, as far as they can be told apart.
fn children<'a>(value: Option<&AnyRef<'a>>) -> Vec<AnyRef<'a>> {
    const ENOUGH: usize = 5;
    let Some(mut reader) = value.and_then(|value| SliceReader::new(value.value()).ok()) else {
        return Vec::new();
    };
    let mut children = Vec::new();
    while children.len() < ENOUGH && !reader.is_finished() {
        match AnyRef::decode(&mut reader) {
            Ok(child) => children.push(child),
            Err(_) => break,
        }
    }
    children
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Sequence,
    Integer,
    BitString,
    OctetString,
    ObjectIdentifier,
    Time,
    Context,
    Other,
}

fn shape(values: &[AnyRef<'_>]) -> Vec<Shape> {
    let shape = |value: &AnyRef<'_>| match value.tag() {
        Tag::Sequence => Shape::Sequence,
        Tag::Integer => Shape::Integer,
        Tag::BitString => Shape::BitString,
        Tag::OctetString => Shape::OctetString,
        Tag::ObjectIdentifier => Shape::ObjectIdentifier,
        Tag::UtcTime | Tag::GeneralizedTime => Shape::Time,
        Tag::ContextSpecific { .. } => Shape::Context,
        _ => Shape::Other,
    };
    values.iter().map(shape).collect()
}

/// What is wrong with the outermost tag and length.
fn length_fault(octets: &[u8], error: &der::Error) -> String {
    match octets {
        [0x30, 0x80, ..] => "its length is indefinite, which BER allows and DER does not".to_owned(),
        [0x30, ..] => format!("its length and the {} octets there are do not agree: {error}", octets.len()),
        _ => format!("it does not begin with a SEQUENCE: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_der_is_told_apart() {
        for (octets, reason) in [
            (&b""[..], "empty"),
            (b"hello", "no -----BEGIN line"),
            (b"\xff\xfe", "begins with no SEQUENCE"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=", "no line"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\n!!\n-----END CERTIFICATE REQUEST-----", "PEM block"),
        ] {
            let error = unwrap(octets).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        for (octets, reason) in [
            (&[0x30, 0x80, 0, 0][..], "indefinite"),
            (&[0x30, 5, 1], "do not agree"),
            (&[0x30, 0, 0], "do not agree"),
        ] {
            let error = kind(octets).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn der_of_nothing_known_is_unknown() {
        assert_eq!(kind(&[0x30, 0x00]), Err(InspectError::Unknown));
        assert_eq!(kind(&[0x30, 0x02, 0x05, 0x00]), Err(InspectError::Unknown));
    }

    #[test]
    fn base64_without_armour_is_unwrapped() {
        assert_eq!(unwrap(b"MAA=\n").unwrap(), [0x30, 0x00]);
        assert_eq!(unwrap(b"MA\r\nA=").unwrap(), [0x30, 0x00]);
    }

    #[test]
    fn keys_are_named_but_not_shown() {
        assert_eq!(unwrap(b"-----BEGIN EC PRIVATE KEY-----\nx"), Err(PRIVATE_KEY));
        assert_eq!(unwrap(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nx"), Err(PRIVATE_KEY));
    }
}
