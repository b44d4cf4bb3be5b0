//! Trust on first use: the operator's root from the first ip, TS 33.310 section 9.5.4.3.

use asn1::oids::rfc6402;
use asn1::{EncodedCertificate, UnixTime};
use crypto::{CertificatePath, ExtendedKeyUsage};
use der::Decode;
use x509_cert::Certificate;

use crate::body::PkiBody;
use crate::cert_rep::CertOrEncCert;
use crate::error::Error;
use crate::message::PkiMessage;
use crate::quirks::Quirk;
use crate::trust::{SignerRole, Trust};
use crate::validation::{Expectation, ValidatedMessage, Validator};

/// How many self-issued certificates of one message are tried.
const MAX_ROOTS: usize = 4;

impl Validator<'_> {
    /// By [`Quirk::RootFromExtraCerts`]: takes an ip whose signer has a path to a self-issued certificate in its own extraCerts, to
    /// which the new certificate has a path, too; that is the root then, and stays it. Whoever is on the way can make such a message,
    /// so it is for stations that have no anchor at all, over a way that is protected otherwise. Call it when
    /// [`Validator::validate`] has failed.
    ///
    /// # Errors
    /// [`Error::SignerNotFound`] without the quirk, to anybody who has an anchor, and of anything but an ip with one certificate in a
    /// transaction in which nobody has spoken yet. What is wrong with the message under each of the roots it brings.
    pub fn first_contact(
        &self,
        message: &PkiMessage,
        expectation: &Expectation<'_>,
        now: UnixTime,
    ) -> Result<(ValidatedMessage, EncodedCertificate), Error> {
        let has_anchor = self.trust.iter().any(|trust| !trust.anchors.is_empty());
        let is_first_answer = matches!(expectation, Expectation::Within { signer: None, .. });
        let allowed = self.quirks.contains(Quirk::RootFromExtraCerts) && is_first_answer && !has_anchor;
        let Some(issued) = issued(message).filter(|_| allowed) else { return Err(Error::SignerNotFound) };
        let mut error = Error::SignerNotFound;
        for root in
            message.extra_certs().iter().filter(|certificate| is_self_issued(certificate)).take(MAX_ROOTS)
        {
            let anchors = core::slice::from_ref(root);
            let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
            let trust = [Trust::new(SignerRole::CertificationAuthority, anchors.to_vec(), purpose)];
            let validator = Validator { trust: &trust, ..*self };
            let path = CertificatePath {
                end_entity: issued,
                intermediates: message.extra_certs(),
                anchors,
                extended_key_usage: ExtendedKeyUsage::Any,
                revocation: None,
                now,
            };
            match validator.validate(message.clone(), expectation, now) {
                Ok(validated) => match self.provider.validate_path(&path) {
                    Ok(()) => return Ok((validated, root.clone())),
                    Err(reason) => error = Error::SignerNotTrusted(reason),
                },
                Err(reason) => error = reason,
            }
        }
        Err(error)
    }
}

/// The certificate of an ip.
fn issued(message: &PkiMessage) -> Option<&EncodedCertificate> {
    let PkiBody::Ip(content) = message.body() else { return None };
    let [response] = content.response.as_slice() else { return None };
    match &response.certified_key_pair.as_ref()?.cert_or_enc_cert {
        CertOrEncCert::Certificate(certificate) => Some(certificate),
        CertOrEncCert::EncryptedCert(_) => None,
    }
}

fn is_self_issued(certificate: &EncodedCertificate) -> bool {
    Certificate::from_der(certificate.octets())
        .is_ok_and(|decoded| decoded.tbs_certificate().issuer() == decoded.tbs_certificate().subject())
}
