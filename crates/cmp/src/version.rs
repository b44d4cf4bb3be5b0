//! pvno, RFC 9810 section 7: which version a message speaks.

use asn1::constructed;
use asn1::oids::rfc4211::REG_CTRL_PKI_ARCHIVE_OPTIONS;
use asn1::oids::rfc9810::IT_REV_PASSPHRASE;
use crmf::{
    AttributeTypeAndValue, CertReqMessages, CertReqMsg, PopoPrivKey, ProofOfPossession, SubsequentMessage,
};
use der::{AnyRef, Decode, DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Tag, Tagged, Writer};

use crate::announcement::CaKeyUpdContent;
use crate::body::PkiBody;
use crate::cert_conf::CertStatus;
use crate::cert_rep::{CertOrEncCert, CertRepMessage, CertifiedKeyPair};
use crate::general_info::{GeneralInfo, InfoTypeAndValue};

/// The protocol version a message speaks (RFC 9810 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pvno(u8);

impl Pvno {
    /// cmp2000: everything that needs no syntax of version 3.
    pub const CMP2000: Self = Self(2);
    /// cmp2021: certConf with hashAlg, EnvelopedData.
    pub const CMP2021: Self = Self(3);

    /// The version's number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The version that answers this one: the same, or the nearest that is supported (RFC 9810 section 7).
    pub(crate) fn of_answer(self) -> Self {
        self.clamp(Self::CMP2000, Self::CMP2021)
    }
}

impl FixedTag for Pvno {
    const TAG: Tag = Tag::Integer;
}

impl<'a> DecodeValue<'a> for Pvno {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        u8::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for Pvno {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl PkiBody {
    /// The lowest version that can say this: 3 where EnvelopedData, hashAlg or another syntax of RFC 9480 is used, or where
    /// the answer has to use it; else 2, which everybody understands (RFC 9810 section 7).
    pub fn least_pvno(&self) -> Pvno {
        least(self.needs_cmp2021())
    }

    fn needs_cmp2021(&self) -> bool {
        match self {
            Self::Ir(requests)
            | Self::Cr(requests)
            | Self::Kur(requests)
            | Self::Krr(requests)
            | Self::Ccr(requests) => requests_need(requests),
            Self::Ip(content) | Self::Cp(content) | Self::Kup(content) | Self::Ccp(content) => {
                responses_need(content)
            }
            Self::Krp(content) => content.key_pair_hist.iter().flatten().any(pair_needs),
            Self::Popdecc(challenges) => {
                challenges.iter().any(|challenge| challenge.encrypted_rand.is_some())
            }
            Self::Ckuann(content) => matches!(content, CaKeyUpdContent::V3(_)),
            Self::Genm(info) | Self::Genp(info) => info_needs(info),
            Self::CertConf(statuses) => statuses_need(statuses),
            _ => false,
        }
    }
}

const fn least(needs_cmp2021: bool) -> Pvno {
    if needs_cmp2021 { Pvno::CMP2021 } else { Pvno::CMP2000 }
}

/// The lowest version that can say these.
pub(crate) fn of_requests(requests: &CertReqMessages) -> Pvno {
    least(requests_need(requests))
}

/// The lowest version that can say these.
pub(crate) fn of_statuses(statuses: &[CertStatus]) -> Pvno {
    least(statuses_need(statuses))
}

fn statuses_need(statuses: &[CertStatus]) -> bool {
    statuses.iter().any(|status| status.hash_alg.is_some())
}

fn requests_need(requests: &CertReqMessages) -> bool {
    requests.messages().iter().any(request_needs)
}

fn request_needs(request: &CertReqMsg) -> bool {
    let asks_for_a_key = request.template().asks_for_key_generation();
    let proof = match request.popo() {
        Some(ProofOfPossession::KeyEncipherment(proof) | ProofOfPossession::KeyAgreement(proof)) => {
            matches!(
                proof,
                PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)
                    | PopoPrivKey::AgreeMac(_)
                    | PopoPrivKey::EncryptedKey(_)
            )
        }
        _ => false,
    };
    asks_for_a_key
        || proof
        || request.cert_req().value().controls.iter().flatten().any(archives_enveloped_data)
}

/// Not by way of `Control`, which knows all types. encryptedPrivKey stands under `[0]`, and in it EnvelopedData under `[0]`.
fn archives_enveloped_data(control: &AttributeTypeAndValue) -> bool {
    control.oid == REG_CTRL_PKI_ARCHIVE_OPTIONS
        && under_0(control.value.octets()).is_some_and(|key| under_0(key).is_some())
}

fn under_0(octets: &[u8]) -> Option<&[u8]> {
    AnyRef::from_der(octets).ok().filter(|choice| choice.tag() == constructed(0)).map(AnyRef::value)
}

fn responses_need(content: &CertRepMessage) -> bool {
    content.response.iter().filter_map(|response| response.certified_key_pair.as_ref()).any(pair_needs)
}

fn pair_needs(pair: &CertifiedKeyPair) -> bool {
    // EnvelopedData stands under [0], EncryptedValue under SEQUENCE.
    let enveloped = |key: &asn1::RawDer| key.octets().first() == Some(&0xa0);
    let certificate = match &pair.cert_or_enc_cert {
        CertOrEncCert::Certificate(_) => false,
        CertOrEncCert::EncryptedCert(key) => enveloped(key),
    };
    certificate || pair.private_key.as_ref().is_some_and(enveloped)
}

fn info_needs(info: &GeneralInfo) -> bool {
    let enveloped = |item: &InfoTypeAndValue| {
        item.info_type == IT_REV_PASSPHRASE
            && item.info_value.as_ref().is_some_and(|value| value.tag() == constructed(0))
    };
    info.iter().any(enveloped)
}
