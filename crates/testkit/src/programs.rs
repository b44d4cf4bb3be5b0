//! Real programs in tests: run to their end, or serving until the test is over; and a factory made by OpenSSL.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a program ended, and what it said.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // what a process has
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it printed to stderr.
    pub stderr: String,
}

impl Ended {
    /// What it printed, when it ended well.
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// What it printed to stderr, when it ended with that code.
    pub fn failure(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// Runs a program in a folder; words are separated by blanks.
pub fn run(program: &str, words: &str, folder: &Path) -> Ended {
    run_words(program, &words.split_whitespace().collect::<Vec<_>>(), folder)
}

/// Runs a program in a folder.
pub fn run_words(program: &str, words: &[&str], folder: &Path) -> Ended {
    run_with(program, words, folder, &[])
}

/// Runs a program in a folder, with more environment variables.
pub fn run_with(program: &str, words: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Ended {
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("{program} is needed: `cargo xtask peers` installs it"),
        _ => panic!("{program}: {error}"),
    });
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A program that serves until it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a program that prints `listening on URL` once it accepts connections.
    pub fn start(program: &str, words: &str, folder: &Path) -> Self {
        Self::start_with(program, words, folder, &[])
    }

    /// Starts such a program with more environment variables.
    pub fn start_with(program: &str, words: &str, folder: &Path, environment: &[(&str, &str)]) -> Self {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = folder.join(format!("{name}.log"));
        let stderr = File::options().append(true).create(true).open(&log).expect("a log can be written");
        let mut child = Command::new(program)
            .args(words.split_whitespace())
            .current_dir(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it can be read");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| {
            panic!("{name} does not serve: {line}{}", fs::read_to_string(&log).unwrap_or_default())
        });
        Self { url: url.to_owned(), child, log }
    }

    /// Starts a program that says nothing when it accepts connections at that port of 127.0.0.1.
    pub fn start_at(program: &str, words: &str, folder: &Path, port: u16) -> Self {
        let log = folder.join(format!("{program}.log"));
        let output = File::options().append(true).create(true).open(&log).expect("a log can be written");
        let child = Command::new(program)
            .args(words.split_whitespace())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file can be shared"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask peers` installs it"));
        let server = Self { child, url: format!("http://127.0.0.1:{port}"), log };
        wait_until(&format!("{program} serves"), || {
            // A connection of its own would be taken for a client by programs that serve one at a time.
            let is_listening =
                |line: &str| line.contains(&format!(":{port:04X} ")) && line.contains(":0000 0A ");
            ["/proc/net/tcp", "/proc/net/tcp6"]
                .iter()
                .any(|table| fs::read_to_string(table).is_ok_and(|table| table.lines().any(is_listening)))
        });
        server
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host and port it serves at.
    pub fn address(&self) -> &str {
        let (_, rest) = self.url.split_once("://").expect("it is a URL");
        rest.split_once('/').map_or(rest, |(address, _)| address)
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log can be read")
    }

    /// Waits until a line of the log has all these words.
    pub fn wait_for_log(&self, words: &[&str]) {
        let found = || self.log().lines().any(|line| words.iter().all(|word| line.contains(word)));
        if !wait(found) {
            panic!("no line of the log has {words:?}:\n{}", self.log());
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -s {name}");
    }

    /// Sends it a signal and waits for its end.
    pub fn stop(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        let mut ended = None;
        wait_until("it ends", || {
            ended = self.child.try_wait().expect("it is our child");
            ended.is_some()
        });
        ended.expect("it was waited for")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(wait(condition), "waited in vain: {what}");
}

fn wait(mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// A port of 127.0.0.1 that was free a moment ago. It is below those that the system hands out itself, so that no connection of another
/// test gets it in between.
pub fn free_port() -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut candidates = std::iter::repeat_with(|| {
        let random = RandomState::new().hash_one(std::process::id());
        10_000 + u16::try_from(random % 20_000).expect("it is small")
    });
    candidates.find(is_free).expect("there are any number")
}

/// A vendor's factory, made by OpenSSL: `factory.pem` and `factory.key` in a folder.
#[derive(Debug)]
pub struct Factory {
    folder: PathBuf,
    kind: &'static str,
}

impl Factory {
    /// Makes its CA, `CN=Factory CA,O=Vendor`.
    pub fn new(folder: &Path) -> Self {
        Self::with_keys(folder, EC)
    }

    /// The same with another kind of keys, its own and its stations': what `openssl req` takes behind `-newkey`.
    pub fn with_keys(folder: &Path, kind: &'static str) -> Self {
        Self::make(folder, "/O=Vendor/CN=Factory CA", kind)
    }

    /// Makes one whose CA has another name.
    pub fn named(folder: &Path, subject: &str) -> Self {
        Self::make(folder, subject, EC)
    }

    fn make(folder: &Path, subject: &str, kind: &'static str) -> Self {
        let request =
            format!("req -x509 -newkey {kind} -nodes -days 7300 -keyout factory.key -out factory.pem -subj");
        run_words("openssl", &words(&request, &[subject]), folder).success();
        Self::prepare(folder, kind)
    }

    fn prepare(folder: &Path, kind: &'static str) -> Self {
        // `openssl ca` is the one command that takes dates, and makes CRLs.
        fs::write(folder.join("factory.cnf"), CA_CONFIGURATION).expect("writable");
        fs::write(folder.join("factory.index"), "").expect("writable");
        fs::write(folder.join("factory.crlnumber"), "01\n").expect("writable");
        Self { folder: folder.to_owned(), kind }
    }

    /// Takes over a CA that is there already, to make its CRLs: from these files, into an empty folder.
    pub fn of(folder: &Path, certificate: &Path, key: &Path) -> Self {
        fs::copy(certificate, folder.join("factory.pem")).expect("the certificate is there");
        fs::copy(key, folder.join("factory.key")).expect("the key is there");
        Self::prepare(folder, EC)
    }

    /// Makes `NAME.key` and `NAME.pem`, the vendor certificate `CN=NAME,O=Vendor`, valid for so many days from now (none:
    /// it has expired).
    pub fn certify(&self, name: &str, days: u32) {
        let kind = self.kind;
        let request = format!(
            "req -new -newkey {kind} -nodes -keyout {name}.key -out {name}.csr -subj /O=Vendor/CN={name}"
        );
        run("openssl", &request, &self.folder).success();
        fs::write(self.folder.join("factory.ext"), "keyUsage=critical,digitalSignature\n").expect("writable");
        let validity = match days {
            0 => "-startdate 20200101000000Z -enddate 20210101000000Z".to_owned(),
            days => format!("-days {days}"),
        };
        let certificate = format!(
            "ca -batch -notext -config factory.cnf -rand_serial -in {name}.csr -out {name}.pem {validity} -extfile factory.ext"
        );
        run("openssl", &certificate, &self.folder).success();
    }

    /// Revokes `NAME.pem`; the next CRL will say so.
    pub fn revoke(&self, name: &str) {
        run("openssl", &format!("ca -config factory.cnf -revoke {name}.pem"), &self.folder).success();
    }

    /// Makes a CRL of that name with everything that is revoked so far, in PEM. It is out of date after so many days (none: it
    /// is so already).
    pub fn crl(&self, name: &str, days: u32) {
        let validity = match days {
            0 => "-crl_lastupdate 20200101000000Z -crl_nextupdate 20210101000000Z".to_owned(),
            days => format!("-crldays {days}"),
        };
        run("openssl", &format!("ca -config factory.cnf -gencrl -out {name}.new {validity}"), &self.folder)
            .success();
        // At once, as one that replaces it should.
        fs::rename(self.folder.join(format!("{name}.new")), self.folder.join(name)).expect("writable");
    }
}

/// What `openssl req` makes P-256 keys of.
const EC: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

const CA_CONFIGURATION: &str = "\
[ca]
default_ca = factory
[factory]
database = factory.index
serial = factory.serial
crlnumber = factory.crlnumber
rand_serial = yes
new_certs_dir = .
certificate = factory.pem
private_key = factory.key
default_md = sha256
unique_subject = no
policy = any
[any]
organizationName = optional
commonName = supplied
";

/// Words separated by blanks, and then words that may have blanks.
pub fn words<'a>(separated: &'a str, whole: &[&'a str]) -> Vec<&'a str> {
    separated.split_whitespace().chain(whole.iter().copied()).collect()
}
