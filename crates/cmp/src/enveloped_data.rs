//! EnvelopedData, RFC 5652 section 6, in the form of RFC 9810 section 5.2.2 and RFC 9483 section 4.1.6: certificates and private keys
//! that are enciphered for one recipient.
//!
//! The content is under AES-CBC, which notices no change: what is opened here came in a message whose protection held, and private keys
//! are signed inside as well. How the content's key is handed over depends on what the recipient has, a module each.

mod key_agreement;
mod key_encapsulation;
mod key_transport;
mod password;

use alloc::vec::Vec;

use asn1::RawDer;
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::CmsVersion;
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, RecipientIdentifier, RecipientInfo, RecipientInfos,
};
use const_oid::ObjectIdentifier;
use crmf::{EncryptedKey, MacLimits};
use crypto::{
    AesKeySize, ContentEncryption, CryptoProvider, DecapsulationKey, EnvelopeError, KeyAgreementKey, KeyKind,
    KeyTransportKey, KeyWrap, PublicKey, SharedSecret,
};
use der::Encode;
use der::asn1::OctetString;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use zeroize::Zeroizing;

use crate::CertReqId;
use crate::error::Error;

/// For whom something is enciphered.
pub(crate) enum Recipient<'a> {
    /// Whoever has the private half: RSA keys are handed keys, keys on curves agree on them, ML-KEM keys have them encapsulated.
    Key(&'a PublicKey, RecipientId),
    /// Whoever shares the secret.
    Secret(&'a SharedSecret),
}

/// How a recipient's key is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecipientId {
    /// By the SubjectKeyIdentifier of the certificate that protects the request (RFC 9483 section 4.1.6, errata 8183 and 8184).
    KeyId(OctetString),
    /// By the request, when it has no certificate yet: the NULL-DN and the certReqId, as RFC 9810 section 5.2.8.3.3 names the recipient
    /// of a challenge.
    Request(CertReqId),
}

/// What opens what was enciphered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RecipientKey<'a> {
    /// An RSA key.
    Transport(&'a dyn KeyTransportKey),
    /// A key on a curve.
    Agreement(&'a dyn KeyAgreementKey),
    /// An ML-KEM key.
    Decapsulation(&'a dyn DecapsulationKey),
    /// A shared secret, and how much work deriving a key from it may take.
    Secret(&'a SharedSecret, &'a MacLimits),
}

impl RecipientKey<'_> {
    /// The public half; `None` of a secret.
    pub(crate) fn public_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Transport(key) => Some(key.public_key()),
            Self::Agreement(key) => Some(key.public_key()),
            Self::Decapsulation(key) => Some(key.public_key()),
            Self::Secret(..) => None,
        }
    }
}

/// What is sent: AES with 256 bits, as strong as any key that is delivered.
const WRAP: KeyWrap = KeyWrap::Aes256;

/// The key that enciphers the content, and other ones; wiped when it is dropped.
type SymmetricKey = Zeroizing<Vec<u8>>;

fn symmetric_key(size: AesKeySize) -> SymmetricKey {
    Zeroizing::new(alloc::vec![0; size.length()])
}

/// Enciphers content for one recipient.
///
/// # Errors
/// When the provider enciphers nothing, the recipient's key is of a kind that nothing is enciphered for, or randomness fails.
pub(crate) fn seal(
    content_type: ObjectIdentifier,
    content: &[u8],
    recipient: &Recipient<'_>,
    provider: &CryptoProvider,
) -> Result<EncryptedKey, Error> {
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    let mut key = symmetric_key(WRAP.key_size());
    provider.fill_random(&mut key)?;
    let cipher = ContentEncryption::new(WRAP.key_size(), provider.random()?);
    let failed = Error::Envelope(EnvelopeError::Unsupported);
    let encrypted = enveloping.encrypt(&cipher, &key, content).ok_or(failed)?;
    let (version, info) = match recipient {
        Recipient::Key(public, id) => match public.kind() {
            KeyKind::Rsa { .. } => key_transport::seal(&key, public, id, provider)?,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => key_agreement::seal(&key, public, id, provider)?,
            _ => key_encapsulation::seal(&key, public, id, provider)?,
        },
        Recipient::Secret(secret) => password::seal(&key, secret, provider)?,
    };
    let enveloped = EnvelopedData {
        version,
        originator_info: None,
        recip_infos: RecipientInfos::try_from(Vec::from([info])).map_err(Error::Encoding)?,
        encrypted_content: EncryptedContentInfo {
            content_type,
            content_enc_alg: cipher.identifier().map_err(Error::Algorithm)?,
            encrypted_content: Some(OctetString::new(encrypted).map_err(Error::Encoding)?),
        },
        unprotected_attrs: None,
    };
    RawDer::build(&enveloped).map(EncryptedKey::EnvelopedData).map_err(Error::Encoding)
}

/// Opens what was enciphered. `key_id` is the name that the recipient's key must be called by; `None` when it has none.
///
/// # Errors
/// When it is not as [`seal`] makes it, is for somebody else, or has other content inside.
pub(crate) fn open(
    encrypted: &EncryptedKey,
    content_type: ObjectIdentifier,
    recipient: &RecipientKey<'_>,
    key_id: Option<&OctetString>,
    provider: &CryptoProvider,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let EncryptedKey::EnvelopedData(enveloped) = encrypted else {
        return Err(Error::BadEnvelope(
            "EncryptedValue, which is deprecated, stands in place of EnvelopedData",
        ));
    };
    let enveloped: EnvelopedData = enveloped.decode_as().map_err(Error::MalformedEnvelope)?;
    let [info] = enveloped.recip_infos.0.as_slice() else {
        return Err(Error::NotExactlyOne { what: "RecipientInfo", count: enveloped.recip_infos.0.len() });
    };
    let content = &enveloped.encrypted_content;
    if content.content_type != content_type {
        return Err(Error::BadEnvelope("it has another type of content than is due"));
    }
    let cipher = ContentEncryption::from_identifier(&content.content_enc_alg).map_err(Error::Algorithm)?;
    let octets = content.encrypted_content.as_ref();
    let octets = octets.ok_or(Error::BadEnvelope("the enciphered content is elsewhere"))?;
    let key = match (info, recipient) {
        (RecipientInfo::Ktri(info), RecipientKey::Transport(key)) => key_transport::open(info, *key, key_id),
        (RecipientInfo::Kari(info), RecipientKey::Agreement(key)) => {
            key_agreement::open(info, *key, key_id, provider)
        }
        (RecipientInfo::Ori(info), RecipientKey::Decapsulation(key)) => {
            key_encapsulation::open(info, *key, key_id, provider)
        }
        (RecipientInfo::Pwri(info), RecipientKey::Secret(secret, limits)) => {
            password::open(info, secret, limits, provider)
        }
        _ => Err(Error::NotTheRecipient),
    }?;
    let undecipherable = Error::Envelope(EnvelopeError::Undecipherable);
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    enveloping.decrypt(&cipher, &key, octets.as_bytes()).ok_or(undecipherable)
}

/// The name in a KeyTransRecipientInfo or KEMRecipientInfo, and the version that goes with it in the former.
fn recipient_identifier(id: &RecipientId) -> Result<(CmsVersion, RecipientIdentifier), Error> {
    Ok(match id {
        RecipientId::KeyId(id) => {
            (CmsVersion::V2, RecipientIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(id.clone())))
        }
        RecipientId::Request(id) => {
            (CmsVersion::V0, RecipientIdentifier::IssuerAndSerialNumber(request(*id)?))
        }
    })
}

fn request(id: CertReqId) -> Result<IssuerAndSerialNumber, Error> {
    let serial_number = id.to_der().and_then(|octets| der::Decode::from_der(&octets));
    let serial_number: SerialNumber = serial_number.map_err(Error::Encoding)?;
    Ok(IssuerAndSerialNumber { issuer: Name::default(), serial_number })
}

fn check_recipient(rid: &RecipientIdentifier, key_id: Option<&OctetString>) -> Result<(), Error> {
    match (rid, key_id) {
        (_, None) => Ok(()),
        (RecipientIdentifier::SubjectKeyIdentifier(id), Some(due)) if id.0 == *due => Ok(()),
        _ => Err(Error::NotTheRecipient),
    }
}

/// The content's key, out of its wrapping.
fn unwrap(
    wrap: KeyWrap,
    key: &[u8],
    wrapped: &[u8],
    provider: &CryptoProvider,
) -> Result<SymmetricKey, Error> {
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    enveloping.unwrap(wrap, key, wrapped).ok_or(Error::Envelope(EnvelopeError::Undecipherable))
}

fn wrap(key: &[u8], content_key: &[u8], provider: &CryptoProvider) -> Result<OctetString, Error> {
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    let wrapped = enveloping.wrap(WRAP, key, content_key);
    let wrapped = wrapped.ok_or(Error::Envelope(EnvelopeError::Unsupported))?;
    OctetString::new(wrapped).map_err(Error::Encoding)
}
