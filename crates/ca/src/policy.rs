//! Who may have what.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use asn1::oids::rfc5280;
use asn1::{EncodedCertificate, UnixTime};
use cmp::management_entity::VerifiedRequest;
use cmp::{PkiFailureInfo, Signer, SignerRole};
use crypto::names_match;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::profile::subject_alt_names;
use crate::registry::CertificateRecord;
use crate::{Error, Profile};

/// Who may have what, and on which terms.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// All profiles there are. A certificate is updated under the profile it was issued under.
    pub profiles: Vec<Profile>,
    /// The names of those that are had by CMP by whoever is trusted without a list of his own ([`cmp::Trust::cert_profiles`]): the first
    /// by whoever names none. The others are issued by hand.
    pub cert_profiles: Vec<String>,
    /// Whether a kur may ask for the key that the old certificate has.
    pub key_reuse: bool,
    /// Which names a station may ask for with its vendor's certificate.
    pub vendor_names: VendorNames,
    /// Whether implicit confirmation is granted to those who ask for it.
    pub implicit_confirm: bool,
    /// How long certConf is awaited. A later one is still accepted.
    pub confirm_wait: Duration,
    /// How long requesters have to wait for their certificates; zero answers at once.
    pub issuing_delay: Duration,
    /// Whose requests wait for an administrator.
    pub approval: Approval,
    /// Whether keys that do not sign are certified: their certificates go out enciphered, and whoever confirms one has proved possession
    /// (RFC 9810 section 5.2.8.3.2).
    pub encrypted_certificates: bool,
    /// Whether other CAs, that are trusted in the role [`SignerRole::CertificationAuthority`], are certified: with how many further
    /// CAs below them. `None`: no CA is.
    pub cross_certification: Option<u8>,
}

/// Whose requests wait until an administrator approves or rejects them ([`crate::Ca::approve`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approval {
    /// The roles whose requests wait. An RA has approved its requests itself.
    pub of: Vec<SignerRole>,
    /// Whether their updates (kur) wait, too: whoever sends one has a certificate already.
    pub updates: bool,
    /// What those who wait are told: to ask again after that time.
    pub check_after: Duration,
    /// How long a request waits at most. Then it can no longer be approved, and whoever polls is told systemUnavail.
    pub lifetime: Duration,
}

impl Approval {
    /// Nobody waits. Whoever does after a change of this is told to ask every minute, for 30 days.
    pub const NONE: Self = Self {
        of: Vec::new(),
        updates: false,
        check_after: Duration::from_secs(60),
        lifetime: Duration::from_secs(30 * 24 * 3600),
    };

    pub(crate) fn is_needed(&self, request: &VerifiedRequest) -> bool {
        self.of.contains(&request.signer().role) && (self.updates || request.updated().is_none())
    }

    pub(crate) fn is_over(&self, received: UnixTime, now: UnixTime) -> bool {
        received.saturating_add(self.lifetime) < now
    }
}

impl Default for Policy {
    /// Network elements' certificates, at once, without an administrator, vendor names only, no CAs, signing keys only; implicit confirmation is granted,
    /// certConf awaited for five minutes. An update has a new key.
    fn default() -> Self {
        Self {
            profiles: Vec::from(Profile::ALL),
            cert_profiles: Vec::from([Profile::NE.name.into_owned()]),
            key_reuse: false,
            vendor_names: VendorNames::Own,
            implicit_confirm: true,
            confirm_wait: Duration::from_secs(300),
            issuing_delay: Duration::ZERO,
            approval: Approval::NONE,
            encrypted_certificates: false,
            cross_certification: None,
        }
    }
}

/// Which names a station may ask for with its vendor's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VendorNames {
    /// Those of the vendor's certificate.
    Own,
    /// Any. Whoever has a vendor's certificate can then become any element of the network: for laboratories.
    Any,
}

/// What is to be issued.
pub(crate) struct Order<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) subject: Name,
    pub(crate) extensions: Vec<Extension>,
    /// Whether that is another subject than the one asked for.
    pub(crate) other_subject: bool,
}

impl Policy {
    /// What the sender of a first or further request gets.
    pub(crate) fn order(
        &self,
        request: &VerifiedRequest,
        endpoint: Option<&str>,
    ) -> Result<Order<'_>, Error> {
        let profile = self.profile(request, endpoint)?;
        let (subject, other_subject) = self.subject(request)?;
        Ok(Order { profile, subject, extensions: request.extensions().to_vec(), other_subject })
    }

    /// What the sender of a kur gets: the names, the profile and the purposes stay as they are, the key is a new one (RFC 9483
    /// section 4.1.3).
    pub(crate) fn update(
        &self,
        request: &VerifiedRequest,
        old: &CertificateRecord,
        endpoint: Option<&str>,
    ) -> Result<Order<'_>, Error> {
        let profile = self.by_name(&old.profile).ok_or(Error::policy(
            PkiFailureInfo::NOT_AUTHORIZED,
            "the profile of the old certificate is no longer issued",
        ))?;
        if asked(request, endpoint)?.is_some_and(|name| name != profile.name) {
            return Err(Error::policy(
                PkiFailureInfo::NOT_AUTHORIZED,
                "an update keeps the profile of the old certificate",
            ));
        }
        let certificate =
            Certificate::from_der(old.certificate.octets()).map_err(cmp::Error::MalformedCertificate)?;
        let tbs = certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info().to_der().map_err(Error::Encoding)?;
        if !self.key_reuse && spki == request.public_key().spki_octets() {
            return Err(Error::policy(
                PkiFailureInfo::BAD_CERT_TEMPLATE,
                "an update needs a new key; this is the old certificate's",
            ));
        }
        if let Some(subject) = request.subject().filter(|subject| !names_match(subject, tbs.subject())) {
            return Err(cmp::Error::NameNotAllowed(Vec::from([subject.clone()])).into());
        }
        check_alternative_names(request.extensions(), Some(&old.certificate))?;
        let is_name = |extension: &&Extension| extension.extn_id == rfc5280::SUBJECT_ALT_NAME;
        let kept = tbs.extensions().map_or(&[][..], Vec::as_slice).iter().filter(is_name);
        let asked = request.extensions().iter().filter(|extension| !is_name(extension));
        Ok(Order {
            profile,
            subject: tbs.subject().clone(),
            extensions: kept.chain(asked).cloned().collect(),
            other_subject: false,
        })
    }

    /// The profile of that name.
    pub fn by_name(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// Those that whoever signed may have.
    pub(crate) fn names<'a>(&'a self, signer: &'a Signer) -> &'a [String] {
        if signer.cert_profiles.is_empty() { &self.cert_profiles } else { &signer.cert_profiles }
    }

    fn profile(&self, request: &VerifiedRequest, endpoint: Option<&str>) -> Result<&Profile, Error> {
        let names = self.names(request.signer());
        let found = match asked(request, endpoint)? {
            Some(asked) => names.iter().find(|name| *name == asked),
            None => names.first(),
        };
        found.and_then(|name| self.by_name(name)).ok_or(Error::policy(
            PkiFailureInfo::NOT_AUTHORIZED,
            "this certProfile cannot be had by CMP with that credential; the CA's operator issues it",
        ))
    }

    /// The subject that the sender of a request gets; the flag says whether it is another than the one asked for.
    ///
    /// An RA vouches for any name. A station with a certificate of its vendor or of this PKI keeps the names it has, and one with a
    /// shared secret gets the name that was given out with the secret.
    fn subject(&self, request: &VerifiedRequest) -> Result<(Name, bool), Error> {
        if self.vouched_for(request.signer().role) {
            return match request.subject() {
                Some(subject) => Ok((subject.clone(), false)),
                None => Err(Error::policy(
                    PkiFailureInfo::BAD_CERT_TEMPLATE,
                    "the request has no subject, and its sender's name is not the station's",
                )),
            };
        }

        let own = &request.signer().name;
        check_alternative_names(request.extensions(), request.signer().certificate())?;
        match request.subject() {
            None => Ok((own.clone(), false)),
            Some(subject) if subject == own => Ok((own.clone(), false)),
            Some(subject) if subject.is_empty() => Ok((own.clone(), true)),
            Some(subject) => Err(cmp::Error::NameNotAllowed(Vec::from([subject.clone()])).into()),
        }
    }

    fn vouched_for(&self, role: SignerRole) -> bool {
        match role {
            SignerRole::RegistrationAuthority => true,
            SignerRole::VendorCertified => self.vendor_names == VendorNames::Any,
            _ => false,
        }
    }
}

/// The profile that the message names, or the path that it came to; they must not differ.
fn asked<'a>(request: &'a VerifiedRequest, endpoint: Option<&'a str>) -> Result<Option<&'a str>, Error> {
    match (request.cert_profile(), endpoint) {
        (Some(named), Some(endpoint)) if named != endpoint => Err(Error::policy(
            PkiFailureInfo::BAD_REQUEST,
            "certProfile names another profile than the path that the message was posted to",
        )),
        (named, endpoint) => Ok(named.or(endpoint)),
    }
}

/// Every alternative name asked for must stand in the signer's certificate. A shared secret has none.
fn check_alternative_names(
    requested: &[Extension],
    signer: Option<&EncodedCertificate>,
) -> Result<(), Error> {
    let asked = subject_alt_names(requested)?;
    if asked.is_empty() {
        return Ok(());
    }
    let own: Vec<GeneralName> = match signer {
        Some(signer) => {
            let certificate =
                Certificate::from_der(signer.octets()).map_err(cmp::Error::MalformedCertificate)?;
            let extensions =
                certificate.tbs_certificate().extensions().map_or(&[][..], |list| list.as_slice());
            subject_alt_names(extensions)?
        }
        None => Vec::new(),
    };
    if asked.iter().all(|name| own.contains(name)) {
        return Ok(());
    }
    Err(Error::policy(
        PkiFailureInfo::NOT_AUTHORIZED,
        "a name in subjectAltName is not one of the sender's certificate",
    ))
}
