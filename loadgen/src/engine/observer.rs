//! The fate of each single request, for those who want more than sums (the search for gaps).

use crate::measure::ErrorClass;

/// How one request ended. Times are nanoseconds since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When it was due.
    pub planned_ns: u64,
    /// When its fate was certain.
    pub ended_ns: u64,
    /// `None`: a good answer.
    pub fault: Option<ErrorClass>,
    /// Who answered, where servers say so.
    pub server: Option<String>,
}
