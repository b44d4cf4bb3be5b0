//! What came in while others had the NEM.

use std::sync::mpsc;

use nem::{Arrival, Label, Upload, Uploaded};

use super::Form;
use crate::identity::Identity;

/// An upload that waits for the NEM.
pub(super) struct Waiting {
    pub(super) identity: Identity,
    pub(super) form: Form,
    pub(super) octets: Vec<u8>,
    pub(super) label: Option<Label>,
    pub(super) told: mpsc::SyncSender<Uploaded>,
}

impl Waiting {
    pub(super) fn arrival(&self) -> Arrival<'_> {
        let upload = match self.form {
            Form::Pkcs10 => Upload::Pkcs10(&self.octets),
            Form::CertReqMessages => Upload::CertReqMessages(&self.octets),
        };
        Arrival { shown: self.identity.shown(), upload, label: self.label.as_ref() }
    }
}
