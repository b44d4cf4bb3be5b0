use alloc::vec::Vec;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::{Aes128, Aes192, Aes256};
use aes_gcm::{AesGcm, KeyInit};
use crypto::{AesKeySize, Gmac};

/// AES-GCM, which is AES-GMAC where there is nothing to encrypt.
pub(crate) fn make(gmac: &Gmac, key: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    let nonce = Array(gmac.nonce);
    let tag = match gmac.key_size {
        AesKeySize::Aes128 => {
            gcm::<AesGcm<Aes128, U12>>(key)?.encrypt_inout_detached(&nonce, octets, (&mut [][..]).into())
        }
        AesKeySize::Aes192 => {
            gcm::<AesGcm<Aes192, U12>>(key)?.encrypt_inout_detached(&nonce, octets, (&mut [][..]).into())
        }
        AesKeySize::Aes256 => {
            gcm::<AesGcm<Aes256, U12>>(key)?.encrypt_inout_detached(&nonce, octets, (&mut [][..]).into())
        }
        _ => return None,
    };
    tag.ok().map(|tag| tag.to_vec())
}

pub(crate) fn is_valid(gmac: &Gmac, key: &[u8], octets: &[u8], tag: &[u8]) -> bool {
    let Ok(tag) = <[u8; Gmac::LENGTH]>::try_from(tag) else { return false };
    let (nonce, tag) = (Array(gmac.nonce), Array(tag));
    let none = || (&mut [][..]).into();
    let opened = match gmac.key_size {
        AesKeySize::Aes128 => gcm::<AesGcm<Aes128, U12>>(key)
            .map(|key| key.decrypt_inout_detached(&nonce, octets, none(), &tag)),
        AesKeySize::Aes192 => gcm::<AesGcm<Aes192, U12>>(key)
            .map(|key| key.decrypt_inout_detached(&nonce, octets, none(), &tag)),
        AesKeySize::Aes256 => gcm::<AesGcm<Aes256, U12>>(key)
            .map(|key| key.decrypt_inout_detached(&nonce, octets, none(), &tag)),
        _ => None,
    };
    opened.is_some_and(|opened| opened.is_ok())
}

fn gcm<A: KeyInit>(key: &[u8]) -> Option<A> {
    A::new_from_slice(key).ok()
}
