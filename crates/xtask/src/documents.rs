use std::path::Path;
use std::{fs, io};

/// Documents that name paths rot: every path in backticks that begins with a folder of this repository must exist, and a test
/// named after it, as `FILE::TEST`, must be one of the file's.
pub(crate) fn check_paths() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut missing = Vec::new();
    let mut documents = Vec::new();
    collect_documents(&root, &mut documents).map_err(|error| error.to_string())?;
    for document in documents {
        let text =
            fs::read_to_string(&document).map_err(|error| format!("{}: {error}", document.display()))?;
        for path in paths(&text) {
            let (file, test) = path.split_once("::").map_or((path, None), |(file, test)| (file, Some(test)));
            let file = root.join(file);
            let is_there = match test {
                Some(test) => fs::read_to_string(&file).is_ok_and(|source| has_test(&source, test)),
                None => file.exists(),
            };
            if !is_there {
                missing.push(format!("{} names {path}", document.display()));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

/// Every rule in `docs/conformance.md` has a test, or the reason why there is none.
pub(crate) fn check_conformance() -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let unproved: Vec<_> = rows(&text).flat_map(|row| unproved(&row)).collect();
    if unproved.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: neither a test nor a reason:\n{}", path.display(), unproved.join("\n")))
    }
}

/// The cells of every table's rows, without its head.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut in_table = false;
    text.lines().filter_map(move |line| {
        let is_row = line.starts_with('|');
        let is_rule = line.starts_with("|---");
        let is_body = is_row && in_table && !is_rule;
        in_table = is_row && (in_table || is_rule);
        is_body.then(|| line.trim_matches('|').split('|').map(str::trim).collect())
    })
}

/// A rule's test stands in its third cell, a peer's in its last; of the roles of RFC 9483 section 7, each has its own.
fn unproved(row: &[&str]) -> Vec<String> {
    const DEMANDS: [&str; 3] = ["MUST: ", "SHOULD: ", "MAY: "];
    let is_proved = |cell: &str| cell.contains("::") || cell.contains("not met: ");
    let is_role = |cell: &&str| DEMANDS.iter().any(|demand| cell.starts_with(demand));
    let name = row.first().copied().unwrap_or_default();
    let roles: Vec<_> = row.iter().copied().filter(is_role).collect();
    let lacking: Vec<_> = match row {
        _ if !roles.is_empty() => roles.into_iter().filter(|cell| !is_proved(cell)).collect(),
        [_, _, third, fourth] if is_proved(third) || is_proved(fourth) => Vec::new(),
        _ => Vec::from(["no test"]),
    };
    lacking.into_iter().map(|cell| format!("{name}: {cell}")).collect()
}

/// Whether that function is there and is a test.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let found = lines.iter().position(|line| line.trim_start_matches("async ").starts_with(&head));
    found.is_some_and(|at| {
        let before = lines.iter().take(at).rev();
        before
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"))
            .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
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
    #[test]
    fn tests_are_functions_with_the_attribute() {
        let source = "#[test]\n#[cfg(unix)]\nfn one() {}\n\nfn two() {}\n#[tokio::test(flavor = \"x\")]\nasync fn three() {}";
        let is_test = |name| has_test(source, name);
        assert_eq!(["one", "two", "three", "four", "on"].map(is_test), [true, false, true, false, false]);
    }

    #[test]
    fn rules_have_a_test_or_a_reason() {
        let text = "| a | b | c | d |\n|---|---|---|---|\n| 1 | f | `x::y` | z |\n| 2 | f | not met: why | z |\n| 3 | f | none | z |\n\n\
                    | id | EE | RA | CA |\n|---|---|---|---|\n| 4 | MUST: `x::y` | | MAY: perhaps |";
        let lacking: Vec<_> = rows(text).flat_map(|row| unproved(&row)).collect();
        assert_eq!(lacking, ["3: no test", "4: MAY: perhaps"]);
    }
}
