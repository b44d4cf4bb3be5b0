//! KeyAgreeRecipientInfo: a key on a curve agrees with an ephemeral one on what the content's key is wrapped with (RFC 9483 section
//! 4.1.6.2, RFC 5753 section 3.1.1).

use alloc::vec::Vec;

use cms::content_info::CmsVersion;
use cms::enveloped_data::{
    KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, OriginatorIdentifierOrKey, OriginatorPublicKey,
    RecipientEncryptedKey, RecipientInfo, RecipientKeyIdentifier,
};
use crypto::{CryptoProvider, DigestAlgorithm, KeyAgreement, KeyAgreementKey, KeyKind, PublicKey};
use der::asn1::{BitString, OctetString};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::{RecipientId, SymmetricKey, WRAP, request, symmetric_key, unwrap, wrap};
use crate::error::Error;

/// Octets of the longest ukm that is taken.
const MAX_UKM: usize = 256;

pub(super) fn seal(
    content_key: &[u8],
    key: &PublicKey,
    id: &RecipientId,
    provider: &CryptoProvider,
) -> Result<(CmsVersion, RecipientInfo), Error> {
    let digest = match key.kind() {
        KeyKind::P384 => DigestAlgorithm::Sha384,
        KeyKind::P521 => DigestAlgorithm::Sha512,
        _ => DigestAlgorithm::Sha256,
    };
    let agreement = KeyAgreement::new(digest, WRAP);
    let agreed = provider.agree(key).map_err(Error::Envelope)?;
    let ukm = provider.random::<16>()?;
    let wrapping_key = wrapping_key(agreement, &agreed.secret, Some(&ukm), provider)?;
    let rid = match id {
        RecipientId::KeyId(id) => KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
            subject_key_identifier: SubjectKeyIdentifier(id.clone()),
            date: None,
            other: None,
        }),
        RecipientId::Request(id) => KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(request(*id)?),
    };
    let info = KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
            algorithm: agreed.ephemeral.kind().identifier(),
            public_key: BitString::from_bytes(agreed.ephemeral.key_octets()).map_err(Error::Encoding)?,
        }),
        ukm: Some(OctetString::new(ukm).map_err(Error::Encoding)?),
        key_enc_alg: agreement.identifier().map_err(Error::Encoding)?,
        recipient_enc_keys: Vec::from([RecipientEncryptedKey {
            rid,
            enc_key: wrap(&wrapping_key, content_key, provider)?,
        }]),
    };
    Ok((CmsVersion::V2, RecipientInfo::Kari(info)))
}

pub(super) fn open(
    info: &KeyAgreeRecipientInfo,
    key: &dyn KeyAgreementKey,
    key_id: Option<&OctetString>,
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    let [recipient] = info.recipient_enc_keys.as_slice() else {
        let count = info.recipient_enc_keys.len();
        return Err(Error::NotExactlyOne { what: "RecipientEncryptedKey", count });
    };
    let named = match &recipient.rid {
        KeyAgreeRecipientIdentifier::RKeyId(id) => Some(&id.subject_key_identifier.0),
        KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(_) => None,
    };
    if key_id.is_some() && key_id != named {
        return Err(Error::NotTheRecipient);
    }
    let agreement = KeyAgreement::from_identifier(&info.key_enc_alg).map_err(Error::Algorithm)?;
    // Parameters of the ephemeral key may be absent: its curve is the recipient's (RFC 5753 section 3.1.1).
    let OriginatorIdentifierOrKey::OriginatorKey(originator) = &info.originator else {
        return Err(Error::BadEnvelope("the originator's key is not an ephemeral one"));
    };
    let point = originator.public_key.as_bytes();
    let point = point.ok_or(Error::BadEnvelope("the ephemeral key is not whole octets"))?;
    let ephemeral = PublicKey::from_ec_point(point).map_err(Error::EnvelopeKey)?;
    let ukm = info.ukm.as_ref().map(OctetString::as_bytes);
    if ukm.is_some_and(|ukm| ukm.len() > MAX_UKM) {
        return Err(Error::BadEnvelope("ukm is longer than 256 octets"));
    }
    let secret = key.agree(&ephemeral).map_err(Error::Envelope)?;
    let wrapping_key = wrapping_key(agreement, &secret, ukm, provider)?;
    unwrap(agreement.wrap, &wrapping_key, recipient.enc_key.as_bytes(), provider)
}

fn wrapping_key(
    agreement: KeyAgreement,
    secret: &[u8],
    ukm: Option<&[u8]>,
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    let info = agreement.shared_info(ukm).map_err(Error::Encoding)?;
    let mut key = symmetric_key(agreement.wrap.key_size());
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    enveloping.derive_x963(agreement.digest, secret, &info, &mut key);
    Ok(key)
}
