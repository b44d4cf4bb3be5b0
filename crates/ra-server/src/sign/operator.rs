//! Who decides: the list, somebody at a terminal, or the word given beforehand.

use std::io::{self, BufRead, Write};

use ca::{Event, Operator, Outcome, Proposal, Verdict};

use super::{SignEntry, SignReport};

/// Decides as it was told to, and keeps the account.
pub(super) struct Clerk<'a> {
    manner: Manner<'a>,
    proposed: Option<SignEntry>,
    told: &'a mut dyn FnMut(&SignEntry),
    changed_status: bool,
    report: SignReport,
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
        Self::new(Manner::List, told)
    }

    pub(super) fn who_approves(told: &'a mut dyn FnMut(&SignEntry)) -> Self {
        Self::new(Manner::Approve, told)
    }

    pub(super) fn who_asks(reason: &'a str, told: &'a mut dyn FnMut(&SignEntry)) -> Self {
        Self::new(Manner::Ask { reason }, told)
    }

    fn new(manner: Manner<'a>, told: &'a mut dyn FnMut(&SignEntry)) -> Self {
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
        Self { manner, proposed: None, told, changed_status: false, report }
    }

    /// Whether a certificate was revoked, or taken off hold.
    pub(super) const fn changed_status(&self) -> bool {
        self.changed_status
    }

    pub(super) fn report(self) -> SignReport {
        self.report
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
        (self.told)(&entry);
        self.report.messages.push(entry);
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
