//! KeyTransRecipientInfo: an RSA key is handed the content's key (RFC 9483 section 4.1.6.1).

use cms::content_info::CmsVersion;
use cms::enveloped_data::{KeyTransRecipientInfo, RecipientInfo};
use crypto::{CryptoProvider, KeyTransport, KeyTransportKey, PublicKey};
use der::asn1::OctetString;

use super::{RecipientId, SymmetricKey, check_recipient, recipient_identifier};
use crate::error::Error;

pub(super) fn seal(
    content_key: &[u8],
    key: &PublicKey,
    id: &RecipientId,
    provider: &CryptoProvider,
) -> Result<(CmsVersion, RecipientInfo), Error> {
    let (version, rid) = recipient_identifier(id)?;
    let encrypted = provider.transport(key, content_key).map_err(Error::Envelope)?;
    let info = KeyTransRecipientInfo {
        version,
        rid,
        key_enc_alg: KeyTransport::SENT.identifier().map_err(Error::Encoding)?,
        enc_key: OctetString::new(encrypted).map_err(Error::Encoding)?,
    };
    // With recipients of version 0 only, EnvelopedData has version 0 (RFC 5652 section 6.1).
    Ok((version, RecipientInfo::Ktri(info)))
}

pub(super) fn open(
    info: &KeyTransRecipientInfo,
    key: &dyn KeyTransportKey,
    key_id: Option<&OctetString>,
) -> Result<SymmetricKey, Error> {
    check_recipient(&info.rid, key_id)?;
    let transport = KeyTransport::from_identifier(&info.key_enc_alg).map_err(Error::Algorithm)?;
    key.decrypt(transport, info.enc_key.as_bytes()).map_err(Error::Envelope)
}
