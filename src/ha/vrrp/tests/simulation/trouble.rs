//! What befalls a pair: each thing is drawn from the seed, and most of them pass.

use std::time::Duration;

use super::world::World;
use crate::ha::vrrp::Event;

/// One misfortune, order or end of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The process starts, if it does not run.
    Start {
        node: usize,
    },
    /// It dies.
    Kill {
        node: usize,
        has_guard: bool,
    },
    /// It ends as it should.
    Shutdown {
        node: usize,
    },
    /// It stands still: stopped, or its host. Its clock may not notice.
    Pause {
        node: usize,
        length: Duration,
        keeps_packets: bool,
        clock_counts: bool,
    },
    /// It goes on.
    Resume {
        node: usize,
    },
    /// It serves, or it does not.
    Health {
        node: usize,
        is_healthy: bool,
    },
    /// It cannot take part, or can again.
    Fault {
        node: usize,
        is_faulty: bool,
    },
    /// The operator's orders.
    HandOver {
        node: usize,
    },
    StepAside {
        node: usize,
    },
    TakeBack {
        node: usize,
    },
    /// Somebody removes its address.
    AddressLost {
        node: usize,
    },
    /// Packets of one direction get through, or do not.
    Link {
        from: usize,
        to: usize,
        is_up: bool,
    },
}

impl Trouble {
    /// Draws one, and plans its end.
    pub fn draw(world: &mut World) {
        let dice = &mut world.dice;
        let interval = world.terms.interval;
        let node = dice.below(world.terms.nodes as u64) as usize;
        let other = (node + 1 + dice.below(world.terms.nodes as u64 - 1) as usize) % world.terms.nodes;
        let soon = dice.time(interval * 8);
        let at_once = Duration::ZERO;
        let [is_likely, is_even] = [dice.chance(70), dice.chance(50)];
        match dice.below(12) {
            0 | 1 => {
                world.plan(at_once, Self::Kill { node, has_guard: soon > interval * 2 });
                world.plan(soon, Self::Start { node });
            }
            2 => {
                world.plan(at_once, Self::Shutdown { node });
                world.plan(soon, Self::Start { node });
            }
            3 | 4 => {
                let (keeps_packets, clock_counts) = (is_likely, dice.chance(80));
                world.plan(at_once, Self::Pause { node, length: soon, keeps_packets, clock_counts });
            }
            5 | 6 => {
                let is_healthy = !is_likely;
                world.plan(at_once, Self::Health { node, is_healthy });
                if is_even {
                    world.plan(soon, Self::Health { node, is_healthy: !is_healthy });
                }
            }
            7 => {
                world.plan(at_once, Self::Fault { node, is_faulty: true });
                world.plan(soon, Self::Fault { node, is_faulty: false });
            }
            8 => {
                world.plan(
                    at_once,
                    if is_likely { Self::HandOver { node } } else { Self::StepAside { node } },
                );
                world.plan(soon, Self::TakeBack { node });
            }
            9 => {
                world.plan(at_once, Self::AddressLost { node });
                if is_even {
                    world.plan(soon, Self::AddressLost { node });
                }
            }
            10 => {
                world.plan(at_once, Self::Link { from: node, to: other, is_up: false });
                world.plan(soon, Self::Link { from: node, to: other, is_up: true });
            }
            _ => {
                for (from, to) in [(node, other), (other, node)] {
                    world.plan(at_once, Self::Link { from, to, is_up: false });
                    world.plan(soon, Self::Link { from, to, is_up: true });
                }
            }
        }
    }

    /// Does it.
    pub fn happen(self, world: &mut World) {
        if let Some(node) = self.node() {
            world.judge.disturb(world.terms.nodes, node);
        }
        match self {
            Self::Start { node } => world.start(node),
            Self::Kill { node, has_guard } => world.kill(node, has_guard),
            Self::Shutdown { node } if world.nodes[node].is_running => {
                world.give(node, Event::Shutdown);
                world.kill(node, false);
            }
            Self::Pause { node, length, keeps_packets, clock_counts } if world.nodes[node].is_running => {
                world.nodes[node].is_running = false;
                world.nodes[node].keeps_packets = keeps_packets;
                world.nodes[node].stopped_clock = if clock_counts { None } else { Some(world.now) };
                world.plan(length, Self::Resume { node });
            }
            Self::Resume { node } if !world.nodes[node].is_running => {
                world.nodes[node].is_running = true;
                let since = world.nodes[node].stopped_clock.unwrap_or(world.now);
                world.nodes[node].clock_ahead -= world.now - since;
                world.wake(node);
            }
            Self::Health { node, is_healthy } => {
                world.nodes[node].is_healthy = is_healthy;
                world.report(node);
            }
            Self::Fault { node, is_faulty } => {
                world.nodes[node].is_faulty = is_faulty;
                world.report(node);
            }
            Self::HandOver { node } => world.order(node, Event::HandOver),
            Self::StepAside { node } => {
                let by = world.nodes[(node + 1) % world.terms.nodes].settings.own_address;
                world.order(node, Event::StepAside { by });
            }
            // Refused to a node that has handed nothing over.
            Self::TakeBack { node } if world.nodes[node].is_given_away() => {
                world.order(node, Event::TakeBack);
            }
            Self::AddressLost { node } => world.order(node, Event::AddressLost),
            Self::Link { from, to, is_up } => world.set_link(from, to, is_up),
            _ => {}
        }
    }

    /// The node that it befalls; a link is between two, which the judge sees by itself.
    const fn node(self) -> Option<usize> {
        match self {
            Self::Start { node }
            | Self::Kill { node, .. }
            | Self::Shutdown { node }
            | Self::Pause { node, .. }
            | Self::Resume { node }
            | Self::Health { node, .. }
            | Self::Fault { node, .. }
            | Self::HandOver { node }
            | Self::StepAside { node }
            | Self::TakeBack { node }
            | Self::AddressLost { node } => Some(node),
            Self::Link { .. } => None,
        }
    }
}
