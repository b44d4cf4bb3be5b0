//! CertificationRequest, RFC 2986 section 4.

use asn1::oids::microsoft::CERT_EXTENSIONS;
use asn1::oids::rfc2985::{CHALLENGE_PASSWORD, EXTENSION_REQUEST, UNSTRUCTURED_NAME};
use pkcs10::CertReq;

use super::fields;
use super::tree::Fields;

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

/// A password is not shown.
fn attributes(request: &CertReq) -> Fields {
    let shown = request.attributes().iter().fold(Fields::new(), |shown, attribute| {
        let name = fields::oid_name(attribute.oid);
        match attribute.oid {
            EXTENSION_REQUEST => shown,
            CERT_EXTENSIONS => match request.microsoft_requested_extensions() {
                Ok(extensions) => shown.with("szOID_CERT_EXTENSIONS", fields::extensions(&extensions)),
                Err(error) => shown.with("szOID_CERT_EXTENSIONS", error.to_string()),
            },
            CHALLENGE_PASSWORD => shown.with("challengePassword", "a secret"),
            UNSTRUCTURED_NAME => match request.unstructured_names() {
                Ok(names) => shown.with_list("unstructuredName", names),
                Err(error) => shown.with("unstructuredName", error.to_string()),
            },
            _ => shown.with(name, format!("{} values", attribute.values.len())),
        }
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
