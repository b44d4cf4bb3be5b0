//! The answer that brings a certificate, RFC 9810 section 5.3.4.

use alloc::vec::Vec;
use core::time::Duration;

use asn1::{EncodedCertificate, RawDer};
use crmf::EncryptedKey;
use crypto::PublicKey;

use super::{AwaitingCertConf, OpenRequest, ReplyTo, Responder};
use crate::body::PkiBody;
use crate::cert_rep::{CertOrEncCert, CertResponse, CertifiedKeyPair};
use crate::error::Error;
use crate::general_info::InfoTypeAndValue;
use crate::info_value::InfoValue;
use crate::protection::ProtectedPart;
use crate::status::{PkiStatus, PkiStatusInfo};

/// A certificate to hand out, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The certificate.
    pub certificate: EncodedCertificate,
    /// The certificates between it and the root.
    pub chain: Vec<EncodedCertificate>,
    /// Whether it differs from what was asked for.
    pub with_mods: bool,
    /// Whether implicit confirmation is granted to those who ask for it.
    pub implicit_confirm: bool,
    /// How long certConf is awaited.
    pub confirm_wait: Duration,
    /// The certificate's key, when whoever confirms it is to prove possession by that: the certificate goes out enciphered for it, and
    /// implicit confirmation is not granted.
    pub encipher_for: Option<PublicKey>,
    /// The trust anchors that an ip tells of (caPubs, RFC 9810 section 5.3.2); cp and kup have none (RFC 9483 section 4.1.1). Whoever asks
    /// by a MAC may take them.
    pub ca_pubs: Vec<EncodedCertificate>,
    /// The private key that was generated, enciphered for whoever asked ([`KeyGenerationAuthority::seal`](crate::KeyGenerationAuthority::seal)).
    pub private_key: Option<EncryptedKey>,
}

impl Grant {
    /// Exactly what was asked for, to be confirmed explicitly within five minutes.
    pub const fn new(certificate: EncodedCertificate, chain: Vec<EncodedCertificate>) -> Self {
        Self {
            certificate,
            chain,
            with_mods: false,
            implicit_confirm: false,
            confirm_wait: Duration::from_secs(300),
            encipher_for: None,
            ca_pubs: Vec::new(),
            private_key: None,
        }
    }
}

impl OpenRequest {
    /// Answers with the certificate. `None` instead of the next state: implicit confirmation was granted, it is over.
    ///
    /// # Errors
    /// When randomness fails or the answer cannot be encoded.
    pub fn grant(
        &self,
        grant: &Grant,
        reply_to: &ReplyTo,
        responder: &Responder<'_>,
    ) -> Result<(ProtectedPart, Option<AwaitingCertConf>), Error> {
        let implicit = self.implicit_confirm && grant.implicit_confirm && grant.encipher_for.is_none();
        let info = if implicit {
            InfoTypeAndValue::implicit_confirm()
        } else {
            let until = responder.now.saturating_add(grant.confirm_wait);
            InfoValue::ConfirmWaitTime(until).close().map_err(Error::Encoding)?
        };
        let status = if grant.with_mods { PkiStatus::GrantedWithMods } else { PkiStatus::Accepted };
        let certificate = match &grant.encipher_for {
            None => CertOrEncCert::Certificate(grant.certificate.clone()),
            Some(key) => self.encipher(&grant.certificate, key, responder)?,
        };
        let private_key = grant.private_key.as_ref().map(RawDer::build);
        let response = CertResponse::with_key_pair(
            self.cert_req_id,
            PkiStatusInfo::new(status),
            CertifiedKeyPair {
                cert_or_enc_cert: certificate,
                private_key: private_key.transpose().map_err(Error::Encoding)?,
                publication_info: None,
            },
        );
        let mut body = self.response(response);
        if let (PkiBody::Ip(content), false) = (&mut body, grant.ca_pubs.is_empty()) {
            content.ca_pubs = Some(grant.ca_pubs.clone());
        }
        let mut part = responder.part(reply_to, &body, Vec::from([info]))?;
        part.add_extra_certs(&grant.chain);
        let next = (!implicit).then(|| AwaitingCertConf {
            open: self.clone(),
            certificate: grant.certificate.clone(),
            nonce: part.sender_nonce().clone(),
        });
        Ok((part, next))
    }

    #[cfg(feature = "enveloped-data")]
    fn encipher(
        &self,
        certificate: &EncodedCertificate,
        key: &PublicKey,
        responder: &Responder<'_>,
    ) -> Result<CertOrEncCert, Error> {
        use crate::enveloped_data::{Recipient, RecipientId, seal};
        let recipient = Recipient::Key(key, RecipientId::Request(self.cert_req_id));
        let content = asn1::oids::rfc5652::DATA;
        let sealed = seal(content, certificate.octets(), &recipient, responder.provider)?;
        Ok(CertOrEncCert::EncryptedCert(RawDer::build(&sealed).map_err(Error::Encoding)?))
    }

    /// As with a provider that does not have it.
    #[cfg(not(feature = "enveloped-data"))]
    fn encipher(
        &self,
        _: &EncodedCertificate,
        _: &PublicKey,
        _: &Responder<'_>,
    ) -> Result<CertOrEncCert, Error> {
        Err(Error::Envelope(crypto::EnvelopeError::Unsupported))
    }
}
