//! What is answered once and for all: revocation (RFC 9483 section 4.2) and general messages (section 4.3).

use std::path::{Path, PathBuf};
use std::time::Duration;

use asn1::oids::rfc9810::{
    IT_CA_CERTS, IT_CA_PROT_ENC_CERT, IT_CERT_REQ_TEMPLATE, IT_CRL_STATUS_LIST, IT_CRLS, IT_CURRENT_CRL,
    IT_ENC_KEY_PAIR_TYPES, IT_KEY_PAIR_PARAM_REP, IT_KEY_PAIR_PARAM_REQ, IT_PREFERRED_SYMM_ALG,
    IT_ROOT_CA_CERT, IT_ROOT_CA_KEY_UPDATE, IT_SIGN_KEY_PAIR_TYPES, IT_SUPP_LANG_TAGS,
};
use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::end_entity::{AwaitingReply, Question, Reply};
use cmp::{BodyKind, CrlSource, CrlStatus, Expectation, InfoTypeAndValue, InfoValue};
use const_oid::ObjectIdentifier;
use crmf::{CertId, Control};
use crypto::CertificateList;
use der::Encode;
use der::asn1::UtcTime;
use host::{files, now};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use super::credential::Credential;
use super::line::{Awaiting, Belief, Letter, Line, Verdict};
use super::{CmpOptions, CmpSender};
use crate::blocking::blocking;
use crate::directory::decode;
use crate::{Error, Progress};

impl Awaiting for AwaitingReply {
    fn expectation(&self) -> Expectation<'_> {
        self.expectation()
    }
}

/// Why a certificate is to be revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationReason(CrlReason);

/// By the names of RFC 5280.
const REASONS: [(&str, CrlReason); 10] = [
    ("unspecified", CrlReason::Unspecified),
    ("keyCompromise", CrlReason::KeyCompromise),
    ("cACompromise", CrlReason::CaCompromise),
    ("affiliationChanged", CrlReason::AffiliationChanged),
    ("superseded", CrlReason::Superseded),
    ("cessationOfOperation", CrlReason::CessationOfOperation),
    ("certificateHold", CrlReason::CertificateHold),
    ("removeFromCRL", CrlReason::RemoveFromCRL),
    ("privilegeWithdrawn", CrlReason::PrivilegeWithdrawn),
    ("aACompromise", CrlReason::AaCompromise),
];

impl std::str::FromStr for RevocationReason {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = REASONS.iter().find(|(known, _)| *known == name);
        known.map(|(_, reason)| Self(*reason)).ok_or_else(|| {
            format!("there is no reason {name:?}; there are {}", REASONS.map(|(name, _)| name).join(", "))
        })
    }
}

/// Asks the RA/CA to revoke a certificate, or to take it off hold (removeFromCRL). Sign with the certificate itself; an RA may
/// revoke others'.
///
/// # Errors
/// When something given cannot be used, the RA/CA refuses, or time is over.
pub async fn revoke(
    options: &CmpOptions,
    sender: &CmpSender,
    certificate: &Path,
    RevocationReason(reason): RevocationReason,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), Error> {
    let revoked = decode(&files::read_certificates(certificate)?)?;
    let tbs = revoked.tbs_certificate();
    let issuer = GeneralName::DirectoryName(tbs.issuer().clone());
    let question = Question::revoke(CertId::new(issuer, tbs.serial_number().clone()), reason)?;
    match answer(options, sender, question, BodyKind::Rr, progress).await? {
        Reply::Revoked => Ok(()),
        _ => Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
    }
}

/// What to ask the RA/CA for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inquiry {
    /// caCerts: CA certificates; they are no trust anchors by that (RFC 9483 section 4.3.1).
    CaCerts,
    /// rootCaCert: the successor of the root in this file (section 4.3.2).
    RootCaCert(PathBuf),
    /// certReqTemplate: what a request has to look like (section 4.3.3), of the profile with this name.
    CertReqTemplate(Option<String>),
    /// crlStatusList: the CRL of the CA whose certificate is in the first file, if it is newer than the one in the second
    /// (section 4.3.4).
    Crls(PathBuf, Option<PathBuf>),
    /// currentCRL: the CRL of now.
    CurrentCrl,
    /// signKeyPairTypes: with which algorithms signing keys are certified.
    SignKeyPairTypes,
    /// encKeyPairTypes: with which algorithms other keys are certified.
    EncKeyPairTypes,
    /// preferredSymmAlg: the symmetric algorithm that is preferred.
    PreferredSymmAlg,
    /// caProtEncCert: the certificate to encipher for, what is to be kept from others.
    CaProtEncCert,
    /// keyPairParamReq: which parameters keys of that algorithm have.
    KeyPairParamReq(ObjectIdentifier),
    /// suppLangTags: in which of these languages (RFC 5646), the best first, texts come.
    SuppLangTags(Vec<String>),
}

impl Inquiry {
    /// The types of question and answer, which differ for three.
    const fn types(&self) -> (ObjectIdentifier, ObjectIdentifier) {
        match self {
            Self::CaCerts => (IT_CA_CERTS, IT_CA_CERTS),
            Self::RootCaCert(_) => (IT_ROOT_CA_CERT, IT_ROOT_CA_KEY_UPDATE),
            Self::CertReqTemplate(_) => (IT_CERT_REQ_TEMPLATE, IT_CERT_REQ_TEMPLATE),
            Self::Crls(..) => (IT_CRL_STATUS_LIST, IT_CRLS),
            Self::CurrentCrl => (IT_CURRENT_CRL, IT_CURRENT_CRL),
            Self::SignKeyPairTypes => (IT_SIGN_KEY_PAIR_TYPES, IT_SIGN_KEY_PAIR_TYPES),
            Self::EncKeyPairTypes => (IT_ENC_KEY_PAIR_TYPES, IT_ENC_KEY_PAIR_TYPES),
            Self::PreferredSymmAlg => (IT_PREFERRED_SYMM_ALG, IT_PREFERRED_SYMM_ALG),
            Self::CaProtEncCert => (IT_CA_PROT_ENC_CERT, IT_CA_PROT_ENC_CERT),
            Self::KeyPairParamReq(_) => (IT_KEY_PAIR_PARAM_REQ, IT_KEY_PAIR_PARAM_REP),
            Self::SuppLangTags(_) => (IT_SUPP_LANG_TAGS, IT_SUPP_LANG_TAGS),
        }
    }

    fn value(&self) -> Result<Option<InfoValue>, Error> {
        Ok(match self {
            Self::RootCaCert(path) => {
                files::read_certificates(path)?.into_iter().next().map(InfoValue::RootCaCert)
            }
            Self::Crls(issuer, at_hand) => {
                let issuer = decode(&files::read_certificates(issuer)?)?;
                let name = GeneralName::DirectoryName(issuer.tbs_certificate().subject().clone());
                let at_hand = at_hand.as_deref().map(files::read_crls).transpose()?;
                let newest = at_hand.iter().flatten().map(CertificateList::this_update).max();
                let this_update = newest.map(time).transpose().map_err(Error::Malformed)?;
                Some(InfoValue::CrlStatusList(vec![CrlStatus::new(
                    CrlSource::Issuer(vec![name]),
                    this_update,
                )]))
            }
            Self::KeyPairParamReq(algorithm) => Some(InfoValue::KeyPairParamReq(*algorithm)),
            Self::SuppLangTags(tags) => Some(InfoValue::SuppLangTags(tags.clone())),
            _ => None,
        })
    }
}

fn time(time: UnixTime) -> der::Result<Time> {
    // As in the CRL itself: UTCTime until 2049 (RFC 5280 section 5.1.2.4).
    match UtcTime::from_unix_duration(Duration::from_secs(time.as_secs())) {
        Ok(time) => Ok(Time::from(time)),
        Err(_) => time.to_generalized_time().map(Time::from),
    }
}

/// Asks the RA/CA for information; `None` when it has none. What it says of a root's successor is verified with the old root.
///
/// # Errors
/// When something given cannot be used, the RA/CA refuses, time is over, or the answer does not hold.
pub async fn inquire(
    options: &CmpOptions,
    sender: &CmpSender,
    inquiry: &Inquiry,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Option<InfoValue>, Error> {
    let (asked, due) = inquiry.types();
    let value = inquiry.value()?;
    let question = match &value {
        Some(value) => value.close().map_err(Error::Malformed)?,
        None => InfoTypeAndValue::new(asked, None),
    };
    let mut question = Question::general(question);
    if let Inquiry::CertReqTemplate(profile) = inquiry {
        question.cert_profile.clone_from(profile);
    }
    let Reply::Information(items) = answer(options, sender, question, BodyKind::Genm, progress).await? else {
        return Err(Error::Protocol(cmp::Error::InconsistentAnswer));
    };
    let Some(item) = items.iter().find(|item| item.info_type == due) else {
        return Err(Error::Unanswered(asked.to_string()));
    };
    let answer = InfoValue::open(item).map_err(Error::Malformed)?;
    match (&answer, &value) {
        (Some(InfoValue::RootCaKeyUpdate(update)), Some(InfoValue::RootCaCert(old))) => {
            update.verify(old, &crypto_aws_lc::provider(), now()).map_err(Error::Protocol)?;
        }
        (Some(InfoValue::Crls(lists)), _) => lists.iter().try_for_each(|list| inspect_crl(list.octets()))?,
        (Some(InfoValue::CurrentCrl(list)), _) => inspect_crl(list.octets())?,
        _ => {}
    }
    Ok(answer)
}

fn inspect_crl(octets: &[u8]) -> Result<(), Error> {
    let bad = |error: crypto::CrlError| Error::BadCrl(error.to_string());
    CertificateList::from_der(octets).map(|_| ()).map_err(bad)
}

/// Sends the question until there is an answer to believe, and polls for it if need be.
async fn answer(
    options: &CmpOptions,
    sender: &CmpSender,
    mut question: Question,
    mut body: BodyKind,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Reply, Error> {
    let provider = crypto_aws_lc::provider();
    let (mut credential, belief) = blocking({
        let (options, sender) = (options.clone(), sender.clone());
        move || {
            let credential = Credential::read(&sender, &crypto_aws_lc::provider())?;
            let belief = Belief::read(&options, &credential)?;
            Ok((credential, belief))
        }
    })
    .await?;
    let mut line = Line::new(options, belief, super::tls_identity(options, Some(sender))?, progress)?;
    question.recipient.clone_from(&options.recipient);
    let mut bound: Option<String> = None;
    if let Some(opening) = line.ask_for_ciphertext(&credential, &options.recipient).await? {
        let id = opening.continuation.transaction_id.clone();
        credential.open_ciphertext(&opening.ciphertext, id)?;
        (question.continuation, bound) = (Some(opening.continuation), opening.server);
    }
    let (mut part, mut awaiting) = question.start(credential.identity(), &provider, now())?;
    loop {
        let octets = credential.protect(&part, &provider)?;
        let letter = Letter { body, octets: &octets, since: now() };
        let known = bound.clone();
        let mut bind = |server: Option<&str>| {
            bound = server.map(str::to_owned);
            Ok(())
        };
        let reply = match line.exchange(&letter, &awaiting, known, &mut bind).await? {
            Verdict::Believed(message) | Verdict::FirstContact(message, _) => {
                awaiting.handle(&message).map_err(Error::Protocol)?
            }
            Verdict::Refused(status) => Reply::Refused(status),
            Verdict::Ciphertext(..) => return Err(Error::Protocol(cmp::Error::InconsistentAnswer)),
        };
        match reply {
            Reply::Refused(status) => return Err(Error::Rejected { status: status.to_string() }),
            Reply::Delayed(delayed) => {
                let least = if body == BodyKind::PollReq { Duration::from_secs(1) } else { Duration::ZERO };
                let pause = delayed.check_after().unwrap_or_default().max(least);
                line.attempts.tell(Progress::Waiting { retry_after: pause });
                line.attempts.sleep(pause, "the RA/CA is still working on it").await?;
                (part, awaiting) = delayed.poll(credential.identity(), &provider, now())?;
                body = BodyKind::PollReq;
            }
            reply => return Ok(reply),
        }
    }
}

/// An answer as a file: certificates and CRLs in PEM, a template in DER; `None` when it is only worth being looked at.
///
/// # Errors
/// When it cannot be encoded.
pub fn file_of(answer: &InfoValue) -> Result<Option<Vec<u8>>, Error> {
    let crls = |lists: &[RawDer]| -> Result<String, host::Error> {
        lists.iter().map(|list| files::crl_pem(list.octets())).collect()
    };
    Ok(Some(match answer {
        InfoValue::CaCerts(certificates) => files::certificates_pem(certificates)?.into_bytes(),
        InfoValue::RootCaKeyUpdate(update) => {
            files::certificates_pem(std::slice::from_ref(&update.new_with_new))?.into_bytes()
        }
        InfoValue::CaProtEncCert(certificate) => {
            files::certificates_pem(std::slice::from_ref(certificate))?.into_bytes()
        }
        InfoValue::Crls(lists) => crls(lists)?.into_bytes(),
        InfoValue::CurrentCrl(list) => crls(std::slice::from_ref(list))?.into_bytes(),
        InfoValue::CertReqTemplate(template) => template.to_der().map_err(Error::Malformed)?,
        _ => return Ok(None),
    }))
}

/// An answer for people, a line for each thing in it.
pub fn lines_of(answer: &InfoValue) -> Vec<String> {
    let subject = |certificate: &EncodedCertificate| match decode(std::slice::from_ref(certificate)) {
        Ok(decoded) => {
            let tbs = decoded.tbs_certificate();
            format!("certificate of {}, issued by {}", tbs.subject(), tbs.issuer())
        }
        Err(_) => "a certificate that cannot be decoded".to_owned(),
    };
    let crl = |list: &RawDer| match CertificateList::from_der(list.octets()) {
        Ok(list) => {
            format!("CRL of {}, {} revoked, of {}", list.issuer(), list.revoked(), list.this_update())
        }
        Err(error) => error.to_string(),
    };
    let named = |oid: &ObjectIdentifier| {
        const_oid::db::DB.by_oid(oid).map_or_else(|| oid.to_string(), |name| format!("{name} ({oid})"))
    };
    let algorithm = |algorithm: &AlgorithmIdentifierOwned| {
        let parameter =
            algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let parameter = parameter.map(|oid| format!(" {}", named(&oid))).unwrap_or_default();
        format!("{}{parameter}", named(&algorithm.oid))
    };
    match answer {
        InfoValue::CaCerts(certificates) => certificates.iter().map(subject).collect(),
        InfoValue::RootCaKeyUpdate(update) => vec![subject(&update.new_with_new)],
        InfoValue::Crls(lists) => lists.iter().map(crl).collect(),
        InfoValue::CurrentCrl(list) => vec![crl(list)],
        InfoValue::SignKeyPairTypes(algorithms) | InfoValue::EncKeyPairTypes(algorithms) => {
            algorithms.iter().map(algorithm).collect()
        }
        InfoValue::PreferredSymmAlg(one) | InfoValue::KeyPairParamRep(one) => vec![algorithm(one)],
        InfoValue::CaProtEncCert(certificate) => vec![subject(certificate)],
        InfoValue::SuppLangTags(tags) => tags.clone(),
        InfoValue::CertReqTemplate(template) => {
            let subject = template.cert_template.subject.as_ref().map(|name| format!("subject {name}"));
            let keys = template.key_spec.iter().flatten().map(|spec| match Control::open(spec) {
                Ok(Control::AlgId(one)) => format!("key {}", algorithm(&one)),
                Ok(Control::RsaKeyLen(bits)) => format!("key RSA with {bits} bits"),
                _ => format!("control {}", named(&spec.oid)),
            });
            let lines: Vec<String> = subject.into_iter().chain(keys).collect();
            if lines.is_empty() { vec!["a template without subject and keys".to_owned()] } else { lines }
        }
        _ => Vec::new(),
    }
}
