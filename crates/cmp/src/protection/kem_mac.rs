//! Protection by a KEM-based MAC, RFC 9810 section 5.1.3.4 and appendix E: made and verified.
//!
//! Whoever owns the KEM key makes MACs; whoever knows the certificate encapsulates, and verifies them. Each direction of an
//! operation is protected by itself: the other side may sign.

use alloc::vec::Vec;
use core::fmt;

use asn1::oids::rfc9810;
use asn1::{EncodedCertificate, compose};
use crmf::MacError;
use crypto::{
    AlgorithmError, CryptoProvider, DecapsulationKey, KdfAlgorithm, KemAlgorithm, KemError, KeyKind,
    MacAlgorithm, PublicKey, VerifyError,
};
use der::asn1::OctetString;
use der::{Any, Decode, Encode, Sequence, Tag};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::{Due, MacCredential, MacSecret, Means, SenderIdentity, inspect};
use crate::error::Error;
use crate::general_info::InfoTypeAndValue;
use crate::header::TransactionId;
use crate::info_value::KemCiphertextInfo;
use crate::message::PkiMessage;
use crate::trust::{Credential, Signer, Trust};
use crate::validation::named_signer;

/// Octets of the derived key. RFC 9810 calls `len` the size of the MAC's key in section 5.1.3.4, and the most it may have in
/// its ASN.1 module: what HMAC has is the length of its digest. Anything in between is derived as it is said.
const KEY_LENGTH: core::ops::RangeInclusive<usize> = 16..=512;

/// Octets of kemContext.
const MAX_CONTEXT: usize = 256;

/// ```text
/// KemBMParameter ::= SEQUENCE {
///   kdf            AlgorithmIdentifier,
///   kemContext [0] OCTET STRING OPTIONAL,
///   len            INTEGER (1..MAX),
///   mac            AlgorithmIdentifier }
/// ```
///
/// RFC 9810 section 5.1.3.4. Tags are explicit, as everywhere in that module: kemContext is `A0 len 04 ...` here and in
/// KemOtherInfo. There are peers that tag it implicitly in KemOtherInfo: with them, it has to be left out, and so it is in what is
/// sent.
#[derive(Sequence)]
struct KemBmParameter {
    kdf: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    kem_context: Option<OctetString>,
    len: u32,
    mac: AlgorithmIdentifierOwned,
}

/// ```text
/// KemOtherInfo ::= SEQUENCE {
///   staticString   PKIFreeText,
///   transactionID  OCTET STRING,
///   kemContext [0] OCTET STRING OPTIONAL }
/// ```
///
/// RFC 9810 section 5.1.3.4; of staticString, which is always the same, the octets.
#[derive(Sequence)]
struct KemOtherInfo {
    static_string: Any,
    transaction_id: TransactionId,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    kem_context: Option<OctetString>,
}

/// How a KEM-based MAC is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KemMac {
    kdf: KdfAlgorithm,
    kem_context: Option<OctetString>,
    length: usize,
    mac: MacAlgorithm,
}

impl KemMac {
    /// Digests as strong as the key (RFC 9481 section 7), without context.
    const fn for_key(key: KeyKind) -> Self {
        let (kdf, mac) = match key.strength() {
            ..=128 => (KdfAlgorithm::HkdfSha256, MacAlgorithm::HmacSha256),
            129..=192 => (KdfAlgorithm::HkdfSha384, MacAlgorithm::HmacSha384),
            _ => (KdfAlgorithm::HkdfSha512, MacAlgorithm::HmacSha512),
        };
        Self { kdf, kem_context: None, length: mac.digest().length(), mac }
    }

    /// From protectionAlg. The limits are checked here, before anything is derived.
    fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, Error> {
        let malformed = || Error::Mac(MacError::BadParameters(identifier.oid));
        if identifier.oid != rfc9810::KEM_BASED_MAC {
            return Err(Error::Mac(MacError::Unsupported(identifier.oid)));
        }
        let parameters = identifier.parameters.as_ref().ok_or_else(malformed)?;
        let parameters: KemBmParameter = parameters.decode_as().map_err(|_| malformed())?;
        let kdf = KdfAlgorithm::from_identifier(&parameters.kdf).map_err(Error::Algorithm)?;
        let mac = MacAlgorithm::from_identifier(&parameters.mac).map_err(Error::Algorithm)?;
        let length = usize::try_from(parameters.len).map_err(|_| malformed())?;
        if !KEY_LENGTH.contains(&length) {
            let (least, most) = (*KEY_LENGTH.start(), *KEY_LENGTH.end());
            return Err(Error::Mac(MacError::KeyLength { octets: length, least, most }));
        }
        if parameters.kem_context.as_ref().is_some_and(|context| context.as_bytes().len() > MAX_CONTEXT) {
            return Err(malformed());
        }
        Ok(Self { kdf, kem_context: parameters.kem_context, length, mac })
    }

    /// protectionAlg.
    pub(crate) fn identifier(&self) -> Result<AlgorithmIdentifierOwned, Error> {
        let parameters = KemBmParameter {
            kdf: self.kdf.identifier(),
            kem_context: self.kem_context.clone(),
            len: u32::try_from(self.length).map_err(|_| Error::Encoding(der::ErrorKind::Overflow.into()))?,
            mac: self.mac.identifier(),
        };
        let parameters = parameters.to_der().and_then(|octets| Any::from_der(&octets));
        Ok(AlgorithmIdentifierOwned {
            oid: rfc9810::KEM_BASED_MAC,
            parameters: Some(parameters.map_err(Error::Encoding)?),
        })
    }

    fn other_info(&self, transaction_id: &TransactionId) -> der::Result<Vec<u8>> {
        let text = compose(Tag::Utf8String, &[b"CMP-KEM"])?;
        let info = KemOtherInfo {
            static_string: Any::new(Tag::Sequence, text)?,
            transaction_id: transaction_id.clone(),
            kem_context: self.kem_context.clone(),
        };
        info.to_der()
    }

    fn key(&self, secret: &KemSecret, provider: &CryptoProvider) -> Result<Zeroizing<Vec<u8>>, Error> {
        let info = self.other_info(&secret.transaction_id).map_err(Error::Encoding)?;
        let mut key = Zeroizing::new(alloc::vec![0; self.length]);
        provider.derive(self.kdf, &secret.secret, &info, &mut key).map_err(Error::Kem)?;
        Ok(key)
    }

    pub(super) fn authenticate(
        &self,
        secret: &KemSecret,
        octets: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Vec<u8>, Error> {
        Ok(provider.mac(self.mac, &self.key(secret, provider)?, octets))
    }

    fn verify(
        &self,
        secret: &KemSecret,
        octets: &[u8],
        tag: &[u8],
        provider: &CryptoProvider,
    ) -> Result<(), Error> {
        let key = self.key(secret, provider)?;
        provider.verify_mac(self.mac, &key, octets, tag).map_err(Error::BadProtection)
    }
}

/// What was encapsulated, within the transaction whose message carries the ciphertext. `Debug` does not show it.
#[derive(Clone)]
pub(super) struct KemSecret {
    transaction_id: TransactionId,
    secret: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for KemSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemSecret({})", self.transaction_id)
    }
}

impl MacCredential {
    /// A KEM key at hand, to protect the messages of one transaction with, once its ciphertext has come. `transaction_id` is that
    /// of the message that carried the ciphertext.
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the certificate is not one of the key; [`Error::Algorithm`] when the ciphertext is of another
    /// mechanism; [`Error::Kem`] when it has nothing inside, or the key fails.
    pub fn decapsulate(
        identity: SenderIdentity,
        key: &dyn DecapsulationKey,
        ciphertext: &KemCiphertextInfo,
        transaction_id: TransactionId,
    ) -> Result<Self, Error> {
        let Means::Kem { public_key, .. } = &identity.means else { return Err(Error::BadCredential) };
        if public_key != key.public_key() {
            return Err(Error::BadCredential);
        }
        let named = KemAlgorithm::from_identifier(&ciphertext.kem).map_err(Error::Algorithm)?;
        if named.key_kind() != public_key.kind() {
            return Err(Error::Algorithm(AlgorithmError::Unsupported(ciphertext.kem.oid)));
        }
        let secret = key.decapsulate(ciphertext.ct.as_bytes()).map_err(Error::Kem)?;
        Self::with_decapsulated(identity, secret, transaction_id)
    }

    /// As [`MacCredential::decapsulate`], with what a key elsewhere decapsulated.
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the identity is not one of a KEM key.
    pub fn with_decapsulated(
        identity: SenderIdentity,
        secret: Zeroizing<Vec<u8>>,
        transaction_id: TransactionId,
    ) -> Result<Self, Error> {
        if !matches!(identity.means, Means::Kem { .. }) {
            return Err(Error::BadCredential);
        }
        Ok(Self { identity, secret: MacSecret::Kem(KemSecret { transaction_id, secret }) })
    }
}

fn due(means: &Means, _: &CryptoProvider) -> Result<(Due, AlgorithmIdentifierOwned), Error> {
    let Means::Kem { mac, .. } = means else { return Err(Error::BadCredential) };
    Ok((Due::Kem(mac.clone()), mac.identifier()?))
}

impl SenderIdentity {
    pub(crate) const fn is_kem(&self) -> bool {
        matches!(self.means, Means::Kem { .. })
    }

    /// From the certificate of a KEM key, and the certificates between it and the root (which is left out).
    ///
    /// # Errors
    /// [`Error::BadCredential`] when the certificate cannot be decoded, has no subject to send under, or is for another kind of
    /// key.
    pub fn with_kem(certificate: EncodedCertificate, chain: Vec<EncodedCertificate>) -> Result<Self, Error> {
        let (name, key_id, public_key) = inspect(&certificate)?;
        let public_key = PublicKey::from_spki_der(&public_key).map_err(|_| Error::BadCredential)?;
        if KemAlgorithm::of(public_key.kind()).is_none() {
            return Err(Error::BadCredential);
        }
        let mac = KemMac::for_key(public_key.kind());
        Ok(Self { name, key_id, means: Means::Kem { certificate, chain, public_key, mac }, due })
    }
}

/// A secret for whoever owns a KEM key whose certificate is believed: [`Validator::encapsulate`](crate::Validator::encapsulate).
/// `Debug` does not show it.
#[derive(Clone)]
pub struct Encapsulation {
    signer: Signer,
    info: KemCiphertextInfo,
    secret: Zeroizing<Vec<u8>>,
}

impl Encapsulation {
    pub(crate) fn new(
        certificate: &EncodedCertificate,
        trust: &Trust,
        provider: &CryptoProvider,
    ) -> Result<Self, Error> {
        let decoded = Certificate::from_der(certificate.octets()).map_err(Error::MalformedCertificate)?;
        let tbs = decoded.tbs_certificate();
        let key = tbs.subject_public_key_info().to_der().map_err(Error::Encoding)?;
        let key = PublicKey::from_spki_der(&key).map_err(Error::SignerKey)?;
        let kind = key.kind();
        let algorithm = KemAlgorithm::of(kind).ok_or(Error::Kem(KemError::OtherKind(kind)))?;
        let encapsulated = provider.encapsulate(&key).map_err(Error::Kem)?;
        let ct = OctetString::new(encapsulated.ciphertext).map_err(Error::Encoding)?;
        let (credential, name) = (Credential::Certificate(certificate.clone()), tbs.subject().clone());
        Ok(Self {
            signer: Signer { credential, name, role: trust.role, cert_profiles: trust.cert_profiles.clone() },
            info: KemCiphertextInfo::new(algorithm.identifier(), ct),
            secret: encapsulated.secret,
        })
    }

    /// What to send, in a genp or in generalInfo.
    ///
    /// # Errors
    /// When it cannot be encoded, which nothing is known to cause.
    pub fn info(&self) -> Result<InfoTypeAndValue, Error> {
        // Not by way of `InfoValue`, which knows all types.
        let value = self.info.to_der().and_then(|octets| Any::from_der(&octets)).map_err(Error::Encoding)?;
        Ok(InfoTypeAndValue::new(rfc9810::IT_KEM_CIPHERTEXT_INFO, Some(value)))
    }

    /// Whose MACs it is to verify.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// To verify MACs with, once it is sent in a message of that transaction.
    pub fn within(self, transaction_id: TransactionId) -> KemTrust {
        let secret = KemSecret { transaction_id, secret: self.secret };
        KemTrust { signer: self.signer, secret, verify: verify_kem_mac }
    }
}

impl fmt::Debug for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encapsulation({})", self.info.kem.oid)
    }
}

/// Whom to believe in one transaction, by the secret that was encapsulated for them. `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct KemTrust {
    signer: Signer,
    secret: KemSecret,
    /// By a pointer, so that firmware that encapsulates nothing does not link it.
    verify: fn(&PkiMessage, &Self, &CryptoProvider) -> Result<(), Error>,
}

impl KemTrust {
    /// Verifies a message's MAC over the octets that were received. The limits come first.
    pub(crate) fn verify(&self, message: &PkiMessage, provider: &CryptoProvider) -> Result<(), Error> {
        (self.verify)(message, self, provider)
    }

    /// Who owns the KEM key.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The transaction of the message that carried the ciphertext.
    pub const fn transaction_id(&self) -> &TransactionId {
        &self.secret.transaction_id
    }
}

fn verify_kem_mac(message: &PkiMessage, trust: &KemTrust, provider: &CryptoProvider) -> Result<(), Error> {
    let header = message.header();
    let mac = KemMac::from_identifier(header.protection_alg.as_ref().ok_or(Error::Unprotected)?)?;
    let tag = message.protection().ok_or(Error::ProtectionMissing)?;
    let tag = tag.as_bytes().ok_or(Error::MalformedProtection)?;
    // A ciphertext is one transaction's.
    if header.transaction_id.as_ref() != Some(&trust.secret.transaction_id) {
        return Err(Error::BadProtection(VerifyError::BadMac));
    }
    let certificate = trust.signer.certificate().ok_or(Error::SignerNotFound)?;
    named_signer(certificate, header).ok_or(Error::SignerNotFound)?;
    mac.verify(&trust.secret, &message.protected_part()?, tag, provider)
}

impl PkiMessage {
    /// The ciphertext that the message brings for whoever answers it; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::BadGeneralInfo`] when it is malformed, or there are several.
    pub fn kem_ciphertext(&self) -> Result<Option<KemCiphertextInfo>, Error> {
        let malformed = || Error::BadGeneralInfo(Tag::Sequence.value_error().into());
        let info = self.header().general_info.iter().flatten();
        let mut items = info.filter(|item| item.info_type == rfc9810::IT_KEM_CIPHERTEXT_INFO);
        match (items.next(), items.next()) {
            (None, _) => Ok(None),
            (Some(item), None) => {
                let value = item.info_value.as_ref().ok_or_else(malformed)?;
                value.decode_as().map(Some).map_err(Error::BadGeneralInfo)
            }
            _ => Err(malformed()),
        }
    }

    /// What to answer the message with when it brings a ciphertext for that key; `None` when it brings none.
    ///
    /// # Errors
    /// As [`MacCredential::decapsulate`], and when the ciphertext is malformed.
    pub fn kem_credential(
        &self,
        identity: &SenderIdentity,
        key: &dyn DecapsulationKey,
    ) -> Result<Option<MacCredential>, Error> {
        let Some(ciphertext) = self.kem_ciphertext()? else { return Ok(None) };
        let id = self.header().transaction_id.clone().ok_or(Error::BadTransactionId)?;
        MacCredential::decapsulate(identity.clone(), key, &ciphertext, id).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::info_value::InfoValue;
    use crypto_rustcrypto::MlKemKey;
    use der::asn1::Null;
    use testkit::InsecureCountingRandom;
    use testkit::vectors::own;

    fn provider() -> CryptoProvider {
        crypto_rustcrypto::provider(alloc::boxed::Box::new(InsecureCountingRandom::starting_at(1)))
    }

    fn vector(name: &str) -> PkiMessage {
        PkiMessage::from_der(&own(name)).unwrap()
    }

    fn opened() -> (KemSecret, PkiMessage) {
        let key =
            MlKemKey::from_seed(KemAlgorithm::MlKem768, &own("derived/kem_seed.bin").try_into().unwrap());
        let genp = vector("derived/kem_genp.der");
        let crate::PkiBody::Genp(items) = genp.body() else { panic!("{:?}", genp.body()) };
        let Some(InfoValue::KemCiphertextInfo(info)) = InfoValue::open(&items[0]).unwrap() else {
            panic!("{items:?}")
        };
        assert_eq!(KemAlgorithm::from_identifier(&info.kem), Ok(KemAlgorithm::MlKem768));
        let transaction_id = genp.header().transaction_id.clone().unwrap();
        let secret = key.unwrap().decapsulate(info.ct.as_bytes()).unwrap();
        assert_eq!(*secret, own("derived/kem_ss.bin"));
        (KemSecret { transaction_id, secret }, vector("derived/kembm_p10cr.der"))
    }

    #[test]
    fn the_vectors_are_verified_and_made_to_the_octet() {
        let (secret, message) = opened();
        let identifier = message.header().protection_alg.clone().unwrap();
        let mac = KemMac::from_identifier(&identifier).unwrap();
        assert_eq!(mac, KemMac::for_key(KeyKind::MlKem512));
        assert_eq!(mac.identifier().unwrap(), identifier);
        assert_eq!(mac.other_info(&secret.transaction_id).unwrap(), own("derived/kem_other_info.der"));
        assert_eq!(*mac.key(&secret, &provider()).unwrap(), own("derived/kem_ssk.bin"));

        let (octets, tag) = (message.protected_part().unwrap(), message.protection().unwrap());
        let tag = tag.as_bytes().unwrap();
        assert_eq!(mac.authenticate(&secret, &octets, &provider()).unwrap(), tag);
        assert_eq!(mac.verify(&secret, &octets, tag, &provider()), Ok(()));

        let bad = Err(Error::BadProtection(VerifyError::BadMac));
        let mut other = secret.clone();
        other.transaction_id = TransactionId::new(&[1; 16]).unwrap();
        assert_eq!(mac.verify(&other, &octets, tag, &provider()), bad, "another transaction");
        let mut other = secret.clone();
        other.secret[0] ^= 1;
        assert_eq!(mac.verify(&other, &octets, tag, &provider()), bad, "another secret");
        let mut other = mac.clone();
        other.kem_context = OctetString::new([7; 4]).ok();
        assert_eq!(other.verify(&secret, &octets, tag, &provider()), bad, "another context");
        assert_eq!(mac.verify(&secret, &octets[1..], tag, &provider()), bad, "other octets");
        assert_eq!(mac.verify(&secret, &octets, &tag[1..], &provider()), bad, "a truncated MAC");
        assert_eq!(alloc::format!("{secret:?}"), alloc::format!("KemSecret({})", secret.transaction_id));
    }

    #[test]
    fn tags_are_explicit() {
        let mut mac = KemMac::for_key(KeyKind::MlKem768);
        mac.kem_context = OctetString::new([7; 3]).ok();
        let info = mac.other_info(&TransactionId::new(&[1; 16]).unwrap()).unwrap();
        assert!(info.ends_with(&[0xa0, 5, 4, 3, 7, 7, 7]));
        let identifier = mac.identifier().unwrap();
        let parameters = identifier.parameters.clone().unwrap().to_der().unwrap();
        assert!(parameters.windows(7).any(|window| window == [0xa0, 5, 4, 3, 7, 7, 7]));
        assert_eq!(KemMac::from_identifier(&identifier), Ok(mac));
    }

    #[test]
    fn what_is_not_in_the_tables_or_not_within_the_limits_is_bad_alg() {
        let refused = |change: &dyn Fn(&mut KemBmParameter)| {
            let mac = KemMac::for_key(KeyKind::MlKem768);
            let mut parameters = KemBmParameter {
                kdf: mac.kdf.identifier(),
                kem_context: None,
                len: 32,
                mac: mac.mac.identifier(),
            };
            change(&mut parameters);
            let parameters = Any::from_der(&parameters.to_der().unwrap()).ok();
            KemMac::from_identifier(&AlgorithmIdentifierOwned { oid: rfc9810::KEM_BASED_MAC, parameters })
        };
        assert!(refused(&|_| {}).is_ok());
        assert!(refused(&|parameters| parameters.mac.parameters = None).is_ok(), "NULL is often left out");
        let other = KemAlgorithm::MlKem768.identifier();
        for (what, result) in [
            ("KDF", refused(&|parameters| parameters.kdf = other.clone())),
            ("KDF with parameters", refused(&|parameters| parameters.kdf.parameters = Some(Any::from(Null)))),
            ("MAC", refused(&|parameters| parameters.mac = other.clone())),
            ("no length", refused(&|parameters| parameters.len = 0)),
            ("short", refused(&|parameters| parameters.len = 15)),
            ("long", refused(&|parameters| parameters.len = 513)),
            ("longest", refused(&|parameters| parameters.len = u32::MAX)),
            ("context", refused(&|parameters| parameters.kem_context = OctetString::new([0; 257]).ok())),
        ] {
            let error = result.expect_err(what);
            assert_eq!(error.fail_info(), crate::PkiFailureInfo::BAD_ALG, "{what}: {error}");
        }
        let oid = rfc9810::KEM_BASED_MAC;
        for parameters in [None, Some(Any::from(Null))] {
            let identifier = AlgorithmIdentifierOwned { oid, parameters };
            let error = Error::Mac(MacError::BadParameters(oid));
            assert_eq!(KemMac::from_identifier(&identifier), Err(error));
        }
    }
}
