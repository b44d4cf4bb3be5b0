//! The project's own vectors: recorded from OpenSSL's CMP client and its mock server, and composed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::compose::compose;

const USAGE: &str = "usage: cargo xtask vectors --out DIR [--force]

Makes two sets in DIR. openssl-mock: keys and certificates, and whole transactions between OpenSSL's CMP client and mock
server. The set in crates/testkit/vectors/openssl-mock was made so; a new one has new keys, so its description in
expected.json has to be written anew, by software that is not this project's. composed: every body and every kind of proof
of possession, made by this project's libraries with the keys in crates/testkit/vectors/openssl-mock; the same each time.";

/// Twenty years: the tests have a clock of their own, people have not.
const CERTIFICATES: &str = "
req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7300 -keyout vendor-ca.key.pem -out vendor-ca.crt.pem -subj /O=Vendor/CN=Vendor_Root_CA -addext basicConstraints=critical,CA:TRUE
req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7300 -keyout oper-ca.key.pem -out oper-ca.crt.pem -subj /O=Operator/CN=Operator_RA-CA -addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign
req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout vendor-bs.key.pem -out vendor-bs.csr.pem -subj /O=Vendor/CN=eNB-SN-0001 -addext keyUsage=critical,digitalSignature
x509 -req -in vendor-bs.csr.pem -CA vendor-ca.crt.pem -CAkey vendor-ca.key.pem -set_serial 0x1001 -days 7300 -copy_extensions copy -out vendor-bs.crt.pem
req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout oper-bs.key.pem -out oper-bs.csr.pem -subj /O=Operator/CN=enb0001.operator.example -addext subjectAltName=DNS:enb0001.operator.example -addext keyUsage=critical,digitalSignature
x509 -req -in oper-bs.csr.pem -CA oper-ca.crt.pem -CAkey oper-ca.key.pem -set_serial 0x2001 -days 7300 -copy_extensions copy -out oper-bs.crt.pem
req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nem-ra.key.pem -out nem-ra.csr.pem -subj /O=Operator/CN=NEM_1 -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=1.3.6.1.5.5.7.3.28
x509 -req -in nem-ra.csr.pem -CA oper-ca.crt.pem -CAkey oper-ca.key.pem -set_serial 0x3001 -days 7300 -copy_extensions copy -out nem-ra.crt.pem
";

const VENDOR: &str = "-cert vendor-bs.crt.pem -key vendor-bs.key.pem -untrusted vendor-ca.crt.pem";
const OPERATOR: &str = "-cert oper-bs.crt.pem -key oper-bs.key.pem";
const NO_NAMES: &str = "-newkey oper-bs.key.pem -subject /O=Operator/CN=enb0001.operator.example";
const TEMPLATE: &str =
    "-newkey oper-bs.key.pem -subject /O=Operator/CN=enb0001.operator.example -sans enb0001.operator.example";

/// A transaction: what the client and the server are told, and the files its messages go to, in their order. The client
/// ends with an error where the server refuses.
struct Flow {
    client: String,
    server: String,
    messages: &'static [&'static str],
    succeeds: bool,
}

fn flows() -> Vec<Flow> {
    let signed = |server: &str| format!("-srv_cert oper-ca.crt.pem -srv_key oper-ca.key.pem {server}");
    let flow = |client: String, server: &str, messages| Flow {
        client,
        server: if server.contains("-srv_ref") { server.to_owned() } else { signed(server) },
        messages,
        succeeds: true,
    };
    let refused = |client: String, server: &str, messages| Flow {
        client,
        server: signed(server),
        messages,
        succeeds: false,
    };
    vec![
        flow(
            format!("-cmd ir {TEMPLATE} {VENDOR}"),
            "",
            &["sig_1_ir", "sig_2_ip", "sig_3_certConf", "sig_4_pkiConf"],
        ),
        flow(
            format!("-cmd p10cr -csr oper-bs.csr.pem {VENDOR}"),
            "",
            &["p10cr_1", "p10cr_2_cp", "p10cr_3_certConf", "p10cr_4_pkiConf"],
        ),
        flow(
            format!("-cmd kur -oldcert oper-bs.crt.pem -newkey oper-bs.key.pem -implicit_confirm {OPERATOR}"),
            "-grant_implicitconf",
            &["kur_1", "kur_2_kup_implicitConfirm"],
        ),
        flow(format!("-cmd rr -oldcert oper-bs.crt.pem -revreason 4 {OPERATOR}"), "", &["rr_1", "rr_2_rp"]),
        flow(
            format!("-cmd ir {TEMPLATE} {VENDOR}"),
            "-poll_count 2 -check_after 1",
            &[
                "poll_1_ir",
                "poll_2_ip_waiting",
                "poll_3_pollReq",
                "poll_4_pollRep",
                "poll_5_pollReq",
                "poll_6_ip",
                "poll_7_certConf",
                "poll_8_pkiConf",
            ],
        ),
        flow(
            format!("-cmd ir {TEMPLATE} -popo 0 {VENDOR}"),
            "-accept_raverified",
            &["raverified_1_ir", "raverified_2_ip", "raverified_3_certConf", "raverified_4_pkiConf"],
        ),
        flow(
            format!("-cmd ir {NO_NAMES} -ref 4711 -secret pass:nemsecret -mac hmacWithSHA256"),
            "-srv_ref 4711 -srv_secret pass:nemsecret",
            &["pbm_1_ir", "pbm_2_ip", "pbm_3_certConf", "pbm_4_pkiConf"],
        ),
        // failInfo 19 is badCertTemplate
        refused(
            format!("-cmd ir {TEMPLATE} {VENDOR}"),
            "-pkistatus 2 -failure 19",
            &["rej_1_ir", "rej_2_ip_rejection_badCertTemplate"],
        ),
        refused(
            format!("-cmd genm -infotype signKeyPairTypes {VENDOR}"),
            "-send_error -failure 2",
            &["genm_1", "genm_2_error"],
        ),
        flow(format!("-cmd genm -infotype caCerts {VENDOR}"), "", &["genm_caCerts_1", "genm_caCerts_2_genp"]),
    ]
}

/// Carries out `cargo xtask vectors`.
pub(crate) fn make(arguments: &[String]) -> Result<(), String> {
    let (mut out, mut force) = (None, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--out" => out = rest.next().map(PathBuf::from),
            "--force" => force = true,
            _ => return Err(format!("{argument}: unknown\n{USAGE}")),
        }
    }
    let out = out.ok_or(USAGE)?;
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut entries = fs::read_dir(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    if entries.next().is_some() && !force {
        return Err(format!("{}: is not empty; --force overwrites what is there", out.display()));
    }
    let (recorded, composed) = (out.join("openssl-mock"), out.join("composed"));
    for folder in [&recorded, &composed] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    record(&recorded)?;
    for (name, octets) in compose().map_err(|error| error.to_string())? {
        let path = composed.join(name);
        fs::write(&path, octets).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn record(out: &Path) -> Result<(), String> {
    for line in CERTIFICATES.lines().filter(|line| !line.is_empty()) {
        openssl(line, out)?;
    }
    for flow in flows() {
        record_flow(&flow, out).map_err(|error| format!("{}: {error}", flow.messages.join(", ")))?;
    }
    // It was needed for its certificate only.
    fs::remove_file(out.join("nem-ra.csr.pem")).map_err(|error| error.to_string())
}

fn record_flow(flow: &Flow, out: &Path) -> Result<(), String> {
    let (mut server, port) = serve(&flow.server, out)?;
    let files = |from: usize| {
        let files = flow.messages.iter().skip(from).step_by(2).map(|name| format!("{name}.der"));
        files.collect::<Vec<_>>().join(",")
    };
    let client = format!(
        "cmp -server 127.0.0.1:{port} -recipient /O=Operator/CN=Operator_RA-CA -trusted oper-ca.crt.pem -certout got.pem {} -reqout {} -rspout {}",
        flow.client,
        files(0),
        files(1),
    );
    let outcome = openssl(&client, out);
    // Whether it is still there does not matter.
    let _ = server.kill();
    let _ = server.wait();
    let _ = fs::remove_file(out.join("got.pem"));
    match outcome {
        Err(error) if flow.succeeds => return Err(error),
        Ok(()) if !flow.succeeds => return Err("the client should have been refused".to_owned()),
        _ => {}
    }
    match flow.messages.iter().find(|name| !out.join(format!("{name}.der")).exists()) {
        Some(name) => Err(format!("{name} was not recorded")),
        None => Ok(()),
    }
}

/// Starts the mock server on a free port, which it prints.
fn serve(options: &str, out: &Path) -> Result<(Child, String), String> {
    let words = format!(
        "cmp -port 0 {options} -srv_trusted vendor-ca.crt.pem,oper-ca.crt.pem -rsp_cert oper-bs.crt.pem -rsp_capubs oper-ca.crt.pem -rsp_extracerts oper-ca.crt.pem"
    );
    let mut server = command(&words, out)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("openssl cannot be started: {error}"))?;
    let stdout = server.stdout.take().ok_or("no output")?;
    let accepting =
        BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line.starts_with("ACCEPT"));
    let port = accepting.as_deref().and_then(|line| line.split(' ').nth(1)?.rsplit(':').next());
    port.map(str::to_owned)
        .map(|port| (server, port))
        .ok_or_else(|| "the mock server does not start".to_owned())
}

fn openssl(words: &str, out: &Path) -> Result<(), String> {
    let output =
        command(words, out).output().map_err(|error| format!("openssl cannot be started: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("openssl {words}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Words are separated by blanks; an underscore stands for a blank within a name.
fn command(words: &str, out: &Path) -> Command {
    let mut command = Command::new("openssl");
    let words = words.split(' ').filter(|word| !word.is_empty());
    command
        .args(words.map(|word| if word.contains("CN=") { word.replace('_', " ") } else { word.to_owned() }));
    command.current_dir(out).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Which body a message has. Versions of OpenSSL differ in the rest.
    fn body(path: PathBuf) -> String {
        let inspection = enb::inspect(&fs::read(path).unwrap()).unwrap().to_string();
        let mut lines = inspection.lines().skip_while(|line| line.trim() != "body");
        lines.nth(1).unwrap().trim().split([':', '[']).next().unwrap().to_owned()
    }

    #[test]
    fn the_committed_set_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new");
        let arguments = ["--out".to_owned(), out.to_str().unwrap().to_owned()];
        make(&arguments).unwrap();
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors");
        let (recorded, committed_ones) = (out.join("openssl-mock"), committed.join("openssl-mock"));
        assert_eq!(names(&recorded), names(&committed_ones));
        for name in names(&recorded).iter().filter(|name| name.ends_with(".der")) {
            assert_eq!(body(recorded.join(name)), body(committed_ones.join(name)), "{name}");
        }
        let (composed, committed_ones) = (out.join("composed"), committed.join("composed"));
        assert_eq!(names(&composed), names(&committed_ones));
        for name in names(&composed) {
            let octets = |folder: &Path| fs::read(folder.join(&name)).unwrap();
            assert_eq!(octets(&composed), octets(&committed_ones), "{name}");
        }
        assert!(make(&arguments).unwrap_err().contains("--force"));
    }
}
