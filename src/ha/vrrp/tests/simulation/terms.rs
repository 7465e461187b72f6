//! The terms on which one simulated pair lives, drawn from a seed, and the bounds that follow from them.

use std::time::Duration;

use crate::ha::vrrp::{Takeover, Version, skew_time};

/// Numbers from a seed (splitmix64); the same seed gives the same life.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 0..limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// 0..=longest, in microseconds.
    pub fn time(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.below(longest.as_micros() as u64 + 1))
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// What stays the same for one life.
#[derive(Debug, Clone)]
pub struct Terms {
    pub nodes: usize,
    pub version: Version,
    /// I: time between adverts.
    pub interval: Duration,
    /// D: longest way of a packet; each takes its own time, so they overtake each other.
    pub delay: Duration,
    /// L: longest time by which a thread is late for its timer.
    pub lag: Duration,
    /// K: packets of one direction that are lost in a row at most.
    pub losses_in_row: u32,
    pub loss_percent: u64,
    pub duplicate_percent: u64,
    pub preempt: bool,
    pub preempt_delay: Duration,
    pub takeover: Takeover,
    /// Whether standbys say that they live, as with our UDP transport.
    pub presence: bool,
}

impl Terms {
    pub fn draw(dice: &mut Dice) -> Self {
        let (version, interval_ms) =
            dice.one_of(&[(Version::V2, 1000), (Version::V3, 10), (Version::V3, 100), (Version::V3, 1000)]);
        let interval = Duration::from_millis(interval_ms);
        let losses_in_row = dice.one_of(&[0, 0, 1, 2]);
        Self {
            nodes: dice.one_of(&[2, 2, 3]),
            version,
            interval,
            delay: interval / dice.one_of(&[100, 100, 10, 4, 1]),
            lag: interval / dice.one_of(&[1000, 20, 4]),
            losses_in_row,
            loss_percent: if losses_in_row == 0 { 0 } else { dice.one_of(&[1, 10, 30]) },
            duplicate_percent: dice.one_of(&[0, 0, 10]),
            preempt: !dice.chance(25),
            preempt_delay: interval * dice.one_of(&[0, 0, 0, 5]),
            takeover: dice.one_of(&[Takeover::Immediate, Takeover::Immediate, Takeover::Skew]),
            presence: dice.chance(40),
        }
    }

    /// How long two nodes that hear each other may both be active.
    ///
    /// The worse one yields to the first advert of the better one that arrives: (K+1)·(I+L) + D. The better
    /// one may be silent for I before that: it was standing still and listens first, or both are resigning.
    /// And what it says may be ignored for I/2, if it has just given up.
    pub fn both_active_max(&self) -> Duration {
        (self.interval + self.lag) * (self.losses_in_row + 1) + self.delay + self.interval * 3 / 2
    }

    /// How long nobody may be active while a node of this priority can be.
    ///
    /// The last active node's last advert arrives within D, and is read within L. Then the standby waits
    /// for three intervals and its skew time, and is late by L.
    pub fn none_active_max(&self, priority: u8) -> Duration {
        self.interval * 3 + skew_time(self.version, priority, self.interval) + self.delay + self.lag * 2
    }
}
