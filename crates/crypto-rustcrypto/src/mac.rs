use alloc::vec::Vec;
use core::num::NonZeroU32;

use crypto::{MacAlgorithm, MacComputer};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use crate::RustCrypto;

impl MacComputer for RustCrypto {
    fn mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8]) -> Vec<u8> {
        match algorithm {
            MacAlgorithm::HmacSha256 => started::<Hmac<Sha256>>(key, octets).finalize().into_bytes().to_vec(),
            MacAlgorithm::HmacSha384 => started::<Hmac<Sha384>>(key, octets).finalize().into_bytes().to_vec(),
            MacAlgorithm::HmacSha512 => started::<Hmac<Sha512>>(key, octets).finalize().into_bytes().to_vec(),
            other => unreachable!("{other:?} is not in MacAlgorithm::ALL"),
        }
    }

    fn is_valid_mac(&self, algorithm: MacAlgorithm, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        match algorithm {
            MacAlgorithm::HmacSha256 => started::<Hmac<Sha256>>(key, octets).verify_slice(tag),
            MacAlgorithm::HmacSha384 => started::<Hmac<Sha384>>(key, octets).verify_slice(tag),
            MacAlgorithm::HmacSha512 => started::<Hmac<Sha512>>(key, octets).verify_slice(tag),
            _ => return false,
        }
        .is_ok()
    }

    fn pbkdf2(
        &self,
        prf: MacAlgorithm,
        password: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
        key: &mut [u8],
    ) {
        let iterations = iterations.get();
        match prf {
            MacAlgorithm::HmacSha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, key),
            MacAlgorithm::HmacSha384 => pbkdf2::pbkdf2_hmac::<Sha384>(password, salt, iterations, key),
            MacAlgorithm::HmacSha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, key),
            other => unreachable!("{other:?} is not in MacAlgorithm::ALL"),
        }
    }
}

fn started<M: Mac + KeyInit>(key: &[u8], octets: &[u8]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(octets);
    mac
}
