//! `torii-loadgen report RUN.json`: shows a recorded run again, in every form.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::output::{Condition, HgrmTarget, exit_code, html_report, judge, table, write_hgrm, write_series};
use crate::record::{RunRecord, read};

/// Exit code of a file that cannot be read or written.
const UNUSABLE: u8 = 2;

/// The command line of `report`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ReportArguments {
    /// The record of a run, as `--json` wrote it
    #[arg(value_name = "RUN.json")]
    pub record: PathBuf,

    /// Write the report as one HTML file that needs nothing else to be viewed
    #[arg(long, short = 'o', visible_alias = "html", value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write the percentile distribution for the public HdrHistogram plotter, in ms
    #[arg(long, value_name = "[TIMES:]FILE")]
    pub hgrm: Vec<HgrmTarget>,

    /// Write the seconds of the run as an HdrHistogram interval log (response and service times)
    #[arg(long, value_name = "FILE")]
    pub interval_log: Option<PathBuf>,

    /// Exit with 1 if this is true of the run: `p99.9>5ms`
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<Condition>,

    /// Do not print the table
    #[arg(long, short)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  torii-loadgen report run.json -o report.html
  torii-loadgen report run.json --hgrm response.hgrm --hgrm service:service.hgrm
  torii-loadgen report run.json --quiet --fail-if 'p99.9>5ms' --fail-if 'errors>0'

Exit codes: those of the run itself: 0 fine, 1 failed or a condition was true, 3 client-limited; and 2 for a
file that cannot be read or written.";

/// Reads, prints and writes; gives the exit code.
pub fn run(arguments: &ReportArguments) -> u8 {
    let mut record = match read(&arguments.record) {
        Ok(record) => record,
        Err(error) => {
            eprintln!("{}: {error}", arguments.record.display());
            return UNUSABLE;
        }
    };
    let mode = &record.description.mode;
    if let Err(why) = arguments.fail_if.iter().try_for_each(|condition| condition.fits(mode)) {
        eprintln!("{}: {why}", arguments.record.display());
        return UNUSABLE;
    }
    // The numbers are judged, not what a file says about them.
    record.verdict = judge(&record);
    let outcomes: Vec<_> = arguments.fail_if.iter().map(|condition| condition.check(&record)).collect();
    if !arguments.quiet {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        // A closed pipe is the reader's choice.
        let _ = std::io::stdout().write_all(table(&record, &outcomes, colour).as_bytes());
    }
    if let Err((path, error)) = write_files(arguments, &record) {
        eprintln!("cannot write {}: {error}", path.display());
        return UNUSABLE;
    }
    exit_code(&record, outcomes.iter().any(|outcome| outcome.broken))
}

type Fault = (PathBuf, std::io::Error);

fn write_files(arguments: &ReportArguments, record: &RunRecord) -> Result<(), Fault> {
    if let Some(path) = &arguments.output {
        to_file(path, |writer| writer.write_all(html_report(record).as_bytes()))?;
    }
    for target in &arguments.hgrm {
        if let Some(times) = record.histograms.get(&target.histogram) {
            to_file(&target.path, |writer| write_hgrm(&times.histogram.histogram(), writer))?;
        }
    }
    if let Some(path) = &arguments.interval_log {
        to_file(path, |writer| write_series(record, writer))?;
    }
    Ok(())
}

fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Fault> {
    let written = File::create(path).and_then(|file| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush()
    });
    written.map_err(|error| (path.to_owned(), error))
}
