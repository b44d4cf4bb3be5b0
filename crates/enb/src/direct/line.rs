//! Sends messages to the RA/CA until there is an answer to believe.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use asn1::oids::rfc6402;
use asn1::{EncodedCertificate, UnixTime};
use cmp::end_entity::{AwaitingCertificate, AwaitingCiphertext, AwaitingPkiConf, Continuation, KemQuestion};
use cmp::{
    Expectation, KemCiphertextInfo, PkiBody, PkiMessage, PkiStatusInfo, Quirk, Quirks, ReadingPolicy,
    SecretTrust, SignerRole, Trust, ValidatedMessage, Validator,
};
use crypto::ExtendedKeyUsage;
use host::{files, now};
use transfer::TransferError;
use transfer::http::{ClientOptions, CmpClient};
use x509_cert::name::Name;

use super::CmpOptions;
use super::credential::Credential;
use crate::attempts::{Attempts, passes};
use crate::blocking::blocking;
use crate::directory::octets;
use crate::{Error, Progress};

/// An answer with the certificates of a long chain of RSA or ML-DSA keys, or a CRL.
const ANSWER_SIZE: usize = 1024 * 1024;

/// A state that awaits an answer.
pub(super) trait Awaiting: Clone + Send + 'static {
    fn expectation(&self) -> Expectation<'_>;

    /// Takes an answer that has no protection, where that is as it should be.
    fn take_unprotected(
        &self,
        _message: &PkiMessage,
        _validator: &Validator<'_>,
        _now: UnixTime,
    ) -> Option<Verdict> {
        None
    }
}

impl Awaiting for AwaitingCiphertext {
    fn expectation(&self) -> Expectation<'_> {
        self.expectation()
    }

    fn take_unprotected(
        &self,
        message: &PkiMessage,
        validator: &Validator<'_>,
        now: UnixTime,
    ) -> Option<Verdict> {
        let (info, continuation) = self.handle(message, validator, now).ok()?;
        Some(Verdict::Ciphertext(info, continuation))
    }
}

impl Awaiting for AwaitingCertificate {
    fn expectation(&self) -> Expectation<'_> {
        self.expectation()
    }
}

impl Awaiting for AwaitingPkiConf {
    fn expectation(&self) -> Expectation<'_> {
        self.expectation()
    }
}

/// Whom to believe.
#[derive(Clone)]
pub(super) struct Belief {
    /// The operator's trust anchors; none yet, where they are to come with the answer.
    pub(super) anchors: Vec<EncodedCertificate>,
    signers: Vec<EncodedCertificate>,
    secrets: Vec<SecretTrust>,
    quirks: Quirks,
}

impl Belief {
    pub(super) fn read(options: &CmpOptions, credential: &Credential) -> Result<Self, Error> {
        let read = |path: &Option<PathBuf>| match path {
            Some(path) => files::read_certificates(path),
            None => Ok(Vec::new()),
        };
        let (anchors, signers) = (read(&options.operator_ca)?, read(&options.server_certificates)?);
        let secrets = credential.secrets();
        let first_contact = options.quirks.contains(Quirk::RootFromExtraCerts);
        if anchors.is_empty() && secrets.is_empty() && !first_contact {
            return Err(Error::NoAnchors);
        }
        Ok(Self { anchors, signers, secrets, quirks: options.quirks })
    }

    /// A message that is sent again is answered with what it was answered the first time: its answer may be as old as itself.
    fn judge(&self, octets: &[u8], due: &impl Awaiting, since: UnixTime) -> Result<Verdict, cmp::Error> {
        let provider = crypto_aws_lc::provider();
        let role = SignerRole::CertificationAuthority;
        let purpose = ExtendedKeyUsage::RequiredBelowAnchor(rfc6402::KP_CMC_CA);
        let trust = [
            Trust::new(role, self.anchors.clone(), purpose),
            Trust::new(role, self.signers.clone(), ExtendedKeyUsage::Any),
        ];
        let mut validator = Validator::new(&provider, &trust);
        validator.secrets = &self.secrets;
        validator.quirks = self.quirks;
        let now = now();
        validator.time_window =
            validator.time_window.map(|window| window.saturating_add(now.abs_diff(since)));
        let mut reading = ReadingPolicy::default();
        reading.message_size = ANSWER_SIZE;
        let message = PkiMessage::inspect(octets, &reading)?.answer_inside(self.quirks, &reading)?;
        if let Some(verdict) = due.take_unprotected(&message, &validator, now) {
            return Ok(verdict);
        }
        match validator.validate(message.clone(), &due.expectation(), now) {
            Ok(message) => Ok(Verdict::Believed(Box::new(message))),
            Err(error) => match validator.unprotected_refusal(&message, &due.expectation(), now) {
                Ok(refusal) => Ok(Verdict::Refused(refusal.status().clone())),
                Err(_) => match validator.first_contact(&message, &due.expectation(), now) {
                    Ok((message, root)) => Ok(Verdict::FirstContact(Box::new(message), root)),
                    Err(_) => Err(error),
                },
            },
        }
    }
}

/// What is to be made of an answer.
pub(super) enum Verdict {
    Believed(Box<ValidatedMessage>),
    /// Under a root that it has brought itself, which is put up with: the root is the operator's from now on.
    FirstContact(Box<ValidatedMessage>, EncodedCertificate),
    /// By a message without protection, which is put up with.
    Refused(PkiStatusInfo),
    /// For the KEM key that protects what comes next; nothing is believed of it.
    Ciphertext(KemCiphertextInfo, Continuation),
}

/// How the transaction of a KEM key begins.
pub(super) struct Opening {
    pub(super) ciphertext: KemCiphertextInfo,
    pub(super) continuation: Continuation,
    /// Who has the secret, too.
    pub(super) server: Option<String>,
}

/// A message that is ready to be sent.
pub(super) struct Letter<'a> {
    pub(super) body: cmp::BodyKind,
    pub(super) octets: &'a [u8],
    /// When it was made.
    pub(super) since: UnixTime,
}

/// The RA/CA's servers.
pub(super) struct Line<'a> {
    servers: Vec<(String, CmpClient)>,
    belief: Arc<Belief>,
    pub(super) attempts: Attempts<'a>,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        options: &CmpOptions,
        belief: Belief,
        tls_identity: Option<transfer::tls::Identity>,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Self, Error> {
        let mut client = ClientOptions::default();
        client.timeout = client.timeout.min(options.timeout);
        client.answer_size = ANSWER_SIZE;
        if let Some(path) = &options.tls_ca {
            let anchors = octets(&files::read_certificates(path)?);
            let tls = transfer::tls::client_config(&anchors, tls_identity).map_err(Error::Transfer)?;
            client.tls = Some(tls);
        }
        let servers = options.servers.iter().map(|url| {
            let client = CmpClient::new(url, client.clone()).map_err(Error::Transfer)?;
            Ok((url.clone(), client))
        });
        let servers = servers.collect::<Result<Vec<_>, Error>>()?;
        if servers.is_empty() {
            return Err(Error::NoServer);
        }
        Ok(Self { servers, belief: Arc::new(belief), attempts: Attempts::new(options.timeout, progress) })
    }

    pub(super) fn belief(&self) -> &Belief {
        &self.belief
    }

    /// Believes in that root from now on.
    pub(super) fn believe(&mut self, root: EncodedCertificate) {
        let mut belief = Belief::clone(&self.belief);
        belief.anchors = vec![root];
        self.belief = Arc::new(belief);
    }

    /// Sends the same octets until an answer can be believed. `bound` is the server at which the transaction may be known: no other
    /// is asked then. It is told to `bind` before anything is sent to a server, and again when nothing has arrived there.
    pub(super) async fn exchange<A: Awaiting>(
        &mut self,
        letter: &Letter<'_>,
        due: &A,
        mut bound: Option<String>,
        bind: &mut (dyn FnMut(Option<&str>) -> Result<(), Error> + Send),
    ) -> Result<Verdict, Error> {
        let (mut next, mut hopeless) = (0, true);
        loop {
            let servers = &self.servers;
            let known = |url: &String| servers.iter().position(|(server, _)| server == url);
            let at = match &bound {
                Some(url) => known(url).ok_or_else(|| Error::OtherServer(url.clone()))?,
                None => next,
            };
            let Some((url, client)) = self.servers.get(at) else { return Err(Error::NoServer) };
            if bound.is_none() {
                bind(Some(url))?;
            }
            self.attempts.tell(Progress::Sending { body: letter.body, server: url.clone() });
            let waiting_for = format!("{url} gave no answer");
            let answer = self.attempts.within(&waiting_for, client.exchange(letter.octets.to_vec())).await?;
            let (url, is_last) = (url.clone(), at.saturating_add(1) == self.servers.len());
            let reason = match answer {
                Ok(octets) => match self.judge(octets, due, letter.since).await? {
                    Ok(verdict) => {
                        self.attempts.succeeded();
                        return Ok(verdict);
                    }
                    Err(error) => format!("the answer of {url} is not believed: {error}"),
                },
                // Nothing was taken there in this attempt; whether it was in an earlier one is in `bound`.
                Err(error) if bound.is_none() && passes_on(&error) => {
                    bind(None)?;
                    hopeless &= is_hopeless(&error);
                    next = if is_last { 0 } else { at.saturating_add(1) };
                    if !is_last {
                        let after = Duration::ZERO;
                        self.attempts.tell(Progress::Retrying { reason: error.to_string(), after });
                    } else if std::mem::replace(&mut hopeless, true) {
                        return Err(Error::Transfer(error));
                    } else {
                        self.attempts.back_off(error.to_string()).await?;
                    }
                    continue;
                }
                Err(error) if is_hopeless(&error) => return Err(Error::Transfer(error)),
                Err(error) => error.to_string(),
            };
            bound = Some(url);
            self.attempts.back_off(reason).await?;
        }
    }

    /// Asks for the ciphertext of the credential's KEM key, if it has one (RFC 9810 appendix E). The transaction goes on with the server
    /// that sent it.
    pub(super) async fn ask_for_ciphertext(
        &mut self,
        credential: &Credential,
        recipient: &Name,
    ) -> Result<Option<Opening>, Error> {
        if !credential.wants_ciphertext() {
            return Ok(None);
        }
        let mut question = KemQuestion::new();
        question.recipient.clone_from(recipient);
        let since = now();
        let (octets, awaiting) = question.start(credential.identity(), &crypto_aws_lc::provider(), since)?;
        let letter = Letter { body: cmp::BodyKind::Genm, octets: &octets, since };
        let mut server = None;
        let mut bind = |url: Option<&str>| {
            server = url.map(str::to_owned);
            Ok(())
        };
        let status = match self.exchange(&letter, &awaiting, None, &mut bind).await? {
            Verdict::Ciphertext(ciphertext, continuation) => {
                return Ok(Some(Opening { ciphertext, continuation, server }));
            }
            Verdict::Refused(status) => status,
            Verdict::Believed(message) | Verdict::FirstContact(message, _) => match message.body() {
                PkiBody::Error(error) => error.pki_status_info.clone(),
                other => return Err(Error::Protocol(cmp::Error::UnexpectedBody(other.kind()))),
            },
        };
        Err(Error::Rejected {
            status: format!(
                "{status}; it was asked for a ciphertext first, as the certificate is for a KEM key, and may serve none"
            ),
        })
    }

    async fn judge<A: Awaiting>(
        &self,
        octets: Vec<u8>,
        due: &A,
        since: UnixTime,
    ) -> Result<Result<Verdict, cmp::Error>, Error> {
        let (belief, due) = (self.belief.clone(), due.clone());
        blocking(move || Ok(belief.judge(&octets, &due, since))).await
    }
}

/// Whether nothing was taken at the server.
fn passes_on(error: &TransferError) -> bool {
    matches!(error, TransferError::Unreachable { .. }) || is_hopeless(error)
}

/// Whether trying again will not help: it is the wrong server, or the wrong certificates.
fn is_hopeless(error: &TransferError) -> bool {
    match error {
        TransferError::Tls { .. } => true,
        TransferError::BadStatus { status, .. } => !passes(*status),
        _ => false,
    }
}
