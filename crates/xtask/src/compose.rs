//! Vectors of every body and every kind of proof of possession, composed with this project's own libraries.
//!
//! They are the same octets each time: keys and salts are fixed, and the signatures are those of RFC 6979. Most of these bodies
//! no peer at hand can make.

use std::time::Duration;

use asn1::{EncodedCertificate, RawDer, UnixTime};
use cmp::{
    BodyKind, CaKeyUpdAnnContent, CaKeyUpdContent, CertRepMessage, CertReqTemplateContent, CertResponse,
    CertStatus, Challenge, CrlSource, CrlStatus, ErrorMsgContent, InfoValue, KemCiphertextInfo,
    KeyRecRepContent, MessageTime, PkiBody, PkiFailureInfo, PkiHeader, PkiStatus, PkiStatusInfo, PollRepItem,
    PollReqItem, RecipNonce, RevAnnContent, RevDetails, RevRepContent, RootCaKeyUpdateContent, SenderNonce,
    TransactionId,
};
use crmf::{
    AttributeTypeAndValue, CertId, CertReqId, CertReqMessages, CertReqMsg, CertReqMsgBuilder, CertTemplate,
    Control, EncryptedKey, EncryptedValue, PasswordMac, PkMacValue, PkiArchiveOptions, PkiPublicationInfo,
    PopoPrivKey, PublicationAction, PublicationMethod, RegInfo, SinglePubInfo, SubsequentMessage,
};
use crypto::{CryptoProvider, DigestAlgorithm, KeyKind, SharedSecret, SignatureAlgorithm, SigningKey};
use crypto_rustcrypto::EcKey;
use der::asn1::{BitString, Int, OctetString};
use der::{Any, Decode, Encode, Sequence, Tag, TagNumber};
use pkcs10::{CertReq, CertReqBuilder};
use testkit::{InsecureCountingRandom, vectors};
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;

/// A name below `composed/`, and the octets.
pub(crate) type Vector = (String, Vec<u8>);

type Result<T> = core::result::Result<T, Box<dyn std::error::Error>>;

/// All of them.
pub(crate) fn compose() -> Result<Vec<Vector>> {
    let workshop = Workshop::new()?;
    let mut bodies = Vec::new();
    workshop.requests(&mut bodies)?;
    workshop.proofs(&mut bodies)?;
    workshop.answers(&mut bodies)?;
    workshop.announcements(&mut bodies)?;
    workshop.conversation(&mut bodies)?;
    bodies.iter().map(|(name, body)| Ok((format!("{name}.der"), workshop.message(body)?))).collect()
}

/// RFC 5915 section 3.
#[derive(Sequence)]
struct EcPrivateKey {
    #[allow(dead_code)] // to get past it
    version: u8,
    private_key: OctetString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    #[allow(dead_code)] // known
    parameters: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    #[allow(dead_code)] // computed
    public_key: Option<Any>,
}

type Bodies = Vec<(String, PkiBody)>;

struct Workshop {
    provider: CryptoProvider,
    key: EcKey,
    certificate: EncodedCertificate,
    root: EncodedCertificate,
}

impl Workshop {
    fn new() -> Result<Self> {
        let key = vectors::own_text("openssl-mock/oper-bs.key.pem");
        let key = vectors::from_pem(&key).ok_or("the key is not PEM")?;
        let key = EcPrivateKey::from_der(&key)?.private_key;
        Ok(Self {
            provider: crypto_rustcrypto::provider(Box::new(InsecureCountingRandom::starting_at(1))),
            key: EcKey::from_scalar(KeyKind::P256, key.as_bytes())?,
            certificate: vectors::own_certificate("openssl-mock/oper-bs.crt.pem"),
            root: vectors::own_certificate("openssl-mock/oper-ca.crt.pem"),
        })
    }

    /// A whole message, signed by the station.
    fn message(&self, body: &PkiBody) -> Result<Vec<u8>> {
        let name = |text: &str| Ok::<_, der::Error>(GeneralName::DirectoryName(text.parse::<Name>()?));
        let mut header = PkiHeader::new(
            name("CN=enb0001.operator.example,O=Operator")?,
            name("CN=Operator RA-CA,O=Operator")?,
        );
        header.pvno = body.least_pvno();
        header.message_time = Some(MessageTime::new(vectors::NOW)?);
        header.protection_alg = Some(self.key.algorithm().identifier());
        header.transaction_id = Some(TransactionId::new(&[body_number(body); 16])?);
        header.sender_nonce = Some(SenderNonce::new(&[0x5a; 16])?);
        header.recip_nonce = Some(RecipNonce::from(SenderNonce::new(&[0xa5; 16])?));
        header.free_text = Some(vec!["composed".to_owned()]);
        let signed = sequence(&[header.to_der()?, body.to_der()?].concat())?;
        let signature = BitString::from_bytes(&self.key.sign(&signed)?)?.to_der()?;
        let extra_certs = sequence(self.certificate.octets())?;
        let parts = [header.to_der()?, body.to_der()?, explicit(0, &signature)?, explicit(1, &extra_certs)?];
        Ok(sequence(&parts.concat())?)
    }

    fn builder(&self) -> Result<CertReqMsgBuilder> {
        let name = "CN=enb0001.operator.example,O=Operator".parse()?;
        Ok(CertReqMsgBuilder::new(Some(name), self.key.public_key()))
    }

    fn old_cert_id(&self) -> Result<CertId> {
        let issuer = GeneralName::DirectoryName("CN=Operator RA-CA,O=Operator".parse()?);
        Ok(CertId::new(issuer, SerialNumber::new(&[0x20, 0x01])?))
    }

    fn requests(&self, bodies: &mut Bodies) -> Result<()> {
        let signed = self.builder()?.sign(&self.key)?;
        bodies.push(("00_ir".into(), PkiBody::Ir(one(signed.clone())?)));
        let mut with_everything = self.builder()?;
        with_everything.controls = self.controls()?;
        with_everything.reg_info = vec![
            RegInfo::Utf8Pairs("site?north%".into()).close()?,
            RegInfo::CertReq(Box::new(signed.cert_req().value().clone())).close()?,
        ];
        bodies.push(("02_cr_controls".into(), PkiBody::Cr(one(with_everything.sign(&self.key)?)?)));
        let mut two = self.builder()?;
        two.cert_req_id = CertReqId::new(1);
        let two = CertReqMessages::new(vec![signed.clone(), two.sign(&self.key)?])?;
        bodies.push(("02_cr_two".into(), PkiBody::Cr(two)));
        let mut csr =
            CertReqBuilder::new("CN=enb0001.operator.example,O=Operator".parse()?, self.key.public_key());
        csr.challenge_password = Some(SharedSecret::new("tellnobody".into()));
        csr.unstructured_name = Some("rack 7".into());
        let csr = CertReq::from_der(&csr.sign(&self.key)?)?;
        bodies.push(("04_p10cr".into(), PkiBody::P10cr(Box::new(csr))));
        let mut update = self.builder()?;
        update.controls = vec![Control::OldCertId(self.old_cert_id()?).close()?];
        bodies.push(("07_kur".into(), PkiBody::Kur(one(update.sign(&self.key)?)?)));
        bodies.push(("09_krr".into(), PkiBody::Krr(one(signed.clone())?)));
        let mut template = CertTemplate::default();
        template.serial_number = Some(SerialNumber::new(&[0x20, 0x01])?);
        template.issuer = Some("CN=Operator RA-CA,O=Operator".parse()?);
        bodies.push(("11_rr".into(), PkiBody::Rr(vec![RevDetails::new(template, None)])));
        bodies.push(("13_ccr".into(), PkiBody::Ccr(one(signed)?)));
        Ok(())
    }

    fn controls(&self) -> Result<Vec<AttributeTypeAndValue>> {
        let mut publication = PkiPublicationInfo::new(PublicationAction::PleasePublish);
        publication.pub_infos = Some(vec![SinglePubInfo::new(PublicationMethod::Web, None)]);
        let mut encrypted = EncryptedValue::new(BitString::from_bytes(&[7; 8])?);
        encrypted.value_hint = Some(OctetString::new([1, 2])?);
        let archived = PkiArchiveOptions::EncryptedPrivKey(EncryptedKey::EncryptedValue(Box::new(encrypted)));
        let spki = spki::SubjectPublicKeyInfoOwned::from_der(self.key.public_key().spki_octets())?;
        let controls = [
            Control::RegToken(SharedSecret::new("once".into())),
            Control::Authenticator(SharedSecret::new("again and again".into())),
            Control::PkiPublicationInfo(publication),
            Control::PkiArchiveOptions(Box::new(archived)),
            Control::OldCertId(self.old_cert_id()?),
            Control::ProtocolEncrKey(spki),
            Control::AlgId(self.key.algorithm().identifier()),
            Control::RsaKeyLen(3072),
        ];
        controls.iter().map(|control| Ok(control.close()?)).collect()
    }

    /// Every kind, each in an ir.
    fn proofs(&self, bodies: &mut Bodies) -> Result<()> {
        let mut push = |kind: &str, request: CertReqMsg| {
            bodies.push((format!("00_ir_{kind}"), PkiBody::Ir(one(request)?)));
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        push("raVerified", self.builder()?.ra_verified()?)?;
        let mut without_subject = CertReqMsgBuilder::new(None, self.key.public_key());
        without_subject.sender =
            Some(GeneralName::DirectoryName("CN=enb0001.operator.example,O=Operator".parse()?));
        push("signature_sender", without_subject.sign(&self.key)?)?;
        without_subject.sender = None;
        for (name, mac) in [
            ("pbmac1", PasswordMac::Pbmac1(crmf::Pbmac1Params::new(&[3; 16], 10_000)?)),
            ("pbm", PasswordMac::Pbm(crmf::PbmParameter::new(&[3; 16], 10_000)?)),
        ] {
            let secret = SharedSecret::new("nem-shared-secret-0001".into());
            let mac = mac.authenticate(&self.provider, &secret, self.key.public_key().spki_octets())?;
            without_subject.public_key_mac = Some(mac);
            push(&format!("signature_publicKeyMAC_{name}"), without_subject.sign(&self.key)?)?;
        }
        let bits = || BitString::from_bytes(&[9; 20]);
        let mac = PkMacValue::new(crypto::MacAlgorithm::HmacSha256.identifier(), bits()?);
        for (name, proof) in [
            ("thisMessage", PopoPrivKey::ThisMessage(bits()?)),
            ("encrCert", PopoPrivKey::SubsequentMessage(SubsequentMessage::EncrCert)),
            ("challengeResp", PopoPrivKey::SubsequentMessage(SubsequentMessage::ChallengeResp)),
            ("dhMAC", PopoPrivKey::DhMac(bits()?)),
            ("agreeMAC", PopoPrivKey::AgreeMac(mac)),
            ("encryptedKey", PopoPrivKey::EncryptedKey(enveloped()?)),
        ] {
            push(&format!("keyEncipherment_{name}"), self.builder()?.key_encipherment(proof.clone())?)?;
            push(&format!("keyAgreement_{name}"), self.builder()?.key_agreement(proof)?)?;
        }
        Ok(())
    }

    fn answers(&self, bodies: &mut Bodies) -> Result<()> {
        let id = CertReqId::FIRST;
        let granted = |status| {
            let status = PkiStatusInfo::new(status);
            CertResponse::with_certificate(id, status, self.certificate.clone())
        };
        let answer = |response| CertRepMessage::new(response);
        let mut with_root = answer(granted(PkiStatus::Accepted));
        with_root.ca_pubs = Some(vec![self.root.clone()]);
        bodies.push(("01_ip".into(), PkiBody::Ip(with_root)));
        let waiting = PkiStatusInfo::new(PkiStatus::Waiting);
        let waiting = answer(CertResponse::without_certificate(id, waiting));
        bodies.push(("01_ip_waiting".into(), PkiBody::Ip(waiting)));
        bodies.push(("03_cp".into(), PkiBody::Cp(answer(granted(PkiStatus::GrantedWithMods)))));
        let refused = PkiStatusInfo::rejection(all_failures(), "everything is wrong".into());
        let refused = answer(CertResponse::without_certificate(CertReqId::P10CR, refused));
        bodies.push(("03_cp_refused".into(), PkiBody::Cp(refused)));
        let challenge = Challenge::new(Some(DigestAlgorithm::Sha256.identifier()), &[6; 32], enveloped()?)?;
        bodies.push(("05_popdecc".into(), PkiBody::Popdecc(vec![challenge])));
        let number = Int::from_der(&0x1234_5678_u32.to_der()?)?;
        bodies.push(("06_popdecr".into(), PkiBody::Popdecr(vec![number])));
        bodies.push(("08_kup".into(), PkiBody::Kup(answer(granted(PkiStatus::Accepted)))));
        let mut recovered = KeyRecRepContent::new(PkiStatusInfo::new(PkiStatus::Accepted));
        recovered.new_sig_cert = Some(self.certificate.clone());
        recovered.ca_certs = Some(vec![self.root.clone()]);
        recovered.key_pair_hist = granted(PkiStatus::Accepted).certified_key_pair.map(|pair| vec![pair]);
        bodies.push(("10_krp".into(), PkiBody::Krp(Box::new(recovered))));
        bodies
            .push(("12_rp".into(), PkiBody::Rp(RevRepContent::new(PkiStatusInfo::new(PkiStatus::Accepted)))));
        bodies.push(("14_ccp".into(), PkiBody::Ccp(answer(granted(PkiStatus::Accepted)))));
        Ok(())
    }

    fn announcements(&self, bodies: &mut Bodies) -> Result<()> {
        let root = || self.root.clone();
        let old = CaKeyUpdAnnContent::new(root(), root(), root());
        bodies.push(("15_ckuann_v2".into(), PkiBody::Ckuann(CaKeyUpdContent::V2(old))));
        bodies.push(("15_ckuann_v3".into(), PkiBody::Ckuann(CaKeyUpdContent::V3(self.key_update()))));
        bodies.push(("16_cann".into(), PkiBody::Cann(self.certificate.clone())));
        let time = |seconds| UnixTime::from_secs(seconds).to_generalized_time();
        let id = self.old_cert_id()?;
        let revocation =
            RevAnnContent::new(PkiStatus::RevocationWarning, id, time(1_800_000_000)?, time(1_790_000_000)?);
        bodies.push(("17_rann".into(), PkiBody::Rann(Box::new(revocation))));
        bodies.push(("18_crlann".into(), PkiBody::Crlann(vec![enveloped()?])));
        Ok(())
    }

    fn key_update(&self) -> RootCaKeyUpdateContent {
        let mut update = RootCaKeyUpdateContent::new(self.root.clone());
        update.new_with_old = Some(self.root.clone());
        update.old_with_new = Some(self.root.clone());
        update
    }

    fn conversation(&self, bodies: &mut Bodies) -> Result<()> {
        bodies.push(("19_pkiconf".into(), PkiBody::PkiConf));
        let inner = ["openssl-mock/sig_1_ir.der", "derived/nested_batch_request.der"];
        let inner = inner.map(|name| RawDer::new(&vectors::own(name)));
        bodies.push(("20_nested".into(), PkiBody::Nested(inner.into_iter().collect::<der::Result<_>>()?)));
        let close =
            |values: Vec<InfoValue>| values.iter().map(InfoValue::close).collect::<der::Result<Vec<_>>>();
        bodies.push(("21_genm".into(), PkiBody::Genm(close(self.questions()?)?)));
        bodies.push(("22_genp".into(), PkiBody::Genp(close(self.information()?)?)));
        let mut error = ErrorMsgContent::new(PkiStatusInfo::rejection(all_failures(), "no".into()));
        error.error_code = Some(Int::from_der(&7_u8.to_der()?)?);
        error.error_details = Some(vec!["ask again".to_owned()]);
        bodies.push(("23_error".into(), PkiBody::Error(error)));
        let hash = |length: usize| OctetString::new(vec![8; length]);
        let accepted = CertStatus::new(hash(32)?, CertReqId::FIRST, None);
        bodies.push(("24_certConf".into(), PkiBody::CertConf(vec![accepted])));
        let refusal = PkiStatusInfo::rejection(PkiFailureInfo::BAD_CERT_TEMPLATE, "not mine".into());
        let mut refused = CertStatus::new(hash(64)?, CertReqId::FIRST, Some(refusal));
        refused.hash_alg = Some(DigestAlgorithm::Sha512.identifier());
        bodies.push(("24_certConf_hashAlg".into(), PkiBody::CertConf(vec![refused])));
        bodies.push(("25_pollReq".into(), PkiBody::PollReq(vec![PollReqItem::new(CertReqId::P10CR)])));
        let wait = PollRepItem::new(CertReqId::P10CR, Duration::from_secs(300));
        bodies.push(("26_pollRep".into(), PkiBody::PollRep(vec![wait])));
        Ok(())
    }

    fn questions(&self) -> Result<Vec<InfoValue>> {
        let issuer: GeneralNames = vec![GeneralName::DirectoryName("CN=Operator RA-CA,O=Operator".parse()?)];
        Ok(vec![
            InfoValue::KeyPairParamReq(self.key.algorithm().oid()),
            InfoValue::RevPassphrase(EncryptedKey::EnvelopedData(enveloped()?)),
            InfoValue::SuppLangTags(vec!["en".into(), "de".into()]),
            InfoValue::RootCaCert(self.root.clone()),
            InfoValue::CertProfile(vec!["ne".into()]),
            InfoValue::CrlStatusList(vec![CrlStatus::new(CrlSource::Issuer(issuer), None)]),
        ])
    }

    fn information(&self) -> Result<Vec<InfoValue>> {
        let algorithm = SignatureAlgorithm::EcdsaWithSha256.identifier();
        let root = || self.root.clone();
        let linked = CaKeyUpdAnnContent::new(root(), root(), root());
        let messages = vec![RawDer::new(&vectors::own("openssl-mock/sig_1_ir.der"))?];
        let kem = KemCiphertextInfo::new(algorithm.clone(), OctetString::new([4; 32])?);
        let other = "1.3.6.1.4.1.32473.1".parse()?;
        Ok(vec![
            InfoValue::CaProtEncCert(self.certificate.clone()),
            InfoValue::SignKeyPairTypes(vec![algorithm.clone()]),
            InfoValue::EncKeyPairTypes(vec![algorithm.clone()]),
            InfoValue::PreferredSymmAlg(algorithm.clone()),
            InfoValue::CaKeyUpdateInfo(linked),
            InfoValue::CurrentCrl(enveloped()?),
            InfoValue::UnsupportedOids(vec![other]),
            InfoValue::KeyPairParamRep(algorithm),
            InfoValue::ImplicitConfirm,
            InfoValue::ConfirmWaitTime(UnixTime::from_secs(1_800_000_000)),
            InfoValue::OrigPkiMessage(messages),
            InfoValue::CaCerts(vec![root()]),
            InfoValue::RootCaKeyUpdate(self.key_update()),
            InfoValue::CertReqTemplate(Box::new(CertReqTemplateContent::new(CertTemplate::default()))),
            InfoValue::Crls(vec![enveloped()?]),
            InfoValue::KemCiphertextInfo(kem),
            InfoValue::Other(other, Any::new(Tag::OctetString, [1, 2, 3])?),
        ])
    }
}

fn one(request: CertReqMsg) -> Result<CertReqMessages> {
    Ok(CertReqMessages::new(vec![request])?)
}

/// What stands for EnvelopedData and for CRLs, which stay closed.
fn enveloped() -> der::Result<RawDer> {
    RawDer::new(&[0x30, 0x03, 0x02, 0x01, 0x02])
}

/// Every bit of PKIFailureInfo.
fn all_failures() -> PkiFailureInfo {
    PkiFailureInfo::ALL.iter().fold(PkiFailureInfo::BAD_ALG, |all, bit| all | *bit)
}

fn body_number(body: &PkiBody) -> u8 {
    let kind: BodyKind = body.kind();
    u8::try_from(kind.number()).unwrap_or(u8::MAX)
}

fn sequence(octets: &[u8]) -> der::Result<Vec<u8>> {
    Any::new(Tag::Sequence, octets)?.to_der()
}

fn explicit(number: u32, octets: &[u8]) -> der::Result<Vec<u8>> {
    Any::new(Tag::ContextSpecific { constructed: true, number: TagNumber(number) }, octets)?.to_der()
}
