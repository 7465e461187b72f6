//! A histogram in a record: the whole of it, and the numbers people ask for first.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::blob::Blob;
use crate::measure::percentile;

/// The percentiles of a record, by their names.
pub const PERCENTILES: [(&str, f64); 8] = [
    ("50", 50.0),
    ("75", 75.0),
    ("90", 90.0),
    ("95", 95.0),
    ("99", 99.0),
    ("99.9", 99.9),
    ("99.99", 99.99),
    ("99.999", 99.999),
];

/// One histogram with its summary. Times in nanoseconds; all zero where nothing was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "OnlyBlob")]
pub struct HistogramRecord {
    /// Recorded values.
    pub count: u64,
    /// The smallest value.
    pub min_ns: u64,
    /// The greatest value.
    pub max_ns: u64,
    /// The mean.
    pub mean_ns: f64,
    /// The standard deviation.
    pub stdev_ns: f64,
    /// Values at [`PERCENTILES`].
    pub percentiles_ns: BTreeMap<String, u64>,
    /// The histogram itself; from a file, the summary is computed anew from it.
    pub histogram: Blob,
}

/// What is believed of a histogram in a file: itself. The rest follows from it.
#[derive(Deserialize)]
struct OnlyBlob {
    histogram: Blob,
}

impl From<OnlyBlob> for HistogramRecord {
    fn from(raw: OnlyBlob) -> Self {
        HistogramRecord::summarize(&raw.histogram.histogram(), raw.histogram)
    }
}

impl HistogramRecord {
    /// Records a histogram.
    pub fn new(histogram: &Histogram<u64>) -> HistogramRecord {
        HistogramRecord::summarize(histogram, Blob::encode(histogram))
    }

    fn summarize(histogram: &Histogram<u64>, blob: Blob) -> HistogramRecord {
        let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
        let at = |&(name, percent): &(&str, f64)| (name.to_owned(), percentile(histogram, percent));
        let is_empty = histogram.is_empty();
        HistogramRecord {
            count: histogram.len(),
            min_ns: if is_empty { 0 } else { histogram.min() },
            max_ns: if is_empty { 0 } else { histogram.max() },
            mean_ns: if is_empty { 0.0 } else { finite(histogram.mean()) },
            stdev_ns: if is_empty { 0.0 } else { finite(histogram.stdev()) },
            percentiles_ns: PERCENTILES.iter().map(at).collect(),
            histogram: blob,
        }
    }

    /// The value at one of [`PERCENTILES`], by its name; 0 for another name.
    pub fn percentile_ns(&self, name: &str) -> u64 {
        self.percentiles_ns.get(name).copied().unwrap_or(0)
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
