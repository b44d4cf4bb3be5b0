//! The extensionRequest attribute, RFC 2985 section 5.4.2: made and read.

use alloc::vec::Vec;

use asn1::oids::rfc2985::EXTENSION_REQUEST;
use der::Any;
use der::asn1::SetOfVec;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::ext::Extension;

use crate::Error;

/// How many attributes a request may have.
pub const MAX_ATTRIBUTES: usize = 16;

/// How many extensions a request may ask for.
pub const MAX_EXTENSIONS: usize = 32;

/// The attributes that ask for `extensions`: none at all when there are none, for Extensions may not be empty
/// (RFC 5280 section 4.1.2.9).
pub(crate) fn extension_request(extensions: &[Extension]) -> Result<Attributes, Error> {
    inspect_extensions(extensions)?;
    let mut attributes = Attributes::new();
    if !extensions.is_empty() {
        let value = Any::encode_from(&extensions.to_vec()).map_err(Error::Encoding)?;
        let values = SetOfVec::try_from([value]).map_err(Error::Encoding)?;
        attributes.insert(Attribute { oid: EXTENSION_REQUEST, values }).map_err(Error::Encoding)?;
    }
    Ok(attributes)
}

/// The extensions that the attributes ask for. An empty extensionRequest, which some requesters send, asks for none.
pub(crate) fn requested_extensions(attributes: &[Attribute]) -> Result<Vec<Extension>, Error> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(Error::TooManyAttributes { count: attributes.len(), limit: MAX_ATTRIBUTES });
    }
    let mut requests = attributes.iter().filter(|attribute| attribute.oid == EXTENSION_REQUEST);
    let Some(request) = requests.next() else {
        return Ok(Vec::new());
    };
    if requests.next().is_some() {
        return Err(Error::DuplicateAttribute(EXTENSION_REQUEST));
    }
    let [value] = request.values.as_slice() else {
        return Err(Error::NotSingleValued { attribute: EXTENSION_REQUEST, values: request.values.len() });
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
