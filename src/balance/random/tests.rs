//! Random: shares by weight, the better of two, full and missing servers, repeatability.

#![allow(clippy::unwrap_used)]
use super::*;

/// How often each server was picked, with these requests in flight all the time.
fn shares(random: &mut Random, in_flight: &[u32], picks: usize) -> Vec<usize> {
    let mut counts = vec![0; in_flight.len()];
    for _ in 0..picks {
        counts[random.pick(|index| in_flight[index], |_| true).unwrap()] += 1;
    }
    counts
}

#[test]
fn one_seed_gives_one_sequence_and_another_seed_another() {
    let sequence = |seed| {
        let mut random = Random::new(&[1; 10], seed);
        (0..50).map(|_| random.pick(|_| 0, |_| true).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(sequence(1), sequence(1));
    assert_ne!(sequence(1), sequence(2));
}

#[test]
fn idle_servers_are_drawn_by_weight() {
    let counts = shares(&mut Random::new(&[1, 2, 0, 7], 42), &[0; 4], 100_000);
    for (count, expected) in counts.iter().zip([10_000, 20_000, 0, 70_000]) {
        assert!(count.abs_diff(expected) < 1000, "{counts:?}");
    }
}

#[test]
fn the_less_loaded_of_two_is_taken() {
    // The loaded one is taken only when it is drawn twice: one time in four.
    let counts = shares(&mut Random::new(&[1, 1], 42), &[1, 0], 100_000);
    assert!(counts[0].abs_diff(25_000) < 1000, "{counts:?}");
    // Load is by weight: 3 of 4 is less than 1 of 1.
    let counts = shares(&mut Random::new(&[4, 1], 42), &[3, 1], 100_000);
    assert!(counts[1].abs_diff(4000) < 500, "{counts:?}");
}

#[test]
fn requests_in_flight_stay_close_together() {
    let mut random = Random::new(&[1; 10], 7);
    let mut in_flight = [0u32; 10];
    for _ in 0..10_000 {
        let server = random.pick(|index| in_flight[index], |_| true).unwrap();
        in_flight[server] += 1;
    }
    // One draw would spread by a hundred and more.
    assert!(in_flight.iter().all(|count| count.abs_diff(1000) < 20), "{in_flight:?}");
}

#[test]
fn a_full_server_is_passed_over_and_none_is_picked_when_all_are_full() {
    let mut random = Random::new(&[1, 1, 1], 3);
    for _ in 0..1000 {
        assert_eq!(random.pick(|_| 0, |index| index == 2), Some(2));
        assert_eq!(random.pick(|_| 0, |_| false), None);
    }
}

#[test]
fn a_server_that_is_down_or_weighs_nothing_is_not_picked() {
    let mut random = Random::new(&[0, 1, 1], 3);
    assert_eq!(shares(&mut random, &[0; 3], 1000)[0], 0);
    random.sync(|index| (index == 0).then_some(256));
    assert_eq!(shares(&mut random, &[9, 0, 0], 1000), [1000, 0, 0]);
    random.sync(|_| None);
    assert_eq!(random.pick(|_| 0, |_| true), None);
    assert_eq!(Random::new(&[], 3).pick(|_| 0, |_| true), None);
}
