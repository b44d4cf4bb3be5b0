use asn1::compose;
use const_oid::db::rfc4519;
use der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Any, Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;

/// Reads a distinguished name as RFC 4514 writes it, most specific part first: `CN=enb0001.operator.example,O=Operator`.
///
/// # Errors
/// What is wrong with which part, and how to write it.
pub fn parse_name(text: &str) -> Result<Name, String> {
    const EXAMPLE: &str = "write it like CN=enb0001.operator.example,O=Operator (RFC 4514)";
    if text.trim().is_empty() {
        return Err(format!("the name is empty; {EXAMPLE}"));
    }
    if text.starts_with('/') {
        return Err(format!("{text:?} is not separated by commas; {EXAMPLE}"));
    }
    let backslashes = text.bytes().rev().take_while(|octet| *octet == b'\\').count();
    if backslashes % 2 == 1 {
        return Err(format!("{text:?} ends with a backslash that escapes nothing; {EXAMPLE}"));
    }
    if let Some(name) = usual(text) {
        return Ok(name);
    }
    for part in split(text) {
        inspect_part(part).map_err(|reason| format!("{reason}; {EXAMPLE}"))?;
    }
    let name: Name =
        text.parse().map_err(|error| format!("{text:?} is not a distinguished name: {error}; {EXAMPLE}"))?;
    name.iter().try_for_each(inspect_value)?;
    Ok(name)
}

/// A name of CN, O and OU in which nothing is escaped. There may be a million of them to read, and to hold: this one is read without
/// looking each attribute type up among all that there are, and takes no more room than it needs.
fn usual(text: &str) -> Option<Name> {
    if text.contains(['\\', '+', '#']) {
        return None;
    }
    let mut sets = Vec::new();
    for part in text.rsplit(',') {
        let (attribute_type, value) = part.split_once('=').filter(|(_, value)| !value.trim().is_empty())?;
        let oid = match attribute_type {
            "CN" => rfc4519::COMMON_NAME,
            "O" => rfc4519::ORGANIZATION_NAME,
            "OU" => rfc4519::ORGANIZATIONAL_UNIT_NAME,
            _ => return None,
        };
        let value = Any::new(Tag::Utf8String, value.as_bytes()).ok()?;
        let attribute = AttributeTypeAndValue { oid, value }.to_der().ok()?;
        sets.push(compose(Tag::Set, &[&attribute]).ok()?);
    }
    let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    let name = Name::from_der(&compose(Tag::Sequence, &sets).ok()?).ok()?;
    // What is read has room to grow; its copy has not.
    Some(name.clone())
}

fn inspect_part(part: &str) -> Result<(), String> {
    let Some((attribute_type, value)) = part.split_once('=') else {
        return Err(format!("{part:?} has no =; a comma within a value is written \\,"));
    };
    if attribute_type.trim() != attribute_type {
        return Err(format!("there is a blank around {:?}; leave it out", attribute_type.trim()));
    }
    if attribute_type.is_empty() {
        return Err(format!("{part:?} has no attribute type before its ="));
    }
    if value.trim().is_empty() {
        return Err(format!("{attribute_type} has no value"));
    }
    // The usual ones need no search: there may be a million names to read.
    const USUAL: [&str; 8] = ["CN", "O", "OU", "C", "L", "ST", "DC", "UID"];
    if !USUAL.contains(&attribute_type)
        && const_oid::db::DB.by_name(attribute_type).is_none()
        && const_oid::ObjectIdentifier::new(attribute_type).is_err()
    {
        return Err(format!(
            "there is no attribute type {attribute_type:?} (as CN, O, OU, C, L, ST, DC, UID are)"
        ));
    }
    Ok(())
}

/// That the value has the characters of its type (RFC 5280 appendix A.1).
fn inspect_value(attribute: &AttributeTypeAndValue) -> Result<(), String> {
    let value = &attribute.value;
    let fits = match value.tag() {
        Tag::Utf8String => Utf8StringRef::try_from(value).is_ok(),
        Tag::Ia5String => Ia5StringRef::try_from(value).is_ok(),
        Tag::PrintableString => PrintableStringRef::try_from(value).is_ok(),
        _ => true,
    };
    if !fits {
        let name = const_oid::db::DB.by_oid(&attribute.oid).unwrap_or("an attribute");
        return Err(format!(
            "the value of {name} has characters that it may not have (RFC 5280 appendix A.1)"
        ));
    }
    if attribute.oid == const_oid::db::rfc4519::COUNTRY_NAME && value.value().len() != 2 {
        return Err("C has to be a country code of two letters, such as NL".to_owned());
    }
    Ok(())
}

/// The parts between the commas and plus signs that are not escaped.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (position, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' | '+' => {
                parts.extend(text.get(start..position));
                start = position.saturating_add(1);
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_rfc_4514_writes_them() {
        for text in [
            "CN=enb0001.operator.example",
            "CN=enb0001,OU=RAN,O=Operator\\, Inc.,C=NL",
            "CN=a+UID=b,DC=operator,DC=example",
            "2.5.4.5=#1303313233",
        ] {
            assert!(parse_name(text).is_ok(), "{text}: {:?}", parse_name(text));
        }
        assert_eq!(parse_name("CN=a,O=b").unwrap().to_string(), "CN=a,O=b");
    }

    #[test]
    fn usual_names_are_what_the_others_would_be() {
        for text in ["CN=enb1.operator.example", "CN=SN-1,O=Vendor", "CN=é = x ,OU=a b,O=c", "O=x,CN=y,CN=z"]
        {
            assert_eq!(usual(text), Some(text.parse().unwrap()), "{text}");
        }
        for text in ["CN=a\\,b", "CN=a+CN=b", "CN=#0c0161", "C=NL", "CN=", "CN", "cn=a", "CN=a,", ""] {
            assert_eq!(usual(text), None, "{text}");
        }
    }

    #[test]
    fn a_typo_is_named() {
        for (text, reason) in [
            ("", "empty"),
            ("enb0001", "has no ="),
            ("CN=a,Operator", "\"Operator\" has no ="),
            ("CN=a, O=b", "blank around \"O\""),
            ("CM=a", "no attribute type \"CM\""),
            ("CN=", "CN has no value"),
            ("=a", "no attribute type before"),
            ("/C=NL/CN=a", "commas"),
            ("CN=a,C=NLD", "two letters"),
            ("DC=é", "characters"),
            ("CN=a\\", "escapes nothing"),
        ] {
            let error = parse_name(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
