//! The percentile distribution that the public HdrHistogram plotter reads: four columns set apart by
//! spaces, milliseconds, the last line without a fourth value; see the Java writer's
//! `outputPercentileDistribution`.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Steps of each halving of the distance to 100 %, as every HdrHistogram tool has it.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

const NS_PER_MS: f64 = 1e6;

/// Writes a distribution of nanoseconds, in milliseconds. An empty histogram has a head and a foot.
///
/// # Errors
/// The writer's.
pub fn write_hgrm(histogram: &Histogram<u64>, writer: &mut dyn Write) -> io::Result<()> {
    writeln!(
        writer,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut count = 0u64;
    for point in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        let value = point.value_iterated_to() as f64 / NS_PER_MS;
        let quantile = point.quantile_iterated_to();
        count = count.saturating_add(point.count_since_last_iteration());
        if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            writeln!(writer, "{value:12.3} {quantile:2.12} {count:10} {inverse:14.2}")?;
        } else {
            writeln!(writer, "{value:12.3} {quantile:2.12} {count:10}")?;
        }
    }
    let is_empty = histogram.is_empty();
    let finite = |value: f64| if is_empty || !value.is_finite() { 0.0 } else { value / NS_PER_MS };
    let (mean, deviation) = (finite(histogram.mean()), finite(histogram.stdev()));
    let max = if is_empty { 0.0 } else { histogram.max() as f64 / NS_PER_MS };
    // 2,048 sub-buckets are what three digits need.
    let (buckets, sub_buckets) = (histogram.buckets(), 2_048);
    writeln!(writer, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
    writeln!(writer, "#[Max     = {max:12.3}, Total count    = {:12}]", histogram.len())?;
    writeln!(writer, "#[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]")
}
