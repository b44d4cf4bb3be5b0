//! The command line of `raca`, with the mistakes people make.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use testkit::programs::{Server, run, run_with, run_words, words};

const RACA: &str = env!("CARGO_BIN_EXE_raca");

fn csr(folder: &Path) {
    let request = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout nem.key -out nem.csr -subj /CN=nem -addext subjectAltName=DNS:nem.example";
    run("openssl", request, folder).success();
}

#[test]
fn every_command_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "init",
        "serve",
        "issue",
        "list",
        "show",
        "revoke",
        "crl",
        "pending",
        "approve",
        "reject",
        "sign",
        "rollover",
        "kem-key",
        "renew-signer",
        "reload",
    ] {
        let help = run(RACA, &format!("{command} --help"), folder.path()).success();
        assert!(help.contains(&format!("raca {command} --")), "{help}");
    }
    assert!(run(RACA, "--help", folder.path()).success().contains("Exit codes"));
    run(RACA, "lisst", folder.path()).failure(2);
}

#[test]
fn the_operators_page_has_every_command_and_setting() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../../docs/raca.md");
    let help = run(RACA, "--help", folder.path()).success();
    let (_, commands) = help.split_once("Commands:").unwrap();
    let commands =
        commands.split("Options:").next().unwrap().lines().filter_map(|line| line.split_whitespace().next());
    for command in commands.filter(|command| *command != "help") {
        assert!(page.contains(&format!("`raca {command}")), "raca {command} is missing");
    }
    run(RACA, "init --dir ra", folder.path()).success();
    let text = fs::read_to_string(folder.path().join("ra/raca.toml")).unwrap();
    let keys = text.lines().filter_map(|line| {
        let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
        key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_').then_some(key)
    });
    // A file of the present must not have fewer settings than this test believes.
    assert!(keys.clone().count() > 50);
    for key in keys.filter(|key| !["ra", "ne"].contains(key)) {
        let named = [format!("`{key}`"), format!(".{key}`")].iter().any(|name| page.contains(name));
        assert!(named, "{key} is missing");
    }
}

#[test]
fn keys_are_private_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for alg in ["p256", "p384", "p521", "rsa3072", "ed25519"] {
        run(RACA, &format!("init --dir {alg} --alg {alg}"), folder.path()).success();
        for key in ["ca.key.pem", "cmp.key.pem"] {
            let path = folder.path().join(alg).join(key);
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{alg} {key}");
        }
        run("openssl", &format!("verify -CAfile {alg}/ca.pem {alg}/cmp.pem"), folder.path()).success();
    }
    let before = fs::read(folder.path().join("p256/ca.pem")).unwrap();
    let reason = run(RACA, "init --dir p256", folder.path()).failure(1);
    assert!(reason.contains("p256/raca.toml") && reason.contains("another directory"), "{reason}");
    assert_eq!(fs::read(folder.path().join("p256/ca.pem")).unwrap(), before);
}

#[test]
fn a_typing_error_is_named_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let init =
        |subject| run_words(RACA, &words("init --dir ra --subject", &[subject]), folder.path()).failure(1);
    assert!(init("CM=Operator CA").contains("\"CM\""));
    assert!(init("Operator CA").contains("has no ="));
    assert!(init("/CN=Operator CA").contains("commas"));
    fs::write(folder.path().join("ca.der"), [0x30, 0x82]).unwrap();
    let reason = run(RACA, "init --dir ra --vendor-ca ca.der", folder.path()).failure(1);
    assert!(reason.contains("ca.der") && reason.contains("openssl x509 -inform DER"), "{reason}");
    let reason = run(RACA, "init --dir ra --vendor-ca nowhere.pem", folder.path()).failure(1);
    assert!(reason.contains("nowhere.pem"), "{reason}");
    assert!(!folder.path().join("ra").exists());
    run(RACA, "init --dir ra --alg p257", folder.path()).failure(2);
    let reason = run(RACA, "init --dir ra --alg rsa2048", folder.path()).failure(2);
    assert!(reason.contains("too weak"), "{reason}");
    let reason = run(RACA, "init --dir ra --signature pss-sha256", folder.path()).failure(1);
    assert!(reason.contains("p256") && reason.contains("pss-sha256"), "{reason}");
    assert!(!folder.path().join("ra").exists());
}

#[test]
fn certificates_are_issued_by_hand_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    csr(folder.path());
    run(RACA, "init --dir ra", folder.path()).success();
    for (profile, purpose) in
        [("ra", "1.3.6.1.5.5.7.3.28"), ("tls-server", "TLS Web Server"), ("ne", "1.3.6.1.5.5.7.3.17")]
    {
        let issue =
            format!("issue --config ra/raca.toml --csr nem.csr --profile {profile} --out {profile}.pem");
        run(RACA, &issue, folder.path()).success();
        run("openssl", &format!("verify -CAfile ra/ca.pem {profile}.pem"), folder.path()).success();
        let text = run("openssl", &format!("x509 -noout -text -in {profile}.pem"), folder.path()).success();
        let cmc_ra = "CMC Registration Authority";
        let ike = "ipsec Internet Key Exchange";
        assert!(
            text.contains(purpose) || text.contains(cmc_ra) || text.contains(ike),
            "{profile}: {purpose} is missing:\n{text}"
        );
        let reason = run(RACA, &issue, folder.path()).failure(1);
        assert!(reason.contains(&format!("{profile}.pem")), "{reason}");
    }
    let server = Server::start(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path());
    let issue = "issue --config ra/raca.toml --csr nem.csr --profile ne --out online.pem --json";
    let printed: Value = serde_json::from_str(&run(RACA, issue, folder.path()).success()).unwrap();
    assert_eq!(printed.get("certificate").unwrap(), "online.pem");
    server.wait_for_log(&["by hand", "ne"]);
    let list = run(RACA, "list --config ra/raca.toml --json", folder.path()).success();
    // The CA's own, for CMP messages, and the four.
    assert_eq!(serde_json::from_str::<Vec<Value>>(&list).unwrap().len(), 5);
    assert_eq!(run(RACA, "list --config ra/raca.toml", folder.path()).success().lines().count(), 6);
    let reason = run(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path()).failure(1);
    assert!(reason.contains("running already"), "{reason}");
}

#[test]
fn wrong_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    csr(folder.path());
    run(RACA, "init --dir ra", folder.path()).success();
    let issue = |csr: &str| {
        let words = format!("issue --config ra/raca.toml --csr {csr} --profile ne --out out.pem");
        run(RACA, &words, folder.path()).failure(1)
    };
    for wrong in ["nem.key", "ra/ca.pem", "ra/raca.toml"] {
        let reason = issue(wrong);
        assert!(reason.contains("PKCS #10") && reason.contains(wrong), "{wrong}: {reason}");
        assert!(!reason.contains("MIG"), "a key is never shown: {reason}");
    }
    assert!(issue("nowhere.csr").contains("nowhere.csr"));
    assert!(!folder.path().join("out.pem").exists());
    let reason = run(RACA, "list --config nowhere/raca.toml", folder.path()).failure(1);
    assert!(reason.contains("raca init"), "{reason}");
}

#[test]
fn a_bad_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    run(RACA, "init --dir ra", folder.path()).success();
    let path = folder.path().join("ra/raca.toml");
    let good = fs::read_to_string(&path).unwrap();
    for (from, to, reasons) in [
        ("listen =", "lisen =", &["raca.toml", "lisen"][..]),
        ("quirks = []", "quirks = [\"all\"]", &["cmp.quirks", "pbes2-in-pbmac1"]),
        ("quirks = []", "quirks = [\"unprotected-errors\"]", &["cmp.quirks", "pbes2-in-pbmac1"]),
        ("[ca] ", "[ca]\nkey_signature = \"pss\" ", &["raca.toml", "line", "pss-sha256"]),
        ("[ca] ", "[ca]\nkey_signature = \"pss-sha256\" ", &["ca.key.pem", "PSS"]),
        ("[cmp] ", "[cmp]\nkey_signature = 5 ", &["raca.toml", "line", "pss-sha256"]),
        (
            "# [tls]",
            "[tls]\ncertificate = \"ca.pem\"\nkey = \"ca.key.pem\"\nkey_signature = \"pss-sha256\"\n#",
            &["line", "key_signature"],
        ),
        (
            "# [tls]",
            "[key_generation]\ncertificate = \"cmp.pem\"\nkey = \"cmp.key.pem\"\nkeys = [\"p257\"]\n#",
            &["key_generation.keys", "p257"],
        ),
        (
            "# [tls]",
            "[key_generation]\ncertificate = \"cmp.pem\"\nkey = \"cmp.key.pem\"\nkeys = [\"rsa2048\", \"rsa3072\"]\n#",
            &["key_generation.keys", "one length"],
        ),
        (
            "# [tls]",
            "[key_generation]\ncertificate = \"kga.pem\"\nkey = \"cmp.key.pem\"\n#",
            &["key_generation", "kga.pem"],
        ),
        ("ne = 365", "ne = \"long\"", &["raca.toml", "line"]),
        ("ne = 365", "ne = 0", &["raca.toml", "validity_days.ne"]),
        ("ne = 365", "nee = 365", &["raca.toml", "nee"]),
        ("max_message_octets = 65536", "max_message_octets = 1", &["max_message_octets"]),
        ("certificate = \"ca.pem\"", "certificate = \"cmp.pem\"", &["cmp.pem"]),
        ("key = \"cmp.key.pem\"", "key = \"ca.key.pem\"", &["cmp"]),
        ("registry = \"registry.redb\"", "registry = \"other.redb\"", &["other.redb", "missing"]),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let reason = run(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path()).failure(1);
        for expected in reasons {
            assert!(reason.contains(expected), "{to}: {reason}");
        }
    }
    fs::write(&path, good).unwrap();
    let key = folder.path().join("ra/ca.key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let reason = run(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path()).failure(1);
    assert!(reason.contains("chmod 600"), "{reason}");
}

#[test]
fn a_secret_that_cannot_be_used_is_refused_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    run(RACA, "init --dir ra", folder.path()).success();
    let path = folder.path().join("ra/raca.toml");
    let good = fs::read_to_string(&path).unwrap();
    let secret = folder.path().join("ra/4711.secret");
    let entry = |lines: &str| format!("[[trust.shared_secrets]]\n{lines}\n");
    let usual = entry("reference = \"4711\"\nsecret_file = \"4711.secret\"");
    for (config, text, mode, reasons) in [
        (usual.clone(), "correct-horse-battery", 0o644, &["chmod 600", "4711.secret"][..]),
        (usual.clone(), "correct", 0o600, &["shorter", "4711.secret"]),
        (usual.repeat(2), "correct-horse-battery", 0o600, &["4711", "twice"]),
        (
            entry("reference = \"\"\nsecret_file = \"4711.secret\""),
            "correct-horse-battery",
            0o600,
            &["empty"],
        ),
        (entry("reference = \"4711\"\nsecret_file = \"none\""), "correct-horse-battery", 0o600, &["none"]),
        (
            entry("reference = \"4711\"\nsecret = \"correct-horse\""),
            "",
            0o600,
            &["raca.toml", "unknown field"],
        ),
        (format!("{usual}subject = \"enb17\"\n"), "correct-horse-battery", 0o600, &["4711", "has no ="]),
    ] {
        fs::write(&path, format!("{good}\n{config}")).unwrap();
        fs::write(&secret, text).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        let reason = run(RACA, "serve --config ra/raca.toml --listen 127.0.0.1:0", folder.path()).failure(1);
        for expected in reasons {
            assert!(reason.contains(expected), "{config}: {reason}");
        }
        assert!(!reason.contains("correct"), "{reason}");
    }
}

#[test]
fn encrypted_keys_open_with_their_passphrase_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let secret = |name: &str, text: &str| {
        fs::write(path.join(name), text).unwrap();
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    secret("ca.pass", "correct horse\n");
    secret("wrong.pass", "correct house\n");
    run(RACA, "init --dir ra --key-passphrase file:ca.pass", path).success();
    for key in ["ca.key.pem", "cmp.key.pem"] {
        let text = fs::read_to_string(path.join("ra").join(key)).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{text}");
        run("openssl", &format!("pkey -in ra/{key} -passin file:ca.pass -noout"), path).success();
    }
    csr(path);
    let issue = "issue --config ra/raca.toml --csr nem.csr --profile ne --out enb.pem";
    run(RACA, issue, path).success();
    run("openssl", "verify -CAfile ra/ca.pem enb.pem", path).success();

    let config = path.join("ra/raca.toml");
    let good = fs::read_to_string(&config).unwrap();
    let source = format!("\"file:{}/ca.pass\"", path.canonicalize().unwrap().display());
    let line = format!("key_passphrase = {source}\n");
    assert!(good.contains(&line), "{good}");
    let list = |environment: &[(&str, &str)]| {
        run_with(RACA, &["list", "--config", "ra/raca.toml"], path, environment)
    };
    for (to, reasons) in [
        ("", &["ca.key.pem", "encrypted", "key_passphrase", "env:NAME"][..]),
        ("key_passphrase = \"file:../wrong.pass\"\n", &["ca.key.pem", "passphrase is wrong"]),
        ("key_passphrase = \"file:../none.pass\"\n", &["none.pass"]),
        ("key_passphrase = \"env:RACA_NO_SUCH\"\n", &["ca.key.pem", "RACA_NO_SUCH", "not set"]),
        ("key_passphrase = \"prompt\"\n", &["ca.key.pem", "terminal", "env:NAME"]),
        ("key_passphrase = \"correct house\"\n", &["raca.toml", "line", "file:PATH", "prompt"]),
    ] {
        fs::write(&config, good.replace(&line, to)).unwrap();
        let reason = list(&[]).failure(1);
        for expected in reasons {
            assert!(reason.contains(expected), "{to}: {reason}");
        }
        assert!(!reason.contains("correct"), "{reason}");
    }
    fs::write(&config, good.replace(&line, "key_passphrase = \"env:RACA_PASS\"\n")).unwrap();
    list(&[("RACA_PASS", "correct horse")]).success();
    let reason = list(&[("RACA_PASS", "correct house")]).failure(1);
    assert!(reason.contains("ca.key.pem") && !reason.contains("correct"), "{reason}");

    // A passphrase for what has none: somebody believes it to be encrypted.
    run(RACA, "init --dir plain", path).success();
    let config = path.join("plain/raca.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("[ca] ", "[ca]\nkey_passphrase = \"file:../ca.pass\" #")).unwrap();
    let reason = run(RACA, "list --config plain/raca.toml", path).failure(1);
    assert!(reason.contains("ca.key.pem") && reason.contains("not encrypted"), "{reason}");

    let reason = run(RACA, "init --dir none --key-passphrase prompt", path).failure(1);
    assert!(reason.contains("terminal") && reason.contains("file:PATH"), "{reason}");
}

#[test]
fn a_passphrase_is_asked_for_at_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // `script` is a terminal for whom it runs.
    let at_terminal = |command: &str, typed: &str| {
        let command = format!("script -qec '{RACA} {command}' /dev/null");
        let script = format!("(for line in {typed}; do sleep 0.7; echo $line; done) | {command}");
        run_words("bash", &["-c", &script], path)
    };
    let ended = at_terminal("init --dir ra --key-passphrase prompt", "hunter2 hunter2 hunter2 hunter2");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Passphrase or PIN of ra/ca.key.pem: "), "{ended:?}");
    let key = fs::read_to_string(path.join("ra/ca.key.pem")).unwrap();
    assert!(key.contains("ENCRYPTED"), "{key}");
    let ended = at_terminal("list --config ra/raca.toml", "hunter2 hunter2");
    assert!(ended.stdout.contains("CN=CMP"), "{ended:?}");
    let ended = at_terminal("list --config ra/raca.toml", "hunter3 hunter2");
    assert!(ended.stdout.contains("passphrase is wrong"), "{ended:?}");
    let ended = at_terminal("init --dir other --key-passphrase prompt", "hunter2 hunter3");
    assert!(ended.stdout.contains("differ"), "{ended:?}");
}
