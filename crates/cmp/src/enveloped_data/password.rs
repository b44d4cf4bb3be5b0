//! PasswordRecipientInfo: the content's key is wrapped with one that PBKDF2 derives from the shared secret, with another salt than the
//! message's MAC (RFC 9483 section 4.1.6.3, RFC 9481 sections 4.3 and 4.4).

use asn1::oids::rfc8018;
use cms::content_info::CmsVersion;
use cms::enveloped_data::{PasswordRecipientInfo, RecipientInfo};
use crmf::{MacError, MacLimits, Pbkdf2Params};
use crypto::{CryptoProvider, KeyWrap, SharedSecret};
use der::Any;
use spki::AlgorithmIdentifierOwned;

use super::{SymmetricKey, WRAP, symmetric_key, unwrap, wrap};
use crate::error::Error;

/// As many as our MACs have.
const ITERATIONS: u32 = 10_000;

pub(super) fn seal(
    content_key: &[u8],
    secret: &SharedSecret,
    provider: &CryptoProvider,
) -> Result<(CmsVersion, RecipientInfo), Error> {
    let salt = provider.random::<16>()?;
    let parameters = Pbkdf2Params::new(&salt, ITERATIONS, 32).map_err(Error::Encoding)?;
    let mut wrapping_key = symmetric_key(WRAP.key_size());
    parameters.derive(provider, secret, &MacLimits::DEFAULT, &mut wrapping_key).map_err(Error::Mac)?;
    let parameters = Some(Any::encode_from(&parameters).map_err(Error::Encoding)?);
    let info = PasswordRecipientInfo {
        version: CmsVersion::V0,
        key_derivation_alg: Some(AlgorithmIdentifierOwned { oid: rfc8018::PBKDF2, parameters }),
        key_enc_alg: WRAP.identifier(),
        enc_key: wrap(&wrapping_key, content_key, provider)?,
    };
    // Not 0, as RFC 9483 has it: erratum 7833.
    Ok((CmsVersion::V3, RecipientInfo::Pwri(info)))
}

pub(super) fn open(
    info: &PasswordRecipientInfo,
    secret: &SharedSecret,
    limits: &MacLimits,
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    let derivation = info.key_derivation_alg.as_ref();
    let derivation = derivation.ok_or(Error::BadEnvelope("it does not say how the key is derived"))?;
    if derivation.oid != rfc8018::PBKDF2 {
        return Err(Error::Mac(MacError::Unsupported(derivation.oid)));
    }
    let parameters = derivation.parameters.as_ref().and_then(|parameters| parameters.decode_as().ok());
    let parameters: Pbkdf2Params = parameters.ok_or(Error::Mac(MacError::BadParameters(derivation.oid)))?;
    let key_wrap = KeyWrap::from_identifier(&info.key_enc_alg).map_err(Error::Algorithm)?;
    let mut wrapping_key = symmetric_key(key_wrap.key_size());
    parameters.derive(provider, secret, limits, &mut wrapping_key).map_err(Error::Mac)?;
    unwrap(key_wrap, &wrapping_key, info.enc_key.as_bytes(), provider)
}
