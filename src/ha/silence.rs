//! When the silence of a worker is a stall: heartbeats and elapsed time in, a judgement out.
//!
//! Used by `health`, one for each worker. Two things make it more than a comparison:
//!
//! * Time in which nobody looked does not count. When the whole process was stopped or its host paused,
//!   the worker had no chance to give a sign of life either; what matters is whether it does so now.
//!   Each look therefore counts for one tick of the worker at most.
//! * A worker that stalls again and again must not throw the addresses back and forth: after a stall it
//!   has to be steady for as long as the limit before it counts as steady.

use std::time::Duration;

use crate::limits::DEADLINE_TICK;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It gives signs of life.
    Steady,
    /// It has given none for the limit.
    Stalled,
    /// It does again, after a stall, but not for the limit yet.
    Recovering,
}

/// One worker's silence.
#[derive(Debug)]
pub struct Silence {
    limit: Duration,
    last_beat: u64,
    silent_for: Duration,
    progress: Progress,
    /// What is left of the time to recover.
    left: Duration,
}

impl Silence {
    /// A worker that is given the limit for its first sign of life.
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            last_beat: 0,
            silent_for: Duration::ZERO,
            progress: Progress::Steady,
            left: Duration::ZERO,
        }
    }

    /// Takes the time of the last heartbeat, of which only a change matters, and the time since the last
    /// call.
    pub fn observe(&mut self, beat: u64, passed: Duration) -> Progress {
        let passed = passed.min(DEADLINE_TICK);
        if beat == self.last_beat {
            self.silent_for += passed;
            if self.silent_for >= self.limit {
                self.progress = Progress::Stalled;
            }
        } else {
            self.last_beat = beat;
            self.silent_for = Duration::ZERO;
            if self.progress == Progress::Stalled {
                self.progress = Progress::Recovering;
                self.left = self.limit;
            }
        }
        if self.progress == Progress::Recovering {
            self.left = self.left.saturating_sub(passed);
            if self.left.is_zero() {
                self.progress = Progress::Steady;
            }
        }
        self.progress
    }

    /// How long it has been silent, as far as somebody looked.
    pub fn silent_for(&self) -> Duration {
        self.silent_for
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);
    const LOOK: Duration = Duration::from_millis(20);

    /// Looks so often, with a heartbeat before every `beat_every`th look.
    fn look(silence: &mut Silence, times: u64, beat_every: Option<u64>) -> Vec<Progress> {
        let mut beat = silence.last_beat;
        (1..=times)
            .map(|turn| {
                if beat_every.is_some_and(|every| turn.is_multiple_of(every)) {
                    beat += 50;
                }
                silence.observe(beat, LOOK)
            })
            .collect()
    }

    #[test]
    fn a_worker_that_ticks_is_steady_for_ever() {
        let mut silence = Silence::new(LIMIT);
        assert!(look(&mut silence, 10_000, Some(3)).iter().all(|progress| *progress == Progress::Steady));
        assert!(look(&mut silence, 10_000, Some(9)).iter().all(|progress| *progress == Progress::Steady));
    }

    #[test]
    fn silence_of_the_limit_is_a_stall_and_not_before() {
        let mut silence = Silence::new(LIMIT);
        look(&mut silence, 5, Some(1));
        let seen = look(&mut silence, 10, None);
        assert_eq!(seen.iter().position(|progress| *progress == Progress::Stalled), Some(9));
        assert_eq!(silence.silent_for(), LIMIT);
        assert_eq!(
            Silence::new(LIMIT).observe(0, Duration::ZERO),
            Progress::Steady,
            "the first beat has time"
        );
    }

    #[test]
    fn a_pause_of_the_whole_process_is_not_the_workers_stall() {
        let mut silence = Silence::new(LIMIT);
        look(&mut silence, 5, Some(1));
        assert_eq!(silence.observe(silence.last_beat, Duration::from_secs(3600)), Progress::Steady);
        let beat = silence.last_beat + 1;
        assert_eq!(silence.observe(beat, LOOK), Progress::Steady);
        // But one that stays silent after the pause is found as always.
        assert_eq!(look(&mut silence, 10, None).last(), Some(&Progress::Stalled));
    }

    #[test]
    fn after_a_stall_it_has_to_be_steady_for_the_limit() {
        let mut silence = Silence::new(LIMIT);
        look(&mut silence, 20, None);
        let seen = look(&mut silence, 11, Some(1));
        assert_eq!(seen.iter().filter(|progress| **progress == Progress::Recovering).count(), 9);
        assert_eq!(seen.last(), Some(&Progress::Steady));
    }

    #[test]
    fn one_that_stalls_while_it_recovers_begins_anew() {
        let mut silence = Silence::new(LIMIT);
        look(&mut silence, 20, None);
        assert_eq!(look(&mut silence, 5, Some(1)).last(), Some(&Progress::Recovering));
        assert_eq!(look(&mut silence, 10, None).last(), Some(&Progress::Stalled));
        assert_eq!(look(&mut silence, 9, Some(1)).last(), Some(&Progress::Recovering));
        assert_eq!(look(&mut silence, 2, Some(1)).last(), Some(&Progress::Steady));
    }

    #[test]
    fn a_beat_that_seems_older_is_a_sign_of_life_too() {
        let mut silence = Silence::new(LIMIT);
        silence.observe(u64::MAX, LOOK);
        look(&mut silence, 1, None);
        silence.observe(0, LOOK);
        assert_eq!(silence.silent_for(), Duration::ZERO);
    }
}
