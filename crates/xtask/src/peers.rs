use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The real peers by a program on PATH or a file, and the Debian packages they come in.
const PEERS: [(&str, &[&str]); 14] = [
    ("gcc", &["gcc", "libc6-dev"]),
    ("g++", &["g++"]),
    ("clang", &["clang"]),
    ("valgrind", &["valgrind", "libc6-dbg"]),
    ("pkg-config", &["pkg-config"]),
    ("openssl", &["openssl"]),
    ("/usr/include/openssl/cmp.h", &["libssl-dev"]),
    ("curl", &["curl"]),
    ("lftp", &["lftp"]),
    ("softhsm2-util", &["softhsm2"]),
    ("pki", &["strongswan-pki", "libstrongswan-standard-plugins", "libstrongswan-extra-plugins"]),
    ("javac", &["default-jdk-headless"]),
    ("/usr/share/java/bcpkix.jar", &["libbcpkix-java"]),
    ("/var/lib/dpkg/info/python3-venv.list", &["python3-venv"]),
];

/// Debian's, for which python3-venv is.
const PYTHON: &str = "/usr/bin/python3";

/// Installs what is missing: as root, or through sudo; elsewhere it names the packages and fails.
pub(crate) fn install() -> Result<(), String> {
    install_packages()?;
    install_python_packages()
}

fn install_packages() -> Result<(), String> {
    let missing: Vec<&str> = PEERS
        .iter()
        .filter(|(sign, _)| !is_installed(sign))
        .flat_map(|(_, packages)| *packages)
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("    installing {}", missing.join(" "));
    apt_get(&["update", "-qq"])
        .and_then(|()| {
            let arguments = ["install", "-qq", "-y", "--no-install-recommends", "--no-remove"];
            apt_get(&[&arguments[..], &missing].concat())
        })
        .map_err(|reason| {
            format!("{reason}; install the packages by hand: apt-get install {}", missing.join(" "))
        })
}

/// Into a virtual environment in cargo's target folder: the versions and the hashes that the requirements name.
fn install_python_packages() -> Result<(), String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("../differential/peers/requirements.txt");
    let wanted = fs::read(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let folder = target_folder()?.join("peers/python");
    let installed = folder.join("requirements.txt");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("    installing pyasn1 and pyca/cryptography into {}", folder.display());
    let venv = Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(&folder).status();
    succeeded("python3 -m venv", venv)?;
    let pip = Command::new(folder.join("bin/python3"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"])
        .arg(&requirements)
        .status();
    succeeded("pip install", pip)?;
    // Last, so that what was interrupted is done again.
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
}

/// Cargo marks it with this file.
pub(crate) fn target_folder() -> Result<PathBuf, String> {
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = executable.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map(Path::to_owned).ok_or_else(|| format!("{} is in no target folder", executable.display()))
}

fn succeeded(what: &str, status: std::io::Result<std::process::ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{what} ended with {status}")),
        Err(error) => Err(format!("{what} cannot be run: {error}")),
    }
}

pub(crate) fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "apt-get"]);
        sudo
    };
    let status = command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
    succeeded(&format!("apt-get {}", arguments.join(" ")), status)
}

/// A program on PATH, or a file by its whole path.
fn is_installed(sign: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(sign).is_file()))
}
