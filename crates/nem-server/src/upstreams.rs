//! The RA/CAs: as whom the NEM speaks to each, and how it reaches them.

use anyhow::{Context, Result};
use asn1::EncodedCertificate;
use cmp::SenderIdentity;
use host::files::read_certificates;
use host::read_credential;
use transfer::http::{ClientOptions, CmpClient};
use transfer::tls::client_config;

use crate::config::{Config, Upstream};
use crate::credentials::{must_exist, read_all, read_tls_identity};

/// Reads the credentials of all RA/CAs.
pub(crate) fn read(
    config: &Config,
    anchors: &[EncodedCertificate],
) -> Result<Vec<(nem::Upstream, CmpClient)>> {
    let read_one = |upstream: &Upstream| {
        let known = identity(upstream, anchors.to_vec())?;
        let client = client(upstream, known.answer_size())?;
        Ok((known, client))
    };
    config.upstreams.iter().map(read_one).collect()
}

/// The NEM as the RA/CA sees it.
fn identity(config: &Upstream, anchors: Vec<EncodedCertificate>) -> Result<nem::Upstream> {
    let certificate = &config.certificate;
    must_exist(certificate, "ra")?;
    let (chain, key) = read_credential(certificate, &config.key())?;
    let mut chain = chain.into_iter();
    let leaf = chain.next().with_context(|| format!("{}: is empty", certificate.display()))?;
    let identity = SenderIdentity::new(leaf, chain.collect(), key.algorithm())
        .with_context(|| certificate.display().to_string())?;
    let mut upstream = nem::Upstream::new(&config.name, identity, key, anchors);
    let signers = read_all(&config.signers)?;
    if !signers.is_empty() {
        upstream.trust_signers(signers);
    }
    upstream.priority = config.priority;
    upstream.groups.clone_from(&config.groups);
    upstream.profiles.clone_from(&config.profiles);
    upstream.batching = config.batching();
    upstream.max_in_flight = config.max_in_flight;
    upstream.implicit_confirm = config.implicit_confirm;
    upstream.confirm_when_fetched = config.confirm_when_fetched();
    upstream.time_window = config.time_window();
    upstream.reading.message_size = config.max_answer_octets;
    upstream.reading.lenient = config.lenient;
    upstream.quirks = config.quirks()?;
    Ok(upstream)
}

pub(crate) fn client(config: &Upstream, answer_size: usize) -> Result<CmpClient> {
    let mut options = ClientOptions::default();
    if let Some(path) = &config.tls_ca {
        let anchors: Vec<Vec<u8>> =
            read_certificates(path)?.iter().map(|anchor| anchor.octets().to_vec()).collect();
        let identity = match config.tls_client_certificate {
            true => Some(read_tls_identity(&config.certificate, &config.key())?),
            false => None,
        };
        options.tls = Some(client_config(&anchors, identity).context("upstream.tls_ca")?);
    }
    options.timeout = config.timeout();
    options.connect_timeout = options.connect_timeout.min(options.timeout);
    options.answer_size = answer_size;
    CmpClient::new(&config.url, options).with_context(|| format!("upstream {}", config.name))
}
