//! PKIHeader, RFC 9810 section 5.1.1.

use alloc::string::String;
use core::fmt;

use crypto::{CryptoProvider, RandomError};
use der::asn1::OctetString;
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::error::Error;
use crate::general_info::{GeneralInfo, cert_profile};
use crate::message_time::MessageTime;
use crate::status::PkiFreeText;
use crate::version::Pvno;

/// The header of every PKIMessage, RFC 9810 section 5.1.1.
///
/// ```text
/// PKIHeader ::= SEQUENCE {
///   pvno              INTEGER { cmp1999(1), cmp2000(2), cmp2021(3) },
///   sender            GeneralName,
///   recipient         GeneralName,
///   messageTime   [0] GeneralizedTime     OPTIONAL,
///   protectionAlg [1] AlgorithmIdentifier OPTIONAL,
///   senderKID     [2] KeyIdentifier       OPTIONAL,
///   recipKID      [3] KeyIdentifier       OPTIONAL,
///   transactionID [4] OCTET STRING        OPTIONAL,
///   senderNonce   [5] OCTET STRING        OPTIONAL,
///   recipNonce    [6] OCTET STRING        OPTIONAL,
///   freeText      [7] PKIFreeText         OPTIONAL,
///   generalInfo   [8] SEQUENCE SIZE (1..MAX) OF InfoTypeAndValue OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct PkiHeader {
    pub pvno: Pvno,
    pub sender: GeneralName,
    pub recipient: GeneralName,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub message_time: Option<MessageTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    pub protection_alg: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    pub sender_kid: Option<OctetString>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub recip_kid: Option<OctetString>,
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT", optional = "true")]
    pub transaction_id: Option<TransactionId>,
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    pub sender_nonce: Option<SenderNonce>,
    #[asn1(context_specific = "6", tag_mode = "EXPLICIT", optional = "true")]
    pub recip_nonce: Option<RecipNonce>,
    #[asn1(context_specific = "7", tag_mode = "EXPLICIT", optional = "true")]
    pub free_text: Option<PkiFreeText>,
    #[asn1(context_specific = "8", tag_mode = "EXPLICIT", optional = "true")]
    pub general_info: Option<GeneralInfo>,
}

impl PkiHeader {
    /// A header with nothing but what the syntax demands, pvno 2.
    pub fn new(sender: GeneralName, recipient: GeneralName) -> Self {
        Self {
            pvno: Pvno::CMP2000,
            sender,
            recipient,
            message_time: None,
            protection_alg: None,
            sender_kid: None,
            recip_kid: None,
            transaction_id: None,
            sender_nonce: None,
            recip_nonce: None,
            free_text: None,
            general_info: None,
        }
    }

    /// The profile that certProfile names (RFC 9483 section 3.1: exactly one); `None` when there is none, or its name is empty.
    ///
    /// # Errors
    /// [`Error::BadGeneralInfo`] when it is malformed, [`Error::NotExactlyOne`] when it names several.
    pub fn cert_profile(&self) -> Result<Option<String>, Error> {
        let mut profiles = cert_profile(self.general_info.as_ref()).map_err(Error::BadGeneralInfo)?;
        if profiles.len() > 1 {
            return Err(Error::NotExactlyOne { what: "certProfile", count: profiles.len() });
        }
        Ok(profiles.pop().filter(|name| !name.is_empty()))
    }

    /// The sender's distinguished name, if it is one.
    pub fn sender_name(&self) -> Option<&Name> {
        match &self.sender {
            GeneralName::DirectoryName(name) => Some(name),
            _ => None,
        }
    }
}

macro_rules! octets_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(OctetString);

        impl $name {
            /// From its octets.
            ///
            /// # Errors
            /// When there are more than DER can count (2^28).
            pub fn new(octets: &[u8]) -> der::Result<Self> {
                OctetString::new(octets).map(Self)
            }

            /// 128 fresh random bits (RFC 9483 section 3.1).
            ///
            /// # Errors
            /// When the source of randomness fails.
            pub fn random(provider: &CryptoProvider) -> Result<Self, RandomError> {
                let octets = provider.random::<16>()?;
                OctetString::new(octets).map(Self).map_err(|_| RandomError::new())
            }

            /// The octets.
            pub fn as_octets(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl FixedTag for $name {
            const TAG: Tag = Tag::OctetString;
        }

        impl<'a> DecodeValue<'a> for $name {
            type Error = der::Error;

            fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
                OctetString::decode_value(reader, header).map(Self)
            }
        }

        impl EncodeValue for $name {
            fn value_len(&self) -> der::Result<Length> {
                self.0.value_len()
            }

            fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
                self.0.encode_value(writer)
            }
        }

        /// Lowercase hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.as_octets().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

octets_newtype! {
    /// transactionID: the same in every message of an operation (RFC 9483 section 3.1).
    TransactionId
}

octets_newtype! {
    /// senderNonce: fresh in every message, echoed by the answer (RFC 9483 section 3.1).
    SenderNonce
}

octets_newtype! {
    /// recipNonce: the senderNonce of the message that is answered (RFC 9483 section 3.1).
    RecipNonce
}

impl From<SenderNonce> for RecipNonce {
    fn from(nonce: SenderNonce) -> Self {
        Self(nonce.0)
    }
}

impl RecipNonce {
    /// Whether this is the echo of that nonce.
    pub fn echoes(&self, nonce: &SenderNonce) -> bool {
        self.0 == nonce.0
    }
}
