use alloc::string::String;
use alloc::vec::Vec;
use core::hash::Hasher;

use der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Any, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// Whether two distinguished names are the same by RFC 5280 section 7.1: attribute by attribute, without regard to the
/// kind of string, to the case of letters, and to how many spaces stand in a row.
pub fn names_match(left: &Name, right: &Name) -> bool {
    CanonicalName::new(left) == CanonicalName::new(right)
}

/// Feeds a distinguished name to a hash, so that names that match have the same.
pub fn hash_name<H: Hasher>(name: &Name, state: &mut H) {
    for rdn in name.iter_rdn() {
        match rdn.as_ref().as_slice() {
            [attribute] => hash_attribute(attribute, state),
            // Their order is that of octets, which case changes.
            attributes => state.write_usize(attributes.len()),
        }
    }
}

fn hash_attribute<H: Hasher>(attribute: &AttributeTypeAndValue, state: &mut H) {
    state.write(attribute.oid.as_bytes());
    match text_of(&attribute.value) {
        Some(text) => characters(text).for_each(|c| state.write(c.encode_utf8(&mut [0; 4]).as_bytes())),
        None => state.write(attribute.value.value()),
    }
    state.write_u8(0xff);
}

/// Whether two subjectAltNames are the same: host names have no case (RFC 5280 section 7.2).
pub fn alternative_names_match(left: &GeneralName, right: &GeneralName) -> bool {
    match (left, right) {
        (GeneralName::DnsName(left), GeneralName::DnsName(right)) => {
            left.as_str().eq_ignore_ascii_case(right.as_str())
        }
        (GeneralName::DirectoryName(left), GeneralName::DirectoryName(right)) => names_match(left, right),
        _ => left == right,
    }
}

/// A distinguished name such that names that match are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalName(Vec<Vec<(ObjectIdentifier, CanonicalValue)>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CanonicalValue {
    Text(String),
    Other(Tag, Vec<u8>),
}

impl CanonicalName {
    /// The name without what does not matter.
    pub fn new(name: &Name) -> Self {
        let rdns = name.as_ref().iter().map(|rdn| {
            let attributes = rdn.as_ref().iter();
            let mut attributes: Vec<_> =
                attributes.map(|attribute| (attribute.oid, CanonicalValue::new(&attribute.value))).collect();
            // DER sorts them, too, but by octets, which case changes.
            attributes.sort_unstable();
            attributes
        });
        Self(rdns.collect())
    }
}

impl CanonicalValue {
    fn new(value: &Any) -> Self {
        prepare(value).map_or_else(|| Self::Other(value.tag(), value.value().to_vec()), Self::Text)
    }
}

fn prepare(value: &Any) -> Option<String> {
    let text = text_of(value)?;
    let mut prepared = String::with_capacity(text.len());
    prepared.extend(characters(text));
    Some(prepared)
}

fn text_of(value: &Any) -> Option<&str> {
    Some(match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok()?.as_str(),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok()?.as_str(),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok()?.as_str(),
        Tag::TeletexString => value.decode_as::<TeletexStringRef<'_>>().ok()?.as_str(),
        _ => return None,
    })
}

/// What of a text matters: its words in small letters, with a space between two.
fn characters(text: &str) -> impl Iterator<Item = char> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words.enumerate().flat_map(|(position, word)| {
        let space = (position > 0).then_some(' ');
        space.into_iter().chain(word.chars().flat_map(small))
    })
}

/// The letter in small; of the usual ones, without looking it up.
fn small(letter: char) -> impl Iterator<Item = char> {
    let usual = letter.is_ascii().then(|| letter.to_ascii_lowercase());
    let other = usual.is_none().then(|| letter.to_lowercase());
    usual.into_iter().chain(other.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use der::{Decode, Encode};
    use x509_cert::name::{RdnSequence, RelativeDistinguishedName};

    use super::*;

    /// What a hash is made of.
    struct Fed(Vec<u8>);

    impl Hasher for Fed {
        fn write(&mut self, octets: &[u8]) {
            self.0.extend_from_slice(octets);
        }

        fn finish(&self) -> u64 {
            0
        }
    }

    fn matches(left: &str, right: &str) -> bool {
        let (left, right) = (left.parse().unwrap(), right.parse().unwrap());
        let fed = |name: &Name| {
            let mut fed = Fed(Vec::new());
            hash_name(name, &mut fed);
            fed.0
        };
        let matches = names_match(&left, &right);
        assert!(!matches || fed(&left) == fed(&right), "{left} {right}");
        matches
    }

    #[test]
    fn case_and_spaces_do_not_matter_and_everything_else_does() {
        assert!(matches("CN=eNB 1,O=Operator", "CN=enb  1,O=OPERATOR"));
        assert!(!matches("CN=eNB1,O=Operator", "CN=eNB 1,O=Operator"));
        assert!(!matches("CN=eNB 1,O=Operator", "O=Operator,CN=eNB 1"));
        assert!(!matches("CN=eNB 1", "CN=eNB 1,O=Operator"));
        assert!(!matches("CN=eNB 1", "O=eNB 1"));
        assert!(matches("CN=a+O=b", "O=B+CN=A"));
        assert!(!matches("CN=a+O=b", "CN=a"));
    }

    #[test]
    fn the_kind_of_string_does_not_matter_where_it_is_text() {
        let common_name = |tag, octets: &[u8]| {
            let oid = ObjectIdentifier::new_unwrap("2.5.4.3");
            let value = Any::new(tag, octets).unwrap();
            let rdn =
                RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }]).unwrap();
            Name::from_der(&RdnSequence::from(vec![rdn]).to_der().unwrap()).unwrap()
        };
        let utf8 = common_name(Tag::Utf8String, b"eNB 1");
        assert!(names_match(&utf8, &common_name(Tag::PrintableString, b" ENB  1 ")));
        assert!(names_match(&utf8, &common_name(Tag::TeletexString, b"enb 1")));
        assert!(!names_match(&utf8, &common_name(Tag::OctetString, b"eNB 1")));
        assert!(!names_match(&utf8, &common_name(Tag::Utf8String, b"eNB 1\0")));
        let unreadable = common_name(Tag::PrintableString, &[0xff]);
        assert!(!names_match(&unreadable, &common_name(Tag::PrintableString, &[0xfe])));
        assert!(names_match(&unreadable, &unreadable));
        let (upper, lower) = ("\u{c4}".as_bytes(), "\u{e4}".as_bytes());
        assert!(names_match(&common_name(Tag::Utf8String, upper), &common_name(Tag::Utf8String, lower)));
    }
}
