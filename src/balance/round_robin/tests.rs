//! Round robin: HAProxy's sequences, exact shares, servers that leave and return.

#![allow(clippy::unwrap_used)]
use super::*;

/// `count` picks, servers numbered from 1 as in a configuration file's order.
fn picks(wheel: &mut RoundRobin, count: usize) -> Vec<usize> {
    (0..count).map(|_| wheel.pick(|_| true).unwrap() + 1).collect()
}

/// A small generator of test data (xorshift), so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit) as usize
    }
}

#[test]
fn picks_in_haproxys_order() {
    let table: &[(&[u16], &[usize])] = &[
        (&[1, 1, 1], &[1, 2, 3, 1, 2, 3]),
        (&[100, 100, 100], &[1, 2, 3, 1, 2, 3]),
        (&[3, 1], &[1, 1, 1, 2, 1, 1, 1, 2]),
        (&[1, 2, 3], &[3, 2, 3, 1, 3, 2, 3, 2, 3, 1, 3, 2]),
        (&[5, 1, 1], &[1, 1, 1, 2, 1, 1, 3]),
        (&[10, 20], &[2, 2, 1, 2, 2, 1]),
        (&[1, 1, 2], &[3, 1, 3, 2, 3, 1, 3, 2]),
        (&[100, 50, 25], &[1, 1, 2, 1, 3, 1, 2]),
    ];
    for (weights, expected) in table {
        let mut wheel = RoundRobin::new(weights, 0);
        assert_eq!(&picks(&mut wheel, expected.len()), expected, "weights {weights:?}");
        // Over a thousand turns the shares of these weights are exact.
        let total: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        let mut wheel = RoundRobin::new(weights, 0);
        let mut counts = vec![0; weights.len()];
        for server in picks(&mut wheel, total * 1000) {
            counts[server - 1] += 1;
        }
        let shares: Vec<usize> = weights.iter().map(|weight| usize::from(*weight) * 1000).collect();
        assert_eq!(counts, shares, "weights {weights:?}");
    }
}

#[test]
fn each_server_gets_its_weight_within_one_in_every_turn() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..300 {
        let weights: Vec<u16> = (0..1 + numbers.below(9)).map(|_| 1 + numbers.below(256) as u16).collect();
        let total: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        let mut wheel = RoundRobin::new(&weights, 0);
        for turn in 0..4 {
            let mut counts = vec![0usize; weights.len()];
            for server in picks(&mut wheel, total) {
                counts[server - 1] += 1;
            }
            for (count, weight) in counts.iter().zip(&weights) {
                let difference = count.abs_diff(usize::from(*weight));
                assert!(difference <= 1, "round {round} turn {turn}: {weights:?} got {counts:?}");
            }
        }
    }
}

#[test]
fn equal_weights_are_exact_in_every_turn() {
    for count in [1, 2, 3, 7, 300] {
        for weight in [1, 16, 100, 256] {
            let mut wheel = RoundRobin::new(&vec![weight; count], 0);
            for _ in 0..5 {
                assert_eq!(picks(&mut wheel, count), (1..=count).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn a_weight_of_zero_is_never_picked() {
    let mut wheel = RoundRobin::new(&[0, 1, 0, 1], 0);
    assert_eq!(picks(&mut wheel, 4), [2, 4, 2, 4]);
    assert_eq!(RoundRobin::new(&[0, 0], 5).pick(|_| true), None);
    assert_eq!(RoundRobin::new(&[], 5).pick(|_| true), None);
}

#[test]
fn the_start_offset_rotates_the_first_pick() {
    for (offset, first) in [(0, 1), (1, 2), (2, 3), (3, 1), (64, 2)] {
        assert_eq!(picks(&mut RoundRobin::new(&[1, 1, 1], offset), 1), [first]);
    }
}

#[test]
fn a_server_that_is_down_is_skipped_until_it_is_up_again() {
    let mut wheel = RoundRobin::new(&[1, 1, 1], 0);
    assert_eq!(picks(&mut wheel, 4), [1, 2, 3, 1]);
    wheel.sync(|index| (index != 1).then_some(1));
    assert_eq!(picks(&mut wheel, 4), [3, 1, 3, 1]);
    wheel.sync(|_| Some(1));
    let after = picks(&mut wheel, 30);
    for server in 1..=3 {
        let count = after.iter().filter(|picked| **picked == server).count();
        assert!((9..=11).contains(&count), "{after:?}");
    }
}

#[test]
fn all_servers_may_go_down_and_come_back() {
    let mut wheel = RoundRobin::new(&[2, 1], 0);
    picks(&mut wheel, 2);
    wheel.sync(|_| None);
    assert_eq!(wheel.pick(|_| true), None);
    wheel.sync(|index| (index == 1).then_some(1));
    assert_eq!(picks(&mut wheel, 3), [2, 2, 2]);
    wheel.sync(|index| Some([2, 1][index]));
    let after = picks(&mut wheel, 60);
    let heavy = after.iter().filter(|picked| **picked == 1).count();
    assert!((39..=41).contains(&heavy), "{after:?}");
}

#[test]
fn a_refused_server_loses_its_place_and_nobody_is_asked_twice() {
    let mut wheel = RoundRobin::new(&[1, 1, 1], 0);
    assert_eq!(wheel.pick(|index| index != 0), Some(1));
    assert_eq!(picks(&mut wheel, 4), [3, 1, 2, 3]);

    let asked = std::cell::RefCell::new(Vec::new());
    let refuse = |index| {
        asked.borrow_mut().push(index);
        false
    };
    assert_eq!(wheel.pick(refuse), None);
    let mut asked = asked.into_inner();
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 2]);
    let mut after = picks(&mut wheel, 3);
    after.sort_unstable();
    assert_eq!(after, [1, 2, 3]);
}

#[test]
fn any_mix_of_changes_and_refusals_keeps_every_usable_server_on_the_wheel() {
    let mut numbers = Numbers(42);
    for _ in 0..200 {
        let count = 1 + numbers.below(8);
        let mut weights: Vec<u16> = (0..count).map(|_| numbers.below(5) as u16 * 10).collect();
        let mut wheel = RoundRobin::new(&weights, numbers.below(5));
        for _ in 0..200 {
            match numbers.below(4) {
                0 => {
                    weights[numbers.below(count as u64)] = numbers.below(257) as u16;
                    wheel.sync(|index| (weights[index] > 0).then_some(weights[index]));
                }
                1 => {
                    let refused = numbers.below(count as u64);
                    assert_ne!(wheel.pick(|index| index != refused), Some(refused));
                }
                _ => {
                    let picked = wheel.pick(|_| true);
                    assert_eq!(picked.is_some(), weights.iter().any(|weight| *weight > 0));
                    assert!(picked.is_none_or(|index| weights[index] > 0));
                }
            }
            let queued = wheel.start.len() + wheel.current.len() + wheel.next.len();
            assert_eq!(queued, weights.iter().filter(|weight| **weight > 0).count());
            assert!(wheel.refused.is_empty());
        }
        // Nobody starves: each usable server appears within two turns.
        let total: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        let seen: std::collections::BTreeSet<_> =
            (0..2 * total * SCALE as usize).filter_map(|_| wheel.pick(|_| true)).collect();
        assert_eq!(seen.len(), weights.iter().filter(|weight| **weight > 0).count());
    }
}
