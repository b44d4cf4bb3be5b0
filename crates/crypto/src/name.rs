use alloc::string::String;
use alloc::vec::Vec;

use der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Any, Tag, Tagged};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// Whether two distinguished names are the same by RFC 5280 section 7.1: attribute by attribute, without regard to the
/// kind of string, to the case of letters, and to how many spaces stand in a row.
pub fn names_match(left: &Name, right: &Name) -> bool {
    CanonicalName::new(left) == CanonicalName::new(right)
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
            attributes.sort();
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
    let text = match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok()?.as_str(),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok()?.as_str(),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok()?.as_str(),
        Tag::TeletexString => value.decode_as::<TeletexStringRef<'_>>().ok()?.as_str(),
        _ => return None,
    };
    let mut prepared = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !prepared.is_empty() {
            prepared.push(' ');
        }
        prepared.extend(word.chars().flat_map(char::to_lowercase));
    }
    Some(prepared)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use der::{Decode, Encode};
    use x509_cert::attr::AttributeTypeAndValue;
    use x509_cert::name::{RdnSequence, RelativeDistinguishedName};

    use super::*;

    fn matches(left: &str, right: &str) -> bool {
        names_match(&left.parse().unwrap(), &right.parse().unwrap())
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
