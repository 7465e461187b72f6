//! The fate of each single request, for those who want more than sums (the search for gaps).

use crate::measure::ErrorClass;

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A good answer, and who gave it, where servers say so.
    Good(Option<String>),
    /// None, or one that is not as it should be.
    Failed(ErrorClass),
    /// It was never sent: nothing was free to send it, up to the end of the run or of its queue.
    Unsent,
}

/// How one request ended. Times are nanoseconds since the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// When it was due.
    pub planned_ns: u64,
    /// When its fate was certain.
    pub ended_ns: u64,
    /// What became of it.
    pub fate: Fate,
}
