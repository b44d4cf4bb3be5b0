//! SignedData, RFC 5652 section 5, with one signer and signed attributes. Not by the types of the `cms` crate: those encode anew what is
//! signed.

use alloc::vec::Vec;

use asn1::oids::{rfc5652, rfc5912, rfc5958};
use asn1::{EncodedCertificate, UnixTime, compose, constructed, primitive};
use cms::signed_data::SignerIdentifier;
use const_oid::ObjectIdentifier;
use crypto::{
    CertificatePath, CryptoProvider, DigestAlgorithm, PathError, PublicKey, SignatureAlgorithm, VerifyError,
};
use der::asn1::{AnyRef, OctetString, OctetStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader, Tag, Tagged};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::KeyGenerationAuthority;
use crate::error::Error;
use crate::protection::key_id;
use crate::trust::Trust;

/// How many certificates are looked through for the signer's.
const MAX_CERTIFICATES: usize = 16;

/// ```text
/// SignedData ::= SEQUENCE {
///   version              CMSVersion,
///   digestAlgorithms     SET OF AlgorithmIdentifier,
///   encapContentInfo     EncapsulatedContentInfo,
///   certificates     [0] SET OF CertificateChoices OPTIONAL,
///   crls             [1] SET OF RevocationInfoChoice OPTIONAL,
///   signerInfos          SET OF SignerInfo }
/// EncapsulatedContentInfo ::= SEQUENCE {
///   eContentType     OBJECT IDENTIFIER,
///   eContent     [0] EXPLICIT OCTET STRING OPTIONAL }
/// ```
///
/// RFC 5652 sections 5.1 and 5.2.
struct SignedData<'a> {
    content_type: ObjectIdentifier,
    content: &'a [u8],
    certificates: &'a [u8],
    signer_infos: &'a [u8],
}

/// ```text
/// SignerInfo ::= SEQUENCE {
///   version                CMSVersion,
///   sid                    SignerIdentifier,
///   digestAlgorithm        AlgorithmIdentifier,
///   signedAttrs        [0] SET OF Attribute OPTIONAL,
///   signatureAlgorithm     AlgorithmIdentifier,
///   signature              OCTET STRING,
///   unsignedAttrs      [1] SET OF Attribute OPTIONAL }
/// ```
///
/// RFC 5652 section 5.3.
struct SignerInfo<'a> {
    sid: SignerIdentifier,
    digest_algorithm: AlgorithmIdentifierOwned,
    signed_attrs: &'a [u8],
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: &'a [u8],
}

/// ```text
/// Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF AttributeValue }
/// ```
#[derive(Sequence)]
struct Attribute<'a> {
    attr_type: ObjectIdentifier,
    attr_values: AnyRef<'a>,
}

impl<'a> SignedData<'a> {
    fn decode(octets: &'a [u8]) -> der::Result<Self> {
        let mut outer = SliceReader::new(octets)?;
        let signed = outer.sequence(|reader: &mut SliceReader<'a>| {
            let _version = u8::decode(reader)?;
            let _digest_algorithms = any(reader)?;
            let (content_type, content) = reader.sequence(|reader: &mut SliceReader<'a>| {
                let content_type = ObjectIdentifier::decode(reader)?;
                let explicit = any(reader)?;
                explicit.tag().assert_eq(constructed(0))?;
                Ok::<_, der::Error>((content_type, <&OctetStringRef>::from_der(explicit.value())?.as_bytes()))
            })?;
            let mut certificates = &[][..];
            let mut last = any(reader)?;
            if last.tag() == constructed(0) {
                certificates = last.value();
                last = any(reader)?;
            }
            if last.tag() == constructed(1) {
                last = any(reader)?;
            }
            last.tag().assert_eq(Tag::Set)?;
            Ok::<_, der::Error>(Self { content_type, content, certificates, signer_infos: last.value() })
        })?;
        outer.finish()?;
        Ok(signed)
    }
}

impl<'a> SignerInfo<'a> {
    fn decode(octets: &'a [u8]) -> der::Result<Self> {
        let mut outer = SliceReader::new(octets)?;
        let signer = outer.sequence(|reader: &mut SliceReader<'a>| {
            let _version = u8::decode(reader)?;
            let sid = SignerIdentifier::decode(reader)?;
            let digest_algorithm = AlgorithmIdentifierOwned::decode(reader)?;
            let attributes = any(reader)?;
            attributes.tag().assert_eq(constructed(0))?;
            let signature_algorithm = AlgorithmIdentifierOwned::decode(reader)?;
            let signature = <&OctetStringRef>::decode(reader)?.as_bytes();
            if !reader.is_finished() {
                any(reader)?.tag().assert_eq(constructed(1))?;
            }
            let signed_attrs = attributes.value();
            Ok::<_, der::Error>(Self { sid, digest_algorithm, signed_attrs, signature_algorithm, signature })
        })?;
        outer.finish()?;
        Ok(signer)
    }

    /// The only value of the attribute of that type, which is there once.
    fn attribute(&self, attr_type: ObjectIdentifier) -> Result<Vec<u8>, Error> {
        let missing =
            Error::BadEnvelope("a signed attribute is missing, or there twice: contentType or messageDigest");
        let attributes = elements(self.signed_attrs).map_err(Error::MalformedEnvelope)?;
        let attributes: Result<Vec<Attribute<'_>>, _> =
            attributes.into_iter().map(Attribute::from_der).collect();
        let attributes = attributes.map_err(Error::MalformedEnvelope)?;
        let mut found = attributes.iter().filter(|attribute| attribute.attr_type == attr_type);
        let (Some(attribute), None) = (found.next(), found.next()) else { return Err(missing) };
        attribute.attr_values.tag().assert_eq(Tag::Set).map_err(Error::MalformedEnvelope)?;
        match elements(attribute.attr_values.value()).map_err(Error::MalformedEnvelope)?.as_slice() {
            [value] => Ok(value.to_vec()),
            _ => Err(missing),
        }
    }

    /// CMS may name RSA's signature by its key's algorithm, with the digest elsewhere (RFC 3370 section 3.2).
    fn signature_algorithm(&self, digest: DigestAlgorithm) -> Result<SignatureAlgorithm, Error> {
        if self.signature_algorithm.oid == rfc5912::RSA_ENCRYPTION {
            return Ok(match digest {
                DigestAlgorithm::Sha384 => SignatureAlgorithm::Sha384WithRsa,
                DigestAlgorithm::Sha512 => SignatureAlgorithm::Sha512WithRsa,
                _ => SignatureAlgorithm::Sha256WithRsa,
            });
        }
        SignatureAlgorithm::from_identifier(&self.signature_algorithm).map_err(Error::Algorithm)
    }
}

fn any<'a>(reader: &mut SliceReader<'a>) -> der::Result<AnyRef<'a>> {
    AnyRef::decode(reader)
}

/// The TLVs that stand one behind the other.
fn elements(octets: &[u8]) -> der::Result<Vec<&[u8]>> {
    let mut reader = SliceReader::new(octets)?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(reader.tlv_bytes()?);
    }
    Ok(found)
}

/// Signs content of the type AsymmetricKeyPackage.
pub(super) fn sign(
    content: &Zeroizing<Vec<u8>>,
    authority: &KeyGenerationAuthority<'_>,
    provider: &CryptoProvider,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let certificate =
        Certificate::from_der(authority.certificate.octets()).map_err(|_| Error::BadCredential)?;
    let key_id = key_id(&certificate).ok().flatten().ok_or(Error::BadCredential)?;
    let algorithm = authority.key.algorithm();
    // RFC 9882 section 3.3 for ML-DSA.
    let digest = algorithm.digest().unwrap_or(DigestAlgorithm::Sha512);
    let encode = || -> der::Result<_> {
        let digest_algorithm = digest.identifier().to_der()?;
        let message_digest = OctetString::new(provider.digest(digest, content))?.to_der()?;
        // contentType sorts before messageDigest, by its length.
        let attributes = [
            attribute(rfc5652::CONTENT_TYPE, &rfc5958::KEY_PACKAGE.to_der()?)?,
            attribute(rfc5652::MESSAGE_DIGEST, &message_digest)?,
        ]
        .concat();
        Ok((digest_algorithm, attributes))
    };
    let (digest_algorithm, attributes) = encode().map_err(Error::Encoding)?;
    let to_be_signed = compose(Tag::Set, &[&attributes]).map_err(Error::Encoding)?;
    let signature = authority.key.sign(&to_be_signed)?;
    let compose_all = || -> der::Result<_> {
        let version = 3_u8.to_der()?;
        let signer_info = compose(
            Tag::Sequence,
            &[
                &version,
                &compose(primitive(0), &[key_id.as_bytes()])?,
                &digest_algorithm,
                &compose(constructed(0), &[&attributes])?,
                &algorithm.identifier().to_der()?,
                &OctetString::new(signature)?.to_der()?,
            ],
        )?;
        let content = Zeroizing::new(compose(Tag::OctetString, &[content])?);
        let content = Zeroizing::new(compose(constructed(0), &[&content])?);
        let content_type = rfc5958::KEY_PACKAGE.to_der()?;
        let content = Zeroizing::new(compose(Tag::Sequence, &[&content_type, &content])?);
        let mut certificates: Vec<&[u8]> = core::iter::once(authority.certificate)
            .chain(authority.chain)
            .map(EncodedCertificate::octets)
            .collect();
        // DER sorts a SET OF, whatever RFC 9483 says of the first certificate.
        certificates.sort_unstable();
        compose(
            Tag::Sequence,
            &[
                &version,
                &compose(Tag::Set, &[&digest_algorithm])?,
                &content,
                &compose(constructed(0), &certificates)?,
                &compose(Tag::Set, &[&signer_info])?,
            ],
        )
    };
    compose_all().map(Zeroizing::new).map_err(Error::Encoding)
}

fn attribute(attr_type: ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    compose(Tag::Sequence, &[&attr_type.to_der()?, &compose(Tag::Set, &[value])?])
}

/// The content, if it is of that type and signed by somebody who is believed, with a valid certificate.
pub(super) fn verify<'a>(
    octets: &'a [u8],
    content_type: ObjectIdentifier,
    authorities: &[Trust],
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<&'a [u8], Error> {
    let signed = SignedData::decode(octets).map_err(Error::MalformedEnvelope)?;
    if signed.content_type != content_type {
        return Err(Error::BadEnvelope("what is signed has another type of content than is due"));
    }
    let signers = elements(signed.signer_infos).map_err(Error::MalformedEnvelope)?;
    let [signer] = signers.as_slice() else {
        return Err(Error::NotExactlyOne { what: "SignerInfo", count: signers.len() });
    };
    let signer = SignerInfo::decode(signer).map_err(Error::MalformedEnvelope)?;
    let digest = DigestAlgorithm::from_identifier(&signer.digest_algorithm).map_err(Error::Algorithm)?;
    let named = ObjectIdentifier::from_der(&signer.attribute(rfc5652::CONTENT_TYPE)?);
    if named != Ok(content_type) {
        return Err(Error::BadEnvelope("the attribute contentType names another type"));
    }
    let message_digest = signer.attribute(rfc5652::MESSAGE_DIGEST)?;
    let message_digest = <&OctetStringRef>::from_der(&message_digest).map_err(Error::MalformedEnvelope)?;
    if message_digest.as_bytes() != provider.digest(digest, signed.content) {
        return Err(Error::BadProtection(VerifyError::BadSignature));
    }
    let certificates = elements(signed.certificates).map_err(Error::MalformedEnvelope)?;
    if certificates.len() > MAX_CERTIFICATES {
        let (list, count) = ("certificates", certificates.len());
        return Err(Error::TooMany { list, count, limit: MAX_CERTIFICATES });
    }
    let certificates: Result<Vec<_>, _> = certificates.into_iter().map(EncodedCertificate::new).collect();
    let certificates = certificates.map_err(Error::MalformedEnvelope)?;
    let found =
        certificates.iter().find_map(|candidate| Some((candidate, named_key(candidate, &signer.sid)?)));
    let (certificate, key) = found.ok_or(Error::SignerNotFound)?;
    let key = PublicKey::from_spki_der(&key).map_err(Error::SignerKey)?;
    let attributes = compose(Tag::Set, &[signer.signed_attrs]).map_err(Error::Encoding)?;
    provider
        .verify(signer.signature_algorithm(digest)?, &key, &attributes, signer.signature)
        .map_err(Error::BadProtection)?;
    believe(certificate, &certificates, authorities, provider, now)?;
    Ok(signed.content)
}

/// The SubjectPublicKeyInfo's octets of a certificate that sid names.
fn named_key(candidate: &EncodedCertificate, sid: &SignerIdentifier) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(candidate.octets()).ok()?;
    let tbs = certificate.tbs_certificate();
    let named = match sid {
        SignerIdentifier::SubjectKeyIdentifier(id) => key_id(&certificate).ok()?.as_ref() == Some(&id.0),
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == *tbs.issuer() && id.serial_number == *tbs.serial_number()
        }
    };
    if named { tbs.subject_public_key_info().to_der().ok() } else { None }
}

fn believe(
    signer: &EncodedCertificate,
    intermediates: &[EncodedCertificate],
    authorities: &[Trust],
    provider: &CryptoProvider,
    now: UnixTime,
) -> Result<(), Error> {
    let mut error = PathError::UnknownIssuer;
    for trust in authorities {
        if trust.signers.as_ref().is_some_and(|list| !list.contains(signer)) {
            continue;
        }
        let mut at_hand = intermediates.to_vec();
        at_hand.extend(trust.intermediates.iter().cloned());
        let path = CertificatePath {
            end_entity: signer,
            intermediates: &at_hand,
            anchors: &trust.anchors,
            extended_key_usage: trust.extended_key_usage,
            revocation: trust.revocation.as_ref(),
            now,
        };
        match provider.validate_path(&path) {
            Ok(()) => return Ok(()),
            Err(reason) => error = reason,
        }
    }
    Err(Error::SignerNotTrusted(error))
}
