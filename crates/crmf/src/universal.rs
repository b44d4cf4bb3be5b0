use alloc::vec::Vec;
use core::fmt;

use asn1::Captured;
use der::{
    Decode, DecodeOwned, DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer,
};

/// A value kept with its octets under its universal tag, though on the wire it stands under an IMPLICIT context tag.
///
/// What is signed, and what is compared, is the universal form: RFC 4211 section 4.1 for POPOSigningKeyInput, and a
/// SubjectPublicKeyInfo means the same octets wherever it stands. Only the tag is put back; length and contents are
/// the ones received.
#[derive(Clone, PartialEq, Eq)]
pub struct Universal<T>(Captured<T>);

impl<T> Universal<T> {
    /// The complete TLV, under the universal tag.
    pub fn octets(&self) -> &[u8] {
        self.0.octets()
    }

    /// The decoded value.
    pub fn value(&self) -> &T {
        self.0.value()
    }
}

impl<T: FixedTag + DecodeOwned<Error = der::Error>> Universal<T> {
    /// Decodes the TLV under its universal tag.
    ///
    /// # Errors
    /// When the octets are not one.
    pub fn from_octets(octets: &[u8]) -> der::Result<Self> {
        Captured::from_der(octets).map(Self)
    }
}

impl<T: FixedTag + Encode> Universal<T> {
    /// Encodes a value that was built here and keeps the octets.
    ///
    /// # Errors
    /// When the value cannot be encoded as DER.
    pub fn build(value: T) -> der::Result<Self> {
        Captured::build(value).map(Self)
    }
}

impl<'a, T: FixedTag + DecodeOwned<Error = der::Error>> DecodeValue<'a> for Universal<T> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let mut octets: Vec<u8> = Header::new(T::TAG, header.length()).to_der()?;
        octets.extend_from_slice(reader.read_slice(header.length())?);
        Self::from_octets(&octets)
    }
}

impl<T> EncodeValue for Universal<T> {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

impl<T: FixedTag> FixedTag for Universal<T> {
    const TAG: Tag = T::TAG;
}

impl<T: fmt::Debug> fmt::Debug for Universal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
