//! Questions about the CA, RFC 9810 section 5.3.19 and RFC 9483 section 4.3.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use asn1::oids::rfc9810::{
    IT_CA_CERTS, IT_CA_PROT_ENC_CERT, IT_CERT_REQ_TEMPLATE, IT_CRL_STATUS_LIST, IT_CRLS, IT_CURRENT_CRL,
    IT_ENC_KEY_PAIR_TYPES, IT_KEY_PAIR_PARAM_REP, IT_KEY_PAIR_PARAM_REQ, IT_PREFERRED_SYMM_ALG,
    IT_ROOT_CA_CERT, IT_ROOT_CA_KEY_UPDATE, IT_SIGN_KEY_PAIR_TYPES, IT_SUPP_LANG_TAGS,
};
use asn1::oids::{rfc3565, rfc5912};
use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::management_entity::ReplyTo;
use cmp::{
    CertReqTemplateContent, CrlSource, CrlStatus, Expectation, InfoTypeAndValue, InfoValue, PkiBody,
    PkiFailureInfo, PkiMessage,
};
use const_oid::ObjectIdentifier;
use crmf::{CertTemplate, Control};
use crypto::{KemAlgorithm, names_match};
use der::asn1::Null;
use der::{Any, Decode};
use spki::AlgorithmIdentifierOwned;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::name::GeneralName;

use super::Ca;
use crate::profile::{curves, other_keys};
use crate::registry::CrlRecord;
use crate::{Error, Outcome};

/// More questions than there are types.
const MAX_QUESTIONS: usize = 32;

impl Ca {
    /// genm: each question is answered; the types that are not understood are named (RFC 9810 section 5.3.19.7).
    pub(super) fn inform(&self, message: &PkiMessage, now: UnixTime) -> Result<(Vec<u8>, Outcome), Error> {
        let validated = self.validate(message, &Expectation::First, now)?;
        let PkiBody::Genm(questions) = message.body() else {
            return Err(cmp::Error::UnexpectedBody(message.body().kind()).into());
        };
        if questions.len() > MAX_QUESTIONS {
            let (count, limit) = (questions.len(), MAX_QUESTIONS);
            return Err(cmp::Error::TooMany { list: "genm", count, limit }.into());
        }
        let profile = message.header().cert_profile()?;
        let names = self.policy.names(validated.signer());
        let obtainable = profile.is_none_or(|profile| names.contains(&profile));
        let (mut answers, mut unsupported) = (Vec::new(), Vec::new());
        for question in questions {
            match self.answer_question(question, obtainable)? {
                Some(answer) => answers.push(answer),
                None => unsupported.push(question.info_type),
            }
        }
        if !unsupported.is_empty() {
            answers.push(InfoValue::UnsupportedOids(unsupported).close().map_err(Error::Encoding)?);
        }
        let mac = validated.mac_credential();
        let body = PkiBody::Genp(answers);
        let part = self.responder(mac, now).reply(&ReplyTo::new(message.header()), &body)?;
        Ok((self.protect(&part, mac)?, Outcome::Informed))
    }

    fn answer_question(
        &self,
        question: &InfoTypeAndValue,
        obtainable: bool,
    ) -> Result<Option<InfoTypeAndValue>, Error> {
        let value = InfoValue::open(question).map_err(cmp::Error::BadGeneralInfo)?;
        let answer = match (question.info_type, value) {
            (IT_CA_CERTS, _) => {
                let issuers = core::iter::once(&self.issuer).chain(self.previous.iter().rev());
                Ok(InfoValue::CaCerts(issuers.map(|issuer| issuer.certificate().clone()).collect()))
            }
            (IT_ROOT_CA_CERT, old) => self.root_update(old).ok_or(IT_ROOT_CA_KEY_UPDATE),
            // There is no template for what cannot be had by CMP.
            (IT_CERT_REQ_TEMPLATE, _) if !obtainable => Err(IT_CERT_REQ_TEMPLATE),
            (IT_CERT_REQ_TEMPLATE, _) => Ok(self.template()?),
            (IT_CURRENT_CRL, _) => match self.registry.crl()? {
                Some(crl) => Ok(InfoValue::CurrentCrl(raw(&crl)?)),
                None => Err(IT_CURRENT_CRL),
            },
            (IT_CRL_STATUS_LIST, Some(InfoValue::CrlStatusList(list))) => {
                self.newer_crl(&list)?.ok_or(IT_CRLS)
            }
            (IT_CRL_STATUS_LIST, _) => {
                return Err(Error::policy(PkiFailureInfo::BAD_DATA_FORMAT, "crlStatusList has no value"));
            }
            (IT_SIGN_KEY_PAIR_TYPES, _) => {
                Ok(InfoValue::SignKeyPairTypes(curves().chain(other_keys()).collect()))
            }
            (IT_PREFERRED_SYMM_ALG, _) if self.enciphers() => {
                Ok(InfoValue::PreferredSymmAlg(AlgorithmIdentifierOwned {
                    oid: rfc3565::AES256_CBC,
                    parameters: None,
                }))
            }
            (IT_ENC_KEY_PAIR_TYPES, _) if self.policy.encrypted_certificates => {
                Ok(InfoValue::EncKeyPairTypes(curves().chain(enciphering_keys()).collect()))
            }
            // The CA has no key for encryption.
            (IT_PREFERRED_SYMM_ALG, _) => Err(IT_PREFERRED_SYMM_ALG),
            (IT_ENC_KEY_PAIR_TYPES, _) => Err(IT_ENC_KEY_PAIR_TYPES),
            (IT_CA_PROT_ENC_CERT, _) => Err(IT_CA_PROT_ENC_CERT),
            (IT_KEY_PAIR_PARAM_REQ, Some(InfoValue::KeyPairParamReq(algorithm))) => {
                parameters(algorithm).map(InfoValue::KeyPairParamRep).ok_or(IT_KEY_PAIR_PARAM_REP)
            }
            (IT_SUPP_LANG_TAGS, Some(InfoValue::SuppLangTags(tags))) => Ok(language(&tags)?),
            _ => return Ok(None),
        };
        match answer {
            Ok(value) => value.close().map(Some).map_err(Error::Encoding),
            Err(without_value) => Ok(Some(InfoTypeAndValue::new(without_value, None))),
        }
    }

    /// Whether anything goes out enciphered.
    const fn enciphers(&self) -> bool {
        self.policy.encrypted_certificates || self.key_generation.is_some()
    }

    /// Whoever names no old root has the one before the present (RFC 9483 section 4.3.2).
    fn root_update(&self, old: Option<InfoValue>) -> Option<InfoValue> {
        let update = match old {
            Some(InfoValue::RootCaCert(old)) => {
                self.root_updates.iter().find(|(before, _): &&(EncodedCertificate, _)| *before == old)
            }
            _ => self.root_updates.last(),
        };
        update.map(|(_, update)| InfoValue::RootCaKeyUpdate(update.clone()))
    }

    /// What a request has to look like: any of the keys that are certified, whatever names; the extensions come by themselves.
    fn template(&self) -> Result<InfoValue, Error> {
        let mut content = CertReqTemplateContent::new(CertTemplate::default());
        let mut keys: Vec<Control> = curves().chain(other_keys()).map(Control::AlgId).collect();
        keys.retain(
            |key| !matches!(key, Control::AlgId(algorithm) if algorithm.oid == rfc5912::RSA_ENCRYPTION),
        );
        keys.extend([2048, 3072, 4096].map(Control::RsaKeyLen));
        let keys = keys.iter().map(Control::close).collect::<Result<_, _>>();
        content.key_spec = Some(keys.map_err(cmp::Error::CertReqMsg)?);
        Ok(InfoValue::CertReqTemplate(Box::new(content)))
    }

    /// The latest CRL, if it is asked for and newer than the one at hand. There is one distribution point, whatever it is called.
    fn newer_crl(&self, list: &[CrlStatus]) -> Result<Option<InfoValue>, Error> {
        let [status] = list else {
            return Err(cmp::Error::NotExactlyOne { what: "CRLStatus", count: list.len() }.into());
        };
        let ours = match &status.source {
            CrlSource::Issuer(names) => names.iter().any(
                |name| matches!(name, GeneralName::DirectoryName(name) if names_match(name, self.issuer.name())),
            ),
            _ => true,
        };
        let Some(crl) = self.registry.crl()?.filter(|_| ours) else { return Ok(None) };
        let decoded: CertificateList = CertificateList::from_der(&crl.octets).map_err(Error::Encoding)?;
        let this_update = decoded.tbs_cert_list.this_update.to_unix_duration();
        let newer = status.this_update.is_none_or(|at_hand| at_hand.to_unix_duration() < this_update);
        Ok(if newer { Some(InfoValue::Crls(Vec::from([raw(&crl)?]))) } else { None })
    }
}

/// Keys that encipher, and do not agree.
fn enciphering_keys() -> impl Iterator<Item = AlgorithmIdentifierOwned> {
    let rsa = AlgorithmIdentifierOwned { oid: rfc5912::RSA_ENCRYPTION, parameters: Some(Any::from(Null)) };
    core::iter::once(rsa).chain(KemAlgorithm::ALL.map(KemAlgorithm::identifier))
}

fn raw(crl: &CrlRecord) -> Result<RawDer, Error> {
    RawDer::new(&crl.octets).map_err(Error::Encoding)
}

/// The parameters of keys that have some; one algorithm has one answer, so of the curves the one everybody has.
fn parameters(algorithm: ObjectIdentifier) -> Option<AlgorithmIdentifierOwned> {
    let parameters = match algorithm {
        rfc5912::EC_PUBLIC_KEY => Some(Any::from(rfc5912::SECP256R1)),
        rfc5912::RSA_ENCRYPTION => Some(Any::from(Null)),
        other => return other_keys().find(|key| key.oid == other),
    };
    Some(AlgorithmIdentifierOwned { oid: algorithm, parameters })
}

/// All texts are English (RFC 9810 section 5.3.19.13).
fn language(tags: &[String]) -> Result<InfoValue, Error> {
    let english =
        |tag: &&String| tag.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case("en"));
    match tags.iter().find(english) {
        Some(tag) => Ok(InfoValue::SuppLangTags(Vec::from([tag.clone()]))),
        None => Err(Error::policy(PkiFailureInfo::BAD_REQUEST, "free texts are in English only")),
    }
}
