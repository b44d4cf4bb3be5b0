//! The parameters of RSASSA-PSS, RFC 4055 section 3.1, in the one form that RFC 9481 section 3.2 has them: one digest for message and
//! mask, a salt of its length.

use asn1::oids::rfc5912;
use der::asn1::Null;
use der::{Any, Encode, Sequence};
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

/// The parameters to send with that digest.
pub(crate) fn parameters(digest: DigestAlgorithm) -> Option<Any> {
    let hash_algorithm = AlgorithmIdentifierOwned { oid: digest.oid(), parameters: Some(Any::from(Null)) };
    let mask_gen_algorithm = AlgorithmIdentifierOwned {
        oid: rfc5912::MGF1,
        parameters: Some(Any::encode_from(&hash_algorithm).ok()?),
    };
    let salt_length = u16::try_from(digest.length()).ok()?;
    let octets = RsassaPssParams { hash_algorithm, mask_gen_algorithm, salt_length }.to_der().ok()?;
    <Any as der::Decode>::from_der(&octets).ok()
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
