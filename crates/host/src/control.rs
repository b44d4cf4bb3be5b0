//! How a program's commands reach its running server, which alone has the database open: a Unix socket that only the
//! owner may use, one line of text each way.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tracing::{debug, warn};

const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Of a command; an answer may be of any length.
const LINE_LIMIT: u64 = 128 * 1024;

/// Sends a command to the server at that socket and returns its answer, both one line without its end. Blocks.
///
/// # Errors
/// When nobody listens there, or no answer comes within half a minute.
pub fn ask(socket: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.pop() == Some('\n') { Ok(answer) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

/// A server's end of the socket. The file is removed when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Listens there. Whoever calls this holds the lock that makes it the only server, so what lies there was left
    /// behind by a crash.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Answers commands, one connection after another. `answer` may block.
    pub async fn serve<A>(self, answer: A)
    where
        A: Fn(&str) -> String + Clone + Send + 'static,
    {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let served = tokio::time::timeout(TIME_LIMIT, converse(stream, answer.clone())).await;
                    if !matches!(served, Ok(Ok(()))) {
                        debug!("a command at the control socket was not finished");
                    }
                }
                Err(error) => {
                    warn!(%error, "the control socket does not accept");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // It may be gone already; what matters is that nobody waits at it.
        let _ = fs::remove_file(&self.path);
    }
}

async fn converse<A>(mut stream: tokio::net::UnixStream, answer: A) -> io::Result<()>
where
    A: Fn(&str) -> String + Send + 'static,
{
    let (reader, mut writer) = stream.split();
    let mut command = String::new();
    tokio::io::BufReader::new(reader.take(LINE_LIMIT)).read_line(&mut command).await?;
    let mut line = tokio::task::spawn_blocking(move || answer(command.trim_end())).await?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commands_are_answered_and_nothing_stays_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.sock");
        fs::write(&path, "left behind").unwrap();
        let socket = ControlSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let server = tokio::spawn(socket.serve(|command| command.to_uppercase()));
        let asked = path.clone();
        let answer = tokio::task::spawn_blocking(move || ask(&asked, "list")).await.unwrap();
        assert_eq!(answer.unwrap(), "LIST");
        server.abort();
        let _ = server.await;
        assert!(!path.exists());
        assert!(ask(&path, "list").is_err());
    }
}
