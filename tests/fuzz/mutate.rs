//! Seeded mutations of a corpus: bytes changed, pieces repeated, cut out, exchanged, words of the
//! dictionary put in. The same corpus gives the same mutations.

/// Longest input that is made.
const LENGTH_MAX: usize = 4096;

/// Makes one input after the other.
pub struct Mutator<'a> {
    corpus: &'a [(String, Vec<u8>)],
    words: Vec<Vec<u8>>,
    numbers: u64,
}

impl<'a> Mutator<'a> {
    /// `dictionary`: in libFuzzer's form, `"word"` a line with `\xNN`, `\\` and `\"`.
    pub fn new(corpus: &'a [(String, Vec<u8>)], dictionary: &str) -> Self {
        let words = dictionary.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix('"'));
        Self { corpus, words: words.map(unescape).collect(), numbers: 0x9e37_79b9_7f4a_7c15 }
    }

    /// The next mutation.
    pub fn next(&mut self) -> Vec<u8> {
        let chosen = self.below(self.corpus.len());
        let mut input = self.corpus[chosen].1.clone();
        for _ in 0..1 + self.below(4) {
            self.change(&mut input);
        }
        input.truncate(LENGTH_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(64) + 1);
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.below(256) as u8,
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                drop(input.splice(to..to, piece));
            }
            4 => {
                let other = &self.corpus[self.below(self.corpus.len())].1;
                let from = self.below(other.len() + 1);
                let until = from + self.below(other.len() - from + 1);
                drop(input.splice(at..end, other[from..until].iter().copied()));
            }
            5 => input.truncate(at),
            _ if !self.words.is_empty() => {
                let chosen = self.below(self.words.len());
                let word = self.words[chosen].clone();
                let end = if self.below(2) == 0 { at } else { end };
                drop(input.splice(at..end, word));
            }
            _ => input.push(self.below(256) as u8),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.numbers ^= self.numbers << 13;
        self.numbers ^= self.numbers >> 7;
        self.numbers ^= self.numbers << 17;
        (self.numbers % limit as u64) as usize
    }
}

fn unescape(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    bytes
}
