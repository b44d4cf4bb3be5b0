//! The README's way by hand, run as it stands there, in an empty folder.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// The shell blocks between the comment that points here and the next section.
fn blocks() -> String {
    let (_, marked) = README.split_once("crates/demo/tests/readme.rs. -->").unwrap();
    let (section, _) = marked.split_once("\n## ").unwrap();
    section.split("```").skip(1).step_by(2).map(|block| block.strip_prefix("sh").unwrap()).collect()
}

/// People see `listening on` before they go on; a script has to wait.
fn wait_for_servers(script: &str, ports: &[u16]) -> String {
    let mut ports = ports.iter();
    let line = |line: &str| match line.strip_suffix(" &") {
        Some(command) => {
            let port = ports.next().unwrap();
            format!(
                "{command} &\nuntil (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.05; done\n"
            )
        }
        None => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_way_by_hand_leads_to_a_certificate() {
    let (raca, nem) = (free_port(), free_port());
    let script = blocks().replace("8829", &raca.to_string()).replace("8443", &nem.to_string());
    let script = format!(
        "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{}",
        wait_for_servers(&script, &[raca, nem])
    );
    let programs = Path::new(env!("CARGO_BIN_EXE_demo")).parent().unwrap().to_owned();
    for program in ["enb", "nem", "raca"] {
        assert!(
            programs.join(program).exists(),
            "{program} is not built; run `cargo build --workspace` first"
        );
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let bash = Command::new("bash").arg("-c").arg(&script).env("PATH", path).current_dir(&folder).output();
    let output = bash.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}\n{stdout}\n{stderr}");
    for expected in ["enb17/cert.pem: OK", "delivered", "CN=enb17.operator.example", "BEGIN CERTIFICATE"] {
        assert!(stdout.contains(expected), "{expected} is missing:\n{stdout}\n{stderr}");
    }
}
