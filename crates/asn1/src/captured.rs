use alloc::vec::Vec;
use core::fmt;
use der::{
    Decode, DecodeOwned, Encode, EncodeValue, FixedTag, Header, Length, Reader, SliceReader, Tag, Tagged,
    Writer,
};

/// One complete TLV of DER as octets, and where its value begins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Tlv {
    octets: Vec<u8>,
    tag: Tag,
    header_length: usize,
}

impl Tlv {
    fn new(octets: Vec<u8>) -> der::Result<Self> {
        let mut reader = SliceReader::new(&octets)?;
        let header = Header::decode(&mut reader)?;
        let header_length = usize::try_from(reader.position())?;
        Ok(Self { tag: header.tag(), header_length, octets })
    }

    fn read<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Self::new(reader.tlv_bytes()?.to_vec())
    }

    fn value(&self) -> &[u8] {
        self.octets.get(self.header_length..).unwrap_or_default()
    }

    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.value().len())
    }
}

/// A decoded value together with the DER octets it was decoded from.
///
/// Encoding writes the kept octets, so what goes out is what came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured<T> {
    tlv: Tlv,
    value: T,
}

impl<T> Captured<T> {
    /// The complete TLV as received (or as built).
    pub fn octets(&self) -> &[u8] {
        &self.tlv.octets
    }

    /// The decoded value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Takes the value and drops the octets.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Takes the octets and drops the value.
    pub fn into_octets(self) -> Vec<u8> {
        self.tlv.octets
    }
}

impl<T: Encode> Captured<T> {
    /// Encodes a value that was built here and keeps the octets.
    ///
    /// # Errors
    /// When the value cannot be encoded as DER, for example because it is too long.
    pub fn build(value: T) -> der::Result<Self> {
        Ok(Self { tlv: Tlv::new(value.to_der()?)?, value })
    }
}

impl<'a, T: DecodeOwned<Error = der::Error>> Decode<'a> for Captured<T> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let tlv = Tlv::read(reader)?;
        Ok(Self { value: T::from_der(&tlv.octets)?, tlv })
    }
}

impl<T> EncodeValue for Captured<T> {
    fn value_len(&self) -> der::Result<Length> {
        self.tlv.value_len()
    }

    fn encode_value(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(self.tlv.value())
    }
}

impl<T> Tagged for Captured<T> {
    fn tag(&self) -> Tag {
        self.tlv.tag
    }
}

impl<T: fmt::Debug> fmt::Debug for Captured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// One TLV of any type, kept as octets and not looked into.
#[derive(Clone, PartialEq, Eq)]
pub struct RawDer(Tlv);

impl RawDer {
    /// Keeps a TLV given by its octets.
    ///
    /// # Errors
    /// When the octets are not exactly one TLV of definite, minimal length.
    pub fn new(octets: &[u8]) -> der::Result<Self> {
        Self::from_der(octets)
    }

    /// Encodes a value and keeps its octets.
    ///
    /// # Errors
    /// When the value cannot be encoded as DER.
    pub fn build(value: &impl Encode) -> der::Result<Self> {
        Ok(Self(Tlv::new(value.to_der()?)?))
    }

    /// The complete TLV.
    pub fn octets(&self) -> &[u8] {
        &self.0.octets
    }

    /// Takes the octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.0.octets
    }

    /// Decodes the TLV as a `T`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode_as<'a, T: Decode<'a, Error = der::Error>>(&'a self) -> der::Result<T> {
        T::from_der(&self.0.octets)
    }
}

impl<'a> Decode<'a> for RawDer {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Ok(Self(Tlv::read(reader)?))
    }
}

impl EncodeValue for RawDer {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(self.0.value())
    }
}

impl Tagged for RawDer {
    fn tag(&self) -> Tag {
        self.0.tag
    }
}

impl fmt::Debug for RawDer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawDer({} octets)", self.0.octets.len())
    }
}

/// An X.509 certificate kept as octets: the outer SEQUENCE is checked, the rest when it is needed.
///
/// Certificates travel through CMP in lists that anyone can fill; opening one costs nothing until somebody asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedCertificate(Tlv);

impl EncodedCertificate {
    /// Keeps a certificate given by its DER octets.
    ///
    /// # Errors
    /// When the octets are not exactly one SEQUENCE.
    pub fn new(octets: &[u8]) -> der::Result<Self> {
        Self::from_der(octets)
    }

    /// The certificate's DER octets.
    pub fn octets(&self) -> &[u8] {
        &self.0.octets
    }
}

impl<'a> Decode<'a> for EncodedCertificate {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Tag::peek(reader)?.assert_eq(Tag::Sequence)?;
        Ok(Self(Tlv::read(reader)?))
    }
}

impl EncodeValue for EncodedCertificate {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(self.0.value())
    }
}

impl FixedTag for EncodedCertificate {
    const TAG: Tag = Tag::Sequence;
}

impl fmt::Debug for EncodedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedCertificate({} octets)", self.0.octets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn captured_keeps_what_was_received() {
        let octets = [0x02, 0x01, 0x2a];
        let captured = Captured::<u32>::from_der(&octets).unwrap();
        assert_eq!(*captured.value(), 42);
        assert_eq!(captured.octets(), octets);
        assert_eq!(captured.to_der().unwrap(), octets);
    }

    #[test]
    fn a_certificate_must_at_least_be_a_sequence() {
        assert!(EncodedCertificate::new(&[0x30, 0x00]).is_ok());
        assert!(EncodedCertificate::new(&[0x31, 0x00]).is_err());
        assert!(EncodedCertificate::new(&[0x30, 0x00, 0x00]).is_err(), "trailing octet");
        assert!(EncodedCertificate::new(&[0x30, 0x05]).is_err(), "truncated");
        assert!(EncodedCertificate::new(&[]).is_err());
    }

    #[test]
    fn non_minimal_lengths_are_not_der() {
        assert!(RawDer::new(&[0x04, 0x81, 0x01, 0x00]).is_err());
        assert!(RawDer::new(&[0x30, 0x80, 0x00, 0x00]).is_err());
    }

    #[test]
    fn a_length_beyond_the_input_allocates_nothing() {
        let mut octets = vec![0x30, 0x84, 0x0f, 0xff, 0xff, 0xff];
        octets.extend([0; 10]);
        assert!(RawDer::new(&octets).is_err());
    }
}
