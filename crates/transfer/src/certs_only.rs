//! The certs-only Simple PKI Response that EST answers with: CMS SignedData without signers (RFC 7030 section 4.1.3,
//! RFC 5652 section 5). Written on `der` because the `cms` crate decodes and encodes each certificate again; here
//! the certificates' octets are kept.

use der::asn1::{ObjectIdentifier, SetOfVec};
use der::{Any, AnyRef, Decode, Encode, Sequence, Tag, TagNumber, Tagged};

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// The most certificates that an answer may hold.
const MAX_CERTIFICATES: usize = 32;

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: Any,
}

#[derive(Sequence)]
struct EncapsulatedContentInfo {
    content_type: ObjectIdentifier,
}

/// The DER of a SignedData that holds these certificates.
pub(crate) fn encode(certificates: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    let empty = SetOfVec::<u8>::new();
    let empty = empty.to_der()?;
    let version = 1_u8.to_der()?;
    let content = EncapsulatedContentInfo { content_type: ID_DATA }.to_der()?;
    let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    // RFC 5652 has a SET here, and DER sorts it; the station's own certificate is found by its key.
    let mut sorted = SetOfVec::new();
    for certificate in certificates {
        sorted.insert(Any::from_der(certificate)?)?;
    }
    let set = sorted.iter().map(Encode::to_der).collect::<der::Result<Vec<_>>>()?.concat();
    let set = Any::new(tag, set)?.to_der()?;
    let signed_data = [version, empty.clone(), content, set, empty].concat();
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::new(Tag::Sequence, signed_data)? }.to_der()
}

/// The certificates of a SignedData; how it is signed does not matter, because TLS brought it.
pub(crate) fn decode(octets: &[u8]) -> der::Result<Vec<Vec<u8>>> {
    certificates_of_certs_only(octets, MAX_CERTIFICATES)
}

/// The certificates of a SignedData (RFC 5652 section 5), as many as `limit`. How it is signed is not looked at.
///
/// # Errors
/// When it is none, or holds more.
pub fn certificates_of_certs_only(octets: &[u8], limit: usize) -> der::Result<Vec<Vec<u8>>> {
    let info = ContentInfo::from_der(octets)?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(Tag::ObjectIdentifier.value_error().into());
    }
    let mut certificates = Vec::new();
    info.content.sequence(|reader| {
        let _version = u8::decode(reader)?;
        let _digests = AnyRef::decode(reader)?;
        let _content = AnyRef::decode(reader)?;
        while !der::Reader::is_finished(reader) {
            let field = AnyRef::decode(reader)?;
            if field.tag() == (Tag::ContextSpecific { constructed: true, number: TagNumber(0) }) {
                let mut set = der::SliceReader::new(field.value())?;
                while !der::Reader::is_finished(&set) {
                    if certificates.len() == limit {
                        return Err(Tag::Set.length_error().into());
                    }
                    certificates.push(AnyRef::decode(&mut set)?.to_der()?);
                }
            }
        }
        Ok::<_, der::Error>(())
    })?;
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_keep_their_octets() {
        let certificates = vec![vec![0x30, 0x03, 0x02, 0x01, 0x01], vec![0x30, 0x03, 0x02, 0x01, 0x02]];
        let encoded = encode(&certificates).unwrap();
        assert_eq!(decode(&encoded).unwrap(), certificates);
        assert_eq!(decode(&encode(&[]).unwrap()).unwrap(), Vec::<Vec<u8>>::new());
        for length in 0..encoded.len() {
            assert!(decode(&encoded[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn more_certificates_than_any_chain_has_are_refused() {
        let certificates: Vec<_> = (0..40_u8).map(|n| vec![0x30, 0x03, 0x02, 0x01, n]).collect();
        assert!(decode(&encode(&certificates).unwrap()).is_err());
    }
}
