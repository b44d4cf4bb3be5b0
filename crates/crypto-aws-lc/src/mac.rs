use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac, pbkdf2};
use crypto::{AesKeySize, Gmac, LegacyMac, MacAlgorithm, MacComputer};

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

    fn gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
        let nonce = Nonce::assume_unique_for_key(gmac.nonce);
        let tag = gcm(gmac, key)?.seal_in_place_separate_tag(nonce, Aad::from(octets), &mut []).ok()?;
        Some(tag.as_ref().to_vec())
    }

    fn is_valid_gmac(&self, gmac: &Gmac, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        let mut tag = tag.to_vec();
        gcm(gmac, key).is_some_and(|key| {
            let nonce = Nonce::assume_unique_for_key(gmac.nonce);
            tag.len() == Gmac::LENGTH && key.open_in_place(nonce, Aad::from(octets), &mut tag).is_ok()
        })
    }

    fn legacy(&self) -> Option<&dyn LegacyMac> {
        Some(self)
    }
}

impl LegacyMac for AwsLc {
    fn sha1(&self, octets: &[u8]) -> Vec<u8> {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref().to_vec()
    }

    fn is_valid_hmac_sha1(&self, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        hmac::verify(&key, octets, tag).is_ok()
    }
}

/// AES-GCM, which is AES-GMAC where there is nothing to encrypt.
fn gcm(gmac: &Gmac, key: &[u8]) -> Option<LessSafeKey> {
    let algorithm = match gmac.key_size {
        AesKeySize::Aes128 => &AES_128_GCM,
        AesKeySize::Aes192 => &AES_192_GCM,
        AesKeySize::Aes256 => &AES_256_GCM,
        _ => return None,
    };
    Some(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?))
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
