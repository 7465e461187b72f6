//! Tests of records: what is written comes back, and a hostile file ends in a clear error.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::measure::{Counts, Kind, ThreadUse, Totals, new_total_histogram};
use crate::test_support::sample_record;

#[test]
fn a_record_comes_back_as_it_was_written() {
    let record = sample_record(20, 100, 2_000_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    write_whole(&path, &serde_json::to_vec(&record).unwrap()).unwrap();
    assert_eq!(read(&path).unwrap(), record);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing beside it is left");
}

#[test]
fn a_run_without_a_request_has_a_record_without_a_nan() {
    let record = RunRecord::new(
        Description::default(),
        UNIX_EPOCH + Duration::from_secs(1),
        &Totals::default(),
        vec![],
    );
    let text = serde_json::to_string(&record).unwrap();
    assert!(!text.to_lowercase().contains("nan") && !text.contains("inf"), "{text}");
    let nulls: Vec<&str> = text.split(',').filter(|field| field.contains("null")).collect();
    assert_eq!(
        nulls,
        ["\"rate_per_second\":null", "\"asked_duration_ns\":null", "\"tls\":null", "\"fairness\":null"]
    );
    assert_eq!(from_bytes(text.as_bytes()).unwrap(), record);
}

#[test]
fn a_summary_in_a_file_is_not_believed() {
    let record = sample_record(3, 10, 1_000_000);
    let mut document = serde_json::to_value(&record).unwrap();
    document["histograms"]["response"]["percentiles_ns"]["99"] = 5.into();
    document["histograms"]["response"]["count"] = 1.into();
    let back = from_bytes(document.to_string().as_bytes()).unwrap();
    assert_eq!(back, record);
}

/// The record of a run with one place of its JSON replaced.
fn with(pointer: &str, value: serde_json::Value) -> String {
    let mut document = serde_json::to_value(sample_record(3, 10, 1_000_000)).unwrap();
    *document.pointer_mut(pointer).unwrap() = value;
    from_bytes(document.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn hostile_files_end_in_a_clear_error() {
    let error = |text: &[u8]| from_bytes(text).unwrap_err().to_string();
    assert!(error(b"").contains("not the record of a run"));
    assert!(error(b"[]").contains("not the record of a run"));
    assert!(error(b"{}").contains("format"));
    assert!(error(b"\xff\xfe").contains("not the record of a run"));
    assert!(error("[".repeat(100_000).as_bytes()).contains("not the record of a run"));
    assert!(with("/format", "wrk".into()).contains("format"));
    assert!(with("/format_version", 2.into()).contains("reads format 1"));
    assert!(with("/description/duration_ns", u64::MAX.into()).contains("year"));
    assert!(with("/description/warm_up_ns", 4_000_000_000_000_u64.into()).contains("warm-up"));
    assert!(with("/series/1/end_ns", 1.into()).contains("order"));
    assert!(with("/achieved_per_second", (-1.0).into()).contains("rate"));
    assert!(with("/histograms/response/histogram", "HISTFAAA".into()).contains("histogram"));
    let row = serde_json::to_value(sample_record(1, 1, 1_000)).unwrap()["series"][0].clone();
    let rows = vec![row; SECONDS_MAX + 1];
    assert!(with("/series", rows.into()).contains("at most 3600"));
}

/// A blob with this inner form.
fn pack(body: &[u8]) -> String {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, body).unwrap();
    let compressed = encoder.finish().unwrap();
    let mut bytes = 0x1c84_9314_u32.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(compressed.len()).unwrap().to_be_bytes());
    bytes.extend(compressed);
    STANDARD.encode(bytes)
}

/// An inner form of our range with these counts.
fn body(digits: u32, highest: u64, counts: &[u8]) -> Vec<u8> {
    let mut body = 0x1c84_9313_u32.to_be_bytes().to_vec();
    body.extend(u32::try_from(counts.len()).unwrap().to_be_bytes());
    body.extend(0_u32.to_be_bytes());
    body.extend(digits.to_be_bytes());
    body.extend(1_u64.to_be_bytes());
    body.extend(highest.to_be_bytes());
    body.extend(1.0_f64.to_be_bytes());
    body.extend(counts);
    body
}

#[test]
fn hostile_histograms_are_refused_before_the_library_sees_them() {
    let highest = crate::measure::HIGHEST_NS;
    assert!(Blob::parse(&pack(&body(3, highest, &[2, 2, 2]))).is_ok());
    let refused = [
        (pack(&body(5, highest, &[2])), BlobError::OtherRange),
        (pack(&body(3, u64::MAX, &[2])), BlobError::OtherRange),
        (pack(&body(3, highest, &[0x80])), BlobError::BadCounts),
        (pack(&body(3, highest, &[0xff; 9])), BlobError::BadCounts),
        (
            pack(&body(3, highest, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
            BlobError::BadCounts,
        ),
        (pack(&body(3, highest, &vec![2; crate::measure::SLOTS + 1])), BlobError::BadCounts),
        (pack(&vec![0; 10_000_000]), BlobError::Damaged),
        (pack(&[]), BlobError::Damaged),
        ("AAAA".repeat(200_000), BlobError::TooLong),
        ("AAAA".to_owned(), BlobError::NotCompressedV2),
        ("AAAAAAAAAAAAAAAA".to_owned(), BlobError::NotCompressedV2),
        ("§".to_owned(), BlobError::NotBase64),
    ];
    for (text, error) in refused {
        assert_eq!(Blob::parse(&text), Err(error), "{}", &text[..text.len().min(60)]);
    }
    let mut wrong_length = body(3, highest, &[2]);
    wrong_length[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Blob::parse(&pack(&wrong_length)), Err(BlobError::Damaged));
}

#[test]
fn histograms_survive_their_text() {
    let mut histogram = new_total_histogram();
    assert_eq!(Blob::encode(&histogram).histogram(), histogram);
    for value in [0, 1, 999, 1_000_000, u64::MAX] {
        histogram.saturating_record_n(value, value % 7 + 1);
    }
    let blob = Blob::encode(&histogram);
    assert!(blob.as_str().starts_with("HISTF"));
    assert_eq!(Blob::parse(blob.as_str()).unwrap().histogram(), histogram);
}

#[test]
fn a_long_run_keeps_a_bounded_series_that_loses_no_answer() {
    let record = crate::test_support::sample_series(101, 7, 1_000_000, 16);
    assert!(record.len() <= 16, "{}", record.len());
    assert_eq!(record.iter().map(|row| row.ok).sum::<u64>(), 707);
    assert_eq!(record.iter().map(|row| row.response.histogram().len()).sum::<u64>(), 707);
    assert_eq!(record.first().unwrap().start_ns, 0);
    assert_eq!(record.last().unwrap().end_ns, 101_000_000_000);
    let in_order = record.windows(2).all(|pair| pair[0].end_ns == pair[1].start_ns);
    assert!(in_order);
}

#[test]
fn a_description_knows_the_path_of_a_target() {
    let path = |url: &str| TargetDescription { url: url.to_owned(), ..Default::default() }.path().to_owned();
    assert_eq!(path("http://192.0.2.1:8080/a?b"), "/a?b");
    assert_eq!(path("http://192.0.2.1:8080"), "/");
    assert_eq!(path("http://192.0.2.1?x"), "?x");
    assert_eq!(path(""), "/");
}

#[test]
fn the_record_holds_every_kind_and_all_together() {
    let record = sample_record(2, 10, 1_000_000);
    assert_eq!(record.histograms.len(), Kind::ALL.len() + 1);
    assert_eq!(record.histograms["all"].count, 20);
}

#[test]
fn requests_never_sent_count_against_the_run() {
    let counts = Counts {
        planned: 100,
        offered: 60,
        unsent_queue_full: 30,
        unsent_at_end: 10,
        ok: 60,
        ..Counts::default()
    };
    let record =
        RunRecord::new(Description::default(), UNIX_EPOCH, &Totals { counts, ..Totals::default() }, vec![]);
    assert_eq!((record.good_share(), record.error_share(), record.not_ok()), (0.6, 0.4, 40));
}

#[test]
fn a_grace_without_work_does_not_hide_a_busy_client() {
    let thread = ThreadUse { user_ns: 9_500_000_000, ..ThreadUse::default() };
    let totals = Totals { threads: vec![thread], end_ns: 15_000_000_000, ..Totals::default() };
    let description = Description { duration_ns: 10_000_000_000, ..Description::default() };
    let record = RunRecord::new(description, UNIX_EPOCH, &totals, vec![]);
    assert!((record.client.busy_share - 0.95).abs() < 1e-9, "{}", record.client.busy_share);
}

#[test]
fn servers_are_told_apart_by_the_fewest_the_median_and_the_most_answers() {
    let fairness = |counts: &[u64]| {
        let named = counts.iter().enumerate().map(|(number, count)| (format!("web{number}"), *count));
        let totals = Totals { servers: named.collect(), ..Totals::default() };
        let record = RunRecord::new(Description::default(), UNIX_EPOCH, &totals, vec![]);
        let of = |fairness: ServerFairness| {
            (fairness.servers, fairness.answers_min, fairness.answers_median, fairness.answers_max)
        };
        record.server_fairness.map(of)
    };
    assert_eq!(fairness(&[]), None);
    assert_eq!(fairness(&[7]), Some((1, 7, 7, 7)));
    assert_eq!(fairness(&[10, 1, 2]), Some((3, 1, 2, 10)));
    assert_eq!(fairness(&[10, 1, 2, 4]), Some((4, 1, 3, 10)));
    assert_eq!(fairness(&[u64::MAX, u64::MAX]), Some((2, u64::MAX, u64::MAX, u64::MAX)));
}
