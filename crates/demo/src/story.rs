//! What the demo does, stage by stage.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use host::files::read_certificates;
use ra_server::{Initialised, SignApproval, SignEntry, SignOptions, SignReport};

use crate::account::{Account, Holder, Issued};
use crate::blocking;
use crate::factory::Factory;
use crate::fleet::{self, Enrolled, Enrolments, Station, With};
use crate::link::Link;
use crate::nem::{Nem, under_way};
use crate::raca::Raca;
use crate::show::{Ending, Outage, Row, Show};

/// Stations that renew: in a large fleet they are the first ones.
const RENEWALS: usize = 100;

/// Whose turn is when, by their positions in the fleet.
struct Parts {
    /// While all is well.
    online: Range<usize>,
    /// Their requests are at the RA/CA when it is killed.
    caught: Range<usize>,
    /// While it is away; their requests are carried.
    waiting: Range<usize>,
    /// While it is away, after the file has left.
    late: Range<usize>,
}

impl Parts {
    /// The outage catches part of a fleet only, and of a large one a small part: what shall be seen is seen then.
    fn of(count: usize) -> Self {
        let caught = (count / 5).clamp(1, 32);
        let waiting = match count {
            0..3 => 0,
            _ => (count / 5).clamp(1, 100),
        };
        let late = (count / 10).min(20);
        let online = count.saturating_sub(caught + waiting + late);
        Self {
            online: 0..online,
            caught: online..online + caught,
            waiting: online + caught..online + caught + waiting,
            late: online + caught + waiting..count,
        }
    }
}

/// Everything that is there once the fleet may enrol.
struct House {
    raca_files: Initialised,
    raca: Raca,
    link: Link,
    nem: Nem,
    stations: Arc<Vec<Station>>,
}

/// Plays it, and shows it. Returns whether the account is as it should be.
pub(crate) async fn play(count: usize, directory: &Path, log: &Path, show: &Show) -> Result<bool> {
    show.title(count);
    let House { raca_files, raca, link, nem, stations } = set_up(count, directory, log, show).await?;
    let parts = Parts::of(count);
    let mut enrolments = Enrolments::new(stations.clone(), &nem.url, &raca_files.ca_certificate);

    show.stage(
        "online",
        "stations upload their requests to the NEM, which takes them to the RA/CA in batches",
    );
    if parts.online.is_empty() {
        show.line("the whole fleet is needed for the outage");
    } else {
        let bar = show.bar(parts.online.len(), "enrolled");
        enrolments.begin(parts.online.clone(), With::VendorCertificate);
        let enrolled = enrolments.end(parts.online.len(), &bar).await?;
        show.done(&bar, &format!("stations with their certificates: {enrolled} of {count}"));
        show.batches(&nem.batches().await?);
    }

    show.stage("outage", "the RA/CA is killed while it answers a batch: nobody knows what it has issued");
    let (caught, waiting) = (parts.caught.len(), parts.waiting.len());
    let bar = show.bar(caught, "issued, not answered");
    link.hold_answers();
    enrolments.begin(parts.caught.clone(), With::VendorCertificate);
    nem.until("the RA/CA has issued for a batch", &bar, |status, _| {
        status.requests.get("sent").is_some_and(|sent| *sent == caught)
    })
    .await?;
    issued_in_silence(&raca_files.config, caught, &bar).await?;
    raca.kill().await?;
    let link = link.cut().await?;
    show.done(
        &bar,
        &format!("kill -9; connections are refused; requests sent, issued and not answered: {caught}"),
    );
    enrolments.begin(parts.waiting.clone(), With::VendorCertificate);
    let bar = show.bar(waiting, "more stations upload");
    let queued = |status: &nem_server::Status| under_way(status).saturating_sub(caught);
    nem.until("the stations have uploaded", &bar, |status, bar| {
        bar.set_position(u64::try_from(queued(status)).unwrap_or_default());
        queued(status) >= waiting
    })
    .await?;
    show.done(&bar, &format!("more stations upload, and are told to come back: {waiting}"));
    let bar = show.bar(0, "the NEM asks the RA/CA again");
    let status =
        nem.until("the NEM sees the outage", &bar, |status, _| status.outage_since.is_some()).await?;
    let since = status.outage_since.clone().unwrap_or_default();
    show.done(&bar, &format!("nem status: outage since {since}, requests under way: {}", under_way(&status)));

    show.stage(
        "by hand",
        "the requests leave in a file, an RA/CA without a network signs it, the answer comes back",
    );
    let carried = carry(&nem, &raca_files.config, directory, show).await?;
    let bar = show.bar(carried.issued, "fetched");
    let fetched = enrolments.end(carried.issued, &bar).await?;
    show.done(
        &bar,
        &format!("stations that fetched their certificates, with the RA/CA still away: {fetched}"),
    );
    let confirmations = nem.status().await?.requests.get("confirming").copied().unwrap_or_default();

    show.stage("late", "what comes in now waits: it is in no file, and goes online when the RA/CA is back");
    enrolments.begin(parts.late.clone(), With::VendorCertificate);
    let bar = show.bar(parts.late.len(), "uploaded");
    let left = enrolments.running();
    nem.until("the late stations have uploaded", &bar, |status, bar| {
        let uploaded = under_way(status).saturating_sub(confirmations);
        bar.set_position(u64::try_from(uploaded).unwrap_or_default());
        uploaded >= left
    })
    .await?;
    show.done(
        &bar,
        &format!("requests that wait: {left}; confirmations (certConf) that wait: {confirmations}"),
    );

    show.stage("back", "the RA/CA is started again; the NEM finds it by itself, and ends what is left");
    let raca = Raca::start(&raca_files.config, log).await?;
    let link = link.restore(raca.address)?;
    let bar = show.bar(left, "enrolled");
    let enrolled = enrolments.end(left, &bar).await?;
    nem.until("nothing is under way any more", &bar, |status, _| {
        status.outage_since.is_none() && under_way(status) == 0
    })
    .await?;
    show.done(
        &bar,
        &format!("stations enrolled online: {enrolled}; certificates confirmed: {confirmations}"),
    );

    let renewed = renew(&nem, &raca_files, &stations, show).await?;
    nem.stop().await?;
    raca.stop().await?;
    drop(link);

    show.stage("account", "what the RA/CA's registry says it issued, against what is in each station's file");
    let outage = Outage {
        caught,
        exported: carried.exported,
        signed: carried.signed.issued,
        answered_before: carried.signed.repeated,
        imported: carried.issued,
        late: left,
        confirmations,
    };
    let (rows, account) = settle(&raca_files, stations, enrolments, carried.stations, renewed).await?;
    let nem_config = directory.join("nem/nem.toml");
    show.ending(&Ending {
        rows: &rows,
        account: &account,
        outage: &outage,
        directory,
        raca_config: &raca_files.config,
        nem_config: &nem_config,
    })?;
    Ok(account.deviations.is_empty())
}

async fn set_up(count: usize, directory: &Path, log: &Path, show: &Show) -> Result<House> {
    show.stage("factory", "the vendor gives each station a key and a certificate that says who it is");
    let bar = show.bar(count, "vendor certificates");
    let (factory, stations) = blocking({
        let (directory, bar) = (directory.to_owned(), bar.clone());
        move || {
            let factory = Factory::open(&directory.join("factory"))?;
            let stations = fleet::make(count, &directory.join("stations"), &factory, &bar)?;
            Ok((factory, stations))
        }
    })
    .await?;
    show.done(&bar, &format!("a CA, and vendor certificates: {count}"));

    show.stage("RA/CA", "issues the operator's certificates, and speaks to the NEM only");
    let mut options = ra_server::InitOptions::new(directory.join("raca"));
    options.vendor_cas = vec![factory.certificate.clone()];
    options.subject = "CN=Operator CA,O=Operator".to_owned();
    let raca_files = blocking(move || ra_server::init(&options)).await?;
    let raca = Raca::start(&raca_files.config, log).await?;
    let link = Link::open(raca.address)?;
    show.line(&format!("{} (CMP over HTTP), a process of its own", link.url()));

    show.stage("NEM", "knows the stations, takes their requests, and asks the RA/CA for them");
    let inventory: String = stations.iter().map(Station::inventory_entry).collect();
    let files = blocking({
        let (url, raca, directory) = (link.url(), raca_files.clone(), directory.join("nem"));
        move || Nem::init(&directory, (&url, &raca), &factory.certificate, &inventory)
    })
    .await?;
    let nem = Nem::start(files).await?;
    show.line(&format!("{} (EST over mutual TLS), stations in its inventory: {count}", nem.url));
    Ok(House { raca_files, raca, link, nem, stations: Arc::new(stations) })
}

/// Waits until so many certificates are in the RA/CA's registry that nobody has confirmed.
async fn issued_in_silence(config: &Path, count: usize, bar: &indicatif::ProgressBar) -> Result<()> {
    loop {
        let config = config.to_owned();
        let issued = blocking(move || ra_server::list(&config)).await?;
        let silent =
            issued.iter().filter(|entry| entry.profile == "ne" && entry.status == "unconfirmed").count();
        bar.set_position(u64::try_from(silent)?);
        if silent >= count {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What was carried.
struct Carried {
    exported: u64,
    signed: SignReport,
    issued: usize,
    /// Those whose certificates came by hand.
    stations: HashSet<String>,
}

/// Export, signature and import.
async fn carry(nem: &Nem, raca: &Path, directory: &Path, show: &Show) -> Result<Carried> {
    let (batch, answer) = (directory.join("batch.pki"), directory.join("answer.pki"));
    let bar = show.bar(0, "nem export");
    let report = nem.export(batch.clone()).await?;
    show.done(&bar, &format!("nem export: requests in {}: {}", batch.display(), report.requests));
    for left in &report.left {
        show.line(&format!("            requests that stay: {}: {}", left.requests, left.reason));
    }

    let bar = show.bar(usize::try_from(report.requests)?, "raca sign");
    let signed = blocking({
        let (config, mut options, bar) =
            (raca.to_owned(), SignOptions::new(batch, answer.clone()), bar.clone());
        options.approval = SignApproval::All;
        move || ra_server::sign(&config, &options, &mut |_: &SignEntry| bar.inc(1))
    })
    .await?;
    let SignReport { issued, repeated, .. } = &signed;
    show.done(
        &bar,
        &format!(
            "raca sign:  issued: {issued}; issued before, and answered with the same certificates: {repeated}"
        ),
    );

    let bar = show.bar(0, "nem import");
    let taken = nem.import(answer).await?;
    let issued = taken.entries.iter().filter(|entry| entry.verdict == "issued");
    let stations: HashSet<String> = issued.filter_map(|entry| entry.station.clone()).collect();
    show.done(&bar, &format!("nem import: certificates checked and taken: {}", stations.len()));
    Ok(Carried { exported: report.requests, signed, issued: stations.len(), stations })
}

/// What became of renewals.
struct Renewals {
    /// The serial numbers of what was held before, by the stations' positions in the fleet.
    before: Vec<Option<String>>,
    ended: Vec<Result<Enrolled>>,
}

/// Stations renew.
async fn renew(nem: &Nem, raca: &Initialised, stations: &Arc<Vec<Station>>, show: &Show) -> Result<Renewals> {
    show.stage(
        "renewal",
        "before its certificate expires, a station shows it in place of the vendor's, for a new one",
    );
    let count = stations.len().min(RENEWALS);
    let before = blocking({
        let (stations, anchor) = (stations.clone(), raca.ca_certificate.clone());
        move || {
            let anchors = read_certificates(&anchor)?;
            Ok(stations.iter().take(count).map(|station| station.holds(&anchors).ok()).collect())
        }
    })
    .await?;
    let bar = show.bar(count, "renewed");
    let mut renewals = Enrolments::new(stations.clone(), &nem.url, &raca.ca_certificate);
    renewals.begin(0..count, With::OperatorCertificate);
    let renewed = renewals.end(count, &bar).await?;
    nem.until("the renewals are confirmed", &bar, |status, _| under_way(status) == 0).await?;
    show.done(&bar, &format!("stations with their next certificates: {renewed} of {count}"));
    Ok(Renewals { before, ended: renewals.into_ended() })
}

/// Reads what the RA/CA issued and what the stations hold, and puts both against each other.
async fn settle(
    raca: &Initialised,
    stations: Arc<Vec<Station>>,
    enrolments: Enrolments,
    by_hand: HashSet<String>,
    renewals: Renewals,
) -> Result<(Vec<Row>, Account)> {
    let (config, anchor): (PathBuf, PathBuf) = (raca.config.clone(), raca.ca_certificate.clone());
    blocking(move || {
        let anchors = read_certificates(&anchor)?;
        let entries = ra_server::list(&config)?;
        // The NEM's own certificates are in the registry, too.
        let issued: Vec<Issued> = entries
            .into_iter()
            .filter(|entry| entry.profile == "ne")
            .map(|entry| Issued {
                subject: entry.subject,
                serial_number: entry.serial_number,
                status: entry.status,
            })
            .collect();
        let ended = enrolments.into_ended();
        let mut before = renewals.before.into_iter();
        let holders: Vec<Holder> = stations
            .iter()
            .map(|station| Holder {
                renewed: before.next().flatten(),
                station: station.name.clone(),
                subject: station.subject.clone(),
                holds: station.holds(&anchors).map_err(|error| format!("{error:#}")),
            })
            .collect();
        let mut account = Account::settle(&holders, &issued);
        let failed = ended.iter().chain(&renewals.ended).filter_map(|ended| ended.as_ref().err());
        account.deviations.extend(failed.map(|error| format!("{error:#}")));
        let rows =
            stations.iter().zip(&holders).zip(&account.issued_to).map(|((station, holder), issued)| {
                let its = |enrolled: &&Enrolled| enrolled.station == station.name;
                let enrolled = ended.iter().flatten().find(its);
                let latest = renewals.ended.iter().flatten().find(its).or(enrolled);
                Row {
                    station: station.name.clone(),
                    subject: station.subject.clone(),
                    way: if by_hand.contains(&station.name) { "by hand" } else { "online" },
                    issued: *issued,
                    serial_number: holder.holds.clone().ok(),
                    not_before: latest.map(|enrolled| enrolled.not_before.clone()),
                    not_after: latest.map(|enrolled| enrolled.not_after.clone()),
                    milliseconds: enrolled.map(|enrolled| enrolled.milliseconds),
                    directory: station.directory.clone(),
                }
            });
        Ok((rows.collect(), account))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole_fleet() {
        for count in 1..=10_000 {
            let Parts { online, caught, waiting, late } = Parts::of(count);
            assert_eq!((online.start, online.end), (0, caught.start), "{count}");
            assert_eq!((caught.end, waiting.end, late.end), (waiting.start, late.start, count), "{count}");
            assert!(!caught.is_empty() && late.start <= late.end, "{count}");
        }
    }
}
