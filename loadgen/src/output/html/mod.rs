//! The report of a run as one HTML file: styles and plots inside, no script, nothing fetched, light
//! and dark by the reader's preference. Everything that came from outside is escaped.

mod chart;
mod curve;
mod heat;
mod page;
mod tables;
mod time;

pub use page::html_report;

/// Text as it may stand between tags and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in super::printable(text, 2_000).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
