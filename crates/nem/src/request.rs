//! What stations upload, and what is read again of it when it is forwarded and when its certificate is here: PKCS #10 or
//! CertReqMessages. The octets are the station's, from its upload to the RA/CA.

use alloc::boxed::Box;
use alloc::vec::Vec;

use cmp::Error;
use cmp::end_entity::{CertificateRequest, RequestKind};
use crmf::CertReqMessages;
use crypto::{CertificateFault, CertificatePath, CryptoProvider, KeyUse, Requested};
use pkcs10::CertReq;

/// A station's upload, in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upload<'a> {
    /// A PKCS #10 request (RFC 2986); it becomes a p10cr.
    Pkcs10(&'a [u8]),
    /// CertReqMessages (RFC 4211) with one request, its subject and a signature as proof of possession. It becomes an ir, or a
    /// cr when the station has an operator's certificate.
    CertReqMessages(&'a [u8]),
}

impl<'a> Upload<'a> {
    /// Its octets.
    pub const fn octets(self) -> &'a [u8] {
        match self {
            Self::Pkcs10(octets) | Self::CertReqMessages(octets) => octets,
        }
    }
}

/// The body that carries such a request to the RA/CA.
pub(crate) fn certificate_request(kind: RequestKind, octets: &[u8]) -> Result<CertificateRequest, Error> {
    let messages = || CertReqMessages::from_der(octets).map_err(Error::CertReqMsg);
    match kind {
        RequestKind::P10cr => {
            let request = CertReq::from_der(octets).map_err(Error::CertificationRequest)?;
            Ok(CertificateRequest::P10cr(Box::new(request)))
        }
        RequestKind::Cr => messages().map(CertificateRequest::Cr),
        // A kur is signed by the station, so none comes to be here.
        _ => messages().map(CertificateRequest::Ir),
    }
}

/// Checks that a certificate is the one that was asked for; see [`Requested::check`].
pub(crate) fn check_certificate(
    kind: RequestKind,
    octets: &[u8],
    path: &CertificatePath<'_>,
    provider: &CryptoProvider,
) -> Result<(), CertificateFault> {
    let malformed = |_| CertificateFault::Malformed;
    // What proves possession of a key that does not sign is no signature, which the NEM verifies.
    let key_use = KeyUse::Signing;
    let checked = match certificate_request(kind, octets).map_err(|_| CertificateFault::Malformed)? {
        CertificateRequest::P10cr(request) => {
            let extensions = request.requested_extensions().map_err(malformed)?;
            let public_key = request.public_key_octets();
            let subject = Some(request.subject());
            Requested { public_key, subject, extensions: &extensions, key_use }.check(path, provider)
        }
        CertificateRequest::Ir(messages) | CertificateRequest::Cr(messages) => {
            let template = messages.messages().first().ok_or(CertificateFault::Malformed)?.template();
            let public_key: Vec<u8> =
                template.public_key_octets().map_err(|_| CertificateFault::Malformed)?;
            let (subject, extensions) = (template.subject.as_ref(), template.extensions());
            Requested { public_key: &public_key, subject, extensions, key_use }.check(path, provider)
        }
        _ => return Err(CertificateFault::Malformed),
    };
    checked.map(|_| ())
}
