//! The final account: what the RA/CA has issued, by its registry, against what the stations hold, by their files.

use std::collections::BTreeMap;

/// A certificate for a station in the RA/CA's registry.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) subject: String,
    pub(crate) serial_number: String,
    pub(crate) status: String,
}

/// A station, and the serial number of what is in its file, or why that is not its certificate.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) station: String,
    pub(crate) subject: String,
    /// The serial number of what it held before it renewed.
    pub(crate) renewed: Option<String>,
    pub(crate) holds: Result<String, String>,
}

/// What stands against each other.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// How many certificates were issued to each station, in the stations' order.
    pub(crate) issued_to: Vec<usize>,
    /// How many were issued.
    pub(crate) issued: usize,
    /// How many stations renewed.
    pub(crate) renewed: usize,
    /// How many stations hold one.
    pub(crate) held: usize,
    /// Whatever is not as it should be.
    pub(crate) deviations: Vec<String>,
}

impl Account {
    /// Each station enrolled once, so each shall hold the one certificate it got, or the one it got for that by a renewal, and nothing
    /// else shall have been issued.
    pub(crate) fn settle(holders: &[Holder], issued: &[Issued]) -> Self {
        let mut by_subject: BTreeMap<&str, Vec<&Issued>> = BTreeMap::new();
        for certificate in issued {
            by_subject.entry(&certificate.subject).or_default().push(certificate);
        }
        let (mut issued_to, mut deviations, mut held) = (Vec::new(), Vec::new(), 0);
        for Holder { station, subject, renewed, holds } in holders {
            let theirs = by_subject.remove(subject.as_str()).unwrap_or_default();
            issued_to.push(theirs.len());
            let due = 1 + usize::from(renewed.is_some());
            if theirs.len() != due {
                deviations
                    .push(format!("{station}: {} certificates were issued to it, not {due}", theirs.len()));
            }
            let serial_number = match holds {
                Ok(serial_number) => serial_number,
                Err(reason) => {
                    deviations.push(format!("{station}: holds no certificate: {reason}"));
                    ""
                }
            };
            held += usize::from(holds.is_ok());
            for certificate in &theirs {
                let Issued { serial_number: number, status, .. } = certificate;
                if number != serial_number && Some(number) != renewed.as_ref() {
                    deviations
                        .push(format!("{station}: {number} was issued to it, but it does not hold that"));
                } else if status != "valid" {
                    deviations.push(format!("{station}: {number} is {status} at the RA/CA, not valid"));
                }
            }
            if holds.is_ok() && !theirs.iter().any(|certificate| certificate.serial_number == serial_number) {
                deviations.push(format!("{station}: holds {serial_number}, which the RA/CA does not know"));
            }
        }
        for Issued { subject, serial_number, .. } in by_subject.into_values().flatten() {
            deviations.push(format!("{serial_number} was issued to {subject}, which is no station"));
        }
        let renewed = holders.iter().filter(|holder| holder.renewed.is_some()).count();
        Self { issued_to, issued: issued.len(), renewed, held, deviations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(number: usize, holds: Result<&str, &str>) -> Holder {
        Holder {
            station: format!("enb{number}"),
            subject: format!("CN=enb{number}"),
            renewed: None,
            holds: holds.map(str::to_owned).map_err(str::to_owned),
        }
    }

    fn issued(number: usize, serial_number: &str, status: &str) -> Issued {
        Issued {
            subject: format!("CN=enb{number}"),
            serial_number: serial_number.to_owned(),
            status: status.to_owned(),
        }
    }

    #[test]
    fn one_certificate_each_is_as_it_should_be() {
        let account = Account::settle(
            &[holder(1, Ok("A")), holder(2, Ok("B"))],
            &[issued(2, "B", "valid"), issued(1, "A", "valid")],
        );
        assert!(account.deviations.is_empty(), "{account:?}");
        assert_eq!((account.issued, account.held, account.issued_to), (2, 2, vec![1, 1]));
    }

    #[test]
    fn a_renewal_leads_to_one_certificate_more() {
        let renewed = Holder { renewed: Some("A".to_owned()), ..holder(1, Ok("B")) };
        let both = [issued(1, "A", "valid"), issued(1, "B", "valid")];
        let account = Account::settle(std::slice::from_ref(&renewed), &both);
        assert!(account.deviations.is_empty(), "{account:?}");
        assert_eq!((account.issued, account.renewed, account.held), (2, 1, 1));
        let account = Account::settle(std::slice::from_ref(&renewed), &both[1..]);
        assert!(account.deviations.concat().contains("not 2"), "{account:?}");
        let third = issued(1, "C", "valid");
        let account = Account::settle(&[renewed], &[both.as_slice(), &[third]].concat());
        assert!(account.deviations.concat().contains("C was issued to it, but"), "{account:?}");
    }

    #[test]
    fn every_deviation_is_named() {
        let (holds_a, valid_a) = (holder(1, Ok("A")), issued(1, "A", "valid"));
        for (holders, certificates, reasons) in [
            // Issued twice for one request: what must never be.
            (
                vec![holds_a.clone()],
                vec![valid_a.clone(), issued(1, "B", "valid")],
                vec!["2 certificates", "B was issued to it, but"],
            ),
            (vec![holds_a.clone()], vec![valid_a.clone(), issued(3, "C", "valid")], vec!["no station"]),
            (vec![holds_a.clone()], vec![], vec!["0 certificates", "the RA/CA does not know"]),
            (
                vec![holds_a.clone()],
                vec![issued(1, "B", "valid")],
                vec!["B was issued to it, but", "holds A, which"],
            ),
            (vec![holds_a.clone()], vec![issued(1, "A", "unconfirmed")], vec!["is unconfirmed"]),
            (vec![holds_a], vec![issued(1, "A", "revoked")], vec!["is revoked"]),
            (
                vec![holder(1, Err("no such file"))],
                vec![valid_a],
                vec!["holds no certificate: no such file", "A was issued to it, but"],
            ),
            (vec![holder(1, Err("away"))], vec![], vec!["0 certificates", "away"]),
        ] {
            let account = Account::settle(&holders, &certificates);
            assert_eq!(account.deviations.len(), reasons.len(), "{account:?}");
            for (deviation, reason) in account.deviations.iter().zip(reasons) {
                assert!(deviation.contains(reason), "{deviation:?} does not say {reason:?}");
            }
        }
    }
}
