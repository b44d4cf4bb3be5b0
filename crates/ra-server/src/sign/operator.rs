//! Who decides: the list, somebody at a terminal, or the word given beforehand.

use std::io::{self, BufRead, Write};

use ca::{Event, Operator, Outcome, Proposal, Verdict};
use host::audit::AuditLog;
use host::now;

use super::{SignEntry, SignReport};
use crate::audit;

/// Decides as it was told to, and keeps the account.
pub(super) struct Clerk<'a> {
    manner: Manner<'a>,
    proposed: Option<SignEntry>,
    told: &'a mut dyn FnMut(&SignEntry),
    audit: Option<&'a AuditLog>,
    failure: Option<host::Error>,
    changed_status: bool,
    report: SignReport,
    /// Whether the report has every message in it.
    pub(super) detailed: bool,
}

enum Manner<'a> {
    List,
    Approve,
    Ask {
        /// What a requester is told whose request is rejected.
        reason: &'a str,
    },
    /// Whoever was asked has left.
    Leave,
}

impl<'a> Clerk<'a> {
    pub(super) fn who_lists(told: &'a mut dyn FnMut(&SignEntry)) -> Self {
        Self::new(Manner::List, None, told)
    }

    pub(super) fn who_approves(audit: &'a AuditLog, told: &'a mut dyn FnMut(&SignEntry)) -> Self {
        Self::new(Manner::Approve, Some(audit), told)
    }

    pub(super) fn who_asks(
        reason: &'a str,
        audit: &'a AuditLog,
        told: &'a mut dyn FnMut(&SignEntry),
    ) -> Self {
        Self::new(Manner::Ask { reason }, Some(audit), told)
    }

    fn new(manner: Manner<'a>, audit: Option<&'a AuditLog>, told: &'a mut dyn FnMut(&SignEntry)) -> Self {
        let report = SignReport {
            answer: None,
            issued: 0,
            repeated: 0,
            rejected: 0,
            refused: 0,
            postponed: 0,
            others: 0,
            messages: Vec::new(),
        };
        Self {
            manner,
            proposed: None,
            told,
            audit,
            failure: None,
            changed_status: false,
            report,
            detailed: false,
        }
    }

    /// Whether a certificate was revoked, or taken off hold.
    pub(super) const fn changed_status(&self) -> bool {
        self.changed_status
    }

    /// The account, unless the audit log failed.
    pub(super) fn report(self) -> Result<SignReport, host::Error> {
        self.failure.map_or(Ok(self.report), Err)
    }
}

impl Operator for Clerk<'_> {
    fn decide(&mut self, proposal: &Proposal<'_>) -> Verdict {
        let entry = SignEntry::proposed(proposal);
        let verdict = match self.manner {
            Manner::List | Manner::Leave => Verdict::Postpone,
            Manner::Approve => Verdict::Approve,
            Manner::Ask { reason } => match ask(&entry) {
                Answer::Yes => Verdict::Approve,
                Answer::No => Verdict::Reject(reason.to_owned()),
                Answer::All => {
                    self.manner = Manner::Approve;
                    Verdict::Approve
                }
                Answer::Quit => {
                    self.manner = Manner::Leave;
                    Verdict::Postpone
                }
            },
        };
        self.proposed = Some(entry);
        verdict
    }

    fn note(&mut self, event: &Event) {
        let proposed = self.proposed.take();
        let is_listed = matches!((&self.manner, &event.outcome), (Manner::List, Outcome::Postponed));
        let entry = match proposed {
            Some(proposed) if is_listed => proposed,
            proposed => SignEntry::done(proposed, event),
        };
        let count = match &event.outcome {
            Outcome::Issued { .. } => &mut self.report.issued,
            Outcome::Repeated => &mut self.report.repeated,
            Outcome::NotApproved { .. } => &mut self.report.rejected,
            Outcome::Refused(_) => &mut self.report.refused,
            Outcome::Postponed => &mut self.report.postponed,
            _ => &mut self.report.others,
        };
        *count = count.saturating_add(1);
        self.changed_status |= matches!(
            event.outcome,
            Outcome::Rejected { .. } | Outcome::Revoked { .. } | Outcome::Reinstated { .. }
        );
        if let (Some(log), Some(mut decision)) = (self.audit, audit::entry(event)) {
            decision.why = Some(match decision.why {
                Some(why) => format!("from a file, by the operator: {why}"),
                None => "from a file, by the operator".to_owned(),
            });
            if let Err(error) = log.append(&decision, now()) {
                self.failure.get_or_insert(error);
            }
        }
        (self.told)(&entry);
        if self.detailed {
            self.report.messages.push(entry);
        }
    }
}

enum Answer {
    Yes,
    No,
    All,
    Quit,
}

/// Asks until it is told. Whoever is no longer there has quit.
fn ask(entry: &SignEntry) -> Answer {
    let mut stderr = io::stderr().lock();
    // Nobody may be reading; then nobody answers either.
    let _ = write!(stderr, "{}", entry.details());
    loop {
        let _ = write!(stderr, "approve it? [y]es, [n]o, [a]ll from here on, [q]uit: ");
        let _ = stderr.flush();
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => return Answer::Quit,
            Ok(_) => {}
        }
        match line.trim() {
            "y" | "yes" => return Answer::Yes,
            "n" | "no" => return Answer::No,
            "a" | "all" => return Answer::All,
            "q" | "quit" => return Answer::Quit,
            _ => {}
        }
    }
}
