use asn1::UnixTime;
use ca::{Issuer, MessageCredential, Profile};
use cmp::{
    ErrorMsgContent, MessageTime, PkiBody, PkiFailureInfo, PkiHeader, PkiMessage, PkiStatusInfo, RecipNonce,
    SenderIdentity, SenderNonce,
};
use crypto::SigningKey;
use crypto_aws_lc::provider;
use der::asn1::{BitString, ContextSpecific};
use der::{Encode, TagMode, TagNumber};
use x509_cert::ext::pkix::name::GeneralName;

use super::{certify, key};

/// Whoever has a credential that the NEM believes can say whatever it likes.
pub struct Liar {
    credential: MessageCredential,
}

impl Liar {
    /// One with the operator's blessing.
    pub fn new(operator: &Issuer) -> Self {
        let key = key();
        let certificate = certify(operator, &Profile::CMP, "CN=Liar", &key);
        let identity = SenderIdentity::new(certificate, Vec::new(), key.algorithm()).unwrap();
        Self { credential: MessageCredential { identity, key: Box::new(key) } }
    }

    /// An answer that fits a message, but says that.
    pub fn answer(&self, message: &[u8], body: &PkiBody, now: UnixTime) -> Vec<u8> {
        let mut header = self.header(message, now);
        header.protection_alg = Some(self.credential.key.algorithm().identifier());
        let part = sequence(&[&header.to_der().unwrap(), &body.to_der().unwrap()]);
        let signature = BitString::from_bytes(&self.credential.key.sign(&part).unwrap()).unwrap();
        let extra_certs = vec![self.credential.identity.certificate().unwrap().clone()];
        sequence(&[
            &header.to_der().unwrap(),
            &body.to_der().unwrap(),
            &explicit(0, signature),
            &explicit(1, extra_certs),
        ])
    }

    /// The same without a signature.
    pub fn unprotected(&self, message: &[u8], body: &PkiBody, now: UnixTime) -> Vec<u8> {
        let header = self.header(message, now).to_der().unwrap();
        sequence(&[&header, &body.to_der().unwrap()])
    }

    fn header(&self, message: &[u8], now: UnixTime) -> PkiHeader {
        let message = PkiMessage::from_der(message).unwrap();
        let sender = GeneralName::DirectoryName(self.credential.identity.name().clone());
        let mut header = PkiHeader::new(sender, message.header().sender.clone());
        header.message_time = Some(MessageTime::new(now).unwrap());
        header.transaction_id = message.header().transaction_id.clone();
        header.sender_nonce = Some(SenderNonce::random(&provider()).unwrap());
        header.recip_nonce = message.header().sender_nonce.clone().map(RecipNonce::from);
        header
    }
}

/// The body error.
pub fn error(fail_info: PkiFailureInfo) -> PkiBody {
    PkiBody::Error(ErrorMsgContent::new(PkiStatusInfo::rejection(fail_info, "because".into())))
}

fn explicit(number: u32, value: impl Encode + der::Tagged + der::EncodeValue) -> Vec<u8> {
    ContextSpecific { tag_number: TagNumber(number), tag_mode: TagMode::Explicit, value }.to_der().unwrap()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::Any::new(der::Tag::Sequence, parts.concat()).unwrap().to_der().unwrap()
}
