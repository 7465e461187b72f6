//! The display while a run goes on: on a terminal a few lines that are drawn anew each second, else
//! one plain line each second. Written from the collector's thread; where the terminal is slow or
//! stopped, seconds are joined, and no engine notices.

use std::io::Write;

use super::text::{duration, duration_in_words, grouped, rate};
use crate::measure::{Kind, Second, percentile};

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveStyle {
    /// Drawn in place with terminal control codes.
    Terminal,
    /// One line after the other.
    Lines,
}

/// Cells of the bar of progress.
const BAR_CELLS: usize = 40;

/// Seconds shown in the small chart.
const CHART_SECONDS: usize = 40;

/// The display of one run.
#[derive(Debug)]
pub struct Live<W: Write> {
    writer: W,
    style: LiveStyle,
    duration_ns: u64,
    warm_up_ns: u64,
    /// Columns of the terminal, as it has them now.
    columns: fn() -> usize,
    /// 99th percentiles of the last seconds, for the chart.
    recent_p99_ns: Vec<u64>,
    /// Characters of each line that was drawn.
    drawn: Vec<usize>,
}

/// Columns of a terminal that does not tell.
const COLUMNS: usize = 80;

/// The columns of the terminal at the standard error.
pub(super) fn terminal_columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}

/// Whether a terminal of this type (`TERM`) understands the codes that a panel is drawn with.
pub(super) fn can_draw(terminal: Option<&str>) -> bool {
    terminal.is_some_and(|name| !name.is_empty() && name != "dumb")
}

impl<W: Write> Live<W> {
    /// A display of a run of this length; a length of 0 means that it is not known. `columns` is asked
    /// each time that a panel is drawn: terminals change their size.
    pub fn new(
        writer: W,
        style: LiveStyle,
        duration_ns: u64,
        warm_up_ns: u64,
        columns: fn() -> usize,
    ) -> Self {
        let (recent_p99_ns, drawn) = (Vec::new(), Vec::new());
        Live { writer, style, duration_ns, warm_up_ns, columns, recent_p99_ns, drawn }
    }

    /// The writer again.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Shows one more second. An unwritable terminal is nobody's fault here and is not reported.
    pub fn show(&mut self, second: &Second) {
        let text = match self.style {
            LiveStyle::Lines => self.line(second),
            LiveStyle::Terminal => self.panel(second),
        };
        let _ = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
    }

    /// Takes a drawn panel away, so that the result begins on a clean line.
    pub fn clear(&mut self) {
        let text = self.erase();
        let _ = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush());
    }

    fn line(&self, second: &Second) -> String {
        let shown = Shown::new(second, self.warm_up_ns);
        format!(
            "{:>6.0} s  offered {:>10}  answered {:>10}  p50 {:>9}  p99 {:>9}  max {:>9}  errors {}{}\n",
            second.end_ns as f64 / 1e9,
            shown.offered,
            shown.answered,
            shown.p50,
            shown.p99,
            shown.max,
            grouped(second.errors_so_far),
            if shown.warming_up { "  (warm-up)" } else { "" },
        )
    }

    fn panel(&mut self, second: &Second) -> String {
        let shown = Shown::new(second, self.warm_up_ns);
        if self.recent_p99_ns.len() == CHART_SECONDS {
            self.recent_p99_ns.remove(0);
        }
        self.recent_p99_ns.push(shown.p99_ns);
        let gauges = &second.parts.gauges;
        let columns = (self.columns)();
        let mut lines = vec![self.progress(second, shown.warming_up, columns)];
        for facts in [
            vec![format!("offered {:>10}", shown.offered), format!("answered {:>10}", shown.answered)],
            vec![
                format!("p50 {:>9}", shown.p50),
                format!("p99 {:>9}", shown.p99),
                format!("max {:>9}", shown.max),
            ],
            vec![
                format!("connections {}", grouped(gauges.open_connections)),
                format!("in flight {}", grouped(gauges.in_flight)),
                format!("waiting {}", grouped(gauges.queued)),
                format!("errors {}", grouped(second.errors_so_far)),
            ],
        ] {
            lines.extend(rows(&facts, columns));
        }
        // The newest seconds are at its end.
        let room = columns.saturating_sub("  p99 ".len()).max(1);
        let newest = self.recent_p99_ns.len().saturating_sub(room);
        lines.push(format!("  p99 {}", sparkline(&self.recent_p99_ns[newest..])));
        let mut text = self.erase();
        // A line that wrapped would be one more than is erased.
        for line in &lines {
            text.extend(line.chars().take(columns));
            text.push('\n');
        }
        self.drawn = lines.iter().map(|line| line.chars().count().min(columns)).collect();
        text
    }

    fn progress(&self, second: &Second, warming_up: bool, columns: usize) -> String {
        let at = duration_in_words(second.end_ns / 1_000_000_000 * 1_000_000_000);
        let word = if warming_up { "warm-up" } else { "running" };
        if self.duration_ns == 0 {
            return format!("  {word} {at}");
        }
        let words = format!(" {word} {at} of {}", duration_in_words(self.duration_ns));
        let cells = columns.saturating_sub(words.len() + "  ".len()).min(BAR_CELLS);
        let full = (second.end_ns as f64 / self.duration_ns as f64 * cells as f64) as usize;
        let rest = cells.saturating_sub(full);
        format!("  {}{}{words}", "█".repeat(full.min(cells)), "░".repeat(rest))
    }

    /// Control codes (ECMA-48): up to the first drawn line, then erase to the end of the screen.
    fn erase(&mut self) -> String {
        // A terminal that has become narrower since has wrapped what was drawn.
        let columns = (self.columns)().max(1);
        match self.drawn.drain(..).map(|characters| characters.div_ceil(columns).max(1)).sum::<usize>() {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }
}

/// Facts beside each other, as many in a row as there is room for.
fn rows(facts: &[String], columns: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for fact in facts {
        match rows.last_mut() {
            Some(row) if row.chars().count() + fact.chars().count() + 3 <= columns => {
                row.push_str("   ");
                row.push_str(fact);
            }
            _ => rows.push(format!("  {fact}")),
        }
    }
    rows
}

/// The numbers of one second as text.
struct Shown {
    offered: String,
    answered: String,
    p50: String,
    p99: String,
    max: String,
    p99_ns: u64,
    warming_up: bool,
}

impl Shown {
    fn new(second: &Second, warm_up_ns: u64) -> Shown {
        let seconds = (second.end_ns.saturating_sub(second.start_ns) as f64 / 1e9).max(1e-3);
        let counts = &second.parts.counts;
        let response = second.parts.histograms.of(Kind::Response);
        let at = |percent: f64| percentile(response, percent);
        let text = |percent| if response.is_empty() { "–".to_owned() } else { duration(at(percent)) };
        Shown {
            offered: rate((counts.offered + counts.warm_up) as f64 / seconds),
            answered: rate(counts.good() as f64 / seconds),
            p50: text(50.0),
            p99: text(99.0),
            max: text(100.0),
            p99_ns: at(99.0),
            warming_up: second.end_ns <= warm_up_ns,
        }
    }
}

/// Times as a row of eighths, from the shortest to the longest on a logarithmic scale, so that a pause
/// does not flatten everything else.
pub(super) fn sparkline(values: &[u64]) -> String {
    let eighths = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let longest = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let shortest = values.iter().copied().filter(|&value| value > 0).min().unwrap_or(1) as f64;
    // Within a factor of two everything is flat.
    let span = (longest / shortest).max(2.0).ln();
    let cell = |&value: &u64| match value {
        0 => ' ',
        value => eighths[((value as f64 / shortest).ln() / span * 7.0).round().clamp(0.0, 7.0) as usize],
    };
    values.iter().map(cell).collect()
}
