//! What a station uploads, before it is queued.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cmp::CertReqId;
use cmp::end_entity::RequestKind;
use crmf::CertReqMessages;
use crypto::{CryptoProvider, alternative_names_match, names_match};
use der::Decode;
use pkcs10::CertReq;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::error::Refusal;
use crate::inventory::Identified;
use crate::request::Upload;
use crate::station::Station;

/// A request that may be queued: its proof of possession holds, and it asks for what its station may have.
#[derive(Clone, Debug)]
pub struct Admitted {
    station: String,
    kind: RequestKind,
    request: Vec<u8>,
    public_key: Vec<u8>,
}

impl Admitted {
    /// Checks a request of an identified station: syntax, strength of the key, proof of possession over the octets received,
    /// and that the names are those the inventory gives to this station.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        upload: Upload<'_>,
        identified: Identified<'_>,
        provider: &CryptoProvider,
    ) -> Result<Self, Refusal> {
        let station = identified.station();
        let (kind, public_key) = match upload {
            Upload::Pkcs10(octets) => (RequestKind::P10cr, check_pkcs10(octets, station, provider)?),
            Upload::CertReqMessages(octets) => {
                let kind = if identified.is_by_operator() { RequestKind::Cr } else { RequestKind::Ir };
                (kind, check_crmf(octets, station, provider)?)
            }
        };
        let (station, request) = (station.name.to_string(), upload.octets().to_vec());
        Ok(Self { station, kind, request, public_key })
    }

    /// The station's name in the inventory.
    pub fn station(&self) -> &str {
        &self.station
    }

    /// With which body it goes to the RA/CA.
    pub const fn kind(&self) -> RequestKind {
        self.kind
    }

    /// The request, as the station made it.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// The SubjectPublicKeyInfo in it.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

pub(crate) fn check_pkcs10(
    octets: &[u8],
    station: &Station,
    provider: &CryptoProvider,
) -> Result<Vec<u8>, Refusal> {
    let refused = |reason| Refusal::Request { station: station.name.clone(), reason };
    let verified = CertReq::from_der(octets).and_then(|csr| csr.verify_pop(provider)).map_err(refused)?;
    check_names(verified.subject(), verified.extensions(), station)?;
    Ok(verified.public_key().spki_octets().to_vec())
}

/// One request with the id that RFC 9483 section 4.1.1 gives it, since it lies in what the station signed. Without a subject the
/// proof of possession would name the sender of the message, which the NEM is and the station not (RFC 4211 section 4.1): the
/// proof would break at the RA/CA.
fn check_crmf(octets: &[u8], station: &Station, provider: &CryptoProvider) -> Result<Vec<u8>, Refusal> {
    let refused =
        |reason| Refusal::CertReqMessages { station: station.name.clone(), reason: Box::new(reason) };
    let messages =
        CertReqMessages::from_der(octets).map_err(|error| refused(cmp::Error::CertReqMsg(error)))?;
    let [message] = messages.messages() else {
        let count = messages.messages().len();
        return Err(refused(cmp::Error::NotExactlyOne { what: "CertReqMsg", count }));
    };
    if message.cert_req_id() != CertReqId::FIRST {
        return Err(refused(cmp::Error::BadCertReqId(message.cert_req_id())));
    }
    let Some(subject) = &message.template().subject else {
        return Err(Refusal::NoSubject { station: station.name.clone() });
    };
    let verified =
        message.verify_pop(provider, None).map_err(|error| refused(cmp::Error::CertReqMsg(error)))?;
    check_names(subject, verified.extensions(), station)?;
    Ok(verified.public_key().spki_octets().to_vec())
}

pub(crate) fn check_names(
    subject: &Name,
    extensions: &[Extension],
    station: &Station,
) -> Result<(), Refusal> {
    if !names_match(subject, &station.subject) {
        return Err(Refusal::Name {
            station: station.name.clone(),
            requested: subject.clone(),
            granted: station.subject.clone(),
        });
    }
    let refused = || Refusal::AlternativeName { station: station.name.clone() };
    for extension in extensions {
        if extension.extn_id == asn1::oids::rfc5280::SUBJECT_ALT_NAME {
            let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(|_| refused())?;
            let allowed = |name: &GeneralName| {
                station.alternative_names.iter().any(|granted| alternative_names_match(granted, name))
            };
            if !names.0.iter().all(allowed) {
                return Err(refused());
            }
        }
    }
    Ok(())
}
