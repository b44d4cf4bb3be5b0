//! Certificates for other CAs (RFC 9810 section 5.3.11 and appendix D.6).

use core::time::Duration;

use asn1::UnixTime;
use cmp::management_entity::VerifiedRequest;
use cmp::{PkiFailureInfo, SignerRole, ValidatedMessage};
use crypto::names_match;

use super::Ca;
use super::enrol::Decision;
use crate::profile::cross_ca_extensions;
use crate::{CertificateContents, Error, Profile};

impl Ca {
    /// Whoever is no CA may not even ask.
    pub(super) fn check_may_cross_certify(&self, message: &ValidatedMessage) -> Result<(), Error> {
        if message.signer().role != SignerRole::CertificationAuthority {
            return Err(cmp::Error::NotAuthorized("only a CA asks for cross-certification").into());
        }
        match self.policy.cross_certification {
            Some(_) => Ok(()),
            None => Err(Error::policy(PkiFailureInfo::NOT_AUTHORIZED, "this CA certifies no other CA")),
        }
    }

    /// What another CA gets: its own name, no longer than it asks for, and none of the extensions that it asks for.
    pub(super) fn decide_on_ca(
        &self,
        request: &VerifiedRequest,
        now: UnixTime,
    ) -> Result<Decision<'_>, Error> {
        static PROFILE: Profile = Profile::CROSS_CA;
        let refuse = |bit, reason| Err(Error::policy(bit, reason));
        let Some(path_length) = self.policy.cross_certification else {
            return refuse(PkiFailureInfo::NOT_AUTHORIZED, "this CA certifies no other CA");
        };
        let own = &request.signer().name;
        let Some(subject) = request.subject().filter(|subject| names_match(subject, own)) else {
            return refuse(PkiFailureInfo::NOT_AUTHORIZED, "a CA asks for its own name only");
        };
        if request.signing_alg() != Some(&self.issuer.key().algorithm().identifier()) {
            return refuse(PkiFailureInfo::BAD_ALG, "this CA signs with another algorithm than signingAlg");
        }
        let bounds = request.validity().and_then(|validity| validity.not_before.zip(validity.not_after));
        let Some((not_before, not_after)) = bounds else {
            return refuse(PkiFailureInfo::BAD_CERT_TEMPLATE, "the validity has not both bounds");
        };
        let (begin, end) = (not_before.to_unix_duration(), not_after.to_unix_duration());
        let now = Duration::from_secs(now.as_secs());
        if end <= now || end <= begin {
            return refuse(
                PkiFailureInfo::BAD_CERT_TEMPLATE,
                "the validity asked for is over, or never begins",
            );
        }
        let asked = end.saturating_sub(now);
        let contents = CertificateContents::new(
            subject.clone(),
            request.public_key().clone(),
            cross_ca_extensions(path_length)?,
            asked.min(PROFILE.validity),
        );
        self.check_is_another(&contents)?;
        // Certificates begin now, and what they are for is this CA's to say.
        let with_mods = begin != now || asked > PROFILE.validity || !request.extensions().is_empty();
        Ok(Decision { profile: &PROFILE, contents, with_mods })
    }
}
