use std::path::Path;
use std::process::Command;

/// The programs of the real peers, and the Debian packages they come in.
const PEERS: [(&str, &[&str]); 3] = [
    ("openssl", &["openssl"]),
    ("curl", &["curl"]),
    ("pki", &["strongswan-pki", "libstrongswan-standard-plugins", "libstrongswan-extra-plugins"]),
];

/// Installs what is missing: as root, or through sudo; elsewhere it names the packages and fails.
pub(crate) fn install() -> Result<(), String> {
    let missing: Vec<&str> = PEERS
        .iter()
        .filter(|(program, _)| !is_installed(program))
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

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "apt-get"]);
        sudo
    };
    match command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {} ended with {status}", arguments.join(" "))),
        Err(error) => Err(format!("apt-get cannot be run: {error}")),
    }
}

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
    })
}
