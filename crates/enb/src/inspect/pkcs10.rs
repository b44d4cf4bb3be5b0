//! CertificationRequest, RFC 2986 section 4.

use const_oid::ObjectIdentifier;
use pkcs10::CertReq;

use super::fields;
use super::tree::Fields;

/// extensionRequest, RFC 2985 section 5.4.2: its extensions are shown opened.
const EXTENSION_REQUEST: ObjectIdentifier = asn1::oids::rfc2985::EXTENSION_REQUEST;

pub(super) fn certification_request(request: &CertReq) -> Fields {
    let info = Fields::new()
        .with("version", "v1")
        .with("subject", fields::name(request.subject()))
        .with("subjectPKInfo", fields::public_key(request.public_key_octets()))
        .with("attributes", attributes(request));
    Fields::new()
        .with("certificationRequestInfo", info)
        .with("proofOfPossession", proof_of_possession(request))
}

fn attributes(request: &CertReq) -> Fields {
    let others = request.attributes().iter().filter(|attribute| attribute.oid != EXTENSION_REQUEST);
    let shown = others.fold(Fields::new(), |shown, attribute| {
        shown.with(fields::oid_name(attribute.oid), format!("{} values", attribute.values.len()))
    });
    match request.requested_extensions() {
        Ok(extensions) if extensions.is_empty() => shown,
        Ok(extensions) => shown.with("extensionRequest", fields::extensions(&extensions)),
        Err(error) => shown.with("extensionRequest", error.to_string()),
    }
}

/// The signature is the proof, RFC 2986 section 3.
fn proof_of_possession(request: &CertReq) -> String {
    match request.verify_pop(&crypto_aws_lc::provider()) {
        Ok(_) => "the signature verifies with the key in the request".to_owned(),
        Err(error) => error.to_string(),
    }
}
