//! The line between NEM and RA/CA, which can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::{future, io};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Connections that nobody has accepted yet.
const BACKLOG: u32 = 128;

pub(crate) struct Link {
    address: SocketAddr,
    state: State,
    answers_pass: watch::Sender<bool>,
}

enum State {
    Open(JoinHandle<()>),
    /// Connections are refused; the socket keeps the port for later.
    Cut(TcpSocket),
}

impl Link {
    /// A line to the RA/CA at that address.
    pub(crate) fn open(raca: SocketAddr) -> Result<Self> {
        let socket = reserve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = socket.local_addr()?;
        let answers_pass = watch::Sender::new(true);
        let state = State::Open(listen(socket, raca, &answers_pass)?);
        Ok(Self { address, state, answers_pass })
    }

    /// Where the NEM finds the RA/CA.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/.well-known/cmp", self.address)
    }

    /// From now on requests pass, and answers do not.
    pub(crate) fn hold_answers(&self) {
        self.answers_pass.send_replace(false);
    }

    /// Ends every connection; whoever asks for a new one is refused.
    pub(crate) async fn cut(self) -> Result<Self> {
        let State::Open(task) = self.state else { return Ok(self) };
        task.abort();
        // Its end is the listener's, and the connections'.
        let _ = task.await;
        let state = State::Cut(reserve(self.address)?);
        Ok(Self { state, ..self })
    }

    /// The line is whole again, and leads to that address.
    pub(crate) fn restore(self, raca: SocketAddr) -> Result<Self> {
        let State::Cut(socket) = self.state else { return Ok(self) };
        self.answers_pass.send_replace(true);
        let state = State::Open(listen(socket, raca, &self.answers_pass)?);
        Ok(Self { state, ..self })
    }
}

/// A port of one's own, at which nobody listens yet.
fn reserve(address: SocketAddr) -> Result<TcpSocket> {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        // Connections that have just ended do not keep the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        io::Result::Ok(socket)
    };
    bind().with_context(|| format!("{address} cannot be used"))
}

fn listen(socket: TcpSocket, raca: SocketAddr, answers_pass: &watch::Sender<bool>) -> Result<JoinHandle<()>> {
    let listener = socket.listen(BACKLOG).context("nobody can listen there")?;
    Ok(tokio::spawn(carry(listener, raca, answers_pass.subscribe())))
}

async fn carry(listener: TcpListener, raca: SocketAddr, answers_pass: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((nem, _)) => drop(connections.spawn(connect(nem, raca, answers_pass.clone()))),
            Err(error) => tracing::warn!(%error, "the line to the RA/CA does not accept"),
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Until either side ends it.
async fn connect(
    mut nem: TcpStream,
    raca: SocketAddr,
    answers_pass: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut raca = TcpStream::connect(raca).await?;
    let (mut from_nem, mut to_nem) = nem.split();
    let (mut from_raca, mut to_raca) = raca.split();
    let answers = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = from_raca.read(&mut buffer).await?;
            let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else { return Ok(()) };
            if !*answers_pass.borrow() {
                return future::pending().await;
            }
            to_nem.write_all(read).await?;
        }
    };
    tokio::select! {
        ended = tokio::io::copy(&mut from_nem, &mut to_raca) => ended.map(drop),
        ended = answers => ended,
    }
}
