use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::{Message, Reading};

/// A decoder of others, waiting for messages until it is dropped.
#[derive(Debug)]
pub struct Peer {
    name: &'static str,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Accepted { der: String, fields: Value },
    Refused { error: String },
}

impl Peer {
    /// Bouncy Castle of Debian, in Java.
    pub fn bouncy_castle() -> Self {
        Self::java("BouncyCastle.java")
    }

    /// The same, to make and to verify the protection of messages, by [`Peer::ask`].
    pub fn bouncy_castle_protection() -> Self {
        Self::java("BouncyCastleProtection.java")
    }

    fn java(program: &str) -> Self {
        let jars = ["bcpkix", "bcprov", "bcutil"].map(|jar| format!("/usr/share/java/{jar}.jar"));
        for jar in &jars {
            assert!(Path::new(jar).is_file(), "{jar} is needed: `cargo xtask peers` installs it");
        }
        let program = folder().join(program);
        Self::start("Bouncy Castle", "java", &["-cp".as_ref(), jars.join(":").as_ref(), program.as_ref()])
    }

    /// An RA/CA made of it, by [`Peer::ask`].
    pub fn bouncy_castle_authority() -> Self {
        Self::java("BouncyCastleAuthority.java")
    }

    /// pyasn1 and pyasn1-alt-modules, in Python.
    pub fn pyasn1() -> Self {
        Self::python("pyasn1", "pyasn1_peer.py")
    }

    /// pyca/cryptography, whose OpenSSL knows ML-DSA, by [`Peer::ask`].
    pub fn pyca() -> Self {
        Self::python("pyca/cryptography", "pyca_peer.py")
    }

    fn python(name: &'static str, program: &str) -> Self {
        let executable = std::env::current_exe().expect("a test has a path");
        // Cargo marks its target folder with this file.
        let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        let python = target.expect("a test lies in cargo's target folder").join("peers/python/bin/python3");
        Self::start(name, python, &[folder().join(program).as_ref()])
    }

    fn start(name: &'static str, program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} is needed: `cargo xtask peers` installs it ({error})"));
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { name, child, requests, answers }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its answer to one line.
    pub fn ask(&mut self, line: &str) -> String {
        let name = self.name;
        let requests = self.requests.as_mut().expect("it runs");
        writeln!(requests, "{line}")
            .and_then(|()| requests.flush())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!answer.is_empty(), "{name} is gone; is it installed? `cargo xtask peers`");
        answer.trim_end().to_owned()
    }

    /// What it says of each of these messages.
    pub fn read(&mut self, messages: &[Message]) -> Vec<Reading> {
        let name = self.name;
        let requests = self.requests.as_mut().expect("it runs");
        let answers = &mut self.answers;
        std::thread::scope(|scope| {
            // Apart from the reading: pipes hold a few messages only.
            scope.spawn(move || {
                for message in messages {
                    let line = format!("{} {}\n", message.kind, hex(&message.octets));
                    requests.write_all(line.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
                }
                requests.flush().unwrap_or_else(|error| panic!("{name}: {error}"));
            });
            messages.iter().map(|message| reading(name, &message.name, answers)).collect()
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

fn reading(peer: &str, message: &str, answers: &mut impl BufRead) -> Reading {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap_or_else(|error| panic!("{peer}: {error}"));
    match serde_json::from_str(&line) {
        Ok(Answer::Accepted { der, fields }) => {
            Reading::Accepted { der: octets(&der), fields, unopened: Vec::new() }
        }
        Ok(Answer::Refused { error }) => Reading::Refused(error),
        Err(error) => {
            panic!("{peer} answers to {message}: {line:?} ({error}); is it installed? `cargo xtask peers`")
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// Hexadecimal digits.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut text, octet| {
        write!(text, "{octet:02x}").expect("a String takes everything");
        text
    })
}

/// The octets of hexadecimal digits.
pub fn octets(hex: &str) -> Vec<u8> {
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hex.as_bytes().chunks(2).map(|pair| octet(pair).expect("peers write hexadecimal digits")).collect()
}
