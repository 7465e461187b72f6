//! Least connections: loads by weight, ties in turn, servers that leave, are full and return.

#![allow(clippy::unwrap_used)]
use super::*;

/// Picks among servers with these requests in flight.
fn pick(least: &mut LeastConn, in_flight: &[u32]) -> usize {
    least.pick(|index| in_flight[index], |_| true).unwrap()
}

/// Requests that arrive and never end: who gets each.
fn fill(weights: &[u16], requests: usize) -> (Vec<usize>, Vec<u32>) {
    let mut least = LeastConn::new(weights, 0);
    let mut in_flight = vec![0; weights.len()];
    let mut picks = Vec::new();
    for _ in 0..requests {
        let server = pick(&mut least, &in_flight);
        in_flight[server] += 1;
        picks.push(server);
    }
    (picks, in_flight)
}

#[test]
fn the_server_with_the_fewest_requests_is_picked() {
    let mut least = LeastConn::new(&[1, 1, 1], 0);
    assert_eq!(pick(&mut least, &[3, 1, 2]), 1);
    assert_eq!(pick(&mut least, &[3, 4, 2]), 2);
    assert_eq!(pick(&mut least, &[3, 4, 5]), 0);
    assert_eq!(pick(&mut least, &[u32::MAX, u32::MAX - 1, u32::MAX]), 1);
}

#[test]
fn equals_take_turns_in_the_order_of_the_file() {
    let mut least = LeastConn::new(&[1, 1, 1], 0);
    let picks: Vec<usize> = (0..7).map(|_| pick(&mut least, &[0, 0, 0])).collect();
    assert_eq!(picks, [0, 1, 2, 0, 1, 2, 0]);
    let picks: Vec<usize> = (0..4).map(|_| pick(&mut least, &[5, 5, 6])).collect();
    assert_eq!(picks, [1, 0, 1, 0]);
}

#[test]
fn among_equals_the_one_picked_longest_ago_is_next() {
    let mut least = LeastConn::new(&[1; 4], 0);
    assert_eq!(pick(&mut least, &[9, 9, 0, 9]), 2);
    assert_eq!(pick(&mut least, &[0, 9, 9, 9]), 0);
    let picks: Vec<usize> = (0..4).map(|_| pick(&mut least, &[1, 1, 1, 1])).collect();
    assert_eq!(picks, [1, 3, 2, 0]);
}

#[test]
fn an_idle_server_is_picked_whatever_its_weight() {
    let mut least = LeastConn::new(&[256, 1, 256], 0);
    assert_eq!(pick(&mut least, &[1, 0, 1]), 1);
}

#[test]
fn requests_in_flight_follow_the_weights() {
    // The tree of HAProxy 2.6 fills in this order.
    let (picks, in_flight) = fill(&[1, 2, 3], 12);
    assert_eq!(picks, [0, 1, 2, 2, 1, 2, 2, 1, 2, 0, 1, 2]);
    assert_eq!(in_flight, [2, 4, 6]);
    let (_, in_flight) = fill(&[10, 20, 70], 1000);
    assert_eq!(in_flight, [100, 200, 700]);
    let (_, in_flight) = fill(&[1; 7], 700);
    assert_eq!(in_flight, [100; 7]);
}

#[test]
fn a_full_server_is_passed_over_and_none_is_picked_when_all_are_full() {
    let mut least = LeastConn::new(&[1, 1, 1], 0);
    let in_flight = [0, 7, 3];
    assert_eq!(least.pick(|index| in_flight[index], |index| index != 0), Some(2));
    assert_eq!(least.pick(|index| in_flight[index], |_| false), None);
}

#[test]
fn a_server_that_is_down_or_weighs_nothing_is_not_picked() {
    let mut least = LeastConn::new(&[0, 1, 1], 0);
    assert_eq!(pick(&mut least, &[0, 9, 8]), 2);
    least.sync(|index| (index == 0).then_some(3));
    assert_eq!(pick(&mut least, &[9, 0, 0]), 0);
    least.sync(|_| None);
    assert_eq!(least.pick(|_| 0, |_| true), None);
    assert_eq!(LeastConn::new(&[], 3).pick(|_| 0, |_| true), None);
}

#[test]
fn workers_begin_at_different_servers() {
    for (worker, first) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
        assert_eq!(pick(&mut LeastConn::new(&[1, 1, 1], worker), &[0, 0, 0]), first);
    }
}
