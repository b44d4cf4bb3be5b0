//! What comes enciphered: certificates for keys that do not sign (RFC 9810 section 5.2.8.3.2), and private keys that the RA/CA generates
//! (RFC 9483 section 4.1.6).

use super::{Answer, Inner, State, Transaction, advance};
use crate::boundary::call;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::decipherer::Decipherer;
use crate::failure::Failure;
use crate::handle::{Locked, lock};
use crate::identity::Identity;
use crate::status::CELLCERT_ERR_NONE;
#[cfg(not(feature = "enveloped-data"))]
use crate::status::CELLCERT_ERR_UNSUPPORTED;
use crate::trust::Trust;

impl Inner {
    /// Whether a key that the RA/CA generated came, and is not opened.
    pub(super) fn awaits_private_key(&self) -> bool {
        matches!(&self.state, State::Granted(granted) if granted.transaction().public_key.is_empty())
    }
}

impl Answer {
    pub(super) fn of(granted: &cmp::end_entity::Granted) -> Self {
        Self {
            certificate: Some(granted.certificate().clone()),
            extra_certs: granted.extra_certs().to_vec(),
            ca_pubs: granted.ca_pubs().to_vec(),
            implicitly_confirmed: granted.implicitly_confirmed(),
            confirm_until: granted.confirm_until(),
            status: Some(granted.status().clone()),
            ..Self::default()
        }
    }
}

/// After CELLCERT_EVENT_SEALED: deciphers the certificate with the key that it is for, and goes on as after CELLCERT_EVENT_GRANTED: to confirm it
/// proves that the key is there. CELLCERT_ERR_CERTIFICATE when the decipherer is of another key; CELLCERT_ERR_DECIPHER when it cannot be
/// deciphered. CELLCERT_ERR_UNSUPPORTED in firmware that is built without `enveloped-data`.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_open_certificate(
    context: *const Context,
    transaction: *const Transaction,
    decipherer: *const Decipherer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            open_certificate(transaction, decipherer, context)
        })
    }
}

/// After CELLCERT_EVENT_GRANTED, when the RA/CA was to generate the key: deciphers it, verifies that somebody signed it who has a certificate for
/// that (extKeyUsage id-kp-cmKGA) under one of the anchors, and checks that the certificate is for it. Store what
/// cellcert_transaction_private_key has before the certificate is confirmed.
///
/// identity: as in cellcert_transaction_start.
/// decipherer: of the key of the identity's certificate; with a shared secret it is not looked at.
///
/// CELLCERT_ERR_DECIPHER when it was enciphered for somebody else or changed, CELLCERT_ERR_TRUST when nobody who is believed has signed it,
/// CELLCERT_ERR_CERTIFICATE when the certificate is for another key: reject it then. CELLCERT_ERR_UNSUPPORTED in firmware that is built without
/// `enveloped-data`.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_open_private_key(
    context: *const Context,
    transaction: *const Transaction,
    trust: *const Trust,
    identity: *const Identity,
    decipherer: *const Decipherer,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        advance(context, transaction, |transaction, context| {
            let (trust, identity): (Locked<'_, Trust>, Locked<'_, Identity>) =
                (lock(trust)?, lock(identity)?);
            open_private_key(transaction, &trust, &identity, decipherer, context)
        })
    }
}

/// The private key that the RA/CA generated, once it is opened: a PrivateKeyInfo (PKCS #8) in DER, not encrypted: keep it secret, and wipe the
/// buffer. The transaction wipes its own when it is freed. CELLCERT_ERR_NONE when there is none.
///
/// # Safety
/// The pointers are NULL or point to what they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cellcert_transaction_private_key(
    transaction: *const Transaction,
    out: *mut u8,
    len: *mut usize,
) -> i32 {
    call(|| {
        // SAFETY: the caller's promise.
        let (transaction, buffer): (Locked<'_, Transaction>, _) =
            unsafe { (lock(transaction)?, Buffer::new(out, len)?) };
        buffer.deliver(transaction.private_key.clone().ok_or(Failure::code(CELLCERT_ERR_NONE))?)
    })
}

#[cfg(feature = "enveloped-data")]
use opening::{open_certificate, open_private_key};

#[cfg(feature = "enveloped-data")]
mod opening {
    use alloc::boxed::Box;

    use cmp::{KeyPackageOpener, RecipientKey};
    use crmf::MacLimits;

    use super::super::{Answer, Inner, State};
    use crate::context::Inner as ContextInner;
    use crate::decipherer::{Decipherer, OutsideDecipherer};
    use crate::failure::Failure;
    use crate::identity::Inner as IdentityInner;
    use crate::status::CELLCERT_ERR_STATE;
    use crate::trust::Inner as TrustInner;

    const fn out_of_order() -> Failure {
        Failure::code(CELLCERT_ERR_STATE)
    }

    /// # Safety
    /// As `OutsideDecipherer::new`.
    pub(super) unsafe fn open_certificate(
        transaction: &mut Inner,
        decipherer: *const Decipherer,
        context: &ContextInner,
    ) -> Result<(), Failure> {
        let State::Sealed(sealed) = &transaction.state else { return Err(out_of_order()) };
        // SAFETY: the caller's promise.
        let decipherer = unsafe { OutsideDecipherer::new(decipherer) }?;
        let granted = sealed.as_ref().clone().open(&decipherer.recipient()?, &context.provider)?;
        transaction.answer = Answer::of(&granted);
        transaction.state = State::Granted(Box::new(granted));
        Ok(())
    }

    /// # Safety
    /// As `OutsideDecipherer::new`.
    pub(super) unsafe fn open_private_key(
        transaction: &mut Inner,
        trust: &TrustInner,
        identity: &IdentityInner,
        decipherer: *const Decipherer,
        context: &ContextInner,
    ) -> Result<(), Failure> {
        if !transaction.awaits_private_key() {
            return Err(out_of_order());
        }
        let authorities = [trust.key_generation_authority(transaction.root.as_ref())];
        let State::Granted(granted) = &mut transaction.state else { return Err(out_of_order()) };
        let mut open = |key: RecipientKey<'_>| {
            let protected = identity.sender().certificate();
            let opener = KeyPackageOpener { key, protected, authorities: &authorities };
            granted.open_private_key(&opener, &context.provider, context.now()?).map_err(Failure::from)
        };
        let generated = match identity {
            IdentityInner::Secret(credential) => {
                let secret = credential.secret().ok_or(out_of_order())?;
                open(RecipientKey::Secret(secret, &MacLimits::DEFAULT))?
            }
            IdentityInner::Signature(_) | IdentityInner::Kem(_) => {
                // SAFETY: the caller's promise.
                open(unsafe { OutsideDecipherer::new(decipherer) }?.recipient()?)?
            }
        };
        transaction.private_key = Some(generated.ok_or(out_of_order())?.private_key);
        Ok(())
    }
}

#[cfg(not(feature = "enveloped-data"))]
fn open_certificate(_: &mut Inner, _: *const Decipherer, _: &crate::context::Inner) -> Result<(), Failure> {
    Err(Failure::code(CELLCERT_ERR_UNSUPPORTED))
}

#[cfg(not(feature = "enveloped-data"))]
fn open_private_key(
    _: &mut Inner,
    _: &crate::trust::Inner,
    _: &crate::identity::Inner,
    _: *const Decipherer,
    _: &crate::context::Inner,
) -> Result<(), Failure> {
    Err(Failure::code(CELLCERT_ERR_UNSUPPORTED))
}
