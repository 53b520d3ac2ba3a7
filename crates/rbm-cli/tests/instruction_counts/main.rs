//! Instruction counts of the CD-1 step, the Gibbs step and exact log Z against the committed ones.
//!
//! Instructions, unlike seconds, are the same whatever else a machine does: a test of speed that cannot flake. This
//! program runs itself under callgrind with a few and with more repetitions of a piece of work; the difference is the
//! cost of the loop alone. Callgrind knows no AVX-512, so the AVX2 path is counted, on every machine.
//!
//! `just instructions --accept` writes the counts it finds. Without valgrind the test is skipped, unless
//! `RBM_REQUIRE_VALGRIND` is set.

mod work;

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde::{Deserialize, Serialize};
use work::{WORKS, Work};

const NAME: &str = "instruction_counts";
/// The word that makes this program do the work instead of counting it.
const REPEAT: &str = "--repeat";
const REQUIRE: &str = "RBM_REQUIRE_VALGRIND";
/// The path through the kernels that is counted.
const COUNTED_PATH: &str = "avx2";
/// Keeps the C library's own copying off the instructions that callgrind does not know.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-AVX512ER,-AVX512PF";

/// The content of `benches/instructions.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Committed {
    /// The largest share that a count may differ by, either way.
    tolerance: f64,
    /// The path through the kernels that was counted.
    path: String,
    /// Instructions of one repetition of each piece of work.
    counts: BTreeMap<String, u64>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match &words[..] {
        [first, name, times] if first == REPEAT => repeat(name, times),
        _ => test(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("test {NAME} ... FAILED\n{error}\n\ntest result: FAILED. 0 passed; 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn repeat(name: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let work = WORKS.iter().find(|work| work.name == name).ok_or("no such work")?;
    work.repeat(times.parse()?)
}

/// Behaves as a test of cargo's own harness, as far as anyone asks.
fn test(words: &[String]) -> Result<(), Box<dyn Error>> {
    let accept = words.iter().any(|word| word == "--accept");
    let mut filters = words.iter().filter(|word| !word.starts_with("--")).peekable();
    if words.iter().any(|word| word == "--list") {
        println!("{NAME}: test");
        return Ok(());
    }
    let skipped_by_flag = words.iter().any(|word| word == "--ignored");
    if skipped_by_flag || (filters.peek().is_some() && !filters.any(|filter| NAME.contains(filter.as_str()))) {
        println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 1 filtered out");
        return Ok(());
    }
    println!("\nrunning 1 test");
    if let Some(reason) = why_not() {
        if std::env::var_os(REQUIRE).is_some_and(|value| !value.is_empty()) || accept {
            return Err(format!("{reason}, and it is asked for").into());
        }
        println!("SKIPPED: {reason}\ntest {NAME} ... ignored\n\ntest result: ok. 0 passed; 0 failed; 1 ignored");
        return Ok(());
    }
    let found = WORKS.iter().map(|work| Ok((work.name.to_owned(), count(work)?)));
    let found = found.collect::<Result<BTreeMap<String, u64>, Box<dyn Error>>>()?;
    if accept {
        accept_counts(found)?;
    } else {
        compare(&read()?, &found)?;
    }
    println!("test {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed");
    Ok(())
}

/// Why nothing can be counted here.
fn why_not() -> Option<String> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return Some("the committed counts are those of x86-64 Linux".into());
    }
    if cfg!(debug_assertions) {
        return Some("the committed counts are those of the release profile".into());
    }
    match Command::new("valgrind").arg("--version").output() {
        Ok(output) if output.status.success() => None,
        _ => Some("valgrind is not installed".into()),
    }
}

/// Instructions of one repetition.
fn count(work: &Work) -> Result<u64, Box<dyn Error>> {
    let [few, more] = work.repeats;
    let of_few = count_of(work, few)?;
    let of_more = count_of(work, more)?;
    Ok(of_more.checked_sub(of_few).ok_or("more repetitions took fewer instructions")? / u64::from(more - few))
}

/// Instructions of the whole program with so many repetitions.
fn count_of(work: &Work, times: u32) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([REPEAT, work.name, &times.to_string()])
        .env("RBM_ISA", COUNTED_PATH)
        .env("GLIBC_TUNABLES", TUNABLES)
        .env("RAYON_NUM_THREADS", "1")
        .env("MATMUL_NUM_THREADS", "1")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let out = String::from_utf8_lossy(&output.stdout);
        return Err(format!("{} ended with {} under callgrind:\n{out}{said}", work.name, output.status).into());
    }
    let line = said.lines().find_map(|line| line.split_once("Collected : ")).ok_or("callgrind names no count")?;
    Ok(line.1.trim().parse()?)
}

fn compare(committed: &Committed, found: &BTreeMap<String, u64>) -> Result<(), Box<dyn Error>> {
    let mut wrong = Vec::new();
    for (name, &count) in found {
        let Some(&expected) = committed.counts.get(name) else {
            wrong.push(format!("{name}: {count} instructions, and no count is committed"));
            continue;
        };
        let change = count as f64 / expected as f64 - 1.0;
        let line = format!("{name}: {count} instructions, committed {expected}: {:+.2} %", 100.0 * change);
        println!("{line}");
        if change.abs() > committed.tolerance {
            wrong.push(line);
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "instruction counts ({COUNTED_PATH}) differ by more than {} %:\n  {}\nIf that is meant, fewer or more, accept \
         them with `just instructions --accept` and say why in the commit",
        100.0 * committed.tolerance,
        wrong.join("\n  ")
    )
    .into())
}

fn accept_counts(counts: BTreeMap<String, u64>) -> Result<(), Box<dyn Error>> {
    let tolerance = read().map_or(0.03, |committed| committed.tolerance);
    let committed = Committed { tolerance, path: COUNTED_PATH.into(), counts };
    let text = format!(
        "# Instructions of one repetition, counted by callgrind; see crates/rbm-cli/tests/instruction_counts. Written\n\
         # by `just instructions --accept`.\n\n{}",
        toml::to_string(&committed)?
    );
    fs::write(file(), text)?;
    println!("wrote {}", file().display());
    Ok(())
}

fn read() -> Result<Committed, Box<dyn Error>> {
    let text = fs::read_to_string(file()).map_err(|error| format!("failed to read {}: {error}", file().display()))?;
    Ok(toml::from_str(&text)?)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/instructions.toml")
}
