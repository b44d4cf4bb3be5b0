//! Keys in memory that others encipher for.

#[cfg(feature = "enveloped-data")]
use core::ffi::c_void;

#[cfg(feature = "enveloped-data")]
use zeroize::Zeroizing;

use super::Key;
use crate::boundary::call;
#[cfg(feature = "enveloped-data")]
use crate::boundary::callback;
use crate::buffer::Variable;
#[cfg(feature = "enveloped-data")]
use crate::buffer::{Buffer, octets};
use crate::decipherer::Decipherer;
use crate::failure::Failure;
use crate::handle::{Locked, lock};
#[cfg(not(feature = "enveloped-data"))]
use crate::status::CELLCERT_ERR_UNSUPPORTED;
#[cfg(feature = "enveloped-data")]
use crate::status::{CELLCERT_ERR_DECIPHER, CELLCERT_ERR_KEY};

/// A decipherer that uses this key. It stands for as long as the key. CELLCERT_ERR_KEY when the key only signs; CELLCERT_ERR_UNSUPPORTED in
/// firmware that is built without `enveloped-data`. ECDH in the host profile is AWS-LC's, which ends the process where memory runs out in it.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_key_decipherer(key: *const Key, out: *mut Decipherer) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (locked, out): (Locked<'_, Key>, _) = unsafe { (lock(key)?, Variable::new(out)?) };
        let decipherer = decipherer(key, &locked)?;
        Ok(move || out.set(decipherer))
    })
}

#[cfg(feature = "enveloped-data")]
fn decipherer(key: *const Key, software: &super::Software) -> Result<Decipherer, Failure> {
    use crypto::KeyKind;

    if matches!(
        software.public_key().kind(),
        KeyKind::Ed25519 | KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87
    ) {
        return Err(Failure::code(CELLCERT_ERR_KEY));
    }
    let public_key = software.public_key().spki_octets();
    Ok(Decipherer {
        decipher: Some(decipher),
        ctx: key.cast_mut().cast(),
        public_key: public_key.as_ptr(),
        public_key_len: public_key.len(),
    })
}

#[cfg(not(feature = "enveloped-data"))]
fn decipherer(_: *const Key, _: &super::Software) -> Result<Decipherer, Failure> {
    Err(Failure::code(CELLCERT_ERR_UNSUPPORTED))
}

#[cfg(feature = "enveloped-data")]
unsafe extern "C" fn decipher(
    ctx: *mut c_void,
    way: i32,
    input: *const u8,
    input_len: usize,
    secret: *mut u8,
    secret_len: *mut usize,
) -> i32 {
    callback(|| {
        // SAFETY: `cellcert_key_decipherer` put the key there, which stands as long as the decipherer; the library hands in octets and room, or
        // C does, which promises the same.
        let (key, input, buffer): (Locked<'_, Key>, _, _) = unsafe {
            (lock(ctx.cast_const().cast())?, octets(input, input_len)?, Buffer::new(secret, secret_len)?)
        };
        buffer.deliver(open(&key, way, input)?)?();
        Ok(())
    })
}

#[cfg(feature = "enveloped-data")]
const fn failed() -> Failure {
    Failure::code(CELLCERT_ERR_DECIPHER)
}

#[cfg(feature = "host")]
fn open(key: &super::Software, way: i32, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    use crypto::{DigestAlgorithm, KeyAgreementKey, KeyTransport, KeyTransportKey, PublicKey};
    use crypto_aws_lc::{AgreementKey, TransportKey};

    use crate::decipherer::{
        CELLCERT_DECIPHER_DECAPSULATE, CELLCERT_DECIPHER_ECDH, CELLCERT_DECIPHER_RSA_OAEP_SHA256,
        CELLCERT_DECIPHER_RSA_OAEP_SHA384, CELLCERT_DECIPHER_RSA_OAEP_SHA512, CELLCERT_DECIPHER_RSA_PKCS1,
    };

    let transport = match way {
        CELLCERT_DECIPHER_DECAPSULATE => {
            return key.decapsulating()?.decapsulate(input).map_err(|_| failed());
        }
        CELLCERT_DECIPHER_ECDH => {
            let own = AgreementKey::from_pkcs8_der(&key.to_pkcs8()?).map_err(|_| failed())?;
            return own.agree(&PublicKey::from_spki_der(input)?).map_err(|_| failed());
        }
        CELLCERT_DECIPHER_RSA_OAEP_SHA256 => KeyTransport::Oaep(DigestAlgorithm::Sha256),
        CELLCERT_DECIPHER_RSA_OAEP_SHA384 => KeyTransport::Oaep(DigestAlgorithm::Sha384),
        CELLCERT_DECIPHER_RSA_OAEP_SHA512 => KeyTransport::Oaep(DigestAlgorithm::Sha512),
        CELLCERT_DECIPHER_RSA_PKCS1 => KeyTransport::Pkcs1V15,
        _ => return Err(Failure::code(crate::status::CELLCERT_ERR_ARGUMENT)),
    };
    let own = TransportKey::from_pkcs8_der(&key.to_pkcs8()?).map_err(|_| failed())?;
    own.decrypt(transport, input).map_err(|_| failed())
}

#[cfg(all(feature = "enveloped-data", not(feature = "host")))]
fn open(key: &super::Software, way: i32, input: &[u8]) -> Result<Zeroizing<alloc::vec::Vec<u8>>, Failure> {
    use crypto::{KeyAgreementKey, PublicKey};

    use crate::decipherer::{CELLCERT_DECIPHER_DECAPSULATE, CELLCERT_DECIPHER_ECDH};

    match (way, key) {
        (CELLCERT_DECIPHER_DECAPSULATE, key) => key.decapsulating()?.decapsulate(input).map_err(|_| failed()),
        (CELLCERT_DECIPHER_ECDH, super::Software::Ec(own)) => {
            own.agree(&PublicKey::from_spki_der(input)?).map_err(|_| failed())
        }
        _ => Err(failed()),
    }
}
