//! The C interface as C programmers get it: libraries, header and a file for pkg-config, in a folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers::target_folder;

const USAGE: &str = "usage: cargo xtask capi --out DIR | --check

Builds the C interface, and installs it into DIR: include, lib, lib/pkgconfig. The folder can be moved afterwards. With --check what the
tests link is installed into a folder that goes away, and tried.";

/// Builds it for releases, and installs it where the command line says.
pub(crate) fn install(arguments: &[String]) -> Result<(), String> {
    let out = match arguments {
        [option] if option == "--check" => return check(),
        [option, out] if option == "--out" => out,
        _ => return Err(format!("\n{USAGE}")),
    };
    let libraries = build(&["--release", "--package", "capi"], "release")?;
    lay_out(&libraries, Path::new(out))?;
    println!("    PKG_CONFIG_PATH={out}/lib/pkgconfig pkg-config --cflags --libs cellcert");
    Ok(())
}

/// Installs what tests link, too, and has pkg-config build a program with each library.
pub(crate) fn check() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    // The same features as the tests have, so that nothing is built twice.
    lay_out(&build(&["--workspace"], "debug")?, folder.path())?;
    let source = folder.path().join("version.c");
    fs::write(&source, PROGRAM).map_err(|error| error.to_string())?;
    check_symbols(&folder.path().join("lib").join(Names::new().whole))?;
    for (kind, options) in [("shared", &[][..]), ("static", &["--static"])] {
        let program = folder.path().join(kind);
        let flags = pkg_config(folder.path(), options)?;
        if kind == "static" {
            // Otherwise the linker prefers the shared one.
            for entry in fs::read_dir(folder.path().join("lib")).map_err(|error| error.to_string())? {
                let path = entry.map_err(|error| error.to_string())?.path();
                if path.to_string_lossy().contains(".so") {
                    fs::remove_file(path).map_err(|error| error.to_string())?;
                }
            }
        }
        let mut compiler = Command::new("gcc");
        succeeded(compiler.arg(&source).arg("-o").arg(&program).args(flags.split_whitespace()))?;
        let printed = succeeded(Command::new(&program).env("LD_LIBRARY_PATH", folder.path().join("lib")))?;
        if printed != env!("CARGO_PKG_VERSION") {
            return Err(format!("the program with the {kind} library printed {printed:?}"));
        }
    }
    Ok(())
}

const PROGRAM: &str = "\
#include <cellcert.h>
#include <stdio.h>

int main(void)
{
    return cellcert_version() != CELLCERT_VERSION || printf(\"%s\", cellcert_version_text()) < 0;
}
";

/// The shared library has every call of the header under the version that they are compatible in, and nothing else.
fn check_symbols(library: &Path) -> Result<(), String> {
    let names = Names::new();
    let dynamic = succeeded(Command::new("readelf").arg("-d").arg(library))?;
    if !dynamic.contains(&format!("soname: [{}]", names.compatible)) {
        return Err(format!("it is not called {}: {dynamic}", names.compatible));
    }
    let header = fs::read_to_string(header()).map_err(|error| error.to_string())?;
    let mut declared: Vec<String> = header
        .lines()
        // What firmware brings is nobody's to link.
        .filter(|line| !line.starts_with([' ', '#', '}']) && !line.contains("cellcert_port_"))
        .filter_map(|line| Some(line.split_once('(')?.0.rsplit([' ', '*']).next()?.to_owned()))
        .filter(|name| name.starts_with("cellcert_"))
        .map(|name| format!("{name}@@{}", names.version))
        .collect();
    let printed = succeeded(Command::new("nm").args(["-D", "--defined-only"]).arg(library))?;
    // The version itself is the only absolute symbol.
    let defined = printed.lines().filter(|line| !line.contains(" A "));
    let mut defined: Vec<String> =
        defined.filter_map(|line| Some(line.split_whitespace().last()?.to_owned())).collect();
    declared.sort_unstable();
    defined.sort_unstable();
    if declared.is_empty() || declared != defined {
        let missing: Vec<_> = declared.iter().filter(|name| !defined.contains(name)).collect();
        let surplus: Vec<_> = defined.iter().filter(|name| !declared.contains(name)).collect();
        return Err(format!("the shared library lacks {missing:?} and should not have {surplus:?}"));
    }
    Ok(())
}

fn pkg_config(folder: &Path, options: &[&str]) -> Result<String, String> {
    succeeded(
        Command::new("pkg-config")
            .args(["--cflags", "--libs"])
            .args(options)
            .arg("cellcert")
            .env("PKG_CONFIG_PATH", folder.join("lib/pkgconfig")),
    )
}

/// What it printed, when it ended well.
fn succeeded(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} cannot be run: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The folder of cargo's that has the libraries then.
fn build(what: &[&str], profile: &str) -> Result<PathBuf, String> {
    let arguments = [&["build", "--lib", "--quiet"], what].concat();
    crate::run::cargo(&arguments, &[])?;
    Ok(target_folder()?.join(profile))
}

fn header() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../capi/include/cellcert.h")
}

/// What says which versions of the shared library fit together: below 1.0 those of the same minor version.
struct Names {
    /// The file's name.
    whole: String,
    /// What programs that were linked with it ask for.
    compatible: String,
    /// What its symbols bear.
    version: String,
}

impl Names {
    fn new() -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let compatible = match version.split_once('.') {
            Some(("0", _)) => version.rsplit_once('.').map_or(version, |(compatible, _)| compatible),
            Some((major, _)) => major,
            None => version,
        };
        Self {
            whole: format!("libcellcert.so.{version}"),
            compatible: format!("libcellcert.so.{compatible}"),
            version: format!("CELLCERT_{compatible}"),
        }
    }
}

/// Makes the shared library of the static one: cargo gives its own shared libraries symbols without a version.
fn link_shared(library: &Path, out: &Path, names: &Names) -> Result<(), String> {
    let script = out.with_file_name("cellcert.map");
    let text = format!("{} {{ global: cellcert_*; local: *; }};\n", names.version);
    fs::write(&script, text).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut linker = Command::new("gcc");
    linker.args(["-shared", "-o"]).arg(out).arg(format!("-Wl,-soname,{}", names.compatible));
    linker.arg(format!("-Wl,--version-script={}", script.display()));
    linker.args(["-Wl,-z,defs", "-Wl,--gc-sections", "-Wl,--whole-archive"]).arg(library);
    let linked = succeeded(linker.args(["-Wl,--no-whole-archive", "-lpthread", "-ldl", "-lm"]));
    let _ = fs::remove_file(&script);
    linked.map(drop)
}

fn lay_out(libraries: &Path, out: &Path) -> Result<(), String> {
    let (include, lib) = (out.join("include"), out.join("lib"));
    let (version, names) = (env!("CARGO_PKG_VERSION"), Names::new());
    let install = || {
        fs::create_dir_all(&include)?;
        fs::create_dir_all(lib.join("pkgconfig"))?;
        fs::copy(header(), include.join("cellcert.h"))?;
        fs::copy(libraries.join("libcellcert.a"), lib.join("libcellcert.a"))?;
        for (link, to) in [(&*names.compatible, &*names.whole), ("libcellcert.so", &names.compatible)] {
            let link = lib.join(link);
            // One of an earlier version.
            let _ = fs::remove_file(&link);
            symlink(to, link)?;
        }
        fs::write(lib.join("pkgconfig/cellcert.pc"), description(version))
    };
    install().map_err(|error: std::io::Error| format!("{}: {error}", out.display()))?;
    link_shared(&lib.join("libcellcert.a"), &lib.join(&names.whole), &names)
}

fn description(version: &str) -> String {
    format!(
        "\
prefix=${{pcfiledir}}/../..
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: cellcert
Description: Operator certificates for base stations: PKCS #10, CRMF, CMP, and a NEM without I/O
Version: {version}
Libs: -L${{libdir}} -lcellcert
Libs.private: -lpthread -ldl -lm
Cflags: -I${{includedir}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_without_a_folder_is_refused() {
        for wrong in [&[][..], &["--out"], &["--to", "x"], &["--out", "x", "y"]] {
            let words: Vec<String> = wrong.iter().map(|word| (*word).to_owned()).collect();
            assert!(install(&words).unwrap_err().contains("usage"), "{wrong:?}");
        }
    }
}
