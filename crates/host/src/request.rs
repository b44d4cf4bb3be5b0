use std::net::IpAddr;

use crypto::SigningKey;
use der::asn1::{Ia5String, OctetString};
use der::{Encode, oid::AssociatedOid};
use pkcs10::CertReqBuilder;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::Error;

/// The names a station asks to be certified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Names {
    /// The subject.
    pub subject: Name,
    /// The dNSNames in subjectAltName.
    pub dns: Vec<String>,
    /// The iPAddresses in subjectAltName.
    pub ip: Vec<IpAddr>,
}

impl Names {
    /// A subject without alternative names.
    pub const fn new(subject: Name) -> Self {
        Self { subject, dns: Vec::new(), ip: Vec::new() }
    }

    /// The alternative names as GeneralNames.
    ///
    /// # Errors
    /// When a name cannot be encoded.
    pub fn alternative_names(&self) -> Result<Vec<GeneralName>, Error> {
        let dns = self.dns.iter().map(|host| Ia5String::new(host).map(GeneralName::DnsName));
        let ip = self.ip.iter().copied().map(|address| Ok(GeneralName::from(address)));
        dns.chain(ip).collect::<Result<_, _>>().map_err(Error::Encoding)
    }

    /// subjectAltName (RFC 5280 section 4.2.1.6), when there are alternative names.
    ///
    /// # Errors
    /// When a name cannot be encoded.
    pub fn extensions(&self) -> Result<Vec<Extension>, Error> {
        let names = self.alternative_names()?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let octets = SubjectAltName(names).to_der().map_err(Error::Encoding)?;
        let extn_value = OctetString::new(octets).map_err(Error::Encoding)?;
        // Critical only where there is no subject (RFC 5280 section 4.2.1.6).
        Ok(vec![Extension { extn_id: SubjectAltName::OID, critical: self.subject.is_empty(), extn_value }])
    }
}

/// Makes a CertificationRequest (RFC 2986), signed with the key it asks a certificate for: its DER octets.
///
/// # Errors
/// When a name cannot be encoded, or the key fails to sign.
pub fn certification_request(names: &Names, key: &dyn SigningKey) -> Result<Vec<u8>, Error> {
    let mut builder = CertReqBuilder::new(names.subject.clone(), key.public_key());
    builder.extensions = names.extensions()?;
    builder.sign(key).map_err(Error::Request)
}

/// Whether that is the name of a host (RFC 1123 section 2.1), fit for a dNSName.
///
/// # Errors
/// What is wrong with it.
pub fn parse_host_name(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a host name: letters, digits and hyphens between dots, such as enb0001.operator.example"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_aws_lc::{KeyType, SoftwareKey};
    use pkcs10::CertReq;

    #[test]
    fn what_is_asked_for_stands_in_the_request() {
        let key = SoftwareKey::generate(KeyType::P256).unwrap();
        let mut names = Names::new("CN=enb0001.operator.example".parse().unwrap());
        let plain = CertReq::from_der(&certification_request(&names, &key).unwrap()).unwrap();
        assert!(plain.requested_extensions().unwrap().is_empty());

        names.dns = vec!["enb0001.operator.example".into()];
        names.ip = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let request = CertReq::from_der(&certification_request(&names, &key).unwrap()).unwrap();
        let verified = request.verify_pop(&crypto_aws_lc::provider()).unwrap();
        assert_eq!(verified.subject(), &names.subject);
        assert_eq!(verified.extensions(), names.extensions().unwrap());
    }

    #[test]
    fn host_names_have_no_wildcards_or_blanks() {
        assert!(parse_host_name("enb-1.operator.example").is_ok());
        for bad in ["", "*.example", "a b", "-a.example", "a..b", "münchen.example"] {
            assert!(parse_host_name(bad).is_err(), "{bad}");
        }
    }
}
