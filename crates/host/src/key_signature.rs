use std::fmt;
use std::str::FromStr;

use crypto::SignatureAlgorithm;
use serde::Deserialize;

use crate::key::deserialize_text;

/// What an RSA key signs with, where it is not to be PKCS #1 v1.5 with SHA-256. Keys of other kinds have no choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySignature(SignatureAlgorithm);

/// The names in configurations and on command lines.
const NAMES: [(&str, SignatureAlgorithm); 6] = [
    ("pkcs1-sha256", SignatureAlgorithm::Sha256WithRsa),
    ("pkcs1-sha384", SignatureAlgorithm::Sha384WithRsa),
    ("pkcs1-sha512", SignatureAlgorithm::Sha512WithRsa),
    ("pss-sha256", SignatureAlgorithm::RsassaPssSha256),
    ("pss-sha384", SignatureAlgorithm::RsassaPssSha384),
    ("pss-sha512", SignatureAlgorithm::RsassaPssSha512),
];

const EXPECTED: &str = "an RSA key signs with \"pkcs1-sha256\", \"pkcs1-sha384\", \"pkcs1-sha512\", \"pss-sha256\", \"pss-sha384\" or \"pss-sha512\"";

impl KeySignature {
    /// The algorithm.
    pub const fn algorithm(self) -> SignatureAlgorithm {
        self.0
    }
}

/// A name that is none of a way to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownKeySignature;

impl fmt::Display for UnknownKeySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }
}

impl std::error::Error for UnknownKeySignature {}

impl FromStr for KeySignature {
    type Err = UnknownKeySignature;

    fn from_str(text: &str) -> Result<Self, UnknownKeySignature> {
        let found = NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, algorithm)| Self(algorithm)).ok_or(UnknownKeySignature)
    }
}

impl fmt::Display for KeySignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.into_iter().find(|(_, algorithm)| *algorithm == self.0);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl<'de> Deserialize<'de> for KeySignature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_others_are_refused_with_the_list() {
        for (name, algorithm) in NAMES {
            let signature: KeySignature = name.parse().expect("a name of the list");
            assert_eq!((signature.algorithm(), signature.to_string().as_str()), (algorithm, name));
        }
        for name in ["", "pss", "PSS-SHA256", "pss-sha1", "pkcs1-md5"] {
            let error = name.parse::<KeySignature>().expect_err(name).to_string();
            assert!(NAMES.into_iter().all(|(name, _)| error.contains(name)), "{error}");
        }
    }
}
