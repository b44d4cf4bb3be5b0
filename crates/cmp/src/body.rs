//! PKIBody, RFC 9810 section 5.1.2.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use asn1::{EncodedCertificate, RawDer, compose};
use crmf::CertReqMessages;
use der::asn1::Null;
use der::{Decode, Encode, Header, Length, Reader, SliceReader, Tag, TagNumber, Writer};
use pkcs10::CertReq;

use crate::announcement::{CaKeyUpdContent, CrlAnnContent, RevAnnContent};
use crate::cert_conf::CertConfirmContent;
use crate::cert_rep::CertRepMessage;
use crate::error::Error;
use crate::error_msg::ErrorMsgContent;
use crate::key_recovery::KeyRecRepContent;
use crate::nested::NestedMessageContent;
use crate::poll::{PollRepContent, PollReqContent};
use crate::pop_challenge::{PopoDecKeyChallContent, PopoDecKeyRespContent};
use crate::revocation::{RevRepContent, RevReqContent};
use crate::support::{GenMsgContent, GenRepContent};
use crate::version::Pvno;

macro_rules! body_kinds {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Which of the 27 bodies a message has, RFC 9810 section 5.1.2.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum BodyKind {
            $($(#[$doc])* $variant,)*
        }

        impl BodyKind {
            const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number of its tag.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// Whether a requester sends it: what is asked for, and what follows from that.
            pub const fn is_request(self) -> bool {
                matches!(
                    self,
                    Self::Ir
                        | Self::Cr
                        | Self::P10cr
                        | Self::Popdecr
                        | Self::Kur
                        | Self::Krr
                        | Self::Rr
                        | Self::Ccr
                        | Self::Genm
                        | Self::CertConf
                        | Self::PollReq
                )
            }

            /// The RFC's name of the body.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

body_kinds! {
    /// Initialization request
    Ir = 0, "ir";
    /// Initialization response
    Ip = 1, "ip";
    /// Certification request
    Cr = 2, "cr";
    /// Certification response
    Cp = 3, "cp";
    /// PKCS #10 certification request
    P10cr = 4, "p10cr";
    /// Proof-of-possession challenge
    Popdecc = 5, "popdecc";
    /// Proof-of-possession response
    Popdecr = 6, "popdecr";
    /// Key update request
    Kur = 7, "kur";
    /// Key update response
    Kup = 8, "kup";
    /// Key recovery request
    Krr = 9, "krr";
    /// Key recovery response
    Krp = 10, "krp";
    /// Revocation request
    Rr = 11, "rr";
    /// Revocation response
    Rp = 12, "rp";
    /// Cross-certification request
    Ccr = 13, "ccr";
    /// Cross-certification response
    Ccp = 14, "ccp";
    /// CA key update announcement
    Ckuann = 15, "ckuann";
    /// Certificate announcement
    Cann = 16, "cann";
    /// Revocation announcement
    Rann = 17, "rann";
    /// CRL announcement
    Crlann = 18, "crlann";
    /// Confirmation
    PkiConf = 19, "pkiconf";
    /// Nested messages
    Nested = 20, "nested";
    /// General message
    Genm = 21, "genm";
    /// General response
    Genp = 22, "genp";
    /// Error message
    Error = 23, "error";
    /// Certificate confirmation
    CertConf = 24, "certConf";
    /// Polling request
    PollReq = 25, "pollReq";
    /// Polling response
    PollRep = 26, "pollRep";
}

impl BodyKind {
    const fn tag(self) -> Tag {
        Tag::ContextSpecific { constructed: true, number: TagNumber(self.number()) }
    }
}

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a message says, RFC 9810 section 5.1.2: a CHOICE of 27, each under its own explicit context tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs)] // named as the RFC names them
pub enum PkiBody {
    Ir(CertReqMessages),
    Ip(CertRepMessage),
    Cr(CertReqMessages),
    Cp(CertRepMessage),
    P10cr(Box<CertReq>),
    Popdecc(PopoDecKeyChallContent),
    Popdecr(PopoDecKeyRespContent),
    Kur(CertReqMessages),
    Kup(CertRepMessage),
    Krr(CertReqMessages),
    Krp(Box<KeyRecRepContent>),
    Rr(RevReqContent),
    Rp(RevRepContent),
    Ccr(CertReqMessages),
    Ccp(CertRepMessage),
    Ckuann(CaKeyUpdContent),
    Cann(EncodedCertificate),
    Rann(Box<RevAnnContent>),
    Crlann(CrlAnnContent),
    PkiConf,
    /// The messages inside stay closed: no input decides how deep a decoder recurses.
    Nested(NestedMessageContent),
    Genm(GenMsgContent),
    Genp(GenRepContent),
    Error(ErrorMsgContent),
    CertConf(CertConfirmContent),
    PollReq(PollReqContent),
    PollRep(PollRepContent),
    /// Without the feature `all-bodies`: one that no end entity is sent.
    Closed(BodyKind, RawDer),
}

/// A body in DER, to be sent.
#[derive(Debug)]
pub(crate) struct EncodedBody {
    pub(crate) octets: Vec<u8>,
    /// The lowest version that can say it.
    pub(crate) least_pvno: Pvno,
}

impl EncodedBody {
    /// From the DER of what stands in it. End entities make their bodies so: a [`PkiBody`] that is encoded would have firmware link all
    /// 27.
    pub(crate) fn new(kind: BodyKind, content: &[u8], least_pvno: Pvno) -> Result<Self, Error> {
        let octets = compose(kind.tag(), &[content]).map_err(Error::Encoding)?;
        Ok(Self { octets, least_pvno })
    }
}

impl PkiBody {
    pub(crate) fn encoded(&self) -> Result<EncodedBody, Error> {
        let content = self.content().map_err(Error::Encoding)?;
        EncodedBody::new(self.kind(), &content, self.least_pvno())
    }

    /// Which body it is.
    pub const fn kind(&self) -> BodyKind {
        match self {
            Self::Ir(_) => BodyKind::Ir,
            Self::Ip(_) => BodyKind::Ip,
            Self::Cr(_) => BodyKind::Cr,
            Self::Cp(_) => BodyKind::Cp,
            Self::P10cr(_) => BodyKind::P10cr,
            Self::Popdecc(_) => BodyKind::Popdecc,
            Self::Popdecr(_) => BodyKind::Popdecr,
            Self::Kur(_) => BodyKind::Kur,
            Self::Kup(_) => BodyKind::Kup,
            Self::Krr(_) => BodyKind::Krr,
            Self::Krp(_) => BodyKind::Krp,
            Self::Rr(_) => BodyKind::Rr,
            Self::Rp(_) => BodyKind::Rp,
            Self::Ccr(_) => BodyKind::Ccr,
            Self::Ccp(_) => BodyKind::Ccp,
            Self::Ckuann(_) => BodyKind::Ckuann,
            Self::Cann(_) => BodyKind::Cann,
            Self::Rann(_) => BodyKind::Rann,
            Self::Crlann(_) => BodyKind::Crlann,
            Self::PkiConf => BodyKind::PkiConf,
            Self::Nested(_) => BodyKind::Nested,
            Self::Genm(_) => BodyKind::Genm,
            Self::Genp(_) => BodyKind::Genp,
            Self::Error(_) => BodyKind::Error,
            Self::CertConf(_) => BodyKind::CertConf,
            Self::PollReq(_) => BodyKind::PollReq,
            Self::PollRep(_) => BodyKind::PollRep,
            Self::Closed(kind, _) => *kind,
        }
    }

    fn content(&self) -> der::Result<Vec<u8>> {
        match self {
            Self::Ir(content)
            | Self::Cr(content)
            | Self::Kur(content)
            | Self::Krr(content)
            | Self::Ccr(content) => content.to_der(),
            Self::P10cr(content) => content.to_der(),
            Self::Rr(content) => content.to_der(),
            Self::Cann(content) => Ok(content.octets().to_vec()),
            Self::PkiConf => Null.to_der(),
            Self::Genm(content) | Self::Genp(content) => content.to_der(),
            Self::Error(content) => content.to_der(),
            Self::CertConf(content) => content.to_der(),
            Self::PollReq(content) => content.to_der(),
            Self::Closed(_, content) => Ok(content.octets().to_vec()),
            other => other.content_not_of_end_entities(),
        }
    }

    #[cfg(feature = "all-bodies")]
    fn content_not_of_end_entities(&self) -> der::Result<Vec<u8>> {
        match self {
            Self::Ip(content) | Self::Cp(content) | Self::Kup(content) | Self::Ccp(content) => {
                content.to_der()
            }
            Self::Popdecc(content) => content.to_der(),
            Self::Popdecr(content) => content.to_der(),
            Self::Krp(content) => content.to_der(),
            Self::Rp(content) => content.to_der(),
            Self::Ckuann(content) => content.to_der(),
            Self::Rann(content) => content.to_der(),
            Self::Crlann(content) => content.to_der(),
            Self::Nested(content) => content.to_der(),
            Self::PollRep(content) => content.to_der(),
            _ => Err(self.tag().value_error().into()),
        }
    }

    #[cfg(not(feature = "all-bodies"))]
    fn content_not_of_end_entities(&self) -> der::Result<Vec<u8>> {
        Err(self.tag().value_error().into())
    }

    fn tag(&self) -> Tag {
        self.kind().tag()
    }
}

impl<'a> Decode<'a> for PkiBody {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let mut content = SliceReader::new(reader.tlv_bytes()?)?;
        let tag = Header::decode(&mut content)?.tag();
        let kind = match tag {
            Tag::ContextSpecific { constructed: true, number } => BodyKind::from_number(number.value()),
            _ => None,
        }
        .ok_or_else(|| tag.value_error())?;
        let content = &mut content;
        let body = match kind {
            BodyKind::Ip => Self::Ip(Decode::decode(content)?),
            BodyKind::Cp => Self::Cp(Decode::decode(content)?),
            BodyKind::Kup => Self::Kup(Decode::decode(content)?),
            BodyKind::Rp => Self::Rp(Decode::decode(content)?),
            BodyKind::PkiConf => {
                Null::decode(content)?;
                Self::PkiConf
            }
            BodyKind::Genp => Self::Genp(Decode::decode(content)?),
            BodyKind::Error => Self::Error(Decode::decode(content)?),
            BodyKind::PollRep => Self::PollRep(Decode::decode(content)?),
            other => Self::decode_not_for_end_entities(other, content)?,
        };
        if content.is_finished() { Ok(body) } else { Err(tag.length_error().into()) }
    }
}

impl PkiBody {
    #[cfg(feature = "all-bodies")]
    fn decode_not_for_end_entities(kind: BodyKind, content: &mut SliceReader<'_>) -> der::Result<Self> {
        Ok(match kind {
            BodyKind::Ir => Self::Ir(Decode::decode(content)?),
            BodyKind::Cr => Self::Cr(Decode::decode(content)?),
            BodyKind::P10cr => Self::P10cr(Box::new(Decode::decode(content)?)),
            BodyKind::Popdecc => Self::Popdecc(Decode::decode(content)?),
            BodyKind::Popdecr => Self::Popdecr(Decode::decode(content)?),
            BodyKind::Kur => Self::Kur(Decode::decode(content)?),
            BodyKind::Krr => Self::Krr(Decode::decode(content)?),
            BodyKind::Krp => Self::Krp(Box::new(Decode::decode(content)?)),
            BodyKind::Rr => Self::Rr(Decode::decode(content)?),
            BodyKind::Ccr => Self::Ccr(Decode::decode(content)?),
            BodyKind::Ccp => Self::Ccp(Decode::decode(content)?),
            BodyKind::Ckuann => Self::Ckuann(Decode::decode(content)?),
            BodyKind::Cann => Self::Cann(Decode::decode(content)?),
            BodyKind::Rann => Self::Rann(Box::new(Decode::decode(content)?)),
            BodyKind::Crlann => Self::Crlann(Decode::decode(content)?),
            BodyKind::Nested => Self::Nested(Decode::decode(content)?),
            BodyKind::Genm => Self::Genm(Decode::decode(content)?),
            BodyKind::CertConf => Self::CertConf(Decode::decode(content)?),
            BodyKind::PollReq => Self::PollReq(Decode::decode(content)?),
            other => Self::Closed(other, RawDer::decode(content)?),
        })
    }

    #[cfg(not(feature = "all-bodies"))]
    fn decode_not_for_end_entities(kind: BodyKind, content: &mut SliceReader<'_>) -> der::Result<Self> {
        Ok(Self::Closed(kind, RawDer::decode(content)?))
    }
}

impl Encode for PkiBody {
    fn encoded_len(&self) -> der::Result<Length> {
        let content = Length::try_from(self.content()?.len())?;
        Header::new(self.tag(), content).encoded_len()? + content
    }

    fn encode(&self, writer: &mut impl Writer) -> der::Result<()> {
        let content = self.content()?;
        Header::new(self.tag(), Length::try_from(content.len())?).encode(writer)?;
        writer.write(&content)
    }
}
