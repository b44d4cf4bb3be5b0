use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use crate::Error;

/// Log lines go to stderr, in colours where it is a terminal.
pub fn log_to_stderr(level: LevelFilter) {
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_max_level(level).with_ansi(colours).with_writer(io::stderr).init();
}

/// Prints a line to stdout, at once also into a pipe. It is no error when nobody reads any more, as with `| head`.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::File { path: PathBuf::from("stdout"), error })
        }
        _ => Ok(()),
    }
}
