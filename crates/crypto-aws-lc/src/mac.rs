use std::num::NonZeroU32;

use aws_lc_rs::{hmac, pbkdf2};
use crypto::{MacAlgorithm, MacComputer};

use crate::AwsLc;

impl MacComputer for AwsLc {
    fn mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac_key(algorithm, key), octets).as_ref().to_vec()
    }

    fn is_valid_mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&hmac_key(algorithm, key), octets, tag).is_ok()
    }

    fn pbkdf2(
        &self,
        prf: MacAlgorithm,
        password: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
        key: &mut [u8],
    ) {
        let prf = match prf {
            MacAlgorithm::HmacSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            MacAlgorithm::HmacSha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            MacAlgorithm::HmacSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
            other => unreachable!("{other:?} is not in MacAlgorithm::ALL"),
        };
        pbkdf2::derive(prf, iterations, salt, password, key);
    }
}

fn hmac_key(algorithm: MacAlgorithm, key: &[u8]) -> hmac::Key {
    let algorithm = match algorithm {
        MacAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
        MacAlgorithm::HmacSha384 => hmac::HMAC_SHA384,
        MacAlgorithm::HmacSha512 => hmac::HMAC_SHA512,
        other => unreachable!("{other:?} is not in MacAlgorithm::ALL"),
    };
    hmac::Key::new(algorithm, key)
}
