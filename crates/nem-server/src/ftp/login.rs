//! Who logs in.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use nem::Refusal;
use tokio::sync::Semaphore;
use tracing::{info, warn};
use transfer::Place;
use unftp_core::auth::{
    AuthenticationError, Authenticator, Credentials, Principal, UserDetail, UserDetailError,
    UserDetailProvider,
};

use crate::identity::Identity;
use crate::password;
use crate::service::Service;

/// Passwords checked at a time: each takes tens of MiB.
const CHECKS: usize = 2;
/// How long whoever had a wrong password waits for the answer.
const PENALTY: Duration = Duration::from_secs(1);

/// A station that is logged in.
#[derive(Debug)]
pub(crate) struct StationUser {
    pub(crate) station: String,
    pub(crate) identity: Identity,
}

impl UserDetail for StationUser {}

impl fmt::Display for StationUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.station)
    }
}

/// Lets stations in: by the certificate that they showed to TLS, or else by their account; inside the tunnel by their address, and
/// by their account, too, when they have one.
#[derive(Debug)]
pub(crate) struct Login {
    service: Arc<Service>,
    tunnel: bool,
    checks: Semaphore,
    /// Whom the library, which hands on a text only, asks for by that text next.
    let_in: Mutex<HashMap<String, StationUser>>,
    count: AtomicU64,
}

impl Login {
    pub(crate) fn new(service: Arc<Service>, tunnel: bool) -> Self {
        let checks = Semaphore::new(CHECKS);
        Self { service, tunnel, checks, let_in: Mutex::default(), count: AtomicU64::new(0) }
    }

    async fn identify(&self, user: &str, credentials: &Credentials) -> Result<StationUser, Reason> {
        let chain = credentials.certificate_chain.as_deref().filter(|chain| !chain.is_empty());
        let (identity, hash) = if self.tunnel {
            let identity = Identity::TunnelAddress(credentials.source_ip);
            let station = self.service.identify(identity.clone()).await?;
            match self.service.account_of(&station) {
                None => return Ok(StationUser { station, identity }),
                Some(account) => (identity, Some(account.password_hash).filter(|_| account.user == user)),
            }
        } else if let Some(chain) = chain {
            let chain: Vec<Vec<u8>> = chain.iter().map(|certificate| certificate.0.clone()).collect();
            let identity = Identity::of_certificates(&chain)?;
            let station = self.service.identify(identity.clone()).await?;
            return Ok(StationUser { station, identity });
        } else {
            (Identity::Account(user.to_owned()), self.service.password_hash_of_user(user))
        };
        self.check(credentials.password.clone().unwrap_or_default(), hash).await?;
        let station = self.service.identify(identity.clone()).await?;
        Ok(StationUser { station, identity })
    }

    async fn check(&self, password: String, hash: Option<String>) -> Result<(), Reason> {
        // The semaphore is never closed.
        let _turn = self.checks.acquire().await;
        let checked = tokio::task::spawn_blocking(move || password::verify(&password, hash.as_deref()));
        match checked.await {
            Ok(true) => Ok(()),
            _ => Err(Reason::WrongPassword),
        }
    }
}

enum Reason {
    WrongPassword,
    Refused(Refusal),
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(
        &self,
        username: &str,
        creds: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let (user, peer) = (username.escape_debug(), creds.source_ip);
        match self.identify(username, creds).await {
            Ok(station) => {
                info!(station = %station.station, %peer, "logged in by FTP");
                let name = self.count.fetch_add(1, Ordering::Relaxed).to_string();
                let mut let_in = self.let_in.lock().unwrap_or_else(PoisonError::into_inner);
                let_in.insert(name.clone(), station);
                Ok(Principal { username: name })
            }
            Err(Reason::WrongPassword) => {
                warn!(%user, %peer, "FTP login refused: unknown user or wrong password");
                tokio::time::sleep(PENALTY).await;
                Err(AuthenticationError::BadPassword)
            }
            Err(Reason::Refused(refusal)) => {
                warn!(%user, %peer, "FTP login refused: {refusal}");
                tokio::time::sleep(PENALTY).await;
                Err(AuthenticationError::new("refused"))
            }
        }
    }

    async fn cert_auth_sufficient(&self, _username: &str) -> bool {
        !self.tunnel
    }
}

/// Lets a session keep its place from when a station has logged in.
#[derive(Debug)]
pub(crate) struct SessionLogin {
    pub(crate) login: Arc<Login>,
    pub(crate) place: Arc<Place>,
}

#[async_trait]
impl Authenticator for SessionLogin {
    async fn authenticate(
        &self,
        username: &str,
        creds: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        let let_in = self.login.authenticate(username, creds).await?;
        self.place.is_heard();
        Ok(let_in)
    }

    async fn cert_auth_sufficient(&self, username: &str) -> bool {
        self.login.cert_auth_sufficient(username).await
    }
}

#[async_trait]
impl UserDetailProvider for Login {
    type User = StationUser;

    async fn provide_user_detail(&self, principal: &Principal) -> Result<StationUser, UserDetailError> {
        let mut let_in = self.let_in.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || UserDetailError::UserNotFound { username: principal.username.clone() };
        let_in.remove(&principal.username).ok_or_else(unknown)
    }
}
