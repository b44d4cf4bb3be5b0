//! Which board a target is, and where its memory lies.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(board, values(none(), \"mps2_an386\", \"virt\"))");
    let target = std::env::var("TARGET").unwrap_or_default();
    let board = match target.as_str() {
        "thumbv7em-none-eabihf" => "mps2_an386",
        "aarch64-unknown-none" => "virt",
        // The library alone, without a board under it.
        _ => return,
    };
    println!("cargo::rustc-cfg=board");
    println!("cargo::rustc-cfg=board=\"{board}\"");
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg-bins=-T{folder}/link/{board}.ld");
    println!("cargo::rerun-if-changed=link/{board}.ld");
}
