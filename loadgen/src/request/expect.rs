//! What a good answer looks like, as the user states it.
//!
//! Nothing here costs anything unless it is asked for: without expectations every status below 400
//! is good, and bodies are not looked at.

use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use memchr::memmem;

use crate::measure::{Check, ErrorClass};

/// Status codes, as ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<(u16, u16)>,
}

impl StatusSet {
    /// Whether a status is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}

impl std::fmt::Display for StatusSet {
    /// As `200-299,304`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            match first == last {
                true => write!(formatter, "{comma}{first}")?,
                false => write!(formatter, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for StatusSet {
    type Err = String;

    /// `200`, `2xx`, `200-204`, and lists of these.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| format!("{part:?} is no status: write 200, 2xx, 200-204 or 200,301");
        let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=999).contains(code));
        let range = |part: &str| match part.strip_suffix("xx") {
            Some(class) => {
                let first = class.parse::<u16>().ok().filter(|class| (1..=9).contains(class))? * 100;
                Some((first, first + 99))
            }
            None => {
                let (first, last) = part.split_once('-').unwrap_or((part, part));
                Some((code(first)?, code(last)?)).filter(|(first, last)| first <= last)
            }
        };
        let ranges: Result<Vec<_>, String> =
            text.split(',').map(|part| range(part.trim()).ok_or_else(|| wrong(part))).collect();
        Ok(Self { ranges: ranges? })
    }
}

/// Everything that was asked for.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Good statuses; without them everything below 400.
    pub statuses: Option<StatusSet>,
    /// Exact length of the body, bytes.
    pub body_length: Option<u64>,
    /// Bytes that the body contains.
    pub body_contains: Option<Vec<u8>>,
    /// SHA-256 of the body.
    pub body_sha256: Option<[u8; 32]>,
    /// A field that has to be there, and the value it has to have.
    pub field: Option<(String, Option<String>)>,
}

impl Expectations {
    /// What is wrong with a status.
    #[inline]
    pub fn judge_status(&self, status: u16) -> Option<ErrorClass> {
        match &self.statuses {
            None if status < 400 => None,
            None => Some(ErrorClass::Status(status)),
            Some(statuses) if statuses.contains(status) => None,
            Some(_) if status >= 400 => Some(ErrorClass::Status(status)),
            Some(_) => Some(ErrorClass::CheckFailed(Check::Status)),
        }
    }

    /// What is wrong with the fields.
    pub fn judge_fields(&self, fields: &[httparse::Header<'_>]) -> Option<ErrorClass> {
        let (name, value) = self.field.as_ref()?;
        let is_wanted = |field: &httparse::Header<'_>| {
            field.name.eq_ignore_ascii_case(name)
                && value.as_ref().is_none_or(|value| field.value.trim_ascii() == value.as_bytes())
        };
        (!fields.iter().any(is_wanted)).then_some(ErrorClass::CheckFailed(Check::Header))
    }

    /// What is wrong with the length of a whole body.
    #[inline]
    pub fn judge_length(&self, length: u64) -> Option<ErrorClass> {
        let wrong = self.body_length.is_some_and(|expected| expected != length);
        wrong.then_some(ErrorClass::CheckFailed(Check::Length))
    }

    /// What follows the content of one body; `None` when nobody asked.
    pub fn body_check(&self) -> Option<BodyCheck> {
        let wanted = self.body_contains.is_some() || self.body_sha256.is_some();
        wanted.then(|| {
            let mut check = BodyCheck { digest: None, found: false, tail: Vec::new() };
            check.restart(self);
            check
        })
    }
}

/// The content of one body as it comes, piece by piece.
pub struct BodyCheck {
    digest: Option<Context>,
    found: bool,
    /// The end of what came, as long as the text can lie across a border.
    tail: Vec<u8>,
}

impl BodyCheck {
    /// Begins anew, for the next body.
    pub fn restart(&mut self, expectations: &Expectations) {
        self.digest = expectations.body_sha256.map(|_| Context::new(&SHA256));
        self.found = expectations.body_contains.is_none();
        self.tail.clear();
    }

    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8], expectations: &Expectations) {
        if let Some(digest) = &mut self.digest {
            digest.update(piece);
        }
        let Some(wanted) = expectations.body_contains.as_ref().filter(|_| !self.found) else { return };
        let overlap = wanted.len().saturating_sub(1);
        self.tail.extend_from_slice(&piece[..piece.len().min(overlap)]);
        self.found = memmem::find(&self.tail, wanted).is_some() || memmem::find(piece, wanted).is_some();
        if piece.len() > overlap {
            self.tail.clear();
            self.tail.extend_from_slice(&piece[piece.len() - overlap..]);
        } else {
            let surplus = self.tail.len().saturating_sub(overlap);
            self.tail.drain(..surplus);
        }
    }

    /// What is wrong with the whole.
    pub fn judge(&mut self, expectations: &Expectations) -> Option<ErrorClass> {
        let digest_is_right = match (self.digest.take(), expectations.body_sha256) {
            (Some(digest), Some(expected)) => digest.finish().as_ref() == expected,
            _ => true,
        };
        (!self.found || !digest_is_right).then_some(ErrorClass::CheckFailed(Check::Body))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn statuses_are_read_as_lists_ranges_and_classes() {
        let set: StatusSet = "2xx, 301,400-404".parse().unwrap();
        for (status, expected) in
            [(200, true), (299, true), (300, false), (301, true), (404, true), (405, false)]
        {
            assert_eq!(set.contains(status), expected, "{status}");
        }
        for bad in ["", "20", "xx", "0xx", "300-200", "200,", "abc"] {
            assert!(bad.parse::<StatusSet>().is_err(), "{bad}");
        }
        assert_eq!(set.to_string(), "200-299,301,400-404");
        let expectations = Expectations { statuses: Some(set), ..Expectations::default() };
        assert_eq!(expectations.judge_status(404), None);
        assert_eq!(expectations.judge_status(302), Some(ErrorClass::CheckFailed(Check::Status)));
        assert_eq!(expectations.judge_status(503), Some(ErrorClass::Status(503)));
        assert_eq!(Expectations::default().judge_status(404), Some(ErrorClass::Status(404)));
    }

    #[test]
    fn a_text_is_found_across_any_border() {
        let expectations =
            Expectations { body_contains: Some(b"needle".to_vec()), ..Expectations::default() };
        let body = b"hay neneedle hay";
        for first in 0..=body.len() {
            for second in first..=body.len() {
                let mut check = expectations.body_check().unwrap();
                for piece in [&body[..first], &body[first..second], &body[second..]] {
                    check.feed(piece, &expectations);
                }
                assert_eq!(check.judge(&expectations), None, "{first} {second}");
            }
        }
        let mut check = expectations.body_check().unwrap();
        b"need le needl".chunks(1).for_each(|piece| check.feed(piece, &expectations));
        assert_eq!(check.judge(&expectations), Some(ErrorClass::CheckFailed(Check::Body)));
    }

    #[test]
    fn the_digest_is_that_of_the_whole() {
        let mut expected = [0; 32];
        expected.copy_from_slice(aws_lc_rs::digest::digest(&SHA256, b"hello").as_ref());
        let expectations = Expectations { body_sha256: Some(expected), ..Expectations::default() };
        let judge = |body: &[u8]| {
            let mut check = expectations.body_check().unwrap();
            body.chunks(2).for_each(|piece| check.feed(piece, &expectations));
            check.judge(&expectations)
        };
        assert_eq!((judge(b"hello").is_none(), judge(b"Hello").is_some()), (true, true));
    }

    #[test]
    fn fields_and_lengths() {
        let field = httparse::Header { name: "X-Cache", value: b" HIT " };
        let with = |value: Option<&str>| Expectations {
            field: Some(("x-cache".into(), value.map(str::to_owned))),
            body_length: Some(3),
            ..Expectations::default()
        };
        assert_eq!(with(None).judge_fields(&[field]), None);
        assert_eq!(with(Some("HIT")).judge_fields(&[field]), None);
        assert!(with(Some("MISS")).judge_fields(&[field]).is_some());
        assert!(with(None).judge_fields(&[]).is_some());
        assert_eq!((with(None).judge_length(3), with(None).judge_length(4).is_some()), (None, true));
    }
}
