use alloc::vec::Vec;
use core::fmt;
use der::{Decode, DecodeOwned, Encode, FixedTag, Length, Reader, Tag, Writer};

/// A decoded value together with the DER octets it was decoded from.
///
/// Encoding writes the kept octets, so what goes out is what came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured<T> {
    octets: Vec<u8>,
    value: T,
}

impl<T> Captured<T> {
    /// The complete TLV as received (or as built).
    pub fn octets(&self) -> &[u8] {
        &self.octets
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
        self.octets
    }
}

impl<T: Encode> Captured<T> {
    /// Encodes a value that was built here and keeps the octets.
    ///
    /// # Errors
    /// When the value cannot be encoded as DER, for example because it is too long.
    pub fn build(value: T) -> der::Result<Self> {
        Ok(Self { octets: value.to_der()?, value })
    }
}

impl<'a, T: DecodeOwned<Error = der::Error>> Decode<'a> for Captured<T> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let octets = reader.tlv_bytes()?;
        Ok(Self { value: T::from_der(octets)?, octets: octets.to_vec() })
    }
}

impl<T> Encode for Captured<T> {
    fn encoded_len(&self) -> der::Result<Length> {
        Length::try_from(self.octets.len())
    }

    fn encode(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(&self.octets)
    }
}

impl<T: FixedTag> FixedTag for Captured<T> {
    const TAG: Tag = T::TAG;
}

impl<T: fmt::Debug> fmt::Debug for Captured<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// One TLV of any type, kept as octets and not looked into.
#[derive(Clone, PartialEq, Eq)]
pub struct RawDer(Vec<u8>);

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
        Ok(Self(value.to_der()?))
    }

    /// The complete TLV.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Takes the octets.
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }

    /// Decodes the TLV as a `T`.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode_as<'a, T: Decode<'a, Error = der::Error>>(&'a self) -> der::Result<T> {
        T::from_der(&self.0)
    }
}

impl<'a> Decode<'a> for RawDer {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Ok(Self(reader.tlv_bytes()?.to_vec()))
    }
}

impl Encode for RawDer {
    fn encoded_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(&self.0)
    }
}

impl fmt::Debug for RawDer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawDer({} octets)", self.0.len())
    }
}

/// An X.509 certificate kept as octets: the outer SEQUENCE is checked, the rest when it is needed.
///
/// Certificates travel through CMP in lists that anyone can fill; opening one costs nothing until somebody asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncodedCertificate(Vec<u8>);

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
        &self.0
    }
}

impl<'a> Decode<'a> for EncodedCertificate {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        Tag::peek(reader)?.assert_eq(Tag::Sequence)?;
        Ok(Self(reader.tlv_bytes()?.to_vec()))
    }
}

impl Encode for EncodedCertificate {
    fn encoded_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode(&self, encoder: &mut impl Writer) -> der::Result<()> {
        encoder.write(&self.0)
    }
}

impl FixedTag for EncodedCertificate {
    const TAG: Tag = Tag::Sequence;
}

impl fmt::Debug for EncodedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedCertificate({} octets)", self.0.len())
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
