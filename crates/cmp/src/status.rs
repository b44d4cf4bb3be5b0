//! PKIStatusInfo, RFC 9810 section 5.2.3.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::BitOr;

use der::asn1::{BitString, BitStringRef};
use der::{DecodeValue, EncodeValue, Enumerated, FixedTag, Header, Length, Reader, Sequence, Tag, Writer};

/// Text for people, RFC 9810 section 5.1.1: `SEQUENCE SIZE (1..MAX) OF UTF8String`.
pub type PkiFreeText = Vec<String>;

/// PKIStatus, RFC 9810 section 5.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
#[non_exhaustive]
pub enum PkiStatus {
    /// You got exactly what you asked for.
    Accepted = 0,
    /// You got something like what you asked for; compare it.
    GrantedWithMods = 1,
    /// You do not get it; failInfo and statusString say why.
    Rejection = 2,
    /// The request is being worked on; poll for it.
    Waiting = 3,
    /// A revocation is imminent.
    RevocationWarning = 4,
    /// A revocation has happened.
    RevocationNotification = 5,
    /// The update was already done for the given oldCertId.
    KeyUpdateWarning = 6,
}

impl fmt::Display for PkiStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::GrantedWithMods => "grantedWithMods",
            Self::Rejection => "rejection",
            Self::Waiting => "waiting",
            Self::RevocationWarning => "revocationWarning",
            Self::RevocationNotification => "revocationNotification",
            Self::KeyUpdateWarning => "keyUpdateWarning",
        })
    }
}

/// Status, reason and failure bits, RFC 9810 section 5.2.3.
///
/// ```text
/// PKIStatusInfo ::= SEQUENCE {
///   status        PKIStatus,
///   statusString  PKIFreeText    OPTIONAL,
///   failInfo      PKIFailureInfo OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
#[non_exhaustive]
#[allow(missing_docs)] // the ASN.1 above names the fields
pub struct PkiStatusInfo {
    pub status: PkiStatus,
    pub status_string: Option<PkiFreeText>,
    pub fail_info: Option<PkiFailureInfo>,
}

impl PkiStatusInfo {
    /// A status and no more.
    pub const fn new(status: PkiStatus) -> Self {
        Self { status, status_string: None, fail_info: None }
    }

    /// A rejection with its reason, for programs and for people.
    pub fn rejection(fail_info: PkiFailureInfo, text: String) -> Self {
        Self {
            status: PkiStatus::Rejection,
            status_string: Some(Vec::from([text])),
            fail_info: Some(fail_info),
        }
    }
}

/// `rejection (badPOP): the signature does not verify`
impl fmt::Display for PkiStatusInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(fail_info) = self.fail_info {
            write!(f, " ({fail_info})")?;
        }
        for text in self.status_string.iter().flatten() {
            // Text from outside goes to logs and terminals: no control characters.
            f.write_str(": ")?;
            text.chars().filter(|c| !c.is_control()).try_for_each(|c| write!(f, "{c}"))?;
        }
        Ok(())
    }
}

/// Why something failed, RFC 9810 section 5.2.3: a set of named bits.
#[derive(Clone, Copy)]
pub struct PkiFailureInfo {
    bits: u32,
    /// How many bits were received. Some senders leave the trailing zeros in; they are sent on as they came.
    received: u8,
}

macro_rules! failure_bits {
    ($($(#[$doc:meta])* $constant:ident = $bit:literal, $name:literal;)*) => {
        impl PkiFailureInfo {
            $($(#[$doc])* pub const $constant: Self = Self { bits: 1 << $bit, received: 0 };)*

            /// Every bit there is, by itself.
            pub const ALL: &[Self] = &[$(Self::$constant),*];

            const NAMES: &[(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

failure_bits! {
    /// Unrecognized or unsupported algorithm identifier.
    BAD_ALG = 0, "badAlg";
    /// The integrity check failed.
    BAD_MESSAGE_CHECK = 1, "badMessageCheck";
    /// The transaction is not permitted or supported.
    BAD_REQUEST = 2, "badRequest";
    /// messageTime is not close enough to the receiver's time.
    BAD_TIME = 3, "badTime";
    /// No certificate matches the criteria given.
    BAD_CERT_ID = 4, "badCertId";
    /// The data has the wrong format.
    BAD_DATA_FORMAT = 5, "badDataFormat";
    /// The authority named is not the one that answers.
    WRONG_AUTHORITY = 6, "wrongAuthority";
    /// The requester's data is incorrect (notary services).
    INCORRECT_DATA = 7, "incorrectData";
    /// The time stamp is missing.
    MISSING_TIME_STAMP = 8, "missingTimeStamp";
    /// The proof of possession failed.
    BAD_POP = 9, "badPOP";
    /// The certificate has already been revoked.
    CERT_REVOKED = 10, "certRevoked";
    /// The certificate has already been confirmed.
    CERT_CONFIRMED = 11, "certConfirmed";
    /// The kind of integrity protection is not the expected one.
    WRONG_INTEGRITY = 12, "wrongIntegrity";
    /// recipNonce is missing or wrong.
    BAD_RECIPIENT_NONCE = 13, "badRecipientNonce";
    /// The time source is not available.
    TIME_NOT_AVAILABLE = 14, "timeNotAvailable";
    /// The policy is not supported.
    UNACCEPTED_POLICY = 15, "unacceptedPolicy";
    /// The extension is not supported.
    UNACCEPTED_EXTENSION = 16, "unacceptedExtension";
    /// The information asked for is not available.
    ADD_INFO_NOT_AVAILABLE = 17, "addInfoNotAvailable";
    /// senderNonce is missing or too short.
    BAD_SENDER_NONCE = 18, "badSenderNonce";
    /// The certificate template is invalid or lacks something.
    BAD_CERT_TEMPLATE = 19, "badCertTemplate";
    /// The signer of the message is unknown or not trusted.
    SIGNER_NOT_TRUSTED = 20, "signerNotTrusted";
    /// The transactionID is already in use.
    TRANSACTION_ID_IN_USE = 21, "transactionIdInUse";
    /// The protocol version is not supported.
    UNSUPPORTED_VERSION = 22, "unsupportedVersion";
    /// The sender was not authorised to make this request.
    NOT_AUTHORIZED = 23, "notAuthorized";
    /// The request cannot be handled now.
    SYSTEM_UNAVAIL = 24, "systemUnavail";
    /// The request cannot be handled: the system has failed.
    SYSTEM_FAILURE = 25, "systemFailure";
    /// The certificate cannot be issued because it exists already.
    DUPLICATE_CERT_REQ = 26, "duplicateCertReq";
}

impl PkiFailureInfo {
    /// Whether all bits of `other` are set here.
    pub const fn contains(self, other: Self) -> bool {
        self.bits & other.bits == other.bits
    }

    /// The RFC's names of the bits that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.contains(*bit)).map(|(_, name)| *name)
    }

    /// As a named bit list: bit 0 is the first octet's highest bit, trailing zero bits are dropped (X.690 11.2.2).
    fn to_bits(self) -> der::Result<BitString> {
        let used = (u32::BITS - self.bits.leading_zeros()).max(u32::from(self.received));
        let octets = self.bits.reverse_bits().to_be_bytes();
        let octets = octets.get(..usize::try_from(used.div_ceil(8))?).unwrap_or(&octets);
        let unused = used.next_multiple_of(8) - used;
        BitString::new(u8::try_from(unused)?, octets)
    }
}

impl PartialEq for PkiFailureInfo {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl Eq for PkiFailureInfo {}

impl BitOr for PkiFailureInfo {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, received: 0 }
    }
}

/// The names of the set bits, with commas between them.
impl fmt::Display for PkiFailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names().enumerate().try_for_each(|(n, name)| {
            f.write_str(if n == 0 { "" } else { ", " })?;
            f.write_str(name)
        })
    }
}

impl fmt::Debug for PkiFailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PkiFailureInfo({self})")
    }
}

impl FixedTag for PkiFailureInfo {
    const TAG: Tag = Tag::BitString;
}

impl<'a> DecodeValue<'a> for PkiFailureInfo {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let bits = BitStringRef::decode_value(reader, header)?;
        // DER wants the unused bits of the last octet zero (X.690 11.2.1); set, they would be failures nobody told.
        let unused = bits.raw_bytes().last().map_or(0, |last| last & !(u8::MAX << bits.unused_bits()));
        if unused != 0 {
            return Err(reader.error(Tag::BitString.value_error()));
        }
        // Bits beyond the 27 that are defined today are dropped.
        let mut octets = [0; 4];
        for (to, from) in octets.iter_mut().zip(bits.raw_bytes()) {
            *to = *from;
        }
        let received = u8::try_from(bits.bit_len().min(32)).unwrap_or(32);
        Ok(Self { bits: u32::from_be_bytes(octets).reverse_bits(), received })
    }
}

impl EncodeValue for PkiFailureInfo {
    fn value_len(&self) -> der::Result<Length> {
        self.to_bits()?.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.to_bits()?.encode_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use der::{Decode, Encode};

    #[test]
    fn bad_cert_template_alone_has_the_octets_the_rfc_wants() {
        let octets = [0x03, 0x04, 0x04, 0x00, 0x00, 0x10];
        assert_eq!(PkiFailureInfo::BAD_CERT_TEMPLATE.to_der().unwrap(), octets);
        assert_eq!(PkiFailureInfo::from_der(&octets).unwrap(), PkiFailureInfo::BAD_CERT_TEMPLATE);
    }

    #[test]
    fn every_bit_survives() {
        for (bit, name) in PkiFailureInfo::NAMES {
            let again = PkiFailureInfo::from_der(&bit.to_der().unwrap()).unwrap();
            assert_eq!(again, *bit);
            assert_eq!(again.to_string(), *name);
        }
        assert_eq!(PkiFailureInfo::NAMES.len(), 27);
    }

    #[test]
    fn an_empty_set_is_an_empty_bit_string() {
        let empty = PkiFailureInfo { bits: 0, received: 0 };
        assert_eq!(empty.to_der().unwrap(), [0x03, 0x01, 0x00]);
    }

    #[test]
    fn trailing_zeros_that_came_are_sent_on() {
        let octets = [0x03, 0x05, 0x00, 0x40, 0x00, 0x00, 0x00];
        let info = PkiFailureInfo::from_der(&octets).unwrap();
        assert_eq!(info, PkiFailureInfo::BAD_MESSAGE_CHECK);
        assert_eq!(info.to_der().unwrap(), octets);
    }

    #[test]
    fn unused_bits_are_no_failures() {
        assert!(PkiFailureInfo::from_der(&[0x03, 0x04, 0x04, 0x00, 0x00, 0x11]).is_err());
        assert!(PkiFailureInfo::from_der(&[0x03, 0x02, 0x07, 0xff]).is_err());
        assert!(PkiFailureInfo::from_der(&[0x03, 0x02, 0x00, 0xff]).is_ok());
    }

    #[test]
    fn text_from_outside_cannot_drive_a_terminal() {
        let status = PkiStatusInfo::rejection(PkiFailureInfo::BAD_POP, "\u{1b}[2Jno".into());
        assert_eq!(status.to_string(), "rejection (badPOP): [2Jno");
    }
}
