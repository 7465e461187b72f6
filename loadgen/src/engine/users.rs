//! In which order virtual users have their turns.

use crate::schedule::Random;

/// The users of a thread's open loop, each once in every round.
///
/// The order is another in each round: where users always came in the same one, a balancer that has
/// forgotten them would still send each to the same server, if their number is a multiple of the servers'.
#[derive(Debug)]
pub struct Users {
    order: Vec<u32>,
    next: usize,
}

impl Users {
    /// So many users; at least one.
    pub fn new(count: u32) -> Self {
        Self { order: (0..count.max(1)).collect(), next: 0 }
    }

    /// Whose turn it is: a shuffle (Fisher and Yates'), one step at a time.
    #[inline]
    pub fn next(&mut self, random: &mut Random) -> u32 {
        let left = self.order.len() - self.next;
        if left > 1 {
            let other = self.next + (random.next_u64() % left as u64) as usize;
            self.order.swap(self.next, other);
        }
        let user = self.order[self.next];
        self.next = (self.next + 1) % self.order.len();
        user
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_turn_in_every_round_and_nobody_keeps_a_place() {
        let (mut random, mut users) = (Random::new(1), Users::new(40));
        let mut even_turns = [0; 40];
        for _ in 0..100 {
            let mut seen = [false; 40];
            for turn in 0..40 {
                let user = users.next(&mut random) as usize;
                assert!(!seen[user], "one turn in a round");
                seen[user] = true;
                even_turns[user] += usize::from(turn % 2 == 0);
            }
        }
        // Half of a hundred, give or take five standard deviations.
        assert!(even_turns.iter().all(|turns| (25..=75).contains(turns)), "{even_turns:?}");
        assert_eq!(Users::new(0).next(&mut random), 0);
    }
}
