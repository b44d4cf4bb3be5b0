//! The configuration that is in force, and what of it can change while the NEM serves.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use asn1::EncodedCertificate;
use tokio::sync::watch;
use transfer::tls::{ClientTrust, Identity, ServerTls, server_config_trusting};

use crate::config::Config;
use crate::credentials::{self, Trusted};
use crate::service::Service;
use crate::upstreams;

/// CA certificates for stations, in DER: the operator's trust anchors first.
#[derive(Debug, Default)]
pub(crate) struct Distribution(RwLock<Arc<Vec<Vec<u8>>>>);

impl Distribution {
    /// As they are now.
    pub(crate) fn current(&self) -> Arc<Vec<Vec<u8>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, certificates: Vec<Vec<u8>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificates);
    }
}

pub(crate) struct Current {
    pub(crate) service: Arc<Service>,
    pub(crate) tls: ServerTls,
    pub(crate) distribution: Arc<Distribution>,
    /// Who is believed to be a station by TLS.
    clients: RwLock<ClientTrust>,
    operator_anchors: RwLock<Vec<EncodedCertificate>>,
    config: watch::Sender<Arc<Config>>,
}

impl Current {
    pub(crate) fn new(
        config: Arc<Config>,
        service: Arc<Service>,
        tls: ServerTls,
        clients: ClientTrust,
        trusted: &Trusted,
    ) -> Arc<Self> {
        let distribution = Arc::new(Distribution::default());
        distribution.set(trusted.distributed.clone());
        let operator_anchors = RwLock::new(trusted.anchors.operator.clone());
        let (clients, config) = (RwLock::new(clients), watch::Sender::new(config));
        Arc::new(Self { service, tls, distribution, clients, operator_anchors, config })
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// Tells of other configurations.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.config.subscribe()
    }

    /// Those of the configuration, and those that these vouch for.
    pub(crate) fn operator_anchors(&self) -> Vec<EncodedCertificate> {
        self.operator_anchors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this configuration is in force: RA/CAs, credentials, trust, liveness and the manual procedure; what listens stays as it is. When
    /// something in it cannot be used, nothing is changed. Blocks.
    pub(crate) fn reconfigure(&self, config: Config) -> Result<()> {
        let config = Arc::new(config);
        self.enforce(&config, credentials::trusted(&config)?)?;
        self.service.act(|nem, now| nem.set_liveness(config.liveness.rules(), now));
        self.config.send_replace(config);
        Ok(())
    }

    /// Takes up what was fetched from RA/CAs. Blocks.
    pub(crate) fn take_up_fetched(&self) -> Result<()> {
        let config = self.config();
        let trusted = credentials::trusted(&config)?;
        if trusted.anchors.operator != self.operator_anchors() {
            return self.enforce(&config, trusted);
        }
        self.distribution.set(trusted.distributed);
        self.reload_crls()
    }

    fn enforce(&self, config: &Config, trusted: Trusted) -> Result<()> {
        let clients = ClientTrust::new(&trusted.tls_anchors()).context("trust")?;
        let revocation = credentials::revocation(config, &clients, &trusted.anchors.operator)?;
        let identity = credentials::tls_identity(&config.tls)?;
        let tls = server_config_trusting(identity, &clients)
            .with_context(|| config.tls.certificate.display().to_string())?;
        let upstreams = upstreams::read(config, &trusted.anchors.operator)?;
        self.service.set_upstreams(upstreams)?;
        self.operator_anchors
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&trusted.anchors.operator);
        self.service.act(|nem, _| nem.set_anchors(trusted.anchors));
        self.service.set_revocation(revocation);
        self.distribution.set(trusted.distributed);
        self.tls.replace(tls);
        *self.clients.write().unwrap_or_else(PoisonError::into_inner) = clients;
        Ok(())
    }

    /// Reads the CRLs again. Blocks.
    pub(crate) fn reload_crls(&self) -> Result<()> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner).clone();
        let anchors = self.operator_anchors();
        self.service.set_revocation(credentials::revocation(&self.config(), &clients, &anchors)?);
        Ok(())
    }

    /// Serves with that certificate from now on.
    pub(crate) fn serve_with(&self, identity: Identity) -> Result<()> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.tls.replace(server_config_trusting(identity, &clients)?);
        Ok(())
    }
}
