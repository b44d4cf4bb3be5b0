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
        KeyWrap::Aes192 => 24,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_rustcrypto::MlKemKey;
    use der::Decode;
    use testkit::InsecureCountingRandom;
    use testkit::vectors::own;

    fn example() -> OtherRecipientInfo {
        let ori_value = Any::from_der(&own("rfc9936/kem_recipient_info.der")).unwrap();
        OtherRecipientInfo { ori_type: rfc9629::ORI_KEM, ori_value }
    }

    fn changed(change: impl FnOnce(&mut KemRecipientInfo)) -> OtherRecipientInfo {
        let mut info: KemRecipientInfo = example().ori_value.decode_as().unwrap();
        change(&mut info);
        let ori_value = Any::encode_from(&info).unwrap();
        OtherRecipientInfo { ori_type: rfc9629::ORI_KEM, ori_value }
    }

    /// AES key wrap tells that the derived key is the one the example was made with.
    #[test]
    fn the_example_of_rfc_9936_is_opened_and_nothing_that_was_changed() {
        let provider =
            crypto_rustcrypto::provider(alloc::boxed::Box::new(InsecureCountingRandom::starting_at(1)));
        let seed = core::array::from_fn(|index| u8::try_from(index).unwrap());
        let key = MlKemKey::from_seed(KemAlgorithm::MlKem512, &seed).unwrap();
        let opened = |info: &OtherRecipientInfo| open(info, &key, None, &provider);
        assert_eq!(opened(&example()).unwrap().len(), 16);
        let id = OctetString::new([1; 20]).unwrap();
        assert_eq!(open(&example(), &key, Some(&id), &provider), Err(Error::NotTheRecipient));

        let undecipherable = Err(Error::Envelope(crypto::EnvelopeError::Undecipherable));
        let octets = |length: usize| OctetString::new(alloc::vec![7; length]).unwrap();
        for (what, info, due) in [
            ("ukm", changed(|info| info.ukm = Some(octets(4))), &undecipherable),
            ("ciphertext", changed(|info| info.kem_ct = octets(768)), &undecipherable),
            ("key", changed(|info| info.encrypted_key = octets(24)), &undecipherable),
            ("no key", changed(|info| info.encrypted_key = octets(0)), &undecipherable),
            ("KDF", changed(|info| info.kdf = KdfAlgorithm::HkdfSha512.identifier()), &undecipherable),
            (
                "short ciphertext",
                changed(|info| info.kem_ct = octets(767)),
                &Err(Error::Kem(KemError::BadCiphertext)),
            ),
            (
                "another mechanism",
                changed(|info| info.kem = KemAlgorithm::MlKem768.identifier()),
                &Err(Error::NotTheRecipient),
            ),
        ] {
            assert_eq!(opened(&info), *due, "{what}");
        }
        for info in [
            changed(|info| info.kek_length = 32),
            changed(|info| info.kek_length = 0),
            changed(|info| info.ukm = Some(octets(257))),
        ] {
            assert!(matches!(opened(&info), Err(Error::BadEnvelope(_))));
        }
        let mut other = example();
        other.ori_type = asn1::oids::rfc5652::DATA;
        assert_eq!(opened(&other), Err(Error::NotTheRecipient));
    }
}
