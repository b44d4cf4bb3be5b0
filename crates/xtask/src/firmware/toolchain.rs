//! A compiler with the sources of core, and emulators: Debian's packages, unpacked into cargo's target folder. Installed they would
//! take the place of the Rust toolchain that is there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::peers::{apt_get, target_folder};

/// Compiler, cargo, the sources of core and alloc, and a linker for all targets.
const COMPILER: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "libstd-rust-web-dev",
    "libstd-rust-web-1.96",
    "lld-22",
    "libllvm22",
    "libz3-4",
    "libgit2-1.5",
    "libhttp-parser2.9",
    "libmbedtls14",
    "libmbedx509-1",
    "libmbedcrypto7",
    "libssh2-1",
    "libcurl4",
    "libsqlite3-0",
    "libedit2",
    "libxml2",
];

/// Emulators of whole machines, and the libraries that a small installation lacks.
const EMULATORS: &[&str] = &[
    "qemu-system-arm",
    "qemu-system-common",
    "qemu-system-data",
    "libaio1",
    "libbpf1",
    "libcapstone4",
    "libdaxctl1",
    "libfdt1",
    "libfuse3-3",
    "libglib2.0-0",
    "libibverbs1",
    "libjpeg62-turbo",
    "libndctl6",
    "libnl-3-200",
    "libnl-route-3-200",
    "libnuma1",
    "libpixman-1-0",
    "libpmem1",
    "libpng16-16",
    "librdmacm1",
    "libsasl2-2",
    "libseccomp2",
    "libslirp0",
    "liburing2",
    "libvdeplug2",
    "libvdeslirp0",
];

/// A C compiler for boards, with a small C library.
const C_COMPILER: &[&str] =
    &["gcc-arm-none-eabi", "binutils-arm-none-eabi", "libnewlib-arm-none-eabi", "libnewlib-dev"];

/// Packages, unpacked below one folder.
#[derive(Debug)]
pub(crate) struct Unpacked {
    root: PathBuf,
}

impl Unpacked {
    pub(crate) fn compiler() -> Result<Self, String> {
        unpack("compiler", COMPILER)
    }

    pub(crate) fn emulators() -> Result<Self, String> {
        unpack("emulators", EMULATORS)
    }

    pub(crate) fn c_compiler() -> Result<Self, String> {
        unpack("c-compiler", C_COMPILER)
    }

    /// A file of the packages.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where their shared libraries lie.
    pub(crate) fn libraries(&self) -> OsString {
        let folders = ["usr/lib", "lib"].map(|folder| self.root.join(folder).join("x86_64-linux-gnu"));
        std::env::join_paths(folders).unwrap_or_default()
    }
}

/// Into a folder of cargo's, once; those that are installed are left out.
pub(crate) fn unpack(name: &str, packages: &[&str]) -> Result<Unpacked, String> {
    let folder = target_folder()?.join("firmware-tools").join(name);
    let (root, unpacked) = (folder.join("root"), folder.join("packages"));
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    let wanted = missing.join("\n");
    if fs::read_to_string(&unpacked).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(Unpacked { root });
    }
    println!("    unpacking {} into {}", missing.join(" "), folder.display());
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    download(&missing, &folder)
        .or_else(|_| {
            apt_get(&["update", "-qq"])?;
            download(&missing, &folder)
        })
        .map_err(|reason| {
            format!("{reason}; these Debian packages are needed, unpacked only: {}", missing.join(" "))
        })?;
    for entry in fs::read_dir(&folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            succeeded("dpkg -x", Command::new("dpkg").arg("-x").arg(&path).arg(&root).output())?;
            fs::remove_file(&path).map_err(|error| error.to_string())?;
        }
    }
    // Last, so that what was interrupted is done again.
    fs::write(&unpacked, wanted).map_err(|error| format!("{}: {error}", unpacked.display()))?;
    Ok(Unpacked { root })
}

fn is_installed(package: &str) -> bool {
    let status = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]).output();
    status.is_ok_and(|output| output.stdout.trim_ascii() == b"installed")
}

fn download(packages: &[&str], folder: &Path) -> Result<(), String> {
    let output = Command::new("apt-get").arg("download").args(packages).current_dir(folder).output();
    succeeded("apt-get download", output).map(drop)
}

/// The output of what ended well; otherwise what it said.
pub(crate) fn succeeded(what: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    match output {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => {
            Err(format!("{what} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
        }
        Err(error) => Err(format!("{what} cannot be run: {error}")),
    }
}

/// What is built for a target: a package of the workspace of `examples/firmware`, in one target folder for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build<'a> {
    pub(crate) target: &'a str,
    /// `--bin station` or `--package nostd-check`, and features.
    pub(crate) arguments: &'a [&'a str],
}

impl Build<'_> {
    /// Builds it with core and alloc from their sources; returns the folder in which it lies.
    pub(crate) fn run(&self, compiler: &Unpacked) -> Result<PathBuf, String> {
        let target_folder = target_folder()?.join("firmware");
        let output = cargo(compiler, &["build", "--release"], self.target)
            .args(self.arguments)
            .arg("--manifest-path")
            .arg(workspace().join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target_folder)
            .output();
        succeeded(&format!("cargo build for {}", self.target), output)?;
        Ok(target_folder.join(self.target).join("release"))
    }
}

/// Debian's cargo, to build for a target with core and alloc from their sources.
pub(super) fn cargo(compiler: &Unpacked, subcommand: &[&str], target: &str) -> Command {
    let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    let mut command = Command::new(compiler.path("usr/bin/cargo"));
    command
        .args(subcommand)
        .args(["--quiet", "--locked", "--target", target])
        .args(["-Zbuild-std=core,alloc,compiler_builtins"])
        .args(["-Zbuild-std-features=compiler-builtins-mem,optimize_for_size"])
        // Rust's own names for what is called unstable; nothing but -Zbuild-std is.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", compiler.path("usr/bin/rustc"))
        .env("RUSTFLAGS", COMPACT_DIGESTS)
        .env(linker, compiler.path("usr/lib/llvm-22/bin/ld.lld"))
        .env("LD_LIBRARY_PATH", compiler.libraries())
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// Of newlib, the small C library for processors with a Cortex-M4's floating point unit.
const NEWLIB: &str = "usr/lib/arm-none-eabi/newlib/thumb/v7e-m+fp/hard";

/// Builds a C program for the Cortex-M4's board, as small as it gets. The inputs are sources, libraries, and options.
pub(super) fn arm_gcc(program: &Path, include: &[&Path], inputs: &[PathBuf]) -> Result<(), String> {
    let compiler = Unpacked::c_compiler()?;
    let output = Command::new(compiler.path("usr/bin/arm-none-eabi-gcc"))
        .args(["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os", "-flto"])
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"])
        .args(["-Wl,--gc-sections", "-nostartfiles", "-nodefaultlibs", "-isystem"])
        .arg(compiler.path("usr/include/newlib"))
        .args(include.iter().flat_map(|folder| [Path::new("-I"), folder]))
        .arg("-T")
        .arg(workspace().join("link/mps2_an386.ld"))
        .arg("-L")
        .arg(compiler.path(NEWLIB))
        .arg("-o")
        .arg(program)
        .args(inputs)
        .args(["-Wl,--start-group", "-lc_nano", "-lgcc", "-Wl,--end-group"])
        .output();
    succeeded("arm-none-eabi-gcc", output).map(drop)
}

/// SHA-2 in a loop instead of unrolled: 22 KiB less.
const COMPACT_DIGESTS: &str = r#"--cfg sha2_backend="soft" --cfg sha2_backend_soft="compact""#;

/// The firmware's workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/firmware")
}
