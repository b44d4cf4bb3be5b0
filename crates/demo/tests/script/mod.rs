//! The shell blocks of a document, as a script.
#![allow(unreachable_pub, clippy::expect_used)]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

pub struct Script(String);

impl Script {
    /// The blocks between the comment that points at a test and the end of what belongs together: the next section, or of a
    /// whole page its end.
    pub fn of(document: &str, mark: &str) -> Self {
        let (_, marked) = document.split_once(mark).unwrap();
        let blocks: String = marked
            .split("```")
            .skip(1)
            .step_by(2)
            .map(|block| block.strip_prefix("sh").unwrap_or_default())
            .collect();
        Self(blocks)
    }

    /// Runs it with the programs that were built, and with ports that are free; returns what it printed.
    pub fn run(&self, folder: &Path) -> String {
        let (raca, nem) = (free_port(), free_port());
        let script = self.0.replace("8829", &raca.to_string()).replace("8443", &nem.to_string());
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
        let bash = Command::new("bash").arg("-c").arg(&script).env("PATH", path).current_dir(folder).output();
        let output = bash.unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{stdout}\n{stderr}");
        stdout
    }
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
