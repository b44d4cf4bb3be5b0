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

fn lay_out(libraries: &Path, out: &Path) -> Result<(), String> {
    let (include, lib) = (out.join("include"), out.join("lib"));
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capi/include/cellcert.h");
    let version = env!("CARGO_PKG_VERSION");
    let compatible = version.rsplit_once('.').map_or(version, |(compatible, _)| compatible);
    let (whole, name) = (format!("libcellcert.so.{version}"), format!("libcellcert.so.{compatible}"));
    let install = || {
        fs::create_dir_all(&include)?;
        fs::create_dir_all(lib.join("pkgconfig"))?;
        fs::copy(&header, include.join("cellcert.h"))?;
        fs::copy(libraries.join("libcellcert.a"), lib.join("libcellcert.a"))?;
        fs::copy(libraries.join("libcellcert.so"), lib.join(&whole))?;
        for (link, to) in [(name.as_str(), whole.as_str()), ("libcellcert.so", &name)] {
            let link = lib.join(link);
            // One of an earlier version.
            let _ = fs::remove_file(&link);
            symlink(to, link)?;
        }
        fs::write(lib.join("pkgconfig/cellcert.pc"), description(version))
    };
    install().map_err(|error: std::io::Error| format!("{}: {error}", out.display()))
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
