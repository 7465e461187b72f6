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

/// What one block came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Ends {
    /// Good answers in its seconds, whenever they were due.
    pub(super) in_time: u64,
    /// Its seconds.
    pub(super) seconds: f64,
    /// Requests that were due in it.
    pub(super) planned: u64,
    /// Of all requests, those whose fate is told in it.
    pub(super) ended: u64,
    /// Of these, those without a good answer: wrong answers, failures, requests never sent.
    pub(super) not_ok: u64,
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

/// The ends of each block of each run. All requests of a run are in one of its blocks, also those whose
/// fate is told in no measured second: so the errors of all blocks are the run's.
pub(super) fn ends(records: &[RunRecord]) -> Vec<Vec<Ends>> {
    let of_block = |rows: Vec<&SecondRecord>| {
        rows.into_iter().fold(Ends::default(), |sum, row| Ends {
            in_time: sum.in_time.saturating_add(row.in_time),
            seconds: sum.seconds + row.seconds(),
            planned: sum.planned.saturating_add(row.planned),
            ended: sum.ended.saturating_add(ended(row)),
            not_ok: sum.not_ok.saturating_add(not_ok(row)),
        })
    };
    let of_run = |record: &RunRecord| {
        let mut blocks: Vec<Ends> = cut(record, records.len()).into_iter().map(of_block).collect();
        book_the_rest(record, &mut blocks);
        blocks
    };
    records.iter().map(of_run).collect()
}

fn not_ok(row: &SecondRecord) -> u64 {
    row.wrong.saturating_add(row.failed).saturating_add(row.unsent)
}

fn ended(row: &SecondRecord) -> u64 {
    row.ok.saturating_add(not_ok(row))
}

/// Books what ended outside of the measured seconds, mostly in the grace: those were due last, so that
/// each block from the last one on takes as many errors as requests were due in it.
fn book_the_rest(record: &RunRecord, blocks: &mut [Ends]) {
    let all = record.series.iter().map(|row| (ended(row), not_ok(row)));
    let (all, all_not_ok) =
        all.fold((0u64, 0u64), |sum, row| (sum.0.saturating_add(row.0), sum.1.saturating_add(row.1)));
    let booked = |of: fn(&Ends) -> u64| blocks.iter().map(of).fold(0, u64::saturating_add);
    let mut not_ok = all_not_ok.saturating_sub(booked(|ends| ends.not_ok));
    let good = all.saturating_sub(booked(|ends| ends.ended)).saturating_sub(not_ok);
    for ends in blocks.iter_mut().rev() {
        let taken = not_ok.min(ends.planned.saturating_sub(ends.not_ok));
        (ends.not_ok, ends.ended) = (ends.not_ok.saturating_add(taken), ends.ended.saturating_add(taken));
        not_ok -= taken;
    }
    if let Some(last) = blocks.last_mut() {
        last.not_ok = last.not_ok.saturating_add(not_ok);
        last.ended = last.ended.saturating_add(not_ok).saturating_add(good);
    }
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
