use alloc::string::String;

use der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Any, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;

/// Whether two distinguished names are the same by RFC 5280 section 7.1: attribute by attribute, without regard to the
/// kind of string, to the case of letters, and to how many spaces stand in a row.
pub fn names_match(left: &Name, right: &Name) -> bool {
    let (left, right) = (left.as_ref(), right.as_ref());
    left.len() == right.len()
        && left.iter().zip(right.iter()).all(|(left, right)| {
            // Several attributes in one RDN are a SET: DER sorts them, but by octets, which case changes.
            let (left, right) = (left.as_ref(), right.as_ref());
            left.len() == right.len()
                && left.iter().all(|attribute| right.iter().any(|other| attributes_match(attribute, other)))
                && right.iter().all(|attribute| left.iter().any(|other| attributes_match(attribute, other)))
        })
}

fn attributes_match(left: &AttributeTypeAndValue, right: &AttributeTypeAndValue) -> bool {
    left.oid == right.oid
        && match (prepare(&left.value), prepare(&right.value)) {
            (Some(left), Some(right)) => left == right,
            _ => left.value == right.value,
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
}
