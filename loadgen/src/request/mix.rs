//! Which target a request asks for: a fixed, evenly mixed sequence by weight.

/// The sequence, repeated for ever.
#[derive(Debug, Clone)]
pub struct Mix {
    sequence: Vec<u16>,
}

impl Mix {
    /// The smooth weighted sequence (as nginx's round robin): within one round every target comes as
    /// often as its weight says, as far apart as possible.
    pub fn new(weights: &[u32]) -> Self {
        let total: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
        let mut credits = vec![0i64; weights.len()];
        let sequence = (0..total)
            .map(|_| {
                for (credit, &weight) in credits.iter_mut().zip(weights) {
                    *credit += i64::from(weight);
                }
                let best = (0..credits.len()).rev().max_by_key(|&index| credits[index]).unwrap_or(0);
                credits[best] -= total;
                best as u16
            })
            .collect();
        Self { sequence }
    }

    /// The target of request `number` of the run. Each round begins one further than the one before: whoever
    /// takes every n-th request has all targets by their weights, too.
    #[inline]
    pub fn target(&self, number: u64) -> u16 {
        match self.sequence.as_slice() {
            [] | [_] => 0,
            many => {
                let length = many.len() as u64;
                many[((number + number / length) % length) as usize]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_holds_every_target_by_its_weight_and_mixed() {
        let mix = Mix::new(&[5, 1, 1]);
        let round: Vec<u16> = (0..7).map(|number| mix.target(number)).collect();
        assert_eq!(round, [0, 0, 1, 0, 2, 0, 0]);
        let next: Vec<u16> = (7..14).map(|number| mix.target(number)).collect();
        assert_eq!(next, [0, 1, 0, 2, 0, 0, 0]);
        assert_eq!(mix.target(49_000_000_000), mix.target(0));
        assert_eq!(Mix::new(&[3]).target(9), 0);
    }

    #[test]
    fn whoever_takes_every_nth_request_has_all_targets_by_their_weights() {
        for (weights, threads) in [(vec![1, 1], 2), (vec![3, 1], 2), (vec![1, 1, 1, 3], 3), (vec![2, 2], 4)] {
            let mix = Mix::new(&weights);
            let length = u64::from(weights.iter().sum::<u32>());
            for thread in 0..threads {
                let mut counts = vec![0; weights.len()];
                (0..length * length).for_each(|turn| {
                    counts[usize::from(mix.target(turn * threads + thread))] += 1;
                });
                let expected: Vec<u64> = weights.iter().map(|&weight| u64::from(weight) * length).collect();
                assert_eq!(counts, expected, "{weights:?}, thread {thread} of {threads}");
            }
        }
    }
}
