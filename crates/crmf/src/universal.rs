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

#[cfg(test)]
mod tests {
    use super::*;
    use der::Sequence;

    #[derive(Clone, Debug, PartialEq, Eq, Sequence)]
    struct Inner {
        number: u8,
    }

    #[derive(Clone, Debug, PartialEq, Eq, Sequence)]
    struct Outer {
        #[asn1(context_specific = "6", tag_mode = "IMPLICIT", optional = "true")]
        inner: Option<Universal<Inner>>,
    }

    #[test]
    fn the_universal_tag_is_put_back_and_the_context_tag_written() {
        let octets = [0x30, 0x05, 0xa6, 0x03, 0x02, 0x01, 0x2a];
        let outer = Outer::from_der(&octets).unwrap();
        let inner = outer.inner.as_ref().unwrap();
        assert_eq!(inner.octets(), [0x30, 0x03, 0x02, 0x01, 0x2a]);
        assert_eq!(*inner, Universal::build(Inner { number: 42 }).unwrap());
        assert_eq!(outer.to_der().unwrap(), octets);
    }

    #[test]
    fn what_stands_under_the_tag_is_decoded_whole() {
        for octets in [
            &[0x30, 0x05, 0xa6, 0x03, 0x04, 0x01, 0x2a][..],
            &[0x30, 0x07, 0xa6, 0x05, 0x02, 0x01, 0x2a, 0x05, 0x00],
            &[0x30, 0x05, 0x86, 0x03, 0x02, 0x01, 0x2a],
        ] {
            assert!(Outer::from_der(octets).is_err(), "{octets:02x?}");
        }
    }
}
