//! The attributes of a request, RFC 2985 section 5.4: made and read.

use alloc::string::String;
use alloc::vec::Vec;

use asn1::oids::rfc2985::{CHALLENGE_PASSWORD, EXTENSION_REQUEST, UNSTRUCTURED_NAME};
use asn1::{compose, constructed};
use const_oid::ObjectIdentifier;
use crypto::SharedSecret;
use der::asn1::Ia5StringRef;
use der::{Any, Encode, Tag, Tagged};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::DirectoryString;

use crate::Error;

/// How many attributes a request may have.
pub const MAX_ATTRIBUTES: usize = 16;

/// How many extensions a request may ask for.
pub const MAX_EXTENSIONS: usize = 32;

/// What a request says beside its subject and key: `[0] IMPLICIT SET OF Attribute`.
pub(crate) fn attributes(
    extensions: &[Extension],
    challenge_password: Option<&SharedSecret>,
    unstructured_name: Option<&str>,
) -> Result<Vec<u8>, Error> {
    inspect_extensions(extensions)?;
    let mut attributes = Vec::new();
    // Extensions may not be empty (RFC 5280 section 4.1.2.9).
    if !extensions.is_empty() {
        let mut value = Vec::new();
        for extension in extensions {
            extension.encode_to_vec(&mut value).map_err(Error::Encoding)?;
        }
        insert(&mut attributes, EXTENSION_REQUEST, compose(Tag::Sequence, &[&value]))?;
    }
    if let Some(password) = challenge_password {
        insert(&mut attributes, CHALLENGE_PASSWORD, utf8(password.reveal()))?;
    }
    if let Some(name) = unstructured_name {
        insert(&mut attributes, UNSTRUCTURED_NAME, utf8(name))?;
    }
    compose(constructed(0), &[&attributes.concat()]).map_err(Error::Encoding)
}

/// In the order of a SET OF: that of the octets (X.690 section 11.6).
fn insert(
    attributes: &mut Vec<Vec<u8>>,
    oid: ObjectIdentifier,
    value: der::Result<Vec<u8>>,
) -> Result<(), Error> {
    let attribute = value
        .and_then(|value| compose(Tag::Set, &[&value]))
        .and_then(|values| compose(Tag::Sequence, &[&oid.to_der()?, &values]))
        .map_err(Error::Encoding)?;
    let place = attributes.partition_point(|other| *other < attribute);
    attributes.insert(place, attribute);
    Ok(())
}

fn utf8(text: &str) -> der::Result<Vec<u8>> {
    compose(Tag::Utf8String, &[text.as_bytes()])
}

/// The one value of an attribute that may stand there once.
fn single_value(attributes: &[Attribute], oid: ObjectIdentifier) -> Result<Option<&Any>, Error> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(Error::TooManyAttributes { count: attributes.len(), limit: MAX_ATTRIBUTES });
    }
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let Some(attribute) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(Error::DuplicateAttribute(oid));
    }
    match attribute.values.as_slice() {
        [value] => Ok(Some(value)),
        values => Err(Error::NotSingleValued { attribute: oid, values: values.len() }),
    }
}

/// The password of challengePassword, RFC 2985 section 5.4.1: a DirectoryString.
pub(crate) fn challenge_password(attributes: &[Attribute]) -> Result<Option<SharedSecret>, Error> {
    let value = single_value(attributes, CHALLENGE_PASSWORD)?;
    value.map(|value| text(value).map(SharedSecret::new)).transpose()
}

/// The names of unstructuredName, RFC 2985 section 5.4.3: each an IA5String or a DirectoryString.
pub(crate) fn unstructured_names(attributes: &[Attribute]) -> Result<Vec<String>, Error> {
    let found = attributes.iter().filter(|attribute| attribute.oid == UNSTRUCTURED_NAME);
    found.take(MAX_ATTRIBUTES).flat_map(|attribute| attribute.values.iter()).map(text).collect()
}

fn text(value: &Any) -> Result<String, Error> {
    let text = match value.tag() {
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().map(|text| String::from(text.as_str())),
        _ => value.decode_as::<DirectoryString>().map(String::from),
    };
    text.map_err(Error::Malformed)
}

/// The extensions that an attribute asks for. An empty one, which some requesters send, asks for none.
pub(crate) fn requested_extensions(
    attributes: &[Attribute],
    attribute: ObjectIdentifier,
) -> Result<Vec<Extension>, Error> {
    let Some(value) = single_value(attributes, attribute)? else {
        return Ok(Vec::new());
    };
    let extensions: Vec<Extension> = value.decode_as().map_err(Error::Malformed)?;
    inspect_extensions(&extensions)?;
    Ok(extensions)
}

/// No extension may be there twice (RFC 5280 section 4.2).
fn inspect_extensions(extensions: &[Extension]) -> Result<(), Error> {
    if extensions.len() > MAX_EXTENSIONS {
        return Err(Error::TooManyExtensions { count: extensions.len(), limit: MAX_EXTENSIONS });
    }
    let mut rest = extensions;
    while let [first, others @ ..] = rest {
        if others.iter().any(|other| other.extn_id == first.extn_id) {
            return Err(Error::DuplicateExtension(first.extn_id));
        }
        rest = others;
    }
    Ok(())
}
