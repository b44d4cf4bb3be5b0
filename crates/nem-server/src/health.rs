//! The listener for those who watch the NEM: `/healthz`, `/readyz`, `/metrics` and `/certificates/due`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use store::ledger::EmbeddedLedger;
use tracing::error;

use crate::metrics;
use crate::overdue::{self, DueCertificate, Renewals};
use crate::service::Service;

/// How old the count of certificates in the metrics may be: it takes a walk through the ledger.
const COUNT_AGE: Duration = Duration::from_secs(300);

/// Where those listen who watch the NEM. It tells names and numbers, and takes no orders; who may connect is for the network to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
}

pub(crate) struct Health {
    pub(crate) service: Arc<Service>,
    pub(crate) ledger: EmbeddedLedger,
    counted: Mutex<Option<(Instant, Renewals)>>,
}

impl Health {
    pub(crate) fn router(service: Arc<Service>, ledger: EmbeddedLedger) -> Router {
        let health = Arc::new(Self { service, ledger, counted: Mutex::default() });
        let answer = |answer: fn(&Self) -> Result<Response>| {
            let health = health.clone();
            get(async move || {
                let answered = tokio::task::spawn_blocking(move || answer(&health)).await;
                answered.map_err(anyhow::Error::from).flatten().unwrap_or_else(|reason| {
                    error!("whoever watches gets no answer: {reason:#}");
                    (StatusCode::SERVICE_UNAVAILABLE, format!("{reason:#}\n")).into_response()
                })
            })
        };
        Router::new()
            // That it answers is what it says.
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", answer(Self::ready))
            .route("/metrics", answer(Self::metrics))
            .route("/certificates/due", answer(Self::due))
    }

    /// Ready is a NEM that can use its ledger and its audit log: requests are taken while every RA/CA is away.
    fn ready(&self) -> Result<Response> {
        self.ledger.latest(1)?;
        if !self.service.audit().is_writable() {
            bail!("the audit log cannot be written");
        }
        Ok("ready\n".into_response())
    }

    fn metrics(&self) -> Result<Response> {
        let renewals = self.renewals()?;
        let text = metrics::text(&self.service.status(), self.service.counters(), renewals)?;
        Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
    }

    fn due(&self) -> Result<Response> {
        let due = self.due_certificates()?;
        let json = serde_json::to_string_pretty(&due)? + "\n";
        Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
    }

    fn renewals(&self) -> Result<Renewals> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, renewals)) = *counted
            && at.elapsed() < COUNT_AGE
        {
            return Ok(renewals);
        }
        let renewals = Renewals::of(&self.due_certificates()?);
        *counted = Some((Instant::now(), renewals));
        Ok(renewals)
    }

    fn due_certificates(&self) -> Result<Vec<DueCertificate>> {
        let mut due = overdue::collect(&self.ledger, |station| self.service.may_enrol(station), host::now())?;
        self.service.act(|nem, now| due.iter_mut().for_each(|certificate| certificate.meet(nem, now)));
        Ok(due)
    }
}
