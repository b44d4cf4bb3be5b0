//! Which names a profile has.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use cmp::PkiFailureInfo;
use const_oid::ObjectIdentifier;
use der::asn1::Ia5String;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::find;
use crate::Error;

/// Which subjects a profile has; any by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectRule {
    /// The name it must lie below: its RDNs come first, in the order of the encoding.
    pub below: Option<Name>,
    /// The attributes that must be there.
    pub required: Vec<ObjectIdentifier>,
    /// The only attributes that may be there, beside those of `below`; `None`: any.
    pub allowed: Option<Vec<ObjectIdentifier>>,
}

impl SubjectRule {
    /// Any subject.
    pub const ANY: Self = Self { below: None, required: Vec::new(), allowed: None };

    pub(super) fn check(&self, subject: &Name) -> Result<(), Error> {
        let refuse = |reason| Err(Error::policy(PkiFailureInfo::BAD_CERT_TEMPLATE, reason));
        let mut rest = subject.iter_rdn();
        if let Some(below) = &self.below
            && !below.iter_rdn().all(|rdn| rest.next() == Some(rdn))
        {
            return refuse("the subject does not lie below the name that the profile demands");
        }
        let allowed = |oid: &ObjectIdentifier| self.allowed.as_ref().is_none_or(|list| list.contains(oid));
        if !rest.flat_map(|rdn| rdn.iter()).all(|attribute| allowed(&attribute.oid)) {
            return refuse("the subject has an attribute that the profile does not allow");
        }
        let has = |oid: &ObjectIdentifier| subject.iter().any(|attribute| attribute.oid == *oid);
        if !self.required.iter().all(has) {
            return refuse("the subject lacks an attribute that the profile demands");
        }
        Ok(())
    }
}

/// Which host names and addresses in subjectAltName a profile has; any by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlternativeNamesRule {
    /// The domains that a dNSName must be, or lie below; `None`: any.
    pub dns: Option<Vec<String>>,
    /// The networks that an iPAddress must lie in, each with the length of its prefix in bits; `None`: any.
    pub ip: Option<Vec<(IpAddr, u8)>>,
    /// Whether there must be a name.
    pub required: bool,
}

impl AlternativeNamesRule {
    /// Any names, or none.
    pub const ANY: Self = Self { dns: None, ip: None, required: false };

    /// The names asked for that can be certified: host names and addresses (RFC 4945 section 5.1.3.6), well-formed. The flag says
    /// whether there were others.
    pub(super) fn fit(&self, requested: &[Extension]) -> Result<(Vec<GeneralName>, bool), Error> {
        let refuse = |reason| Err(Error::policy(PkiFailureInfo::BAD_CERT_TEMPLATE, reason));
        let asked = find::<SubjectAltName>(requested)?.map(|names| names.0).unwrap_or_default();
        let count = asked.len();
        let mut names = Vec::new();
        for name in asked {
            let (well_formed, permitted) = match &name {
                GeneralName::DnsName(name) => (is_host_name(name), self.permits_host(name.as_str())),
                GeneralName::IpAddress(address) => {
                    let octets = address.as_bytes();
                    (matches!(octets.len(), 4 | 16), self.permits_address(octets))
                }
                _ => continue,
            };
            if !well_formed {
                return refuse("a dNSName or iPAddress in subjectAltName is malformed");
            }
            if !permitted {
                return refuse("a dNSName or iPAddress in subjectAltName is none that the profile allows");
            }
            names.push(name);
        }
        if self.required && names.is_empty() {
            return refuse("the profile demands a dNSName or iPAddress in subjectAltName");
        }
        let modified = names.len() != count;
        Ok((names, modified))
    }

    fn permits_host(&self, name: &str) -> bool {
        let lies_in = |domain: &String| {
            let Some(at) = name.len().checked_sub(domain.len()) else { return false };
            let Some((above, end)) = name.split_at_checked(at) else { return false };
            end.eq_ignore_ascii_case(domain) && (above.is_empty() || above.ends_with('.'))
        };
        self.dns.as_ref().is_none_or(|domains| domains.iter().any(lies_in))
    }

    fn permits_address(&self, address: &[u8]) -> bool {
        let lies_in = |(network, prefix): &(IpAddr, u8)| match network {
            IpAddr::V4(network) => shares_prefix(address, &network.octets(), *prefix),
            IpAddr::V6(network) => shares_prefix(address, &network.octets(), *prefix),
        };
        self.ip.as_ref().is_none_or(|networks| networks.iter().any(lies_in))
    }
}

fn shares_prefix(address: &[u8], network: &[u8], prefix: u8) -> bool {
    let mut bits = u32::from(prefix);
    let same = address.iter().zip(network).all(|(ours, theirs)| {
        let here = bits.min(8);
        bits = bits.saturating_sub(here);
        // Of eight bits or none a shift by all of them leaves nothing to differ.
        (ours ^ theirs).checked_shr(8_u32.saturating_sub(here)).unwrap_or(0) == 0
    });
    same && address.len() == network.len()
}

/// RFC 1123 section 2.1: labels of letters, digits and hyphens. Wildcards are nobody's name.
fn is_host_name(name: &Ia5String) -> bool {
    let name = name.as_str();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn domains_are_compared_by_labels() {
        let rule = AlternativeNamesRule {
            dns: Some(Vec::from(["ran.example".into()])),
            ..AlternativeNamesRule::ANY
        };
        for good in ["ran.example", "enb.ran.example", "ENB.RAN.EXAMPLE"] {
            assert!(rule.permits_host(good), "{good}");
        }
        for bad in ["enbran.example", "example", "ran.example.net", "", "ran.example.", "än.example"] {
            assert!(!rule.permits_host(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_are_compared_by_bits() {
        let rule = |network: &str, prefix| AlternativeNamesRule {
            ip: Some(Vec::from([(network.parse().unwrap(), prefix)])),
            ..AlternativeNamesRule::ANY
        };
        assert!(rule("10.0.0.0", 8).permits_address(&[10, 255, 0, 1]));
        assert!(!rule("10.0.0.0", 8).permits_address(&[11, 0, 0, 1]));
        assert!(rule("10.32.0.0", 11).permits_address(&[10, 63, 0, 1]));
        assert!(!rule("10.32.0.0", 11).permits_address(&[10, 64, 0, 1]));
        assert!(rule("0.0.0.0", 0).permits_address(&[1, 2, 3, 4]));
        assert!(!rule("0.0.0.0", 0).permits_address(&[0; 16]));
        assert!(rule("10.0.0.1", 32).permits_address(&[10, 0, 0, 1]));
        assert!(!rule("10.0.0.1", 32).permits_address(&[10, 0, 0, 2]));
    }
}
