//! Body content whose every byte depends on its position, checked at memory speed.
//!
//! A block of prime length is repeated, so lost, doubled, swapped or shifted pieces of any buffer
//! size show up. A comparison of slices is stronger than a hash and cheap without optimisation.

use std::sync::OnceLock;

/// Prime, so that no power-of-two buffer lines up with it.
const BLOCK: usize = 65_521;

fn block() -> &'static [u8] {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..BLOCK).map(|_| next()).collect()
    })
}

/// A position in the endless content: writes it, or checks what arrives against it.
#[derive(Debug, Default)]
pub struct Pattern {
    position: u64,
    mismatch: Option<u64>,
}

impl Pattern {
    /// At the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next piece, at most `limit` bytes; moves on by its length.
    pub fn next_piece(&mut self, limit: u64) -> &'static [u8] {
        let offset = (self.position % BLOCK as u64) as usize;
        let length = ((BLOCK - offset) as u64).min(limit) as usize;
        self.position += length as u64;
        &block()[offset..offset + length]
    }

    /// Compares received bytes; remembers where the first difference was.
    pub fn check(&mut self, mut received: &[u8]) {
        while !received.is_empty() {
            let at = self.position;
            let expected = self.next_piece(received.len() as u64);
            let (now, rest) = received.split_at(expected.len());
            if now != expected && self.mismatch.is_none() {
                let inside = now.iter().zip(expected).take_while(|(a, b)| a == b).count();
                self.mismatch = Some(at + inside as u64);
            }
            received = rest;
        }
    }

    /// Panics unless exactly `length` right bytes were checked.
    #[track_caller]
    pub fn assert_whole(&self, length: u64) {
        assert_eq!(self.mismatch, None, "first wrong byte of {} received", self.position);
        assert_eq!(self.position, length, "length of the content received");
    }

    /// Bytes seen so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Where the first difference was.
    pub fn mismatch(&self) -> Option<u64> {
        self.mismatch
    }
}

/// The first `length` bytes in memory, for small bodies.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut pattern = Pattern::new();
    let mut content = Vec::with_capacity(length);
    while content.len() < length {
        content.extend_from_slice(pattern.next_piece((length - content.len()) as u64));
    }
    content
}
