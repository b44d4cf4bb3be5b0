use std::path::Path;
use std::{fs, io};

/// Documents that name paths rot: every path in backticks that begins with a folder of this repository must exist.
pub(crate) fn check_paths() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut missing = Vec::new();
    let mut documents = Vec::new();
    collect_documents(&root, &mut documents).map_err(|error| error.to_string())?;
    for document in documents {
        let text =
            fs::read_to_string(&document).map_err(|error| format!("{}: {error}", document.display()))?;
        for path in paths(&text) {
            if !root.join(path).exists() {
                missing.push(format!("{} names {path}", document.display()));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

fn collect_documents(folder: &Path, documents: &mut Vec<std::path::PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            if !hidden && name != "target" {
                collect_documents(&entry.path(), documents)?;
            }
        } else if entry.path().extension().is_some_and(|extension| extension == "md") {
            documents.push(entry.path());
        }
    }
    Ok(())
}

const FOLDERS: [&str; 7] = ["crates/", "examples/", "benches/", "fuzz/", "docs/", ".ci/", ".cargo/"];

/// What stands in backticks and looks like a path of this repository.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|code| {
        FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*', '{', '<', '\n'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_backticks() {
        let text = "see `crates/cmp` and `cargo test`, not crates/x nor `crates/*/src`";
        assert_eq!(paths(text).collect::<Vec<_>>(), ["crates/cmp"]);
    }
}
