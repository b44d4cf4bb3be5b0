//! Files with requests are written: aside, synced, and under their names only when they are whole. What is in memory does not grow
//! with what leaves.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use host::batch_file::{BatchWriter, publish, sign_file};
use host::files::{certificates_pem, request_pem};
use nem::by_hand::{ExportItem, ExportOrder, Exporting};
use nem::ledger::ExportForm;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::report::{ExportReport, LeftEntry};
use super::{ExportOptions, parse};
use crate::listing::one_line;
use crate::service::Service;

/// Lets requests leave. Blocks.
pub(crate) fn export(service: &Arc<Service>, options: &ExportOptions) -> Result<ExportReport> {
    let places = Places::new(&options.out)?;
    let mut order = ExportOrder::new(options.form.into());
    order.upstream.clone_from(&options.upstream);
    order.group.clone_from(&options.group);
    order.max = options.max.unwrap_or(usize::MAX);
    order.anew = options.anew;
    let file = options.out.display().to_string();
    let again = options.again.as_deref().map(parse).transpose()?;
    let mut exporting = service.act(|nem, now| match again {
        Some(export) => nem.export_again(export, &file),
        None => nem.begin_export(order, &file, now),
    })?;
    let (id, form) = (exporting.export().id, exporting.export().form);
    let written = match form {
        ExportForm::Pki => write_pki(service, &mut exporting, &places),
        ExportForm::Pkcs10 => write_pkcs10(service, &mut exporting, &places),
    };
    let (octets, manifest) = match written {
        Ok(written) => written,
        Err(error) => {
            places.clean_up();
            // Nothing of it was shown to anybody, so everything may go on as before.
            if again.is_none() && exporting.export().requests > 0 {
                let released = service.act(|nem, now| nem.release_export(id, false, now));
                released.with_context(|| format!("export {id} is not written, but its requests are out"))?;
            }
            return Err(error);
        }
    };
    let left = exporting.left_behind().iter().map(LeftEntry::new).collect();
    let export = service.act(|nem, _| nem.finish_export(exporting))?;
    Ok(ExportReport {
        export: id.to_string(),
        file,
        manifest: manifest.display().to_string(),
        upstream: export.upstream,
        requests: export.requests,
        octets,
        left,
    })
}

/// Where everything lies, aside and in the end.
struct Places {
    out: PathBuf,
    /// The .pki, the folder or the archive as it grows.
    aside: PathBuf,
    /// The list of a .pki, which lies beside it.
    manifest: PathBuf,
}

impl Places {
    fn new(out: &Path) -> Result<Self> {
        let beside = |ending: &str| {
            let mut name = out.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let places = Self { out: out.to_owned(), aside: beside(".tmp"), manifest: beside(".txt") };
        for path in [&places.out, &places.manifest] {
            refuse_existing(path)?;
        }
        places.clean_up();
        Ok(places)
    }

    /// What a run that was interrupted left behind is nobody's.
    fn clean_up(&self) {
        BatchWriter::discard(&self.out);
        let list = self.manifest.with_extension("txt.tmp");
        for path in [&self.aside, &list] {
            // Most of them are not there.
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

fn refuse_existing(path: &Path) -> Result<()> {
    if path.try_exists().with_context(|| path.display().to_string())? {
        bail!("{}: is there already, and nothing is overwritten; choose another name", path.display());
    }
    Ok(())
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(BufWriter::new(file))
}

fn finish(writer: BufWriter<File>, path: &Path) -> Result<()> {
    let finished =
        writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    finished.with_context(|| format!("{}: cannot be written", path.display()))
}

fn next(service: &Arc<Service>, exporting: &mut Exporting) -> Result<Option<Vec<ExportItem>>> {
    Ok(service.act(|nem, now| nem.export_next(exporting, now))?)
}

fn nothing(exporting: &Exporting) -> anyhow::Error {
    nem::CommandError::NothingToExport(exporting.left_behind()).into()
}

/// Who made the file, and what for.
fn heading(exporting: &Exporting, signer: &str, columns: &str) -> String {
    let export = exporting.export();
    format!(
        "# export {} for the RA/CA {}, {}, by {signer}\n# {columns}\n",
        export.id, export.upstream, export.made_at
    )
}

fn write_pki(service: &Arc<Service>, exporting: &mut Exporting, places: &Places) -> Result<(u64, PathBuf)> {
    let (identity, _) = service.act(|nem, _| nem.export_signer(exporting))?;
    let list_aside = places.manifest.with_extension("txt.tmp");
    let batch = BatchWriter::create(&places.out);
    let mut batch = batch.with_context(|| format!("{}: cannot be written", places.out.display()))?;
    let mut list = create(&list_aside)?;
    list.write_all(
        heading(exporting, &identity.name().to_string(), "station\trequest\ttransactionID").as_bytes(),
    )?;
    while let Some(items) = next(service, exporting)? {
        for item in items {
            batch.push(&item.octets)?;
            let id = item.transaction_id.map(|id| id.to_string()).unwrap_or_default();
            writeln!(list, "{}\t{}\t{id}", one_line(&item.station), item.request)?;
        }
    }
    if exporting.export().requests == 0 {
        return Err(nothing(exporting));
    }
    let octets = u64::try_from(batch.octets())?;
    let (around, key) = service.act(|nem, now| nem.close_export(exporting, now))?;
    batch.sign(&around, key.as_ref())?;
    finish(list, &list_aside)?;
    // Whoever sees the file finds its list.
    publish(&list_aside, &places.manifest)?;
    batch.publish()?;
    Ok((octets, places.manifest.clone()))
}

/// A folder or an archive.
enum Sink {
    Folder(PathBuf),
    Archive(Box<ZipWriter<File>>),
}

impl Sink {
    fn new(places: &Places) -> Result<Self> {
        let aside = &places.aside;
        let failed = || format!("{}: cannot be written", aside.display());
        if places.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip")) {
            return Ok(Self::Archive(Box::new(ZipWriter::new(File::create(aside).with_context(failed)?))));
        }
        fs::create_dir(aside).with_context(failed)?;
        Ok(Self::Folder(aside.clone()))
    }

    fn add(&mut self, name: &str, contents: &mut dyn Read) -> Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let mut file = File::create_new(&path).with_context(|| path.display().to_string())?;
                io::copy(contents, &mut file)?;
                Ok(file.sync_all()?)
            }
            Self::Archive(archive) => {
                archive.start_file(name, SimpleFileOptions::default().large_file(false))?;
                io::copy(contents, archive.as_mut())?;
                Ok(())
            }
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Folder(folder) => Ok(File::open(folder)?.sync_all()?),
            Self::Archive(archive) => Ok(archive.finish()?.sync_all()?),
        }
    }
}

/// The list says which file is whose, with its digest, and the NEM signs the list.
fn write_pkcs10(
    service: &Arc<Service>,
    exporting: &mut Exporting,
    places: &Places,
) -> Result<(u64, PathBuf)> {
    let (identity, key) = service.act(|nem, _| nem.export_signer(exporting))?;
    let list_aside = places.manifest.with_extension("txt.tmp");
    let (mut sink, mut list) = (Sink::new(places)?, create(&list_aside)?);
    let columns = "station\tfile\tSHA-256 of the file";
    list.write_all(heading(exporting, &identity.name().to_string(), columns).as_bytes())?;
    let mut octets = 0_u64;
    while let Some(items) = next(service, exporting)? {
        for item in items {
            let name = format!("{}-{}.csr", safe(&item.station), item.request);
            let text = request_pem(&item.octets)?;
            sink.add(&name, &mut text.as_bytes())?;
            octets = octets.saturating_add(u64::try_from(item.octets.len())?);
            let digest: String =
                Sha256::digest(text.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
            writeln!(list, "{}\t{name}\t{digest}", one_line(&item.station))?;
        }
    }
    if exporting.export().requests == 0 {
        return Err(nothing(exporting));
    }
    finish(list, &list_aside)?;
    sink.add("manifest.txt", &mut File::open(&list_aside)?)?;
    sink.add("manifest.sig", &mut sign_file(&list_aside, key.as_ref())?.as_slice())?;
    let certificate = identity.certificate().cloned().context("the NEM signs with no certificate")?;
    sink.add("nem.pem", &mut certificates_pem(&[certificate])?.as_bytes())?;
    sink.finish()?;
    publish(&places.aside, &places.out)?;
    // It is in there.
    let _ = fs::remove_file(&list_aside);
    Ok((octets, places.out.join("manifest.txt")))
}

/// What is a file's name everywhere, and leads nowhere.
fn safe(station: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    station.chars().take(40).map(keep).collect()
}
