//! C programs in tests: compiled as their users would, linked with the library that cargo built for this test, and an RA/CA to talk to.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use testkit::programs::{Factory, run, run_words, words};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A compiler, and what it is to take the sources for.
#[derive(Clone, Copy, Debug)]
pub struct Compiler {
    pub program: &'static str,
    pub language: &'static [&'static str],
}

pub const GCC: Compiler = Compiler { program: "gcc", language: &["-std=c11"] };
pub const CLANG: Compiler = Compiler { program: "clang", language: &["-std=c11"] };
pub const GXX: Compiler = Compiler { program: "g++", language: &["-x", "c++", "-std=c++17"] };
pub const CLANGXX: Compiler = Compiler { program: "clang++", language: &["-x", "c++", "-std=c++17"] };

/// What the programs must be good for.
pub const COMPILERS: [Compiler; 4] = [GCC, CLANG, GXX, CLANGXX];

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"];

/// GCC's: Debian's clang comes without the libraries for it.
pub const SANITIZED: [&str; 3] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DSANITIZED"];

/// The heap's functions go through the program.
pub const WRAPPED: [&str; 5] = [
    "-Wl,--wrap=malloc",
    "-Wl,--wrap=calloc",
    "-Wl,--wrap=realloc",
    "-Wl,--wrap=posix_memalign",
    "-Wl,--wrap=free",
];

pub fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The static library: cargo puts it beside the tests.
pub fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libcellcert.a")
}

impl Compiler {
    /// Compiles programs of one or more files, and links them.
    pub fn build(self, sources: &[PathBuf], options: &[&str], program: &Path) {
        let linked = [library().into_os_string(), "-lpthread".into(), "-ldl".into(), "-lm".into()];
        // The library is no source.
        let end_of_sources = ["-x", "none"].map(OsString::from);
        let output = Command::new(self.program)
            .args(WARNINGS)
            .args(["-O1", "-g", "-I"])
            .arg(crate_folder().join("include"))
            .arg("-I")
            .arg(crate_folder().join("examples"))
            .args(options)
            .args(self.language)
            .args(sources)
            .args(end_of_sources)
            .args(linked)
            .arg("-o")
            .arg(program)
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask peers` installs it", self.program));
        assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

pub fn examples(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| crate_folder().join("examples").join(name)).collect()
}

pub fn test_programs(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| crate_folder().join("tests/c").join(name)).collect()
}

/// A program before valgrind: an error or a leak there is a failure.
pub fn valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg(program);
    command
}

/// The output of a program that ended well.
pub fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask peers` installs it"));
    let said = [String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)].concat();
    assert!(status.success(), "{command:?} ended with {status}: {said}");
    said
}

/// The real RA/CA, in this process.
pub struct Raca {
    pub port: u16,
    pub config: PathBuf,
    runtime: Option<Runtime>,
}

impl Raca {
    /// Makes one in `FOLDER/ra` that believes the factory in the folder, with more in its configuration, and serves.
    pub fn start(folder: &Path, settings: &str) -> Self {
        let mut options = ra_server::InitOptions::new(folder.join("ra"));
        options.vendor_cas = vec![folder.join("factory.pem")];
        ra_server::init(&options).unwrap();
        let config = folder.join("ra/raca.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}\n{settings}")).unwrap();
        Self::serve(config)
    }

    /// Serves what is configured there.
    pub fn serve(config: PathBuf) -> Self {
        let runtime = Runtime::new().unwrap();
        let (sender, url) = oneshot::channel();
        let path = config.clone();
        runtime.spawn(async move {
            let ready = |url: &str| sender.send(url.to_owned()).unwrap();
            ra_server::serve(&path, Some("127.0.0.1:0"), ready, std::future::pending()).await.unwrap();
        });
        let url = url.blocking_recv().unwrap();
        let port = url.split(':').nth(2).and_then(|rest| rest.split('/').next()).unwrap().parse().unwrap();
        Self { port, config, runtime: Some(runtime) }
    }
}

impl Drop for Raca {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The registry is open until the last task is gone.
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

/// A folder with a factory, an RA/CA that serves, and what the factory left in a station's memory: `vendor.der`, `vendor-key.der`,
/// `operator-root.der`.
pub struct House {
    pub factory: Factory,
    pub raca: Raca,
    pub folder: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let factory = Factory::new(path);
        factory.certify("enb1", 3650);
        let raca = Raca::start(path, "");
        to_der(path, "enb1", "vendor");
        run("openssl", "x509 -in ra/ca.pem -outform DER -out operator-root.der", path).success();
        Self { factory, raca, folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The NEM's certificate, and of each station a request and its vendor certificate.
    pub fn certify_nem_and_stations(&self, stations: &[&str]) {
        let path = self.path();
        let new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        run(
            "openssl",
            &format!("req -new {new_key} -keyout nem.key -out nem.csr -subj /O=Operator/CN=nem"),
            path,
        )
        .success();
        let csr = fs::read(path.join("nem.csr")).unwrap();
        fs::write(path.join("nem.pem"), ra_server::issue(&self.raca.config, &csr, "ra").unwrap()).unwrap();
        to_der(path, "nem", "nem");
        run("openssl", "x509 -in factory.pem -outform DER -out factory.der", path).success();
        for station in stations {
            self.factory.certify(station, 3650);
            run("openssl", &format!("x509 -in {station}.pem -outform DER -out {station}.vendor"), path)
                .success();
            let request =
                format!("req -new {new_key} -keyout {station}.own -out {station}.p10 -outform DER -subj");
            let subject = format!("/O=Operator/CN={station}");
            run_words("openssl", &words(&request, &[&subject]), path).success();
        }
    }

    /// Whether OpenSSL finds a path from the certificate to the operator's root, and its key in the file with it.
    pub fn verify(&self, certificate: &str, key: &str) {
        verify(self.path(), certificate, key);
    }
}

/// The same in a folder with the RA/CA's own.
pub fn verify(path: &Path, certificate: &str, key: &str) {
    run("openssl", &format!("x509 -inform DER -in {certificate} -out issued.pem"), path).success();
    run("openssl", "verify -CAfile ra/ca.pem issued.pem", path).success();
    let public = run("openssl", "x509 -in issued.pem -noout -pubkey", path).success();
    assert_eq!(public, run("openssl", &format!("pkey -inform DER -in {key} -pubout"), path).success());
}

/// `NAME.pem` and `NAME.key` as `OUT.der` and `OUT-key.der`.
pub fn to_der(folder: &Path, name: &str, out: &str) {
    run("openssl", &format!("x509 -in {name}.pem -outform DER -out {out}.der"), folder).success();
    let key = format!("pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {out}-key.der");
    run("openssl", &key, folder).success();
    assert!(fs::metadata(folder.join(out).with_extension("der")).is_ok());
}
