//! `[approval]`

use std::time::Duration;

use ca::Approval;
use cmp::SignerRole;
use serde::Deserialize;

/// Whose requests wait for the operator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ApprovalSetting {
    of: Vec<Role>,
    updates: bool,
    pub(super) check_after_seconds: u64,
    pub(super) lifetime_seconds: u64,
}

impl Default for ApprovalSetting {
    fn default() -> Self {
        let none = Approval::NONE;
        Self {
            of: Vec::new(),
            updates: none.updates,
            check_after_seconds: none.check_after.as_secs(),
            lifetime_seconds: none.lifetime.as_secs(),
        }
    }
}

impl ApprovalSetting {
    pub(super) fn approval(&self) -> Approval {
        let mut approval = Approval::NONE;
        approval.of = self.of.iter().map(|role| role.signer_role()).collect();
        approval.updates = self.updates;
        approval.check_after = Duration::from_secs(self.check_after_seconds);
        approval.lifetime = Duration::from_secs(self.lifetime_seconds);
        approval
    }
}

/// Who asks, by what it is known.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Vendor,
    Operator,
    Secret,
    Ra,
}

impl Role {
    const fn signer_role(self) -> SignerRole {
        match self {
            Self::Vendor => SignerRole::VendorCertified,
            Self::Operator => SignerRole::OperatorCertified,
            Self::Secret => SignerRole::SecretHolder,
            Self::Ra => SignerRole::RegistrationAuthority,
        }
    }
}
