//! RA/CAs that own KEM keys (RFC 9810 section 5.1.3.4).

use core::time::Duration;

use asn1::{EncodedCertificate, UnixTime};
use cmp::{Encapsulation, Expectation, PkiMessage, Validator};

use super::Inner;
use crate::context::Inner as ContextInner;
use crate::failure::Failure;

impl Inner {
    /// A validator that knows nobody, for what comes without protection.
    pub(crate) fn with_validator<T>(
        &self,
        since: Option<UnixTime>,
        context: &ContextInner,
        work: impl FnOnce(&Validator<'_>, UnixTime) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let now = context.now()?;
        let age = since.map_or(Duration::ZERO, |since| now.abs_diff(since));
        let mut validator = Validator::new(&context.provider, &[]);
        validator.time_window = self.time_window.map(|window| window.saturating_add(age));
        work(&validator, now)
    }

    /// A secret for an RA/CA that is believed.
    pub(crate) fn encapsulate(
        &self,
        certificate: &EncodedCertificate,
        context: &ContextInner,
    ) -> Result<Encapsulation, Failure> {
        let believed = self.believed(None);
        let validator = Validator::new(&context.provider, &believed);
        Ok(validator.encapsulate(certificate, &self.intermediates, context.now()?)?)
    }

    /// Who refuses because it can only answer what brings a ciphertext for it.
    pub(crate) fn kem_refusal(
        &self,
        octets: &[u8],
        expectation: &Expectation<'_>,
        since: Option<UnixTime>,
        context: &ContextInner,
    ) -> Result<EncodedCertificate, Failure> {
        let now = context.now()?;
        let age = since.map_or(Duration::ZERO, |since| now.abs_diff(since));
        let believed = self.believed(None);
        let mut validator = Validator::new(&context.provider, &believed);
        validator.time_window = self.time_window.map(|window| window.saturating_add(age));
        let message = PkiMessage::inspect(octets, &self.reading)?;
        let encapsulation = validator.take_kem_refusal(&message, expectation, now)?;
        let certificate = encapsulation.signer().certificate().cloned();
        certificate.ok_or(Failure::code(crate::status::CELLCERT_ERR_CERTIFICATE))
    }
}
