//! A histogram as text: base64 of HdrHistogram's compressed V2 form, the form every HdrHistogram tool
//! reads. Reading checks everything before the library sees it: a record file is outside input.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use hdrhistogram::{Counter, Histogram};
use serde::{Deserialize, Serialize};

use crate::measure::{DIGITS, HIGHEST_NS, SLOTS};

/// Cookies of the V2 encodings, with the bit that says "counts in ZigZag LEB128".
const COMPRESSED_COOKIE: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
const PLAIN_COOKIE: [u8; 4] = 0x1c84_9313_u32.to_be_bytes();

/// Length of the head of the inner V2 form.
const HEAD_BYTES: usize = 40;

/// Longest inner form that a histogram of our range can have: nine bytes for each slot.
const BODY_BYTES_MAX: usize = SLOTS * 9 + HEAD_BYTES;

/// Longest text that is looked at.
const TEXT_BYTES_MAX: usize = BODY_BYTES_MAX * 4 / 3 + 64;

/// The most values that one histogram is believed to hold: beyond it sums could overflow.
const VALUES_MAX: u64 = 1 << 44;

/// Why a text is not a histogram that this program could have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobError {
    /// Longer than any histogram of our range.
    TooLong,
    /// Not base64.
    NotBase64,
    /// Not the compressed V2 form.
    NotCompressedV2,
    /// The compressed part is damaged, or inflates to more than it may.
    Damaged,
    /// Another range or precision than ours, so that it cannot be merged.
    OtherRange,
    /// Counts that cannot be.
    BadCounts,
}

impl std::fmt::Display for BlobError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            BlobError::TooLong => "the histogram is longer than one of this range can be",
            BlobError::NotBase64 => "the histogram is not base64",
            BlobError::NotCompressedV2 => "the histogram is not in the compressed V2 form",
            BlobError::Damaged => "the compressed histogram is damaged",
            BlobError::OtherRange => "the histogram has another range or precision than this program's",
            BlobError::BadCounts => "the histogram holds impossible counts",
        })
    }
}

impl std::error::Error for BlobError {}

/// A histogram in its text form. Holds a checked text: decoding one gives a histogram.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Blob(String);

impl std::fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Blob({} bytes)", self.0.len())
    }
}

impl Blob {
    /// Encodes a histogram.
    pub fn encode<T: Counter>(histogram: &Histogram<T>) -> Blob {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .expect("writing to memory, with counts below 2^63");
        Blob(STANDARD.encode(bytes))
    }

    /// Takes a text from outside.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Blob, BlobError> {
        decode(text).map(|_| Blob(text.to_owned()))
    }

    /// The histogram.
    pub fn histogram(&self) -> Histogram<u64> {
        decode(&self.0).expect("checked when it was made")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Blob::parse(&text).map_err(serde::de::Error::custom)
    }
}

fn decode(text: &str) -> Result<Histogram<u64>, BlobError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(BlobError::TooLong);
    }
    let bytes = STANDARD.decode(text).map_err(|_| BlobError::NotBase64)?;
    // Cookie, length of the compressed part, compressed part.
    let (head, compressed) = bytes.split_at_checked(8).ok_or(BlobError::NotCompressedV2)?;
    let (cookie, length) = head.split_at(4);
    if cookie != COMPRESSED_COOKIE || number(length) != compressed.len() as u64 {
        return Err(BlobError::NotCompressedV2);
    }
    let mut body = Vec::new();
    let mut inflater = flate2::read::ZlibDecoder::new(compressed).take(BODY_BYTES_MAX as u64 + 1);
    inflater.read_to_end(&mut body).map_err(|_| BlobError::Damaged)?;
    if body.len() > BODY_BYTES_MAX {
        return Err(BlobError::Damaged);
    }
    check_body(&body)?;
    Deserializer::new().deserialize(&mut body.as_slice()).map_err(|_| BlobError::Damaged)
}

/// A big-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// The inner form: cookie 4, length of the counts 4, normalizing offset 4, digits 4, lowest value 8,
/// highest value 8, conversion ratio 8, counts.
fn check_body(body: &[u8]) -> Result<(), BlobError> {
    let (head, counts) = body.split_at_checked(HEAD_BYTES).ok_or(BlobError::Damaged)?;
    if head[..4] != PLAIN_COOKIE || number(&head[4..8]) != counts.len() as u64 {
        return Err(BlobError::Damaged);
    }
    let range = (number(&head[12..16]), number(&head[16..24]), number(&head[24..32]));
    if number(&head[8..12]) != 0 || range != (u64::from(DIGITS), 1, HIGHEST_NS) {
        return Err(BlobError::OtherRange);
    }
    check_counts(counts)
}

/// Walks the counts: a positive number counts one slot, a negative one leaves out so many.
fn check_counts(mut counts: &[u8]) -> Result<(), BlobError> {
    let (mut slots, mut values) = (0u64, 0u64);
    while !counts.is_empty() {
        let (encoded, rest) = variable_length(counts).ok_or(BlobError::BadCounts)?;
        counts = rest;
        let (magnitude, is_negative) = ((encoded >> 1) + (encoded & 1), encoded & 1 == 1);
        slots = slots.saturating_add(if is_negative { magnitude } else { 1 });
        values = values.saturating_add(if is_negative { 0 } else { magnitude });
        if slots > SLOTS as u64 || values > VALUES_MAX {
            return Err(BlobError::BadCounts);
        }
    }
    Ok(())
}

/// One number in LEB128 of at most nine bytes, the ninth with all its bits; `None` if it is cut off.
fn variable_length(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (place, &byte) in bytes.iter().enumerate().take(9) {
        let bits = if place == 8 { byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * place);
        if byte < 0x80 || place == 8 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}
