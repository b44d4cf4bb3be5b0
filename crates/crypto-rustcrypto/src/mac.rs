use alloc::vec::Vec;
use core::num::NonZeroU32;

#[cfg(feature = "aes-gmac")]
use crypto::Gmac;
#[cfg(feature = "sha1")]
use crypto::LegacyMac;
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

    #[cfg(feature = "aes-gmac")]
    fn gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
        crate::gmac::make(gmac, key, octets)
    }

    #[cfg(feature = "aes-gmac")]
    fn is_valid_gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        crate::gmac::is_valid(gmac, key, octets, tag)
    }

    #[cfg(feature = "sha1")]
    fn legacy(&self) -> Option<&dyn LegacyMac> {
        Some(self)
    }
}

#[cfg(feature = "sha1")]
impl LegacyMac for RustCrypto {
    fn sha1(&self, octets: &[u8]) -> Vec<u8> {
        <sha1::Sha1 as sha1::Digest>::digest(octets).to_vec()
    }

    fn is_valid_hmac_sha1(&self, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        started::<Hmac<sha1::Sha1>>(key, octets).verify_slice(tag).is_ok()
    }
}

fn started<M: Mac + KeyInit>(key: &[u8], octets: &[u8]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(octets);
    mac
}
