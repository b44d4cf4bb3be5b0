//! Tokens in SoftHSM2, each test's in a folder of its own, and tests in a process of their own: the module reads the
//! environment once, and one test cannot set it for itself alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The PKCS #11 module of SoftHSM2, where Debian has it.
pub const SOFT_HSM_MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The variable that names SoftHSM2's configuration.
pub const SOFT_HSM_VARIABLE: &str = "SOFTHSM2_CONF";

const OWN_PROCESS: &str = "TESTKIT_OWN_PROCESS";

/// A folder with tokens.
#[derive(Debug)]
pub struct SoftHsm {
    folder: PathBuf,
}

impl SoftHsm {
    /// Without tokens yet.
    pub fn new(folder: &Path) -> Self {
        let tokens = folder.join("tokens");
        fs::create_dir_all(&tokens).expect("a folder can be made");
        let hsm = Self { folder: folder.to_owned() };
        let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
        fs::write(hsm.configuration(), text).expect("a file can be written");
        hsm
    }

    /// What [`SOFT_HSM_VARIABLE`] is to say.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a token.
    pub fn add_token(&self, label: &str, pin: &str) {
        self.run(&["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "security officer"]);
    }

    /// Brings a key pair into a token: PKCS #8 in PEM, not encrypted. `id` is hexadecimal.
    pub fn import(&self, token: &str, pin: &str, object: &str, id: &str, key: &str) {
        let file = self.folder.join("imported.pem");
        fs::write(&file, key).expect("a file can be written");
        let path = file.to_str().expect("temporary folders are named in Unicode");
        self.run(&["--import", path, "--token", token, "--pin", pin, "--label", object, "--id", id]);
        fs::remove_file(file).expect("it was just written");
    }

    fn run(&self, arguments: &[&str]) {
        let output = Command::new("softhsm2-util")
            .args(arguments)
            .env(SOFT_HSM_VARIABLE, self.configuration())
            .stdin(Stdio::null())
            .output()
            .expect("softhsm2-util is needed: `cargo xtask peers` installs it");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Runs a test's body in a process of its own, which finds its tokens in that folder. `test` is the test's name.
///
/// # Panics
/// When the test fails there.
pub fn with_soft_hsm(test: &str, folder: &Path, body: impl FnOnce(&SoftHsm)) {
    if std::env::var_os(OWN_PROCESS).is_some() {
        let configuration = std::env::var_os(SOFT_HSM_VARIABLE).expect("it was set for this process");
        let folder = Path::new(&configuration).parent().expect("it is in a folder");
        return body(&SoftHsm::new(folder));
    }
    let hsm = SoftHsm::new(folder);
    let output = Command::new(std::env::current_exe().expect("a test is a program"))
        .args([test, "--exact", "--nocapture"])
        .env(OWN_PROCESS, "1")
        .env(SOFT_HSM_VARIABLE, hsm.configuration())
        .output()
        .expect("this program can be run again");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
