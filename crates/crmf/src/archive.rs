//! PKIArchiveOptions, RFC 4211 section 6.4.

use asn1::{constructed, encode_choice, primitive};
use der::asn1::OctetString;
use der::{Any, AnyRef, Decode, Encode, Reader, Tag, Tagged};

use crate::EncryptedKey;

/// How the private key is to be archived.
///
/// ```text
/// PKIArchiveOptions ::= CHOICE {
///   encryptedPrivKey     [0] EXPLICIT EncryptedKey,
///   keyGenParameters     [1] OCTET STRING,
///   archiveRemGenPrivKey [2] BOOLEAN }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PkiArchiveOptions {
    /// The private key itself, enciphered.
    EncryptedPrivKey(EncryptedKey),
    /// Parameters from which the key can be made again.
    KeyGenParameters(OctetString),
    /// Whether a key that the CA generates is archived there.
    ArchiveRemGenPrivKey(bool),
}

const KEY_GEN_PARAMETERS: Tag = primitive(1);
const ARCHIVE_REM_GEN_PRIV_KEY: Tag = primitive(2);

impl<'a> Decode<'a> for PkiArchiveOptions {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let choice = AnyRef::decode(reader)?;
        match choice.tag() {
            tag if tag == constructed(0) => {
                EncryptedKey::from_der(choice.value()).map(Self::EncryptedPrivKey)
            }
            KEY_GEN_PARAMETERS => OctetString::new(choice.value()).map(Self::KeyGenParameters),
            ARCHIVE_REM_GEN_PRIV_KEY => {
                AnyRef::new(Tag::Boolean, choice.value())?.decode_as().map(Self::ArchiveRemGenPrivKey)
            }
            tag => Err(tag.value_error().into()),
        }
    }
}

impl PkiArchiveOptions {
    fn choice(&self) -> der::Result<Any> {
        match self {
            Self::EncryptedPrivKey(key) => Any::new(constructed(0), key.to_der()?),
            Self::KeyGenParameters(octets) => Any::new(KEY_GEN_PARAMETERS, octets.as_bytes()),
            Self::ArchiveRemGenPrivKey(archive) => {
                Any::new(ARCHIVE_REM_GEN_PRIV_KEY, Any::encode_from(archive)?.value())
            }
        }
    }
}

encode_choice!(PkiArchiveOptions);
