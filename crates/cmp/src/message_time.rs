//! messageTime, RFC 9810 section 5.1.1: a GeneralizedTime in UTC, or one that only a lenient reader takes.

use core::time::Duration;

use asn1::UnixTime;
use der::asn1::GeneralizedTime;
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Tag, Writer};

/// When a message was made, in whole seconds.
///
/// DER wants `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5.2). Some requesters send their local time with its offset,
/// `YYYYMMDDHHMMSS+hhmm`: that is decoded too, so that it can be refused by name, or tolerated, by
/// [`PkiMessage::inspect`](crate::PkiMessage::inspect).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTime {
    local: GeneralizedTime,
    offset: Option<Offset>,
}

/// `+hhmm` or `-hhmm`, octet for octet.
type Offset = [u8; 5];

impl MessageTime {
    /// That time.
    ///
    /// # Errors
    /// When it lies after the year 9999.
    pub fn new(time: UnixTime) -> der::Result<Self> {
        Ok(Self { local: time.to_generalized_time()?, offset: None })
    }

    /// The time in UTC.
    pub fn time(&self) -> UnixTime {
        let local = UnixTime::from(self.local);
        match self.offset {
            None => local,
            Some([sign, digits @ ..]) => {
                let minutes = Duration::from_secs(60 * minutes(digits).unwrap_or_default());
                if sign == b'+' { local.saturating_sub(minutes) } else { local.saturating_add(minutes) }
            }
        }
    }

    /// Whether it came as local time with an offset, which DER forbids.
    pub const fn has_offset(&self) -> bool {
        self.offset.is_some()
    }
}

/// Of `hhmm`; `None` when that is no time of day.
fn minutes(digits: [u8; 4]) -> Option<u64> {
    let [h1, h2, m1, m2] = digits.map(|digit| u64::from(digit.wrapping_sub(b'0')));
    let (hours, minutes) = (h1.checked_mul(10)?.checked_add(h2)?, m1.checked_mul(10)?.checked_add(m2)?);
    (digits.iter().all(u8::is_ascii_digit) && hours < 24 && minutes < 60)
        .then(|| hours.saturating_mul(60).saturating_add(minutes))
}

impl FixedTag for MessageTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

const UTC_LENGTH: usize = 15;
const OFFSET_LENGTH: usize = 19;

impl<'a> DecodeValue<'a> for MessageTime {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if usize::try_from(header.length())? != OFFSET_LENGTH {
            let local = GeneralizedTime::decode_value(reader, header)?;
            return Ok(Self { local, offset: None });
        }
        let mut octets = [0; OFFSET_LENGTH];
        reader.read_into(&mut octets)?;
        let (mut utc, mut offset) = ([b'Z'; UTC_LENGTH], [0; 5]);
        utc.iter_mut().zip(octets).take(UTC_LENGTH - 1).for_each(|(to, from)| *to = from);
        offset.iter_mut().zip(octets.iter().skip(UTC_LENGTH - 1)).for_each(|(to, from)| *to = *from);
        let [sign, digits @ ..] = offset;
        if !matches!(sign, b'+' | b'-') || minutes(digits).is_none() {
            return Err(Self::TAG.value_error().into());
        }
        let length = Length::try_from(UTC_LENGTH)?;
        let mut reader = der::SliceReader::new(&utc)?;
        let local = GeneralizedTime::decode_value(&mut reader, Header::new(Self::TAG, length))?;
        Ok(Self { local, offset: Some(offset) })
    }
}

impl EncodeValue for MessageTime {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(if self.has_offset() { OFFSET_LENGTH } else { UTC_LENGTH })
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        let Some(offset) = self.offset else { return self.local.encode_value(writer) };
        let mut utc = [0; UTC_LENGTH];
        let mut slice = der::SliceWriter::new(&mut utc);
        self.local.encode_value(&mut slice)?;
        let (local, _z) = utc.split_at(UTC_LENGTH - 1);
        writer.write(local)?;
        writer.write(&offset)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use der::{Decode, Encode};

    use super::*;

    fn decode(text: &str) -> der::Result<MessageTime> {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let octets: Vec<u8> = [&[0x18, length], text.as_bytes()].concat();
        let time = MessageTime::from_der(&octets)?;
        assert_eq!(time.to_der()?, octets, "{text}");
        Ok(time)
    }

    #[test]
    fn offsets_are_counted() {
        let utc = decode("20261123120000Z").map(|time| time.time());
        for (text, has_offset) in [
            ("20261123120000Z", false),
            ("20261123130000+0100", true),
            ("20261123063000-0530", true),
            ("20261123120000+0000", true),
            ("20261123120000-0000", true),
            ("20261124115900+2359", true),
        ] {
            let time = decode(text);
            assert_eq!(time.map(|time| time.has_offset()), Ok(has_offset), "{text}");
            assert_eq!(time.map(|time| time.time()), utc, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_time() {
        for text in [
            "20261123120000",
            "202611231200Z",
            "20261123120000.5Z",
            "20261123120000+01",
            "20261123120000+2400",
            "20261123120000+0060",
            "20261123120000 0100",
            "20261123120000+01:0",
            "20261323120000+0100",
            "2026112312000Z+0100",
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
