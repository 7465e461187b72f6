//! Whole pairs in simulated time, one life per seed: two and three nodes, loss, delay, duplicates,
//! packets that overtake each other, nodes that stand still (with clocks that notice or not), crashes with
//! and without a guard, links cut one way and both ways, flapping health, faults, hand-overs.
//!
//! Proven in each life, at every moment:
//!
//! * two nodes that run and hear each other are never both active for longer than
//!   [`terms::Terms::both_active_max`] after the last thing that befell either;
//! * if a node could be active, somebody is, after [`terms::Terms::none_active_max`] at the latest;
//! * once nothing befalls them any more, one node is active and stays so; with `preempt` it is the best,
//!   and where standbys say how they are, none that does not serve while a better one does;
//! * what an operator then gives away, to whomever, stays away.

mod judge;
mod terms;
mod trouble;
mod world;

use std::time::Duration;

pub use terms::Dice;
use trouble::Trouble;
use world::{Node, World};

use crate::limits::ha::OFFER_REST;

/// What a life of one seed was.
struct Life {
    both_share: f64,
    none_share: f64,
    transitions: u64,
}

fn live(seed: u64, wants_story: bool) -> Result<Life, String> {
    let mut world = World::new(seed, wants_story);
    let result = live_in(&mut world);
    let story = world.story.take().unwrap_or_default();
    result.map_err(|fault| format!("seed {seed}: {fault}\n{story}"))?;
    let transitions = world.transitions;
    Ok(Life { both_share: world.judge.both_share, none_share: world.judge.none_share, transitions })
}

fn live_in(world: &mut World) -> Result<(), String> {
    let interval = world.terms.interval;
    world.begin();
    let mut end = interval * 5;
    for _ in 0..3 + world.dice.below(5) {
        end += world.dice.time(interval * 6);
        world.live(end)?;
        Trouble::draw(world);
    }
    world.live(end + interval * 9)?;
    make_peace(world);
    let mut settled = world.now + world.terms.none_active_max(1) * 3 + world.terms.preempt_delay;
    if world.terms.presence {
        settled += world.terms.none_active_max(1) * OFFER_REST;
    }
    world.live(settled)?;
    check_settled(world)?;
    let transitions = world.transitions;
    world.live(settled + interval * 4)?;
    let changed = world.transitions - transitions;
    if changed > 0 {
        return Err(format!("{changed} changes without a reason"));
    }
    check_settled(world)?;
    check_hand_over(world)
}

/// The active node is handed over although none of the others serves, and then they try to.
fn check_hand_over(world: &mut World) -> Result<(), String> {
    let given = world.nodes.iter().position(Node::is_serving).unwrap_or_default();
    let long = world.terms.none_active_max(1) * (OFFER_REST + 2) + world.terms.preempt_delay;
    for node in 0..world.terms.nodes {
        world.plan(Duration::ZERO, Trouble::Health { node, is_healthy: node == given });
    }
    world.live(world.now + world.terms.interval * 4)?;
    world.plan(Duration::ZERO, Trouble::HandOver { node: given });
    world.live(world.now + long)?;
    check_given_away(world, given)?;
    // Over VRRP proper the only other node cannot know that the better one does not want the addresses.
    if !world.terms.presence && world.terms.nodes == 2 {
        return Ok(());
    }
    for is_healthy in [true, false] {
        let successor = world.nodes.iter().position(Node::is_serving).unwrap_or_default();
        world.plan(Duration::ZERO, Trouble::Health { node: successor, is_healthy });
        world.live(world.now + long)?;
        check_given_away(world, given)?;
    }
    Ok(())
}

fn check_given_away(world: &World, node: usize) -> Result<(), String> {
    let is_given = !world.nodes[node].is_serving() && world.nodes[node].is_given_away();
    let served = world.nodes.iter().filter(|node| node.is_serving()).count();
    if is_given && served == 1 { Ok(()) } else { Err(format!("node {node} did not stay handed over")) }
}

/// From now on nothing befalls the pair, and every packet arrives.
fn make_peace(world: &mut World) {
    for node in 0..world.terms.nodes {
        for other in 0..world.terms.nodes {
            world.plan(Duration::ZERO, Trouble::Link { from: node, to: other, is_up: true });
        }
        for trouble in [
            Trouble::Start { node },
            Trouble::Resume { node },
            Trouble::Fault { node, is_faulty: false },
            Trouble::TakeBack { node },
        ] {
            world.plan(Duration::ZERO, trouble);
        }
    }
    world.terms.losses_in_row = 0;
    world.terms.duplicate_percent = 0;
    world.terms.delay = world.terms.delay.min(world.terms.interval / 4);
}

/// One node is active, and no better one could be.
fn check_settled(world: &World) -> Result<(), String> {
    let active: Vec<&Node> = world.nodes.iter().filter(|node| node.is_serving()).collect();
    let [active] = active[..] else { return Err(format!("{} nodes are active in the end", active.len())) };
    let best = world.nodes.iter().map(Node::priority).max();
    if world.terms.preempt && best.is_some_and(|best| best > active.priority()) {
        return Err(format!("one of priority {} is active, {best:?} is not", active.priority()));
    }
    let is_better = |node: &Node| node.is_healthy && node.priority() > active.priority();
    if world.terms.presence && !active.is_healthy && world.nodes.iter().any(is_better) {
        return Err(format!("one of priority {} is active and does not serve", active.priority()));
    }
    Ok(())
}

/// Lives `seeds` and says how close to the bounds they came.
fn live_all(seeds: std::ops::Range<u64>) {
    let [mut both_share, mut none_share] = [0.0_f64; 2];
    let mut transitions = 0;
    for seed in seeds.clone() {
        match live(seed, false) {
            Ok(life) => {
                both_share = both_share.max(life.both_share);
                none_share = none_share.max(life.none_share);
                transitions += life.transitions;
            }
            Err(_) => panic!("{}", live(seed, true).err().unwrap_or_default()),
        }
    }
    // Lives in which nothing happens, or bounds that nothing comes near, would prove nothing.
    assert!(transitions > 10 * (seeds.end - seeds.start), "{transitions} transitions");
    assert!(both_share > 0.5 && none_share > 0.95, "far from the bounds: {both_share} {none_share}");
}

// More lives than one test has, on as many cores as there are.

#[test]
fn no_life_has_two_active_nodes_or_none_for_longer_than_the_bounds() {
    live_all(0..2000);
}

#[test]
fn nor_has_any_of_as_many_more() {
    live_all(10_000..12_000);
}
