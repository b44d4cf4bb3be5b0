use alloc::string::String;
use alloc::vec::Vec;

use asn1::EncodedCertificate;
use crmf::{CertId, CertReqMessages, CertReqMsg, OptionalValidity};
use crypto::{CryptoProvider, PublicKey, names_match};
use der::Decode;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use super::reply::OpenRequest;
use crate::CertReqId;
use crate::body::PkiBody;
use crate::end_entity::RequestKind;
use crate::error::Error;
use crate::general_info::has_implicit_confirm;
use crate::status::PkiFailureInfo;
use crate::trust::{Signer, SignerRole};
use crate::validation::ValidatedMessage;

/// A request for one certificate whose proof of possession holds, as far as [`VerifiedRequest::possession`] says. Whether its sender may
/// have it is not decided yet.
#[derive(Clone, Debug)]
pub struct VerifiedRequest {
    possession: Possession,
    open: OpenRequest,
    signer: Signer,
    subject: Option<Name>,
    public_key: PublicKey,
    extensions: Vec<Extension>,
    issuer: Option<Name>,
    signing_alg: Option<AlgorithmIdentifierOwned>,
    validity: Option<OptionalValidity>,
    cert_profile: Option<String>,
    updated: Option<EncodedCertificate>,
}

/// How it is known that the requester has the private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // a further way must be thought about wherever a certificate goes out
pub enum Possession {
    /// It is proved, or an RA says so.
    Proved,
    /// It will be: by certConf, for a certificate that must go out enciphered for the key and nowhere else (RFC 9810 section
    /// 5.2.8.3.2).
    ByCertificate,
    /// The RA/CA generated the key for it (RFC 9483 section 4.1.6).
    Generated,
}

/// What stands in a request, in either format.
struct Contents {
    possession: Possession,
    subject: Option<Name>,
    public_key: PublicKey,
    extensions: Vec<Extension>,
    issuer: Option<Name>,
    signing_alg: Option<AlgorithmIdentifierOwned>,
    validity: Option<OptionalValidity>,
    old_cert_id: Option<CertId>,
}

impl VerifiedRequest {
    /// Inspects an ir, cr, kur, p10cr or ccr and verifies its proof of possession over the octets received (RFC 9810
    /// section 5.2.8).
    ///
    /// # Errors
    /// What is wrong with it: another body, more than one request, a template that is not for a certificate, no or a bad
    /// proof of possession.
    pub fn verify(message: &ValidatedMessage, provider: &CryptoProvider) -> Result<Self, Error> {
        Self::verify_by(message, provider, &Key::Proved)
    }

    /// The same, and takes requests for keys that do not sign, whose possession the certificate is to prove: encrCert.
    ///
    /// # Errors
    /// As with [`VerifiedRequest::verify`].
    pub fn verify_or_defer(message: &ValidatedMessage, provider: &CryptoProvider) -> Result<Self, Error> {
        Self::verify_by(message, provider, &Key::ProvedOrDeferred)
    }

    /// Inspects an ir, cr or kur whose key was generated for its sender. [`VerifiedRequest::key_to_generate`] says which kind.
    ///
    /// # Errors
    /// What is wrong with it: another body, a key, a proof of possession.
    pub fn with_generated_key(
        message: &ValidatedMessage,
        public_key: &PublicKey,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        Self::verify_by(message, provider, &Key::Generated(public_key))
    }

    /// Whether the sender of an ir, cr or kur wants a key generated; and the key's AlgorithmIdentifier, unless that is left open.
    ///
    /// # Errors
    /// When it wants one and the request is not as RFC 9483 section 4.1.6 has it.
    pub fn key_to_generate(
        message: &ValidatedMessage,
    ) -> Result<Option<Option<&AlgorithmIdentifierOwned>>, Error> {
        let (PkiBody::Ir(messages) | PkiBody::Cr(messages) | PkiBody::Kur(messages)) = message.body() else {
            return Ok(None);
        };
        match messages.messages() {
            [request] if request.template().asks_for_key_generation() => {
                request.key_to_generate().map(Some).map_err(Error::CertReqMsg)
            }
            _ => Ok(None),
        }
    }

    fn verify_by(
        message: &ValidatedMessage,
        provider: &CryptoProvider,
        key: &Key<'_>,
    ) -> Result<Self, Error> {
        let crmf = |messages| crmf(messages, message, provider, key);
        let (kind, cert_req_id, contents) = match message.body() {
            PkiBody::Ir(messages) => (RequestKind::Ir, CertReqId::FIRST, crmf(messages)?),
            PkiBody::Cr(messages) => (RequestKind::Cr, CertReqId::FIRST, crmf(messages)?),
            PkiBody::Kur(messages) => (RequestKind::Kur, CertReqId::FIRST, crmf(messages)?),
            PkiBody::Ccr(messages) => (RequestKind::Ccr, CertReqId::FIRST, crmf(messages)?),
            PkiBody::P10cr(request) => {
                let verified = request.verify_pop(provider).map_err(Error::CertificationRequest)?;
                let contents = Contents {
                    possession: Possession::Proved,
                    subject: Some(verified.subject().clone()),
                    public_key: verified.public_key().clone(),
                    extensions: verified.extensions().to_vec(),
                    issuer: None,
                    signing_alg: None,
                    validity: None,
                    old_cert_id: None,
                };
                (RequestKind::P10cr, CertReqId::P10CR, contents)
            }
            other => return Err(Error::UnexpectedBody(other.kind())),
        };
        let updated = match kind {
            RequestKind::Kur => Some(updated_certificate(message, contents.old_cert_id.as_ref())?),
            _ => None,
        };
        let info = message.message().header().general_info.as_ref();
        Ok(Self {
            open: OpenRequest {
                transaction_id: message.transaction_id().clone(),
                kind,
                cert_req_id,
                implicit_confirm: has_implicit_confirm(info).map_err(Error::BadGeneralInfo)?,
                signer: message.signer().credential.clone(),
            },
            signer: message.signer().clone(),
            possession: contents.possession,
            subject: contents.subject,
            public_key: contents.public_key,
            extensions: contents.extensions,
            issuer: contents.issuer,
            signing_alg: contents.signing_alg,
            validity: contents.validity,
            cert_profile: message.message().header().cert_profile()?,
            updated,
        })
    }

    /// What remains of the request once it is decided: enough to answer it.
    pub const fn open(&self) -> &OpenRequest {
        &self.open
    }

    /// Who sent it.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The subject asked for; `None` when the request leaves it to the CA (TS 33.310 section 9.5.4.2).
    pub const fn subject(&self) -> Option<&Name> {
        self.subject.as_ref()
    }

    /// How it is known that the requester has the private key.
    pub const fn possession(&self) -> Possession {
        self.possession
    }

    /// The key to be certified.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The extensions asked for.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The CA that shall issue the certificate, if the request names one.
    pub const fn issuer(&self) -> Option<&Name> {
        self.issuer.as_ref()
    }

    /// With which algorithm the certificate shall be signed: a ccr says so, others do not.
    pub const fn signing_alg(&self) -> Option<&AlgorithmIdentifierOwned> {
        self.signing_alg.as_ref()
    }

    /// When the certificate shall be valid, if the request says so.
    pub const fn validity(&self) -> Option<&OptionalValidity> {
        self.validity.as_ref()
    }

    /// The certificate that a kur asks to be updated: the one that its sender signed with. `None` with other requests.
    pub const fn updated(&self) -> Option<&EncodedCertificate> {
        self.updated.as_ref()
    }

    /// The certificate profile asked for.
    pub fn cert_profile(&self) -> Option<&str> {
        self.cert_profile.as_deref()
    }
}

/// Where the key comes from.
enum Key<'a> {
    Proved,
    ProvedOrDeferred,
    Generated(&'a PublicKey),
}

fn crmf(
    messages: &CertReqMessages,
    message: &ValidatedMessage,
    provider: &CryptoProvider,
    key: &Key<'_>,
) -> Result<Contents, Error> {
    let [request] = messages.messages() else {
        return Err(Error::NotExactlyOne { what: "CertReqMsg", count: messages.messages().len() });
    };
    if request.cert_req_id() != CertReqId::FIRST {
        return Err(Error::BadCertReqId(request.cert_req_id()));
    }
    let is_ccr = matches!(message.body(), PkiBody::Ccr(_));
    let (possession, public_key) = match key {
        Key::Generated(key) => {
            request.key_to_generate().map_err(Error::CertReqMsg)?;
            (Possession::Generated, (*key).clone())
        }
        Key::ProvedOrDeferred if request.is_encr_cert() && !is_ccr => {
            (Possession::ByCertificate, request.defer_pop().map_err(Error::CertReqMsg)?)
        }
        _ => (Possession::Proved, verify_pop(request, message, provider)?.public_key().clone()),
    };
    let template = request.template();
    Ok(Contents {
        possession,
        subject: template.subject.clone(),
        public_key,
        extensions: template.extensions().to_vec(),
        issuer: template.issuer.clone(),
        signing_alg: template.signing_alg.clone(),
        validity: template.validity.clone(),
        old_cert_id: request.cert_req().value().old_cert_id().map_err(Error::CertReqMsg)?,
    })
}

/// A kur is signed with the certificate that it asks to be updated, and oldCertID names no other (RFC 9483 section 4.1.3).
fn updated_certificate(
    message: &ValidatedMessage,
    old_cert_id: Option<&CertId>,
) -> Result<EncodedCertificate, Error> {
    let octets = message.signer().certificate().ok_or(Error::WrongProtection)?;
    let certificate = Certificate::from_der(octets.octets()).map_err(Error::MalformedCertificate)?;
    let tbs = certificate.tbs_certificate();
    let other = old_cert_id.is_some_and(|id| {
        id.serial_number != *tbs.serial_number()
            || !matches!(&id.issuer, GeneralName::DirectoryName(issuer) if names_match(issuer, tbs.issuer()))
    });
    if other {
        return Err(Error::Policy {
            fail_info: PkiFailureInfo::BAD_CERT_ID,
            reason: "oldCertID names another certificate than the one that protects the message",
        });
    }
    Ok(octets.clone())
}

/// Whoever is known by a shared secret has no authenticated name: without a subject, the request binds its key to the secret.
/// raVerified is a word that only an RA may say (RFC 9810 section 5.2.8.1).
pub(crate) fn verify_pop(
    request: &CertReqMsg,
    message: &ValidatedMessage,
    provider: &CryptoProvider,
) -> Result<crmf::VerifiedCertReqMsg, Error> {
    // A CA answers for itself: nobody vouches for it, and it shares no secret (RFC 9810 section 5.3.11).
    if matches!(message.body(), PkiBody::Ccr(_)) {
        return match message.shared_secret() {
            Some(_) => Err(Error::WrongProtection),
            None => request.verify_pop_of_ca(provider).map_err(Error::CertReqMsg),
        };
    }
    if !request.is_ra_verified() {
        let verified = match message.shared_secret() {
            Some((secret, limits)) => request.verify_pop_with_secret(provider, secret, limits),
            None => request.verify_pop(provider, Some(&message.message().header().sender)),
        };
        return verified.map_err(Error::CertReqMsg);
    }
    let updates = matches!(message.body(), PkiBody::Kur(_));
    if message.signer().role == SignerRole::RegistrationAuthority && !updates {
        request.accept_ra_verified().map_err(Error::CertReqMsg)
    } else {
        Err(Error::Policy {
            fail_info: PkiFailureInfo::NOT_AUTHORIZED,
            reason: "raVerified was sent in a kur, or by somebody who is no registration authority",
        })
    }
}
