//! Private keys that an RA/CA generated: EnvelopedData with SignedData with AsymmetricKeyPackage inside (RFC 9483 section 4.1.6, RFC
//! 5958).

mod signed_data;

use alloc::vec::Vec;

use asn1::oids::{rfc5652, rfc5958};
use asn1::{EncodedCertificate, UnixTime};
use crmf::EncryptedKey;
use crypto::{CryptoProvider, GeneratedKey, PublicKey, SharedSecret, SigningKey};
use der::asn1::{BitStringRef, OctetString, OctetStringRef};
use der::{Decode, Encode, Sequence, SliceReader};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use zeroize::Zeroizing;

use crate::enveloped_data::{self, Recipient, RecipientId, RecipientKey};
use crate::error::Error;
use crate::protection::key_id;
use crate::status::PkiFailureInfo;
use crate::trust::{Credential, Trust};
use crate::validation::ValidatedMessage;

/// Who generates keys, and signs them so that they can be believed: a certificate with id-kp-cmKGA in its extKeyUsage (RFC 9483 section
/// 4.1.6).
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // a key and whose it is
pub struct KeyGenerationAuthority<'a> {
    /// Its certificate, which must have a SubjectKeyIdentifier.
    pub certificate: &'a EncodedCertificate,
    /// The certificates between it and the root (which is left out).
    pub chain: &'a [EncodedCertificate],
    /// Its key.
    pub key: &'a dyn SigningKey,
}

/// ```text
/// OneAsymmetricKey ::= SEQUENCE {
///   version                 INTEGER { v1(0), v2(1) },
///   privateKeyAlgorithm     AlgorithmIdentifier,
///   privateKey              OCTET STRING,
///   attributes          [0] Attributes OPTIONAL,
///   publicKey           [1] BIT STRING OPTIONAL }
/// AsymmetricKeyPackage ::= SEQUENCE SIZE (1..MAX) OF OneAsymmetricKey
/// ```
///
/// RFC 5958 section 2. Version v1 is PKCS #8's PrivateKeyInfo; attributes are not taken.
#[derive(Sequence)]
struct OneAsymmetricKey<'a> {
    version: u8,
    private_key_algorithm: AlgorithmIdentifierOwned,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

impl KeyGenerationAuthority<'_> {
    /// Signs a key that was generated for whoever sent the message, and enciphers it: for the key of the certificate that protects the
    /// message, or with the secret that does.
    ///
    /// # Errors
    /// When nothing can be enciphered for the sender, because of its certificate's keyUsage for example; when the authority's certificate
    /// or key, or randomness, fails.
    pub fn seal(
        &self,
        generated: &GeneratedKey,
        message: &ValidatedMessage,
        provider: &CryptoProvider,
    ) -> Result<EncryptedKey, Error> {
        let mut key = OneAsymmetricKey::from_der(&generated.private_key).map_err(Error::Encoding)?;
        key.version = 1;
        let public_key =
            BitStringRef::from_bytes(generated.public_key.key_octets()).map_err(Error::Encoding)?;
        key.public_key = Some(public_key);
        let package = Zeroizing::new(key.to_der().map_err(Error::Encoding)?);
        let package = asn1::compose(der::Tag::Sequence, &[&package]).map_err(Error::Encoding)?;
        let signed = signed_data::sign(&Zeroizing::new(package), self, provider)?;

        let known = requester(message)?;
        let recipient = match &known {
            Requester::Key(key, id) => Recipient::Key(key, RecipientId::KeyId(id.clone())),
            Requester::Secret(secret) => Recipient::Secret(secret),
        };
        enveloped_data::seal(rfc5652::SIGNED_DATA, &signed, &recipient, provider)
    }
}

/// Opens a private key that was generated for us, and verifies who signed it. `certificate` is the one that came with it, `protected` what
/// our request was protected with.
///
/// # Errors
/// When it is for somebody else, not as [`KeyGenerationAuthority::seal`] makes it, not signed by anybody who is believed, or not the certificate's key.
pub(crate) fn open(
    encrypted: &EncryptedKey,
    opener: &KeyPackageOpener<'_>,
    certificate: &EncodedCertificate,
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<GeneratedKey, Error> {
    let key_id = match opener.protected {
        Some(protected) => {
            let decoded = Certificate::from_der(protected.octets()).map_err(Error::MalformedCertificate)?;
            key_id(&decoded).map_err(Error::MalformedCertificate)?
        }
        None => None,
    };
    let signed =
        enveloped_data::open(encrypted, rfc5652::SIGNED_DATA, &opener.key, key_id.as_ref(), provider)?;
    let package = signed_data::verify(&signed, rfc5958::KEY_PACKAGE, opener.authorities, provider, now)?;
    let mut reader = SliceReader::new(package).map_err(Error::MalformedEnvelope)?;
    let keys: Vec<OneAsymmetricKey<'_>> = Vec::decode(&mut reader).map_err(Error::MalformedEnvelope)?;
    der::Reader::finish(reader).map_err(Error::MalformedEnvelope)?;
    let count = keys.len();
    let [key] = <[OneAsymmetricKey<'_>; 1]>::try_from(keys)
        .map_err(|_| Error::NotExactlyOne { what: "OneAsymmetricKey", count })?;
    check_key(key, certificate, provider)
}

/// What it takes to open a private key that was generated.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // parameters of a call
pub struct KeyPackageOpener<'a> {
    /// The private half of what the request was protected with.
    pub key: RecipientKey<'a>,
    /// The certificate that the request was protected with; `None` when it was a secret.
    pub protected: Option<&'a EncodedCertificate>,
    /// Who may have signed it: with [`ExtendedKeyUsage::Required`](crypto::ExtendedKeyUsage::Required) id-kp-cmKGA, as RFC 9483 section
    /// 4.1.6 has it.
    pub authorities: &'a [Trust],
}

/// The public half is computed: what stands in the package, and in the certificate, may be anything.
fn check_key(
    mut key: OneAsymmetricKey<'_>,
    certificate: &EncodedCertificate,
    provider: &CryptoProvider,
) -> Result<GeneratedKey, Error> {
    if key.version > 1 {
        return Err(Error::BadEnvelope("OneAsymmetricKey has another version than v1 and v2"));
    }
    let said = key.public_key.take();
    key.version = 0;
    let private_key = Zeroizing::new(key.to_der().map_err(Error::Encoding)?);
    let enveloping = provider.enveloping().map_err(Error::Envelope)?;
    let public_key = enveloping.public_half(&private_key);
    let public_key = public_key.ok_or(Error::BadEnvelope("the private key is none of a supported kind"))?;
    let decoded = Certificate::from_der(certificate.octets()).map_err(Error::MalformedCertificate)?;
    let certified = decoded.tbs_certificate().subject_public_key_info().to_der().map_err(Error::Encoding)?;
    let other = said.is_some_and(|said| said.as_bytes() != Some(public_key.key_octets()));
    if other || certified != public_key.spki_octets() {
        return Err(Error::OtherPublicKey);
    }
    Ok(GeneratedKey::new(private_key, public_key))
}

/// Whoever asks, as far as something can be enciphered for it.
enum Requester<'a> {
    Key(PublicKey, OctetString),
    Secret(&'a SharedSecret),
}

/// The key of the certificate that protects the request, if it is for that; or the secret.
fn requester(message: &ValidatedMessage) -> Result<Requester<'_>, Error> {
    let refuse = |reason| Error::Policy { fail_info: PkiFailureInfo::BAD_REQUEST, reason };
    if let Some((secret, _)) = message.shared_secret() {
        return Ok(Requester::Secret(secret));
    }
    let Credential::Certificate(certificate) = &message.signer().credential else {
        return Err(Error::WrongProtection);
    };
    let decoded = Certificate::from_der(certificate.octets()).map_err(Error::MalformedCertificate)?;
    let tbs = decoded.tbs_certificate();
    let key = tbs.subject_public_key_info().to_der().map_err(Error::Encoding)?;
    let key = PublicKey::from_spki_der(&key).map_err(Error::SignerKey)?;
    let usage = tbs.get_extension::<KeyUsage>().map_err(Error::MalformedCertificate)?;
    let due = KeyUsages::KeyEncipherment | KeyUsages::KeyAgreement;
    if usage.is_some_and(|(_, usage)| (usage.0 & due).is_empty()) {
        return Err(refuse("the certificate that protects the request is not for enciphering keys"));
    }
    let id = key_id(&decoded).map_err(Error::MalformedCertificate)?;
    let id = id.ok_or(refuse("the certificate that protects the request has no subjectKeyIdentifier"))?;
    Ok(Requester::Key(key, id))
}
