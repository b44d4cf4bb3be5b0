//! What the libraries cost in firmware: measured on an emulated Cortex-M4, recorded in `docs/firmware.md`, held against the goals.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::programs::run;

use super::comparison;
use super::emulator::{Board, House, run_program};
use super::toolchain::{Build, Unpacked, succeeded};

/// What is linked, by its name in the document, and the cargo features of `examples/firmware`.
const PROFILES: [(&str, &str); 4] = [
    ("PKCS #10, key elsewhere", "pkcs10"),
    ("PKCS #10, P-256 in software", "software-key"),
    ("and CRMF", "crmf"),
    ("and CMP, the whole end entity", "cmp"),
];

/// What may be added to each.
const ADDITIONS: [(&str, &str); 3] = [("", ""), (", RSA-2048", ",rsa"), (", ML-DSA-44", ",ml-dsa")];

/// What others take, by its name in the document.
const OTHERS: [(&str, &str); 2] = [
    ("mbedTLS 2.28.3 on the same board: PKCS #10, P-256 in software", "mbedtls"),
    ("OpenSSL 3.0, static, on x86-64: CMP, the whole end entity", "openssl"),
];

/// What a goal bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Flash,
    Heap,
    Stack,
    /// Heap and stack together, of the steps that this names.
    MemoryOf(&'static str),
}

/// Features, what is bounded, and the bound in KiB.
const GOALS: [(&str, Quantity, u32); 8] = [
    ("pkcs10", Quantity::Flash, 16),
    ("software-key", Quantity::Flash, 40),
    ("software-key", Quantity::Heap, 2),
    ("software-key", Quantity::Stack, 5),
    ("cmp", Quantity::Flash, 100),
    ("cmp", Quantity::Heap, 16),
    ("cmp", Quantity::Stack, 8),
    ("pkcs10,ml-dsa", Quantity::MemoryOf("ML-DSA-44 signature"), 64),
];

/// What one step took: thousand instructions; octets of heap and stack at most; allocations.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    instructions: u32,
    heap: u32,
    stack: u32,
    allocations: u32,
}

/// What a profile took.
#[derive(Clone, Debug)]
struct Measurement {
    /// Text, read-only data and initialised data: octets.
    flash: u32,
    /// Of that, by crate.
    crates: BTreeMap<String, u32>,
    steps: Vec<Step>,
}

impl Measurement {
    fn quantity(&self, quantity: Quantity) -> u32 {
        let most = |what: fn(&Step) -> u32| self.steps.iter().map(what).max().unwrap_or_default();
        match quantity {
            Quantity::Flash => self.flash,
            Quantity::Heap => most(|step| step.heap),
            Quantity::Stack => most(|step| step.stack),
            Quantity::MemoryOf(name) => {
                let step = self.steps.iter().find(|step| step.name == name);
                step.map_or(0, |step| step.heap.saturating_add(step.stack))
            }
        }
    }
}

/// Measures everything and writes it into `docs/firmware.md`.
pub(crate) fn record() -> Result<(), String> {
    let bench = Bench::new()?;
    let mut measured = BTreeMap::new();
    measured.insert(String::new(), bench.measure("")?);
    for (_, profile) in PROFILES {
        for (_, addition) in ADDITIONS {
            let features = format!("{profile}{addition}");
            println!("    {features}");
            let measurement = bench.measure(&features)?;
            measured.insert(features, measurement);
        }
    }
    println!("    mbedTLS and OpenSSL");
    measured.insert("mbedtls".to_owned(), bench.run(&comparison::mbedtls()?, "mbedtls")?);
    measured.insert("openssl".to_owned(), bench.openssl()?);
    let path = document();
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = replaced(&text, "profiles", &profiles_table(&measured))?;
    let text = replaced(&text, "crates", &crates_table(&measured))?;
    let text = replaced(&text, "steps", &steps_table(&measured))?;
    let text = replaced(&text, "goals", &goals_table(&measured))?;
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Measures what there are goals for; one that the document says is met must be met still.
pub(crate) fn check() -> Result<(), String> {
    let path = document();
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let bench = Bench::new()?;
    let mut measured: BTreeMap<String, Measurement> = BTreeMap::new();
    let mut missed = Vec::new();
    for (features, quantity, limit) in GOALS {
        if !measured.contains_key(features) {
            measured.insert(features.to_owned(), bench.measure(features)?);
        }
        let took = measured.get(features).map_or(0, |measurement| measurement.quantity(quantity));
        let goal = goal_name(features, quantity);
        let row = text.lines().find(|line| line.starts_with(&format!("| {goal} | ")));
        let row =
            row.ok_or_else(|| format!("{} has no goal {goal:?}: cargo xtask budget", path.display()))?;
        if took > limit.saturating_mul(1024) && row.ends_with("| met |") {
            missed.push(format!("{goal}: {} KiB, no more than {limit} were to be", kib(took)));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
}

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/firmware.md")
}

/// Compiler, emulator, and an RA/CA to talk to.
struct Bench {
    compiler: Unpacked,
    emulators: Unpacked,
    house: House,
}

impl Bench {
    fn new() -> Result<Self, String> {
        let (compiler, emulators) = (Unpacked::compiler()?, Unpacked::emulators()?);
        // Servers and peers of the test kit say by a panic what went wrong.
        let house = catch_unwind(House::new).map_err(|_| "see above".to_owned())??;
        house.make_keys();
        Ok(Self { compiler, emulators, house })
    }

    fn measure(&self, features: &str) -> Result<Measurement, String> {
        let board = Board::Mps2An386;
        let arguments = ["--bin", "budget", "--no-default-features", "--features", features];
        let build = Build { target: board.target(), arguments: &arguments };
        self.run(&build.run(&self.compiler)?.join("budget"), features)
    }

    fn run(&self, program: &Path, features: &str) -> Result<Measurement, String> {
        let board = Board::Mps2An386;
        let measured = || run_program(&self.emulators, board, program, &self.house, &|reply| reply);
        let run = catch_unwind(AssertUnwindSafe(measured)).map_err(|_| "see above".to_owned())??;
        if run.code != Some(0) {
            let steps = run.frames.iter().filter(|(kind, _)| *kind == b'f').count();
            return Err(format!(
                "{features:?} ended with {:?} after {steps} steps {}",
                run.code, run.console
            ));
        }
        self.house.verify(&run)?;
        let steps = run.frames.iter().filter(|(kind, _)| *kind == b'f').map(|(_, octets)| step(octets));
        let steps = steps.collect::<Option<_>>().ok_or("a step's figures are cut off")?;
        Ok(Measurement { flash: flash(program)?, crates: crates(program)?, steps })
    }

    /// Of a program for the host no stack is measured.
    fn openssl(&self) -> Result<Measurement, String> {
        let (program, heap) = comparison::openssl(&self.house)?;
        let step = Step { name: "OpenSSL".to_owned(), instructions: 0, heap, stack: 0, allocations: 0 };
        Ok(Measurement { flash: flash(&program)?, crates: BTreeMap::new(), steps: vec![step] })
    }
}

/// `NAME NUL INSTRUCTIONS HEAP STACK ALLOCATIONS`
fn step(octets: &[u8]) -> Option<Step> {
    let end = octets.iter().position(|octet| *octet == 0)?;
    let (name, figures) = octets.split_at_checked(end)?;
    let mut figures = figures.get(1..)?.chunks_exact(4).map(|chunk| chunk.try_into().map(u32::from_be_bytes));
    let mut next = || figures.next()?.ok();
    Some(Step {
        name: String::from_utf8(name.to_vec()).ok()?,
        instructions: next()?,
        heap: next()?,
        stack: next()?,
        allocations: next()?,
    })
}

/// `text data bss ...`, of which the first holds what is read only.
fn flash(program: &Path) -> Result<u32, String> {
    let output = succeeded("size", Command::new("size").arg(program).output())?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = output.lines().nth(1).unwrap_or_default().split_whitespace().map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(text)), Some(Ok(data))) => Ok(text.saturating_add(data)),
        _ => Err(format!("size printed {output:?}")),
    }
}

/// Functions and constants by the crate that their names begin with: generic code counts where it was written. `nm` prints
/// `ADDRESS SIZE TYPE NAME`.
fn crates(program: &Path) -> Result<BTreeMap<String, u32>, String> {
    let output = Command::new("nm").args(["--print-size", "--size-sort", "--demangle"]).arg(program).output();
    let output = String::from_utf8_lossy(&succeeded("nm", output)?.stdout).into_owned();
    let mut crates: BTreeMap<String, u32> = BTreeMap::new();
    for line in output.lines() {
        let mut words = line.splitn(4, ' ').skip(1);
        let (Some(size), Some("t" | "T" | "r" | "R"), Some(name)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let size = u32::from_str_radix(size, 16).map_err(|error| format!("nm printed {line:?}: {error}"))?;
        let total = crates.entry(crate_of(name).to_owned()).or_default();
        *total = total.saturating_add(size);
    }
    Ok(crates)
}

/// `<asn1::captured::Tlv>::new`, `core::ptr::drop_in_place::<cmp::body::PkiBody>`
fn crate_of(name: &str) -> &str {
    let (path, _) = name.split_once("::").unwrap_or(("others", ""));
    path.rsplit(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap_or("others")
}

fn crates_table(measured: &BTreeMap<String, Measurement>) -> String {
    let columns = PROFILES.map(|(name, features)| (name, measured.get(features).map(|each| &each.crates)));
    let mut table = "| crate |".to_owned();
    columns.iter().for_each(|(name, _)| {
        let _ = write!(table, " {name} |");
    });
    table.push_str("\n|---|---|---|---|---|\n");
    let size = |column: Option<&BTreeMap<String, u32>>, name: &str| {
        column.and_then(|crates| crates.get(name)).copied().unwrap_or_default()
    };
    let last = columns.last().and_then(|(_, crates)| *crates);
    let mut names: Vec<&String> = last.into_iter().flat_map(BTreeMap::keys).collect();
    names.sort_by_key(|name| std::cmp::Reverse(size(last, name)));
    for name in names.into_iter().filter(|name| size(last, name) >= 2048) {
        let _ = write!(table, "| {name} |");
        columns.iter().for_each(|(_, crates)| {
            let _ = write!(table, " {} |", kib(size(*crates, name)));
        });
        table.push('\n');
    }
    table
}

fn profiles_table(measured: &BTreeMap<String, Measurement>) -> String {
    let mut table = "| what is linked | flash | heap | stack |\n|---|---|---|---|\n".to_owned();
    let mut row = |name: &str, features: &str| {
        if let Some(measurement) = measured.get(features) {
            let column = |quantity| kib(measurement.quantity(quantity));
            let (flash, heap) = (column(Quantity::Flash), column(Quantity::Heap));
            let stack = match measurement.quantity(Quantity::Stack) {
                0 => "not measured".to_owned(),
                octets => kib(octets),
            };
            let _ = writeln!(table, "| {name} | {flash} | {heap} | {stack} |");
        }
    };
    row("start-up, serial line and measuring alone", "");
    for (profile, features) in PROFILES {
        for (addition, feature) in ADDITIONS {
            row(&format!("{profile}{addition}"), &format!("{features}{feature}"));
        }
    }
    OTHERS.iter().for_each(|(name, features)| row(name, features));
    table
}

fn steps_table(measured: &BTreeMap<String, Measurement>) -> String {
    let mut table =
        "| step | thousand instructions | heap | stack | allocations |\n|---|---|---|---|---|\n".to_owned();
    let mut shown: Vec<&str> = Vec::from(["harness"]);
    for features in ["pkcs10", "cmp", "cmp,rsa", "cmp,ml-dsa", "mbedtls"] {
        for step in measured.get(features).iter().flat_map(|measurement| &measurement.steps) {
            if !shown.contains(&step.name.as_str()) {
                shown.push(&step.name);
                let thousands = step.instructions.div_ceil(1000);
                let (heap, stack) = (kib(step.heap), kib(step.stack));
                let _ = writeln!(
                    table,
                    "| {} | {thousands} | {heap} | {stack} | {} |",
                    step.name, step.allocations
                );
            }
        }
    }
    table
}

fn goals_table(measured: &BTreeMap<String, Measurement>) -> String {
    let mut table = "| goal | at most | measured | |\n|---|---|---|---|\n".to_owned();
    for (features, quantity, limit) in GOALS {
        let took = measured.get(features).map_or(0, |measurement| measurement.quantity(quantity));
        let limit_octets = limit.saturating_mul(1024);
        let met = if took > limit_octets {
            format!("missed by {}", kib(took.saturating_sub(limit_octets)))
        } else {
            "met".to_owned()
        };
        let _ = writeln!(table, "| {} | {limit} | {} | {met} |", goal_name(features, quantity), kib(took));
    }
    table
}

fn goal_name(features: &str, quantity: Quantity) -> String {
    let profile = PROFILES.iter().find(|(_, profile)| *profile == features).map(|(name, _)| *name);
    let profile = profile.unwrap_or_default();
    match quantity {
        Quantity::Flash => format!("{profile}: flash"),
        Quantity::Heap => format!("{profile}: heap"),
        Quantity::Stack => format!("{profile}: stack"),
        Quantity::MemoryOf(step) => format!("{step}: heap and stack"),
    }
}

/// Rounded up to a tenth.
fn kib(octets: u32) -> String {
    let tenths = octets.saturating_mul(10).div_ceil(1024);
    format!("{}.{}", tenths.div_euclid(10), tenths.rem_euclid(10))
}

/// The text with another table between two comments.
fn replaced(text: &str, name: &str, table: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).ok_or_else(|| format!("there is no {begin:?}"))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| format!("there is no {end:?}"))?;
    Ok(format!("{before}{begin}{table}{end}{after}"))
}

impl House {
    /// The key of a secure element, and an RSA signature over its own key.
    fn make_keys(&self) {
        let openssl = |words: &str| run("openssl", words, self.path()).success();
        openssl("ecparam -name prime256v1 -genkey -noout -out outside.pem");
        openssl("ec -in outside.pem -pubout -outform DER -out outside.der");
        let spki = fs::read(self.path().join("outside.der")).unwrap_or_default();
        let point = spki.get(spki.len().saturating_sub(65)..).unwrap_or_default();
        fs::write(self.path().join("outside.point"), point).expect("the folder is writable");
        openssl("genrsa -out rsa.pem 2048");
        openssl("rsa -in rsa.pem -pubout -outform DER -out rsa.der");
        openssl("dgst -sha256 -sign rsa.pem -out rsa.signature rsa.der");
    }

    /// Whether the requests are such that OpenSSL takes them.
    fn verify(&self, run: &super::emulator::Run) -> Result<(), String> {
        for kind in [b'p', b'q'] {
            if let Ok(request) = run.only(kind) {
                super::freestanding::verify_request(request)?;
            }
        }
        let (Ok(signature), Ok(key)) = (run.only(b's'), run.only(b'k')) else { return Ok(()) };
        let key = crypto::PublicKey::from_spki_der(key).map_err(|error| error.to_string())?;
        let random = Box::new(testkit::InsecureCountingRandom::starting_at(0));
        crypto_rustcrypto::provider(random)
            .verify(crypto::SignatureAlgorithm::MlDsa44, &key, b"octets to be signed", signature)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_replaced_where_they_stand() {
        let text = "a\n<!-- t -->\nold\n<!-- end of t -->\nb\n";
        assert_eq!(replaced(text, "t", "new\n").unwrap(), text.replace("old", "new"));
        assert!(replaced(text, "u", "new\n").is_err());
    }

    #[test]
    fn symbols_belong_to_the_crate_that_wrote_them() {
        for (name, of) in [
            ("<asn1::captured::Tlv>::new", "asn1"),
            ("core::ptr::drop_in_place::<cmp::body::PkiBody>", "core"),
            ("<&der::asn1::Any as der::Encode>::to_der", "der"),
            ("memcpy", "others"),
        ] {
            assert_eq!(crate_of(name), of);
        }
    }

    #[test]
    fn figures_are_rounded_up() {
        assert_eq!((kib(1024), kib(1025), kib(0)), ("1.0".into(), "1.1".into(), "0.0".into()));
        let octets = [&b"ip\0"[..], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]].concat();
        let step = step(&octets).unwrap();
        assert_eq!((step.instructions, step.heap, step.stack, step.allocations), (1, 2, 3, 4));
        assert!(super::step(octets.get(..18).unwrap()).is_none());
    }
}
