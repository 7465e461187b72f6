//! Records in files: written whole or not at all, read with bounds and with errors that help.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::run::{FORMAT, FORMAT_VERSION, RunRecord};

/// The largest record file that is read. The longest run writes some 40 MiB.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// Why a record could not be read or written.
#[derive(Debug)]
pub enum FileError {
    /// The file system said no.
    Io(std::io::Error),
    /// Larger than a record can be.
    TooLarge,
    /// Not JSON, or JSON of another shape; with line and column.
    NotARecord(String),
    /// A record of another version of this program.
    OtherVersion(u32),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileError::Io(error) => write!(formatter, "{error}"),
            FileError::TooLarge => {
                write!(formatter, "larger than {} MiB: no record of a run is", FILE_BYTES_MAX >> 20)
            }
            FileError::NotARecord(why) => {
                write!(formatter, "not the record of a run (as `--json FILE` writes it): {why}")
            }
            FileError::OtherVersion(version) => {
                write!(formatter, "a record of format {version}; this program reads format {FORMAT_VERSION}")
            }
        }
    }
}

impl std::error::Error for FileError {}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        FileError::Io(error)
    }
}

/// The two fields that tell what a document is, before the rest is believed.
#[derive(serde::Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// Reads a record from a file.
///
/// # Errors
/// The file cannot be read, is too large, or does not hold a record.
pub fn read(path: &Path) -> Result<RunRecord, FileError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLarge);
    }
    from_bytes(&bytes)
}

/// Reads a record from the bytes of a file.
///
/// # Errors
/// The bytes do not hold a record.
pub fn from_bytes(bytes: &[u8]) -> Result<RunRecord, FileError> {
    let not_a_record = |error: serde_json::Error| FileError::NotARecord(error.to_string());
    let head: Head = serde_json::from_slice(bytes).map_err(not_a_record)?;
    if head.format != FORMAT {
        return Err(FileError::NotARecord("its field `format` says something else".to_owned()));
    }
    if head.format_version != FORMAT_VERSION {
        return Err(FileError::OtherVersion(head.format_version));
    }
    let record: RunRecord = serde_json::from_slice(bytes).map_err(not_a_record)?;
    record.check().map_err(|why| FileError::NotARecord(why.to_owned()))?;
    Ok(record)
}

/// Writes a file: first beside its place, then into it, so that no reader sees half of it.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let Some(beside) = beside(path) else {
        return File::options().write(true).open(path)?.write_all(text);
    };
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text)?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // It may not even have been made.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Whether [`write_whole`] can write here, as far as that can be known before; leaves no trace.
///
/// # Errors
/// Why not.
pub fn check_place(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let Some(beside) = beside(path) else {
        // A pipe is opened when there is something to read: opening one would wait for its reader.
        return path.metadata().map(|_| ());
    };
    File::create(&beside)?;
    std::fs::remove_file(&beside)
}

/// The name under which a file is written first; `None` for a pipe or a device, which has no place beside
/// it.
fn beside(path: &Path) -> Option<PathBuf> {
    let is_special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let name = path.file_name().filter(|_| !is_special)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    Some(path.with_file_name(beside))
}

impl RunRecord {
    /// What the types do not say: numbers that later arithmetic relies on.
    fn check(&self) -> Result<(), &'static str> {
        let hour_ns = 3_600_000_000_000_u64;
        if self.description.duration_ns > hour_ns.saturating_mul(24 * 366) {
            return Err("a run of more than a year");
        }
        if self.description.warm_up_ns > self.description.duration_ns {
            return Err("a warm-up longer than the run");
        }
        let mut before_ns = 0;
        for row in &self.series {
            if row.start_ns > row.end_ns || row.start_ns < before_ns {
                return Err("the rows of `series` are not in the order of time");
            }
            before_ns = row.start_ns;
        }
        let is_rate = |rate: f64| (0.0..=1e12).contains(&rate);
        let rates = self.steps.iter().flat_map(|step| [step.rate_per_second, step.achieved_per_second]);
        let found = self.search.iter().filter_map(|search| search.highest_good_per_second);
        let rates = rates.chain(self.steps.iter().map(|step| step.offered_per_second)).chain(found);
        let known = self.rate_steps.iter().filter_map(|step| step.seconds.as_ref());
        let rates = rates.chain(self.rate_steps.iter().map(|step| step.rate_per_second));
        let rates = rates.chain(known.flat_map(|step| [step.offered_per_second, step.achieved_per_second]));
        let rates = rates.chain([self.achieved_per_second]).chain(self.description.rate_per_second);
        let shares = [
            self.client.busy_share,
            self.client.busiest_second_share,
            self.client.occupied_share,
            self.host.steal_share,
        ];
        if !rates.chain(shares).all(is_rate) {
            return Err("a rate or share that cannot be");
        }
        Ok(())
    }
}
