use alloc::vec::Vec;
use der::{Encode, Header, Length, Tag};

/// One TLV, its value put together of octets that exist already: encoding them by way of structs costs firmware several times the
/// code.
///
/// # Errors
/// When it is too long for DER.
pub fn compose(tag: Tag, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut header = [0; 16];
    let header = Header::new(tag, Length::try_from(length)?).encode_to_slice(&mut header)?;
    let mut octets = Vec::with_capacity(header.len().saturating_add(length));
    octets.extend_from_slice(header);
    parts.iter().for_each(|part| octets.extend_from_slice(part));
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_how_long_the_parts_are_together() {
        assert_eq!(compose(Tag::Sequence, &[&[5, 0], &[], &[5, 0]]), Ok([0x30, 4, 5, 0, 5, 0].to_vec()));
        assert_eq!(compose(Tag::Set, &[]), Ok([0x31, 0].to_vec()));
        let long = compose(Tag::OctetString, &[&[7; 100], &[7; 100]]).unwrap();
        assert_eq!((long.len(), long.get(..3)), (203, Some(&[0x04, 0x81, 200][..])));
    }
}
