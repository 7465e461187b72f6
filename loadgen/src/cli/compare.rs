//! `torii-loadgen compare A.json B.json`: do two sides differ, and would further runs show it?

use std::path::{Path, PathBuf};

use crate::compare::{compare, comparison_text, obstacles};
use crate::record::{RunRecord, read};

/// Runs on one side; more would not make the answer better.
const RUNS_MAX: usize = 50;

/// Exit code of a regression.
const REGRESSION: u8 = 4;

/// Exit code of a comparison that cannot be made.
const NOT_COMPARABLE: u8 = 2;

/// The command line of `compare`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CompareArguments {
    /// The records of A, as `--json` wrote them: one run, or several of the same shape joined by commas
    #[arg(value_name = "A.json[,A2.json…]")]
    pub first: String,

    /// The records of B; each further one is compared with A too
    #[arg(value_name = "B.json[,B2.json…]", required = true)]
    pub others: Vec<String>,

    /// Change of a time or rate that does not matter, in per cent
    #[arg(long, default_value = "2", value_name = "PERCENT", value_parser = percent)]
    pub tolerance: f64,

    /// End with 4 also where B was worse in these runs only: with fewer than three runs a side, or by errors
    /// that only some of the runs had. The same server may then fail against itself
    #[arg(long)]
    pub strict: bool,

    /// Compare although the runs differ in shape or are not fit for use, and say so
    #[arg(long)]
    pub anyway: bool,
}

const EXAMPLES: &str = "\
Examples:
  # Did the change make the proxy slower? For CI: exit code 4 if it did. Five runs of each, in turns.
  for i in 1 2 3 4 5; do
    torii-loadgen run http://192.0.2.10/ --rate 5000 --duration 60s --json a$i.json
    torii-loadgen run http://192.0.2.11/ --rate 5000 --duration 60s --json b$i.json
  done
  torii-loadgen compare a1.json,a2.json,a3.json,a4.json,a5.json b1.json,b2.json,b3.json,b4.json,b5.json

  # A first look at one run of each. It speaks of these runs alone: the next ones may differ as much.
  torii-loadgen compare before.json after.json

Exit codes: 0 B is not shown to be worse, 4 B is worse, 2 the runs cannot be compared (the reasons are printed).
With three runs a side and more, each run is one observation, and the intervals are Welch's; the judgement
uses wider ones, such that of 100 comparisons of like with like at most 5 show any difference. With fewer runs
they come from a bootstrap within the runs, and the exit code is 0 unless --strict is given.";

/// Reads a tolerance of 0 to 100 per cent, with or without its sign, as a share.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim();
    let percent: f64 = number.parse().map_err(|_| format!("`{text}` is not a number of per cent"))?;
    if (0.0..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err("write 0 to 100".to_owned()) }
}

/// Compares, prints, and gives the exit code.
pub fn run(arguments: &CompareArguments) -> u8 {
    let first = match side(&arguments.first) {
        Ok(records) => records,
        Err(message) => return refuse(&message),
    };
    let mut code = 0;
    for name in &arguments.others {
        code = code.max(match side(name) {
            Ok(other) => one(arguments, &first, &other, name),
            Err(message) => refuse(&message),
        });
    }
    code
}

fn one(arguments: &CompareArguments, first: &[RunRecord], other: &[RunRecord], name: &str) -> u8 {
    // Every run is measured against the first of A, those of A too.
    let found: Vec<String> = match first.first() {
        Some(model) => first[1..].iter().chain(other).flat_map(|record| obstacles(model, record)).collect(),
        None => Vec::new(),
    };
    let mut found: Vec<&String> = found.iter().collect();
    found.dedup();
    if !found.is_empty() {
        let word =
            if arguments.anyway { "are compared all the same, although" } else { "cannot be compared" };
        eprintln!("These runs {word}:");
        found.iter().for_each(|obstacle| eprintln!("  ! {obstacle}"));
        if !arguments.anyway {
            eprintln!("`--anyway` compares them, and proves nothing.");
            return NOT_COMPARABLE;
        }
    }
    match compare(first, other, arguments.tolerance) {
        Ok(comparison) => {
            print!("{}", comparison_text(&comparison, [&arguments.first, name]));
            let is_worse = comparison.is_regression() || arguments.strict && comparison.was_worse();
            if is_worse { REGRESSION } else { 0 }
        }
        Err(message) => refuse(&format!("{message} (`--duration 60s` and more is a good length)")),
    }
}

fn refuse(message: &str) -> u8 {
    eprintln!("{message}");
    NOT_COMPARABLE
}

/// Reads the runs of one side. A file whose own name holds a comma is taken whole.
fn side(names: &str) -> Result<Vec<RunRecord>, String> {
    let paths: Vec<PathBuf> = match Path::new(names).exists() {
        true => vec![names.into()],
        false => names.split(',').filter(|name| !name.is_empty()).map(PathBuf::from).collect(),
    };
    if paths.is_empty() || paths.len() > RUNS_MAX {
        return Err(format!("`{names}`: a side has 1 to {RUNS_MAX} records"));
    }
    let record = |path: &PathBuf| read(path).map_err(|error| format!("{}: {error}", path.display()));
    paths.iter().map(record).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compare::RUNS_MIN;
    use crate::record::write_whole;
    use crate::test_support::sample_record;

    #[test]
    fn one_run_a_side_fails_a_build_only_if_it_is_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (fast, slow) = (path("fast.json"), path("slow.json"));
        for (path, service_ns) in [(&fast, 1_000_000), (&slow, 2_000_000)] {
            let record = serde_json::to_vec(&sample_record(8, 400, service_ns)).unwrap();
            write_whole(Path::new(path), &record).unwrap();
        }
        let code = |first: &str, other: &str, strict: bool| {
            let (first, others) = (first.to_owned(), vec![other.to_owned()]);
            run(&CompareArguments { first, others, tolerance: 0.02, strict, anyway: false })
        };
        assert_eq!([code(&fast, &slow, false), code(&fast, &slow, true)], [0, REGRESSION]);
        assert_eq!(code(&slow, &fast, true), 0);
        let three = |name: &str| [name; RUNS_MIN].join(",");
        assert_eq!(code(&three(&fast), &three(&slow), false), REGRESSION);
    }
}
