//! Runs firmware under an emulator, with `raca` at the other end of its serial line.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use testkit::programs::{Factory, Server, run};

use super::toolchain::{Unpacked, succeeded};
use crate::peers::target_folder;

/// A machine that is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Board {
    /// A Cortex-M4.
    Mps2An386,
    /// A Cortex-A53.
    Virt,
}

impl Board {
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Mps2An386 => "thumbv7em-none-eabihf",
            Self::Virt => "aarch64-unknown-none",
        }
    }

    /// The emulator and its machine.
    const fn machine(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Mps2An386 => ("usr/bin/qemu-system-arm", &["-M", "mps2-an386"]),
            Self::Virt => {
                ("usr/bin/qemu-system-aarch64", &["-M", "virt", "-cpu", "cortex-a53", "-nic", "none"])
            }
        }
    }
}

/// A factory, an operator's RA/CA that serves, and a folder with what the factory left in a station's memory.
#[derive(Debug)]
pub(crate) struct House {
    folder: tempfile::TempDir,
    server: Server,
}

impl House {
    /// With `raca` from cargo's target folder.
    pub(crate) fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path();
        let raca = target_folder()?.join("debug/raca");
        let raca = raca.to_str().ok_or("the target folder's name is not UTF-8")?;
        Factory::new(path).certify("enb1", 3650);
        run(raca, "init --dir ra --vendor-ca factory.pem", path).success();
        run("openssl", "x509 -in ra/ca.pem -outform DER -out operator-root.der", path).success();
        run("openssl", "x509 -in enb1.pem -outform DER -out vendor.der", path).success();
        let key = "pkcs8 -topk8 -nocrypt -in enb1.key -outform DER -out vendor-key.der";
        run("openssl", key, path).success();
        let server = Server::start(raca, "serve --config ra/raca.toml --listen 127.0.0.1:0", path);
        Ok(Self { folder, server })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the RA/CA listens.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Posts a message as a station's modem would.
    fn post(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let file = self.path().join("message.der");
        fs::write(&file, message).map_err(|error| error.to_string())?;
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "-H",
                "Content-Type: application/pkixcmp",
                "--data-binary",
            ])
            .arg("@message.der")
            .arg(self.server.url())
            .current_dir(self.path())
            .output();
        Ok(succeeded("curl", output)?.stdout)
    }

    /// Signs a digest of SHA-256 as a secure element would.
    fn sign(&self, key: &str, digest: &[u8]) -> Result<Vec<u8>, String> {
        fs::write(self.path().join("digest"), digest).map_err(|error| error.to_string())?;
        let output = Command::new("openssl")
            .args(["pkeyutl", "-sign", "-pkeyopt", "digest:sha256", "-in", "digest", "-inkey", key])
            .current_dir(self.path())
            .output();
        Ok(succeeded("openssl pkeyutl", output)?.stdout)
    }
}

/// What came over the serial line, and how the program ended.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) console: String,
    /// Kinds and octets, but for the messages, which were answered.
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
}

impl Run {
    /// The octets of the only frame of that kind.
    pub(crate) fn only(&self, kind: u8) -> Result<&[u8], String> {
        let mut frames = self.frames.iter().filter(|(other, _)| *other == kind);
        match (frames.next(), frames.next()) {
            (Some((_, octets)), None) => Ok(octets),
            _ => Err(format!("not exactly one frame {:?}: {}", char::from(kind), self.console)),
        }
    }
}

/// How long a program may run: seconds.
const LIMIT: &str = "300";

/// Larger frames are not taken: octets.
const MAX_LENGTH: usize = 64 * 1024;

/// Runs a program to its end. What it sends to the RA/CA is posted there; `reply` may change what comes back. One instruction
/// takes one nanosecond of the machine's own time.
pub(crate) fn run_program(
    emulators: &Unpacked,
    board: Board,
    program: &Path,
    house: &House,
    reply: &dyn Fn(Vec<u8>) -> Vec<u8>,
) -> Result<Run, String> {
    let (emulator, machine) = board.machine();
    let console = house.path().join("console");
    let stderr = File::create(&console).map_err(|error| error.to_string())?;
    let mut child = Command::new("timeout")
        .arg(LIMIT)
        .arg(emulators.path(emulator))
        .args(machine)
        .args(["-icount", "shift=0", "-display", "none", "-monitor", "none", "-serial", "stdio"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(program)
        .current_dir(house.path())
        .env("LD_LIBRARY_PATH", emulators.libraries())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(|error| format!("the emulator cannot be run: {error}"))?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (mut input, mut output) = input.zip(output).ok_or("the emulator has no serial line")?;
    let mut run = Run::default();
    let bridged = bridge(&mut input, &mut output, house, reply, &mut run.frames);
    if bridged.is_err() {
        // It may have ended before.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    run.code = status.code();
    run.console = fs::read_to_string(&console).map_err(|error| error.to_string())?;
    bridged.map(|()| run)
}

fn bridge(
    input: &mut ChildStdin,
    output: &mut impl Read,
    house: &House,
    reply: &dyn Fn(Vec<u8>) -> Vec<u8>,
    frames: &mut Vec<(u8, Vec<u8>)>,
) -> Result<(), String> {
    let mut head = [0; 5];
    while output.read_exact(&mut head).is_ok() {
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|error| error.to_string())?;
        if length > MAX_LENGTH {
            return Err(format!("a frame of {length} octets"));
        }
        let mut octets = vec![0; length];
        output.read_exact(&mut octets).map_err(|error| format!("the frame is cut off: {error}"))?;
        let reply = match kind {
            b'm' => Some(reply(house.post(&octets)?)),
            b'd' => Some(house.sign("outside.pem", &octets)?),
            b'e' => Some(house.sign("rsa.pem", &octets)?),
            _ => None,
        };
        if let Some(reply) = reply {
            let length = u32::try_from(reply.len()).map_err(|error| error.to_string())?;
            let written = input.write_all(&length.to_be_bytes()).and_then(|()| input.write_all(&reply));
            written.and_then(|()| input.flush()).map_err(|error| error.to_string())?;
        } else {
            frames.push((kind, octets));
        }
    }
    Ok(())
}
