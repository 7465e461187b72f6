//! A run cut into blocks of some seconds. What happens within a second hangs together (one pause slows
//! hundreds of answers), and neighbouring seconds resemble each other, so that the bootstrap may only
//! draw whole blocks of neighbours.

use std::collections::BTreeMap;

use crate::record::{Blob, RunRecord, SecondRecord};

/// Fewest measured seconds of a run, and fewest blocks: below it the spread between them says too little.
pub(super) const BLOCKS_MIN: usize = 5;

/// The times of one kind and one side: for each run, for each block, counts by slot.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) runs: Vec<Vec<Vec<u64>>>,
}

/// What came in one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Came {
    /// Good answers of the measured time.
    pub(super) in_time: f64,
    /// Its seconds of the measured time.
    pub(super) seconds: f64,
}

/// Whether a row is a whole second of the measured time, or most of one.
fn is_whole(record: &RunRecord, row: &SecondRecord) -> bool {
    row.start_ns < record.description.duration_ns && row.warm_up < row.planned.max(1) && row.seconds() >= 0.5
}

/// Measured seconds that the shortest of the runs has.
pub(super) fn fewest_seconds(records: &[RunRecord]) -> usize {
    let whole = |record: &RunRecord| record.series.iter().filter(|row| is_whole(record, row)).count();
    records.iter().map(whole).min().unwrap_or(0)
}

/// Cuts a run into blocks of neighbours. The length of a block grows as the cube root of the run's (Hall,
/// Horowitz and Jing, "On blocking rules for the bootstrap with dependent data", 1995).
///
/// Every row is in a block: what ended in the grace or in a broken second belongs to the block before.
fn cut(record: &RunRecord) -> Vec<Vec<&SecondRecord>> {
    let whole = record.series.iter().filter(|row| is_whole(record, row)).count();
    let rows_per_block = ((whole as f64).cbrt().ceil() as usize).min(whole / BLOCKS_MIN).max(1);
    let mut blocks = vec![Vec::new(); (whole / rows_per_block).max(1)];
    let (last, mut seen) = (blocks.len() - 1, 0usize);
    for row in &record.series {
        seen += usize::from(is_whole(record, row));
        blocks[(seen.saturating_sub(1) / rows_per_block).min(last)].push(row);
    }
    blocks
}

/// What came in each block of each run.
pub(super) fn came(records: &[RunRecord]) -> Vec<Vec<Came>> {
    let of_run = |record: &RunRecord| {
        let measured = record.description.warm_up_ns..record.description.duration_ns;
        let within = |ns: u64| ns.clamp(measured.start, measured.end.max(measured.start));
        let of_row = |sum: Came, row: &&SecondRecord| Came {
            in_time: sum.in_time + row.in_time as f64,
            seconds: sum.seconds + within(row.end_ns).saturating_sub(within(row.start_ns)) as f64 / 1e9,
        };
        cut(record).iter().map(|rows| rows.iter().fold(Came::default(), of_row)).collect()
    };
    records.iter().map(of_run).collect()
}

/// Both sides' times on one scale: the slots that either side used, with the time of each.
pub(super) fn on_one_scale(
    sides: [&[RunRecord]; 2],
    of: fn(&SecondRecord) -> &Blob,
) -> (Vec<u64>, [Blocks; 2]) {
    let sparse = sides.map(|records| {
        let of_run =
            |record: &RunRecord| cut(record).iter().map(|rows| block_counts(rows, of)).collect::<Vec<_>>();
        records.iter().map(of_run).collect::<Vec<_>>()
    });
    let mut slots: Vec<u64> =
        sparse.iter().flatten().flatten().flat_map(|block| block.keys().copied()).collect();
    slots.sort_unstable();
    slots.dedup();
    let dense = |block: &BTreeMap<u64, u64>| {
        let mut counts = vec![0; slots.len()];
        for (value, &count) in block {
            let place = slots.binary_search(value).expect("every value is among the slots");
            counts[place] = count;
        }
        counts
    };
    let blocks = sparse
        .map(|runs| Blocks { runs: runs.iter().map(|blocks| blocks.iter().map(dense).collect()).collect() });
    (slots, blocks)
}

/// The counts of a block by time in nanoseconds.
fn block_counts(rows: &[&SecondRecord], of: fn(&SecondRecord) -> &Blob) -> BTreeMap<u64, u64> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for row in rows {
        for slot in of(row).histogram().iter_recorded() {
            let count = counts.entry(slot.value_iterated_to()).or_default();
            *count = count.saturating_add(slot.count_at_value());
        }
    }
    counts
}
