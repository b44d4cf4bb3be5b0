//! Batches that are too long for memory, in files (RFC 9483 sections 5.2.2.2 and 6.4): written and signed in pieces, and read so. What is in
//! memory does not grow with them.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cmp::{BatchLayout, LongBatch, ReadingPolicy, ReceivedBatch};
use crypto::{DigestAlgorithm, SigningKey};
use der::{Decode, Header, Reader, SliceReader};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::Error;
use crate::files::sync_directory;

/// The header of a message, and the beginning of its body.
const START: usize = 64 * 1024;
const BUFFER: usize = 64 * 1024;
/// Of one message inside.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// A batch that is written. Until it is whole it lies beside its place, under names that end with `.tmp`.
#[derive(Debug)]
pub struct BatchWriter {
    out: PathBuf,
    messages: BufWriter<File>,
    octets: usize,
}

impl BatchWriter {
    /// A batch that will lie there. What an interrupted run left behind is overwritten.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn create(out: &Path) -> Result<Self, Error> {
        let path = messages_of(out);
        let messages = File::create(&path).map_err(|error| Error::File { path, error })?;
        Ok(Self { out: out.to_owned(), messages: BufWriter::new(messages), octets: 0 })
    }

    /// Adds the octets of a message.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn push(&mut self, message: &[u8]) -> Result<(), Error> {
        self.messages.write_all(message).map_err(|error| file_error(&self.out, error))?;
        self.octets = self.octets.saturating_add(message.len());
        Ok(())
    }

    /// How many octets the messages have together.
    pub const fn octets(&self) -> usize {
        self.octets
    }

    /// Signs the whole, and has it on the disk; it gets its name by [`BatchWriter::publish`].
    ///
    /// # Errors
    /// When the key fails, or it cannot be written.
    pub fn sign(&mut self, batch: &LongBatch, key: &dyn SigningKey) -> Result<(), Error> {
        let path = messages_of(&self.out);
        self.messages.flush().map_err(|error| file_error(&path, error))?;
        let messages = || File::open(&path).map_err(|error| file_error(&path, error));
        let of_batch = |error| Error::Batch { path: self.out.clone(), error };
        let prefix = batch.signed_prefix().map_err(of_batch)?;
        let signature = signature(&prefix, messages()?, key).map_err(|error| file_error(&path, error))?;
        let (before, behind) = batch.with_signature(&signature).map_err(of_batch)?;
        let write = || {
            let mut file = BufWriter::new(File::create(aside(&self.out))?);
            file.write_all(&before)?;
            io::copy(&mut BufReader::new(messages().map_err(io::Error::other)?), &mut file)?;
            file.write_all(&behind)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        write().map_err(|error| file_error(&self.out, error))
    }

    /// Gives it its name, if that is not taken. When this returns it is on the disk.
    ///
    /// # Errors
    /// When there is something of that name, or it cannot be written.
    pub fn publish(self) -> Result<(), Error> {
        publish(&aside(&self.out), &self.out)?;
        // It would be overwritten the next time.
        let _ = fs::remove_file(messages_of(&self.out));
        Ok(())
    }

    /// Takes away what lies beside its place.
    pub fn discard(out: &Path) {
        for path in [aside(out), messages_of(out)] {
            // Most of the time they are not there.
            let _ = fs::remove_file(path);
        }
    }
}

/// Gives what was written aside its name, if that is not taken, and has that on the disk.
///
/// # Errors
/// When there is something of that name, or it cannot be renamed.
pub fn publish(aside: &Path, path: &Path) -> Result<(), Error> {
    // Links, which would tell for certain, do not exist on the disks that are carried about.
    if path.try_exists().map_err(|error| file_error(path, error))? {
        return Err(Error::Exists(path.to_owned()));
    }
    fs::rename(aside, path).and_then(|()| sync_directory(path)).map_err(|error| file_error(path, error))
}

fn aside(out: &Path) -> PathBuf {
    beside(out, ".tmp")
}

fn messages_of(out: &Path) -> PathBuf {
    beside(out, ".messages.tmp")
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn file_error(path: &Path, error: io::Error) -> Error {
    Error::File { path: path.to_owned(), error }
}

/// The signature of what is in a file.
///
/// # Errors
/// When it cannot be read, or the key fails.
pub fn sign_file(path: &Path, key: &dyn SigningKey) -> Result<Vec<u8>, Error> {
    let sign = || signature(&[], File::open(path)?, key);
    sign().map_err(|error| file_error(path, error))
}

/// By the digest where the key can; the octets themselves are all in memory where it cannot.
fn signature(prefix: &[u8], mut messages: File, key: &dyn SigningKey) -> io::Result<Vec<u8>> {
    if let Some(algorithm) = key.algorithm().prehash() {
        let mut running = Running::new(algorithm)?;
        running.update(prefix);
        copy(&mut messages, |read| running.update(read))?;
        if let Some(signed) = key.sign_digest(&running.finish()) {
            return signed.map_err(io::Error::other);
        }
        messages.seek(SeekFrom::Start(0))?;
    }
    let mut whole = prefix.to_vec();
    messages.read_to_end(&mut whole)?;
    key.sign(&whole).map_err(io::Error::other)
}

fn copy(from: &mut impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer)?;
        let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else { return Ok(()) };
        take(read);
    }
}

/// A digest of octets as they go by.
#[derive(Clone, Debug)]
enum Running {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Running {
    fn new(algorithm: DigestAlgorithm) -> io::Result<Self> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Self::Sha256(Sha256::new())),
            DigestAlgorithm::Sha384 => Ok(Self::Sha384(Sha384::new())),
            DigestAlgorithm::Sha512 => Ok(Self::Sha512(Sha512::new())),
            other => Err(io::Error::new(ErrorKind::Unsupported, format!("{other:?}"))),
        }
    }

    fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha256(digest) => digest.update(octets),
            Self::Sha384(digest) => digest.update(octets),
            Self::Sha512(digest) => digest.update(octets),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(digest) => digest.finalize().to_vec(),
            Self::Sha384(digest) => digest.finalize().to_vec(),
            Self::Sha512(digest) => digest.finalize().to_vec(),
        }
    }
}

/// A batch in a file, read in pieces: first to learn its digest, then message by message.
#[derive(Debug)]
pub struct BatchFile {
    path: PathBuf,
    layout: BatchLayout,
    received: ReceivedBatch,
    algorithm: DigestAlgorithm,
    digest: Vec<u8>,
}

impl BatchFile {
    /// Reads it once, within the policy's limits. `None`: it is no batch, has a single message inside, or is signed with a key whose
    /// signatures need all octets at once; it is for [`cmp::PkiMessage::inspect`] then.
    ///
    /// # Errors
    /// When it cannot be read, is cut off, is no message, or is too long.
    pub fn open(path: &Path, policy: &ReadingPolicy) -> Result<Option<Self>, Error> {
        let of_batch = |error| Error::Batch { path: path.to_owned(), error };
        let of_file = |error| file_error(path, error);
        let mut file = File::open(path).map_err(of_file)?;
        let mut start = Vec::new();
        let most = u64::try_from(START).unwrap_or(u64::MAX);
        Read::by_ref(&mut file).take(most).read_to_end(&mut start).map_err(of_file)?;
        let Some(layout) = BatchLayout::read(&start, policy).map_err(of_batch)? else { return Ok(None) };
        let length = file.metadata().map_err(of_file)?.len();
        if u64::try_from(layout.octets()).ok() != Some(length) {
            let said = layout.octets();
            let error = io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("it is not whole: it has {length} octets, and {said} are said"),
            );
            return Err(of_file(error));
        }
        let mut trailer = Vec::new();
        let end = u64::try_from(layout.messages().end).unwrap_or(u64::MAX);
        file.seek(SeekFrom::Start(end)).and_then(|_| file.read_to_end(&mut trailer)).map_err(of_file)?;
        let received = layout.receive(&trailer, policy).map_err(of_batch)?;
        let Some(algorithm) = received.digest() else { return Ok(None) };
        let mut batch = Self { path: path.to_owned(), layout, received, algorithm, digest: Vec::new() };
        let mut messages = batch.messages()?;
        let mut count = 0_usize;
        for message in &mut messages {
            message?;
            count = count.saturating_add(1);
            let limit = policy.nested_messages;
            if count > limit {
                return Err(of_batch(cmp::Error::TooMany { list: "nested", count, limit }));
            }
        }
        batch.digest = messages.digest.finish();
        Ok(Some(batch))
    }

    /// What stands around the messages.
    pub const fn received(&self) -> &ReceivedBatch {
        &self.received
    }

    /// The digest of what is signed.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The messages, one after another, read anew. The last item is an error if the file is not any more what it was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn messages(&self) -> Result<Messages, Error> {
        let open = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(u64::try_from(self.layout.messages().start).unwrap_or(u64::MAX)))?;
            let mut digest = Running::new(self.algorithm)?;
            digest.update(&self.layout.signed_prefix().map_err(io::Error::other)?);
            Ok((BufReader::with_capacity(BUFFER, file), digest))
        };
        let (file, digest) = open().map_err(|error| file_error(&self.path, error))?;
        let left = self.layout.messages().len();
        let expected = Some(self.digest.clone()).filter(|digest| !digest.is_empty());
        Ok(Messages { path: self.path.clone(), file, left, digest, expected })
    }
}

/// Whether a file is the beginning of something in DER that says it is longer.
///
/// # Errors
/// When it cannot be read.
pub fn is_cut_off(path: &Path) -> Result<bool, Error> {
    let start = || {
        let (file, mut start) = (File::open(path)?, Vec::new());
        let length = file.metadata()?.len();
        file.take(16).read_to_end(&mut start)?;
        Ok((start, length))
    };
    let (start, length) = start().map_err(|error| file_error(path, error))?;
    if start.first() != Some(&0x30) {
        return Ok(false);
    }
    let said = SliceReader::new(&start).and_then(|mut reader| {
        let header = Header::decode(&mut reader)?;
        reader.position() + header.length()
    });
    Ok(said.map_or(start.len() < 6, |said| u64::from(u32::from(said)) > length))
}

/// The messages of a batch.
#[derive(Debug)]
pub struct Messages {
    path: PathBuf,
    file: BufReader<File>,
    /// Octets that are still to come.
    left: usize,
    digest: Running,
    expected: Option<Vec<u8>>,
}

impl Messages {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let malformed = |reason: &str| io::Error::new(ErrorKind::InvalidData, reason.to_owned());
        let mut message = vec![0; 2];
        self.file.read_exact(&mut message)?;
        let more = match message.last() {
            Some(length @ 0x81..=0x84) => usize::from(length & 0x7f),
            Some(0..=0x7f) => 0,
            _ => return Err(malformed("a message in it has no length that DER knows")),
        };
        message.resize(2 + more, 0);
        self.file.read_exact(message.get_mut(2..).unwrap_or_default())?;
        let header = SliceReader::new(&message).and_then(|mut reader| Header::decode(&mut reader));
        let header = header.map_err(|error| malformed(&error.to_string()))?;
        let length = usize::try_from(u32::from(header.length())).unwrap_or(usize::MAX);
        let octets = length.saturating_add(message.len());
        self.left = self
            .left
            .checked_sub(octets)
            .ok_or_else(|| malformed("a message in it is longer than the batch"))?;
        if octets > MAX_MESSAGE {
            return Err(malformed("a message in it is too long"));
        }
        let tag = message.len();
        message.resize(octets, 0);
        self.file.read_exact(message.get_mut(tag..).unwrap_or_default())?;
        self.digest.update(&message);
        Ok(message)
    }
}

impl Iterator for Messages {
    type Item = Result<Vec<u8>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let expected = self.expected.take()?;
            let changed = self.digest.clone().finish() != expected;
            let error = || io::Error::new(ErrorKind::InvalidData, "it was changed while it was read");
            return changed.then(|| Err(file_error(&self.path, error())));
        }
        let message = self.read();
        if message.is_err() {
            (self.left, self.expected) = (0, None);
        }
        Some(message.map_err(|error| file_error(&self.path, error)))
    }
}
