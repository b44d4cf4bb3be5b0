//! KEMRecipientInfo: a secret is encapsulated for an ML-KEM key, and the content's key wrapped with what is derived from it (RFC 9629
//! sections 3 and 5, RFC 9936).

use asn1::oids::rfc9629;
use cms::content_info::CmsVersion;
use cms::enveloped_data::{OtherRecipientInfo, RecipientInfo};
use cms::kemri::{CmsOriForKemOtherInfo, KemRecipientInfo};
use crypto::{CryptoProvider, DecapsulationKey, KdfAlgorithm, KemAlgorithm, KemError, KeyWrap, PublicKey};
use der::asn1::OctetString;
use der::{Any, Encode};

use super::{
    RecipientId, SymmetricKey, WRAP, check_recipient, recipient_identifier, symmetric_key, unwrap, wrap,
};
use crate::error::Error;

pub(super) fn seal(
    content_key: &[u8],
    key: &PublicKey,
    id: &RecipientId,
    provider: &CryptoProvider,
) -> Result<(CmsVersion, RecipientInfo), Error> {
    let kem = KemAlgorithm::of(key.kind()).ok_or(Error::Kem(KemError::OtherKind(key.kind())))?;
    let encapsulated = provider.encapsulate(key).map_err(Error::Kem)?;
    let kdf = KdfAlgorithm::HkdfSha256;
    let wrapping_key = wrapping_key(kdf, WRAP, &encapsulated.secret, None, provider)?;
    let info = KemRecipientInfo {
        version: CmsVersion::V0,
        rid: recipient_identifier(id)?.1,
        kem: kem.identifier(),
        kem_ct: OctetString::new(encapsulated.ciphertext).map_err(Error::Encoding)?,
        kdf: kdf.identifier(),
        kek_length: length(WRAP),
        ukm: None,
        wrap: WRAP.identifier(),
        encrypted_key: wrap(&wrapping_key, content_key, provider)?,
    };
    let ori_value = Any::encode_from(&info).map_err(Error::Encoding)?;
    let info = OtherRecipientInfo { ori_type: rfc9629::ORI_KEM, ori_value };
    Ok((CmsVersion::V3, RecipientInfo::Ori(info)))
}

pub(super) fn open(
    info: &OtherRecipientInfo,
    key: &dyn DecapsulationKey,
    key_id: Option<&OctetString>,
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    if info.ori_type != rfc9629::ORI_KEM {
        return Err(Error::NotTheRecipient);
    }
    let info: KemRecipientInfo = info.ori_value.decode_as().map_err(Error::MalformedEnvelope)?;
    check_recipient(&info.rid, key_id)?;
    let kem = KemAlgorithm::from_identifier(&info.kem).map_err(Error::Algorithm)?;
    if kem.key_kind() != key.public_key().kind() {
        return Err(Error::NotTheRecipient);
    }
    let kdf = KdfAlgorithm::from_identifier(&info.kdf).map_err(Error::Algorithm)?;
    let key_wrap = KeyWrap::from_identifier(&info.wrap).map_err(Error::Algorithm)?;
    if info.kek_length != length(key_wrap) {
        return Err(Error::BadEnvelope("kekLength is not the length of the wrap's key"));
    }
    if info.ukm.as_ref().is_some_and(|ukm| ukm.as_bytes().len() > 256) {
        return Err(Error::BadEnvelope("ukm is longer than 256 octets"));
    }
    let secret = key.decapsulate(info.kem_ct.as_bytes()).map_err(Error::Kem)?;
    let wrapping_key = wrapping_key(kdf, key_wrap, &secret, info.ukm, provider)?;
    unwrap(key_wrap, &wrapping_key, info.encrypted_key.as_bytes(), provider)
}

/// kekLength, in octets.
const fn length(wrap: KeyWrap) -> u16 {
    match wrap {
        KeyWrap::Aes128 => 16,
        _ => 32,
    }
}

fn wrapping_key(
    kdf: KdfAlgorithm,
    wrap: KeyWrap,
    secret: &[u8],
    ukm: Option<OctetString>,
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    let info = CmsOriForKemOtherInfo { wrap: wrap.identifier(), kek_length: length(wrap), ukm };
    let info = info.to_der().map_err(Error::Encoding)?;
    let mut key = symmetric_key(wrap.key_size());
    provider.derive(kdf, secret, &info, &mut key).map_err(Error::Kem)?;
    Ok(key)
}
