use std::fmt;
use std::path::PathBuf;

/// Why something on disk cannot be used. Each message says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // The operator's
    /// Another process has the file open.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or created.
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: redb::DatabaseError,
    },

    // The disk's
    /// Reading or writing failed.
    Database(redb::Error),
    /// A record is not what was written.
    Corrupt {
        /// What kind of record.
        record: &'static str,
        /// What is wrong with it.
        reason: der::Error,
    },

    // The caller's
    /// A record cannot be encoded.
    Encoding(der::Error),
    /// There is one with that key already.
    Exists {
        /// What kind of record.
        record: &'static str,
    },
    /// There is none with that key.
    Missing {
        /// What kind of record.
        record: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path } => write!(
                f,
                "{}: another process has this file open; it may be used by one at a time",
                path.display()
            ),
            Self::Open { path, reason } => write!(f, "{}: cannot be opened: {reason}", path.display()),
            Self::Database(error) => write!(f, "reading or writing failed: {error}"),
            Self::Corrupt { record, reason } => {
                write!(f, "a {record} is damaged: {reason}; restore the file from a backup")
            }
            Self::Encoding(error) => write!(f, "a record cannot be encoded: {error}"),
            Self::Exists { record } => write!(f, "there is such a {record} already"),
            Self::Missing { record } => write!(f, "there is no such {record}"),
        }
    }
}

/// The message already tells the cause, so there is no `source`.
impl std::error::Error for Error {}

/// For a value that the files' schema has no number for: add one before it is used.
pub(crate) fn unknown_value() -> Error {
    Error::Encoding(der::ErrorKind::TagUnknown { byte: 0 }.into())
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Error {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

from_redb!(TransactionError, TableError, StorageError, CommitError, SetDurabilityError);
