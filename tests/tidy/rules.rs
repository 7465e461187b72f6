//! The rules of the house for one file, and the lists of exceptions, each with its reason.
//!
//! `check` is pure: path and text in, complaints out, so that bad samples can prove each rule.

use crate::source::{code_lines, first_test_line};

const LINES_MAX: usize = 500;
const WIDTH_MAX: usize = 120;

/// Files that may be longer, with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Where `unsafe` may stand: the kernel interface, the SIMD scanner, raw sockets, the scheduler, the guard
/// process, and a test that puts itself in malloc's place.
const UNSAFE_PLACES: [&str; 6] = [
    "src/net/",
    "src/http/scan",
    "src/ha/socket",
    "src/ha/real_time",
    "src/ha/guard",
    "tests/guard/allocation.rs",
];

/// Code that runs for every request.
const HOT_FOLDERS: [&str; 4] = ["src/http/", "src/balance/", "src/proxy/", "src/net/"];

/// Files of the hot folders that run at start-up only, with the reason.
const START_UP_FILES: [(&str, &str); 0] = [];

/// What the hot path must not do: format, allocate by helper, read a clock, lock, hash weakly.
const HOT_BANS: [&str; 10] = [
    "format!",
    "to_string(",
    "String::from",
    "to_owned(",
    "to_vec(",
    "Instant::now",
    "SystemTime::now",
    "Mutex",
    "RwLock",
    "HashMap::new",
];

/// The one file that reads a clock, once per turn of a worker's loop.
const CLOCK_HOME: &str = "src/net/clock.rs";

/// Marks a line of a hot file, or the one below it, as not hot; a reason has to follow.
const COLD_MARK: &str = "// cold: ";

/// Who may write to the terminal; everybody else has the log.
const PRINTING: [&str; 7] =
    ["src/cli/", "src/control/", "tests/", "bench/", "loadgen/", "src/main.rs", "fuzz/"];

/// Every file named by a list above.
pub fn listed_files() -> impl Iterator<Item = &'static str> {
    LONG_FILES.iter().chain(START_UP_FILES.iter()).map(|&(path, _)| path)
}

/// Complaints about one file, each with its place.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    check_words(path, text, &mut faults);
    if path.ends_with(".rs") {
        check_shape(path, text, &mut faults);
        check_code(path, text, &mut faults);
    }
    if path.ends_with("Cargo.toml") {
        check_dependencies(path, text, &mut faults);
    }
    faults
}

/// Words that no file may carry: paths of somebody's machine, and marks of unfinished work.
fn check_words(path: &str, text: &str, faults: &mut Vec<String>) {
    let machine = [["/wo", "rk/"], ["/ro", "ot/"], ["../sha", "red"], ["/tmp/bri", "efs"]];
    let unfinished = [["to", "do!"], ["unimple", "mented!"], ["FIX", "ME"], ["TO", "DO"], ["XX", "X"]];
    for (number, line) in text.lines().enumerate() {
        for word in machine.map(|parts| parts.concat()) {
            if line.contains(&word) {
                faults.push(format!("{path}:{}: {word:?} names somebody's machine", number + 1));
            }
        }
        for word in unfinished.map(|parts| parts.concat()) {
            if path.ends_with(".rs") && has_word(line, &word) {
                faults.push(format!("{path}:{}: {word} marks unfinished work", number + 1));
            }
        }
    }
}

/// Whether `word` stands in the line with no letter, digit or underscore on either side.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(joins);
        let after = line[at + word.len()..].chars().next().is_some_and(joins);
        !before && !after
    })
}

fn check_shape(path: &str, text: &str, faults: &mut Vec<String>) {
    if !text.starts_with("//!") {
        faults.push(format!("{path}: does not open with //! (what it is, who calls it)"));
    }
    let lines = text.lines().count();
    if lines > LINES_MAX && !LONG_FILES.iter().any(|&(listed, _)| listed == path) {
        faults.push(format!("{path}: {lines} lines are more than {LINES_MAX} lines: split by concept"));
    }
    for (number, line) in text.lines().enumerate() {
        if line.chars().count() > WIDTH_MAX {
            faults.push(format!("{path}:{}: longer than {WIDTH_MAX} characters", number + 1));
        }
    }
}

/// Tests and benches, where `unwrap` and everything slow are allowed.
fn is_test_file(path: &str) -> bool {
    let in_folder = ["tests/", "bench/", "fuzz/"].iter().any(|folder| path.starts_with(folder));
    in_folder || path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/test_support.rs")
}

fn check_code(path: &str, text: &str, faults: &mut Vec<String>) {
    let code = code_lines(text);
    let lines: Vec<&str> = text.lines().collect();
    let tests_begin = if is_test_file(path) { 0 } else { first_test_line(&code) };
    let hot = HOT_FOLDERS.iter().any(|folder| path.starts_with(folder))
        && !START_UP_FILES.iter().any(|&(listed, _)| listed == path);
    for (number, line) in code.iter().enumerate() {
        let mut complain = |what: &str| faults.push(format!("{path}:{}: {what}", number + 1));
        if has_word(line, "unsafe") && !UNSAFE_PLACES.iter().any(|place| path.starts_with(place)) {
            complain("unsafe outside the kernel interface and the scanner");
        }
        if number >= tests_begin {
            continue;
        }
        if calls_unwrap(line) {
            complain("unwrap outside tests: handle it, or expect with the reason it cannot fail");
        }
        let prints = ["println!", "eprintln!"].iter().find(|print| has_word(line, print));
        if let Some(print) = prints.filter(|_| !PRINTING.iter().any(|place| path.starts_with(place))) {
            complain(&format!("{print} outside cli and control"));
        }
        if hot && !is_cold(&lines, number) {
            let reads_clock_at_home = |ban: &str| ban.ends_with("::now") && path == CLOCK_HOME;
            let banned = |ban: &&&str| contains_call(line, ban) && !reads_clock_at_home(ban);
            for ban in HOT_BANS.iter().filter(banned) {
                complain(&format!("{ban} on the hot path (if it is not hot: `{COLD_MARK}reason`)"));
            }
        }
    }
}

/// `.unwrap()` in any spacing, and not `unwrap_or`.
fn calls_unwrap(line: &str) -> bool {
    let dense: String = line.chars().filter(|character| !character.is_whitespace()).collect();
    dense.contains(".unwrap()")
}

/// A banned word that does not merely end another one, as `MyMutex` would.
fn contains_call(line: &str, ban: &str) -> bool {
    line.match_indices(ban).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

/// Whether this line, or the one above it, carries the mark with a reason.
fn is_cold(lines: &[&str], number: usize) -> bool {
    let marked = |line: &str| line.split_once(COLD_MARK).is_some_and(|(_, why)| !why.trim().is_empty());
    marked(lines[number]) || (number > 0 && marked(lines[number - 1]))
}

/// Each dependency says on its line what it buys.
fn check_dependencies(path: &str, text: &str, faults: &mut Vec<String>) {
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
        } else if inside && line.split_once('=').is_some() && !line.starts_with('#') && !line.contains('#') {
            faults.push(format!("{path}:{}: a dependency without a comment on what it buys", number + 1));
        }
    }
}
