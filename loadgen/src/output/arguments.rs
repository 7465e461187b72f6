//! What a run shall show, and where it shall write: the part of every mode's command line that is about
//! results, and what is wrong with it before anything is opened.

use std::path::{Path, PathBuf};

use super::condition::Condition;
use super::files::is_standard_output;
use crate::measure::Kind;

/// When to show the display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LiveChoice {
    /// A panel on a terminal, else one line each second.
    #[default]
    Auto,
    /// One line each second.
    Lines,
    /// Nothing until the result.
    Off,
}

/// A file for a percentile distribution, and of which times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HgrmTarget {
    /// Label of a histogram: a kind's, or `all`.
    pub histogram: String,
    /// Where it goes.
    pub path: PathBuf,
}

impl std::str::FromStr for HgrmTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_known = |name: &str| name == "all" || Kind::parse(name).is_some();
        // A file may have a colon in its name; a word before the first one looks like the name of times.
        let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let named = match text.split_once(':') {
            Some((name, _)) if !is_known(name) && is_word(name) => {
                let labels: Vec<&str> = Kind::ALL.into_iter().map(Kind::label).collect();
                return Err(format!(
                    "{name:?} is not the name of times; write one of {}, all (or ./{text}, if that is the file)",
                    labels.join(", ")
                ));
            }
            named => named.filter(|(name, _)| is_known(name)),
        };
        let (histogram, path) = named.unwrap_or((Kind::Response.label(), text));
        if path.is_empty() {
            return Err("a file name is missing: `service:service.hgrm`".to_owned());
        }
        Ok(HgrmTarget { histogram: histogram.to_owned(), path: path.into() })
    }
}

/// What a run shall show, and where it shall write. The part of every mode's command line that is
/// about results.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Results")]
pub struct OutputArguments {
    /// Write the whole run as one JSON document, for `compare` and `report` (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the percentile distribution for the public HdrHistogram plotter, in ms; of response
    /// times, or of those named: `service:FILE`. May be given again
    #[arg(long, value_name = "[TIMES:]FILE")]
    pub hgrm: Vec<HgrmTarget>,

    /// Write each second's histograms as an HdrHistogram interval log (format 1.3), while the run
    /// goes on
    #[arg(long, value_name = "FILE")]
    pub interval_log: Option<PathBuf>,

    /// Write each second's numbers as one line of JSON, while the run goes on (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    pub ndjson: Option<PathBuf>,

    /// Write the report as one HTML file that needs nothing else to be viewed
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Fail the run (exit code 1) if this is true of it: `p99.9>5ms`, `errors>0`, `error_rate>0.1%`,
    /// `service.p50>=1ms`, `rate<4990`, `read_timeout>0`; of gap also `gap>1s` (the longest), `gaps>0`.
    /// May be given again
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<Condition>,

    /// The display while the run goes on (on standard error)
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub live: LiveChoice,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl OutputArguments {
    /// The options that name files, with these.
    fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let single = [
            ("--json", &self.json),
            ("--interval-log", &self.interval_log),
            ("--ndjson", &self.ndjson),
            ("--html", &self.html),
        ];
        let single = single.into_iter().filter_map(|(name, path)| Some((name, path.as_deref()?)));
        single.chain(self.hgrm.iter().map(|target| ("--hgrm", target.path.as_path())))
    }

    /// Whether a file has the standard output, so that the table has to go elsewhere.
    pub(super) fn has_standard_output(&self) -> bool {
        self.files().any(|(_, path)| is_standard_output(path))
    }

    /// Whether a run of this mode can have such results: no place is written to twice, and no condition
    /// asks for what is not measured.
    ///
    /// # Errors
    /// In words for the command line.
    pub fn check(&self, mode: &str) -> Result<(), String> {
        let mut taken: Vec<(&str, PathBuf)> = Vec::new();
        for (option, path) in self.files() {
            let place = place(path);
            if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == place) {
                let name = match is_standard_output(path) {
                    true => "the standard output".to_owned(),
                    false => path.display().to_string(),
                };
                return Err(format!(
                    "{other} and {option} would both write to {name}; give each its own file"
                ));
            }
            // What is thrown away may be thrown away twice.
            if place != Path::new("/dev/null") {
                taken.push((option, place));
            }
        }
        self.fail_if.iter().try_for_each(|condition| condition.fits(mode))
    }
}

/// A path by which two names of one file are known: its folder without links.
fn place(path: &Path) -> PathBuf {
    if is_standard_output(path) {
        return PathBuf::from("-");
    }
    if let Ok(known) = path.canonicalize() {
        return known;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_two_outputs_share_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(folder.path().join(name));
        let two = |json, html| OutputArguments { json, html, ..OutputArguments::default() }.check("run");
        assert_eq!(two(file("a"), file("b")), Ok(()));
        let why = two(file("a"), file("./a")).unwrap_err();
        assert!(why.starts_with("--json and --html would both write to"), "{why}");
        let why = two(Some("-".into()), Some("/dev/stdout".into())).unwrap_err();
        assert!(why.contains("the standard output"), "{why}");
        assert_eq!(two(Some("/dev/null".into()), Some("/dev/null".into())), Ok(()));
        let hgrm = ["a", "service:a"].map(|text| text.parse().unwrap()).to_vec();
        assert!(OutputArguments { hgrm, ..OutputArguments::default() }.check("run").is_err());
    }

    #[test]
    fn times_that_are_not_measured_have_no_distribution() {
        let why = "nosuch:foo".parse::<HgrmTarget>().unwrap_err();
        assert!(why.contains("first_byte") && why.contains("./nosuch:foo"), "{why}");
        for (text, histogram, path) in [
            ("foo.hgrm", "response", "foo.hgrm"),
            ("service:foo", "service", "foo"),
            ("all:a:b", "all", "a:b"),
            ("./nosuch:foo", "response", "./nosuch:foo"),
        ] {
            let target: HgrmTarget = text.parse().unwrap();
            assert_eq!(
                (target.histogram.as_str(), target.path.as_path()),
                (histogram, Path::new(path)),
                "{text}"
            );
        }
        assert!("service:".parse::<HgrmTarget>().is_err());
    }
}
