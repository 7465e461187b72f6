//! `balance` of a `[[backend]]`: which algorithm, and whether it can serve these servers.

use crate::balance::{Balance, source};
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits;

/// The algorithm that is written, round robin when none is.
pub fn check(written: &schema::Backend, findings: &mut Findings) -> Balance {
    let Some(word) = &written.balance else { return Balance::default() };
    match *word.get_ref() {
        "roundrobin" => Balance::RoundRobin,
        "leastconn" => Balance::LeastConn,
        "random" => Balance::Random,
        "source" => {
            check_map(written, word.span(), findings);
            Balance::Source
        }
        other => {
            let message = format!("`balance = \"{other}\"` is not supported yet");
            let help = "write \"roundrobin\", \"leastconn\", \"random\" or \"source\"";
            findings.error(word.span(), message, help);
            Balance::default()
        }
    }
}

/// The map of `source` is made by each worker between two requests, so making it may not take long.
fn check_map(written: &schema::Backend, span: std::ops::Range<usize>, findings: &mut Findings) {
    let weights = written.servers.iter().map(|server| super::process::number(server.weight.as_ref(), 1));
    if source::map_steps(weights) > limits::SOURCE_MAP_STEPS {
        findings.error(
            span,
            "`balance = \"source\"` needs too large a map for these servers and weights",
            "write smaller weights, such as 1 and 2 instead of 100 and 199",
        );
    }
}
