//! What others take for the same: mbedTLS for a PKCS #10 request, on the same board; OpenSSL for the whole end entity, on the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::emulator::House;
use super::toolchain::{arm_gcc, succeeded};
use crate::peers::{apt_get, target_folder};

/// Debian's source package of mbedTLS: the version is in the names of its files.
const MBEDTLS: &str = "mbedtls";

/// Where Debian's source packages are; apt verifies what comes from there.
const SOURCES: &str = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main\n";

/// Builds the request's program for the board; returns it.
pub(super) fn mbedtls() -> Result<PathBuf, String> {
    let source = mbedtls_source()?;
    let library = fs::read_dir(source.join("library")).map_err(|error| format!("mbedTLS: {error}"))?;
    let files = library.filter_map(|entry| Some(entry.ok()?.path()));
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "c"));
    let program = folder()?.join("mbedtls-csr");
    let board = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capi/examples");
    let config = PathBuf::from("-DMBEDTLS_CONFIG_FILE=\"mbedtls_config.h\"");
    let ours = [config, comparison().join("mbedtls_csr.c"), board.join("mps2_an386.c")];
    let include = [source.join("include"), comparison(), board];
    arm_gcc(
        &program,
        &include.each_ref().map(PathBuf::as_path),
        &ours.into_iter().chain(files).collect::<Vec<_>>(),
    )?;
    Ok(program)
}

/// Builds a static client for the host, and has it enrol; returns it with how much heap it took at most.
pub(super) fn openssl(house: &House) -> Result<(PathBuf, u32), String> {
    let program = folder()?.join("openssl-cmp");
    let output = Command::new("gcc")
        .args(["-Os", "-flto", "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffunction-sections"])
        .args(["-Wl,--gc-sections", "-static", "-o"])
        .arg(&program)
        .arg(comparison().join("openssl_cmp.c"))
        .arg("-lcrypto")
        .output();
    succeeded("gcc", output)?;
    let url = house.url();
    let (address, path) = url.trim_start_matches("http://").split_once('/').unwrap_or((url, ""));
    let (host, port) = address.split_once(':').unwrap_or((address, "80"));
    let output = Command::new(&program)
        .args([host, port, path, "enb1.pem", "enb1.key", "ra/ca.pem"])
        .current_dir(house.path())
        .output();
    let printed = succeeded("the client of OpenSSL", output)?.stdout;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let heap = printed.trim().parse().map_err(|error| format!("the client printed {printed:?}: {error}"))?;
    Ok((program, heap))
}

fn comparison() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("comparison")
}

fn folder() -> Result<PathBuf, String> {
    let folder = target_folder()?.join("firmware-tools/comparison");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Downloads it once; returns where it is unpacked.
fn mbedtls_source() -> Result<PathBuf, String> {
    let folder = folder()?;
    let unpacked = folder.join("mbedtls");
    if unpacked.join("library").is_dir() {
        return Ok(unpacked);
    }
    println!("    downloading the source of mbedTLS into {}", folder.display());
    let (list, lists) = (folder.join("sources.list"), folder.join("lists"));
    fs::create_dir_all(lists.join("partial"))
        .and_then(|()| fs::write(&list, SOURCES))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    // Lists of its own, as the machine may have none of sources.
    let options = [
        format!("-oDir::Etc::SourceList={}", list.display()),
        "-oDir::Etc::SourceParts=/dev/null".to_owned(),
        format!("-oDir::State::Lists={}", lists.display()),
    ];
    let options = options.each_ref().map(String::as_str);
    apt_get(&[&options[..], &["update", "-qq"]].concat())?;
    let output = Command::new("apt-get")
        .args(options)
        .args(["source", "--download-only", MBEDTLS])
        .current_dir(&folder)
        .output();
    succeeded("apt-get source", output)?;
    let archive = fs::read_dir(&folder)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.to_string_lossy().ends_with(".orig.tar.gz"))
        .ok_or("apt-get source brought no archive of mbedTLS")?;
    let partial = folder.join("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).map_err(|error| error.to_string())?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).args(["--strip-components=1", "-C"]).arg(&partial);
    succeeded("tar", tar.output())?;
    // Last, so that what was interrupted is done again.
    fs::rename(&partial, &unpacked).map_err(|error| error.to_string())?;
    Ok(unpacked)
}
