//! The better of two random servers ("power of two choices"), as HAProxy's `balance random`.
//!
//! One per worker and backend, called for each request that no cookie directs. Sans-IO: what each
//! server carries comes as an argument, chance as a seed. A pick costs two binary searches and never
//! allocates.

/// Draws before the better one is taken. More would all but be `leastconn`.
const DRAWS: usize = 2;

/// Servers drawn with the chance that their weight gives them.
#[derive(Debug, Clone)]
pub struct Random {
    /// Usable servers in the order of the file, each with the sum of weights up to and including it.
    shares: Vec<Share>,
    /// Servers, usable or not.
    count: usize,
    /// State of the generator.
    numbers: u64,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    /// At most 65,535 x 256.
    end: u32,
    weight: u16,
    server: u16,
}

impl Random {
    /// Over servers in the order of the file, each with its weight 0..=256 (0: never picked); further
    /// ones than 65,535 are never picked. `seed`: any number; the same one gives the same draws.
    pub fn new(weights: &[u16], seed: u64) -> Self {
        let mut random =
            Self { shares: Vec::with_capacity(weights.len()), count: weights.len(), numbers: seed };
        random.sync(|index| Some(weights[index]));
        random
    }

    /// Takes over which servers are usable and their weights; `None` is a server that is down.
    pub fn sync(&mut self, usable_weight: impl Fn(usize) -> Option<u16>) {
        self.shares.clear();
        let mut end = 0;
        for (server, index) in (0..=u16::MAX).zip(0..self.count) {
            if let Some(weight) = usable_weight(index).filter(|weight| *weight > 0) {
                end += u32::from(weight);
                self.shares.push(Share { end, weight, server });
            }
        }
    }

    /// The less loaded of two servers that were drawn and that `accept` takes; the first of them when
    /// they are equal. When it takes neither, the next in the order of the file that it does take.
    /// `None` when no server is usable or all were refused.
    #[inline]
    pub fn pick(
        &mut self,
        in_flight: impl Fn(usize) -> u32,
        accept: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut best: Option<(Share, u32)> = None;
        let mut last = 0;
        for _ in 0..DRAWS {
            last = self.draw()?;
            let share = self.shares[last];
            let server = usize::from(share.server);
            let carries = in_flight(server);
            // carries / weight < best carries / best weight, without the division.
            let is_better = best.is_none_or(|(other, load)| {
                u64::from(carries) * u64::from(other.weight) < u64::from(load) * u64::from(share.weight)
            });
            if is_better && accept(server) {
                best = Some((share, carries));
            }
        }
        if let Some((share, _)) = best {
            return Some(usize::from(share.server));
        }
        let (before, behind) = self.shares.split_at(last);
        let mut others = behind.iter().chain(before).map(|share| usize::from(share.server));
        others.find(|server| accept(*server))
    }

    /// An index of `shares`, each with the chance of its weight.
    fn draw(&mut self) -> Option<usize> {
        let total = self.shares.last()?.end;
        // Multiply and shift: no division, and a bias below 2^-40.
        let point = (u128::from(self.number()) * u128::from(total)) >> 64;
        Some(self.shares.partition_point(|share| u128::from(share.end) <= point))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): any seed will do, and nobody's secret hangs on it.
    fn number(&mut self) -> u64 {
        self.numbers = self.numbers.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.numbers;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
