//! PKCS #11 modules, and sessions with their tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as CryptokiError, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use secrecy::SecretString;

use crate::{Error, TokenUri};

/// A module is begun once for a whole process (PKCS #11 section 5.4), and stays: some crash when they are unloaded.
static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

#[derive(Debug)]
pub(crate) struct Module {
    path: PathBuf,
    pkcs11: Pkcs11,
    /// The serial numbers of tokens that refused a PIN. Several keys may lie in one token, and each would try again until
    /// it locks itself.
    refused: Mutex<BTreeSet<String>>,
}

impl Module {
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>, Error> {
        let mut modules = lock(&MODULES);
        if let Some(module) = modules.get(path) {
            return Ok(module.clone());
        }
        let unusable =
            |error: CryptokiError| Error::Module { path: path.to_owned(), reason: error.to_string() };
        let pkcs11 = Pkcs11::new(path).map_err(unusable)?;
        let module = Arc::new(Self { path: path.to_owned(), pkcs11, refused: Mutex::default() });
        module.begin()?;
        modules.insert(path.to_owned(), module.clone());
        Ok(module)
    }

    /// Once more does no harm, and helps where the module has lost its mind.
    fn begin(&self) -> Result<(), Error> {
        match self.pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(CryptokiError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            Err(error) => Err(Error::Module { path: self.path.clone(), reason: error.to_string() }),
        }
    }

    /// A session with the token, logged in.
    pub(crate) fn open(&self, uri: &TokenUri, pin: Option<&SecretString>) -> Result<Session, Error> {
        self.begin()?;
        let (slot, token) = self.find(uri)?;
        let session = self
            .pkcs11
            .open_ro_session(slot)
            .map_err(|error| failed(uri, "opening a session with the token", error))?;
        if token.login_required() {
            self.log_in(uri, &session, &token, pin)?;
        }
        Ok(session)
    }

    fn find(&self, uri: &TokenUri) -> Result<(Slot, TokenInfo), Error> {
        let doing = "looking for tokens";
        let slots = self.pkcs11.get_slots_with_token().map_err(|error| failed(uri, doing, error))?;
        let mut present = Vec::new();
        let mut found = Vec::new();
        for slot in slots {
            // Somebody may have pulled it out a moment ago.
            let Ok(token) = self.pkcs11.get_token_info(slot) else { continue };
            if !token.token_initialized() {
                continue;
            }
            present.push(token.label().to_owned());
            if is_called(uri, slot, &token) {
                found.push((slot, token));
            }
        }
        if found.len() > 1 {
            let serials = found.iter().map(|(_, token)| token.serial_number().to_owned()).collect();
            return Err(Error::TokenAmbiguous { uri: uri.to_string(), serials });
        }
        found.pop().ok_or_else(|| Error::TokenAbsent { uri: uri.to_string(), present })
    }

    /// One try only.
    fn log_in(
        &self,
        uri: &TokenUri,
        session: &Session,
        token: &TokenInfo,
        pin: Option<&SecretString>,
    ) -> Result<(), Error> {
        let doing = "logging in";
        // All sessions of a process are logged in together (PKCS #11 section 5.6).
        let state = session.get_session_info().map_err(|error| failed(uri, doing, error))?.session_state();
        if matches!(state, SessionState::RoUser | SessionState::RwUser) {
            return Ok(());
        }
        if pin.is_none() && !token.protected_authentication_path() {
            return Err(Error::PinMissing { uri: uri.to_string() });
        }
        // Held until the token has answered, so that no other key tries the same wrong PIN meanwhile.
        let mut refused = lock(&self.refused);
        if refused.contains(token.serial_number()) {
            return Err(Error::PinWrong { uri: uri.to_string() });
        }
        if token.user_pin_locked() || token.user_pin_final_try() {
            return Err(Error::PinLocked { uri: uri.to_string(), already: token.user_pin_locked() });
        }
        match session.login(UserType::User, pin) {
            Ok(()) | Err(CryptokiError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(CryptokiError::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => {
                refused.insert(token.serial_number().to_owned());
                Err(Error::PinWrong { uri: uri.to_string() })
            }
            Err(CryptokiError::Pkcs11(RvError::PinLocked, _)) => {
                Err(Error::PinLocked { uri: uri.to_string(), already: true })
            }
            Err(error) => Err(failed(uri, doing, error)),
        }
    }
}

fn is_called(uri: &TokenUri, slot: Slot, token: &TokenInfo) -> bool {
    let name = &uri.token;
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    is(&name.label, token.label())
        && is(&name.manufacturer, token.manufacturer_id())
        && is(&name.model, token.model())
        && is(&name.serial, token.serial_number())
        && name.slot_id.is_none_or(|id| id == slot.id())
}

pub(crate) fn failed(uri: &TokenUri, doing: &'static str, error: CryptokiError) -> Error {
    Error::Token { uri: uri.to_string(), doing, error }
}

/// Nothing is left half-done where a thread panics with one of these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
