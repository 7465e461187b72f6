//! The files of a result: opened and closed before a run, so that one that cannot be written ends it
//! before it began, and written when it is over. Called by `Reporting` and by modes whose result is
//! not the run that was watched.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::arguments::OutputArguments;
use super::condition::Outcome;
use super::verdict::exit_code;
use crate::record::{self, RunRecord};

/// A file that could not be written.
#[derive(Debug)]
pub struct OutputError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for OutputError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "cannot write {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for OutputError {}

pub(super) type Writer = Box<dyn Write + Send>;

pub(super) fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

pub(super) fn open(path: &Path) -> Result<Writer, OutputError> {
    if is_standard_output(path) {
        return Ok(Box::new(io::stdout()));
    }
    match File::create(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(error) => Err(OutputError { path: path.to_owned(), reason: error.to_string() }),
    }
}

pub(super) fn fault(path: &Path, error: &dyn std::fmt::Display) -> OutputError {
    OutputError { path: path.to_owned(), reason: error.to_string() }
}

/// Whether a file that is written when all is over can be: nobody wants to lose a long run to a name
/// that was mistyped. What is there already stays until then.
pub(super) fn check_place(path: &Path) -> Result<(), OutputError> {
    if is_standard_output(path) {
        return Ok(());
    }
    record::check_place(path).map_err(|error| fault(path, &error))
}

/// Prints the table, beside whatever else has the standard output.
fn print(arguments: &OutputArguments, record: &RunRecord, outcomes: &[Outcome]) {
    let has_other_use = arguments.has_standard_output();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // A closed pipe is the reader's choice: there is nobody left to tell.
    let _ = match (arguments.quiet, has_other_use) {
        (true, _) => Ok(()),
        (false, true) => {
            let text = super::table(record, outcomes, io::stderr().is_terminal() && !plain);
            io::stderr().write_all(text.as_bytes())
        }
        (false, false) => {
            let text = super::table(record, outcomes, io::stdout().is_terminal() && !plain);
            io::stdout().write_all(text.as_bytes())
        }
    };
}

/// Writes the files that are made of a whole run.
fn write_files(arguments: &OutputArguments, record: &RunRecord) -> Result<(), OutputError> {
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string(record).map_err(|error| fault(path, &error))?;
        write_whole(path, &(text + "\n"))?;
    }
    if let Some(path) = &arguments.html {
        write_whole(path, &super::html_report(record))?;
    }
    for target in &arguments.hgrm {
        let mut text = Vec::new();
        let empty = || record::HistogramRecord::new(&crate::measure::new_total_histogram());
        let times = record.histograms.get(&target.histogram).cloned().unwrap_or_else(empty);
        let written = super::write_hgrm(&times.histogram.histogram(), &mut text);
        written.map_err(|error| fault(&target.path, &error))?;
        write_whole(&target.path, &String::from_utf8_lossy(&text))?;
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, text: &str) -> Result<(), OutputError> {
    let written = match is_standard_output(path) {
        true => io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
        false => record::write_whole(path, text.as_bytes()),
    };
    written.map_err(|error| fault(path, &error))
}

/// Prints and writes the record of a run that was watched by nobody; gives the process's exit code.
/// What is written while a run goes on is written from its rows, lines of JSON excepted.
///
/// # Errors
/// A file that cannot be written.
pub fn publish(arguments: &OutputArguments, record: &RunRecord) -> Result<u8, OutputError> {
    if let Some(path) = &arguments.interval_log {
        super::write_series(record, open(path)?).map_err(|error| fault(path, &error))?;
    }
    tell(arguments, record)
}

/// Prints and writes what is made of a whole run; gives the process's exit code.
pub(super) fn tell(arguments: &OutputArguments, record: &RunRecord) -> Result<u8, OutputError> {
    let outcomes: Vec<Outcome> = arguments.fail_if.iter().map(|condition| condition.check(record)).collect();
    print(arguments, record, &outcomes);
    write_files(arguments, record)?;
    Ok(exit_code(record, outcomes.iter().any(|outcome| outcome.broken)))
}
