//! A run cut into blocks of whole seconds. What happens within a second hangs together (one pause
//! slows hundreds of answers), so that the bootstrap may only draw whole blocks.

use std::collections::BTreeMap;

use crate::record::{Blob, RunRecord, SecondRecord};

/// Blocks of all runs of one side together; more would cost time and add nothing.
const BLOCKS_MAX: usize = 240;

/// Fewest blocks of a run: below it the spread between them says too little.
pub(super) const BLOCKS_MIN: usize = 5;

/// The times of one kind and one side: for each run, for each block, counts by slot.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) runs: Vec<Vec<Vec<u64>>>,
}

/// Counts of good and other ends, and seconds, of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ends {
    pub(super) ok: u64,
    pub(super) not_ok: u64,
    pub(super) seconds: f64,
}

/// Rows of a run that were measured: those of the warm-up alone and the grace after the end are not.
fn measured_rows(record: &RunRecord) -> Vec<&SecondRecord> {
    let end_ns = record.description.duration_ns;
    let rows = record.series.iter().filter(|row| row.start_ns < end_ns && row.warm_up < row.planned.max(1));
    rows.filter(|row| row.end_ns.saturating_sub(row.start_ns) >= 500_000_000).collect()
}

/// Cuts a run's rows into at most so many blocks of neighbours.
fn cut(record: &RunRecord, runs: usize) -> Vec<Vec<&SecondRecord>> {
    let rows = measured_rows(record);
    let blocks_max = (BLOCKS_MAX / runs.max(1)).max(BLOCKS_MIN);
    let rows_per_block = rows.len().div_ceil(blocks_max).max(1);
    rows.chunks(rows_per_block).map(<[&SecondRecord]>::to_vec).collect()
}

/// Blocks that the shortest of the runs has.
pub(super) fn fewest(records: &[RunRecord]) -> usize {
    records.iter().map(|record| cut(record, records.len()).len()).min().unwrap_or(0)
}

/// The ends of each block of each run.
pub(super) fn ends(records: &[RunRecord]) -> Vec<Vec<Ends>> {
    let of_block = |rows: Vec<&SecondRecord>| {
        rows.into_iter().fold(Ends::default(), |sum, row| Ends {
            ok: sum.ok.saturating_add(row.ok),
            not_ok: sum.not_ok.saturating_add(row.wrong).saturating_add(row.failed),
            seconds: sum.seconds + row.seconds(),
        })
    };
    let of_run = |record: &RunRecord| cut(record, records.len()).into_iter().map(of_block).collect();
    records.iter().map(of_run).collect()
}

/// Both sides' times on one scale: the slots that either side used, with the time of each.
pub(super) fn on_one_scale(
    sides: [&[RunRecord]; 2],
    of: fn(&SecondRecord) -> &Blob,
) -> (Vec<u64>, [Blocks; 2]) {
    let sparse = sides.map(|records| {
        let of_run = |record: &RunRecord| {
            cut(record, records.len()).iter().map(|rows| block_counts(rows, of)).collect::<Vec<_>>()
        };
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
