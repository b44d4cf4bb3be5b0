//! What a station uploads, before it is queued.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crypto::{CryptoProvider, alternative_names_match, names_match};
use der::Decode;
use pkcs10::{CertReq, VerifiedRequest};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::error::Refusal;
use crate::inventory::{Identified, Station};

/// A request that may be queued: its proof of possession holds, and it asks for what its station may have.
#[derive(Clone, Debug)]
pub struct Admitted {
    station: String,
    csr: Vec<u8>,
    public_key: Vec<u8>,
}

impl Admitted {
    /// Checks a PKCS #10 request of an identified station: syntax, strength of the key, proof of possession over the octets
    /// received, and that the names are those the inventory gives to this station.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        octets: &[u8],
        identified: Identified<'_>,
        provider: &CryptoProvider,
    ) -> Result<Self, Refusal> {
        let station = identified.station();
        let request = |reason| Refusal::Request { station: station.name.clone(), reason };
        let verified = CertReq::from_der(octets).and_then(|csr| csr.verify_pop(provider)).map_err(request)?;
        check_names(&verified, station)?;
        Ok(Self {
            station: station.name.to_string(),
            csr: octets.to_vec(),
            public_key: verified.public_key().spki_octets().to_vec(),
        })
    }

    /// The station's name in the inventory.
    pub fn station(&self) -> &str {
        &self.station
    }

    /// The request, as the station made it.
    pub fn csr(&self) -> &[u8] {
        &self.csr
    }

    /// The SubjectPublicKeyInfo in it.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

fn check_names(request: &VerifiedRequest, station: &Station) -> Result<(), Refusal> {
    if !names_match(request.subject(), &station.subject) {
        return Err(Refusal::Name {
            station: station.name.clone(),
            requested: request.subject().clone(),
            granted: station.subject.clone(),
        });
    }
    let refused = || Refusal::AlternativeName { station: station.name.clone() };
    for extension in request.extensions() {
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
