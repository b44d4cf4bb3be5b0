//! The parameters of RSASSA-PSS, RFC 4055 section 3.1, in the one form that RFC 9481 section 3.2 has them: one digest for message and
//! mask, a salt of its length.

use asn1::oids::rfc5912;
use der::{Any, Sequence, Tag};
use spki::AlgorithmIdentifierOwned;

use crate::DigestAlgorithm;

/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {
///   hashAlgorithm    [0] HashAlgorithm    DEFAULT sha1Identifier,
///   maskGenAlgorithm [1] MaskGenAlgorithm DEFAULT mgf1SHA1Identifier,
///   saltLength       [2] INTEGER          DEFAULT 20,
///   trailerField     [3] INTEGER          DEFAULT 1 }
/// ```
///
/// What is at its default, SHA-1 and its length, is refused, so that the first three must be there.
#[derive(Sequence)]
struct RsassaPssParams {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    hash_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT")]
    mask_gen_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    salt_length: u16,
}

/// The parameters to send with that digest: written out, since they differ in a digest's last arc and the salt's length only, and
/// encoding structs costs firmware more than all else in a request.
pub(crate) fn parameters(digest: DigestAlgorithm) -> Option<Any> {
    let (arc, salt_length) = match digest {
        DigestAlgorithm::Sha256 => (1, 32),
        DigestAlgorithm::Sha384 => (2, 48),
        DigestAlgorithm::Sha512 => (3, 64),
    };
    // SEQUENCE { OBJECT IDENTIFIER 2.16.840.1.101.3.4.2.arc, NULL }
    let hash = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00];
    // [1] { SEQUENCE { OBJECT IDENTIFIER id-mgf1, the same } }
    let mask = [0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
    let fields = [&[0xa0, 0x0f], &hash[..], &mask, &hash, &[0xa2, 0x03, 0x02, 0x01, salt_length]].concat();
    Any::new(Tag::Sequence, fields).ok()
}

/// The digest in parameters that were received; `None` when they are not of this form. The digest's NULL may be absent (RFC 4055
/// section 2.1).
pub(crate) fn digest(parameters: Option<&Any>) -> Option<DigestAlgorithm> {
    let parameters: RsassaPssParams = parameters?.decode_as().ok()?;
    let digest = DigestAlgorithm::from_identifier(&parameters.hash_algorithm).ok()?;
    let mask = parameters.mask_gen_algorithm;
    let of_mask: AlgorithmIdentifierOwned = mask.parameters.as_ref()?.decode_as().ok()?;
    let fits = mask.oid == rfc5912::MGF1
        && DigestAlgorithm::from_identifier(&of_mask) == Ok(digest)
        && usize::from(parameters.salt_length) == digest.length();
    fits.then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_they_are_written() {
        for algorithm in DigestAlgorithm::ALL {
            assert_eq!(digest(parameters(algorithm).as_ref()), Some(algorithm));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = || RsassaPssParams::from(DigestAlgorithm::Sha256);
        let read = |params: &RsassaPssParams| digest(Any::encode_from(params).ok().as_ref());
        assert_eq!(read(&good()), Some(DigestAlgorithm::Sha256));
        let mut salt = good();
        salt.salt_length = 20;
        let mut mask = good();
        mask.mask_gen_algorithm = RsassaPssParams::from(DigestAlgorithm::Sha384).mask_gen_algorithm;
        let mut sha1 = good();
        sha1.hash_algorithm.oid = const_oid::ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        let mut other = good();
        other.mask_gen_algorithm.oid = rfc5912::SHA256;
        for params in [salt, mask, sha1, other] {
            assert_eq!(read(&params), None);
        }
        assert_eq!(digest(None), None);
        // All defaults: SHA-1.
        assert_eq!(digest(Any::new(der::Tag::Sequence, []).ok().as_ref()), None);
        let mut without_null = good();
        without_null.hash_algorithm.parameters = None;
        assert_eq!(read(&without_null), Some(DigestAlgorithm::Sha256));
    }

    impl From<DigestAlgorithm> for RsassaPssParams {
        fn from(digest: DigestAlgorithm) -> Self {
            parameters(digest).unwrap().decode_as().unwrap()
        }
    }
}
