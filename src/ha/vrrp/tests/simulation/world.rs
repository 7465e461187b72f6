//! Nodes, their network and their clocks: one life in simulated time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::super::support::advert;
use super::judge::Judge;
use super::terms::{Dice, Terms};
use super::trouble::Trouble;
use crate::ha::vrrp::{Action, Actions, Advert, Event, Machine, Peer, Settings, State};

type Time = Duration;

/// Packets that the kernel keeps for a node that stands still.
const INBOX_MAX: usize = 40;

/// What a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Advert(u8),
    Presence { priority: u8, serves: bool, is_handed_over: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrive { to: usize, from: usize, said: Said },
    Tick { node: usize, number: u32 },
    Presence { node: usize },
    Trouble(Trouble),
}

/// One node.
#[derive(Debug)]
pub struct Node {
    /// `None`: the process is dead.
    pub machine: Option<Machine>,
    pub settings: Settings,
    pub is_running: bool,
    pub is_faulty: bool,
    pub is_healthy: bool,
    /// Whether packets for it are kept while it stands still.
    pub keeps_packets: bool,
    inbox: VecDeque<(usize, Said)>,
    /// What its clock shows more than the world's.
    pub clock_ahead: Duration,
    /// While it stands still: since when its clock does too.
    pub stopped_clock: Option<Time>,
    has_addresses: bool,
    /// The machine's, and the number of the tick that is planned for it.
    deadline: Option<Time>,
    tick_number: u32,
}

impl Node {
    /// Whether clients are served by it as the active one.
    pub fn is_serving(&self) -> bool {
        self.is_running && self.has_addresses
    }

    /// Whether it could be active.
    pub fn is_able(&self) -> bool {
        let takes_part = |machine: &Machine| !matches!(machine.state(), State::Init | State::Fault);
        self.is_running && self.machine.as_ref().is_some_and(takes_part)
    }

    /// Whether an operator had it give the addresses away, or it is about to.
    pub fn is_given_away(&self) -> bool {
        let is_given = |machine: &Machine| machine.is_handed_over() || machine.state() == State::Resigning;
        self.machine.as_ref().is_some_and(is_given)
    }

    pub fn priority(&self) -> u8 {
        let weight = if self.is_healthy { 3 } else { 0 };
        self.settings.base_priority + weight
    }
}

/// The nodes, what is under way between them, and the time.
pub struct World {
    pub terms: Terms,
    /// The terms that the bounds are for.
    promised: Terms,
    pub dice: Dice,
    pub now: Time,
    pub nodes: Vec<Node>,
    pub judge: Judge,
    /// By sender and receiver: whether packets get through, and how many were lost in a row.
    links: Vec<(bool, u32)>,
    events: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    count: u64,
    pub transitions: u64,
    template: Advert,
    /// What happened, if somebody wants to read it.
    pub story: Option<String>,
}

impl World {
    pub fn new(seed: u64, wants_story: bool) -> Self {
        let mut dice = Dice::new(seed);
        let terms = Terms::draw(&mut dice);
        let nodes = (0..terms.nodes).map(|number| Node::new(&terms, number, &mut dice)).collect();
        let story = wants_story.then(|| format!("{terms:?}\n"));
        let template = advert(terms.version, 0, terms.interval.as_millis() as u64);
        let judge = Judge::new(terms.nodes);
        let links = vec![(true, 0); terms.nodes * terms.nodes];
        Self {
            promised: terms.clone(),
            terms,
            dice,
            now: Time::ZERO,
            nodes,
            judge,
            links,
            events: BinaryHeap::new(),
            count: 0,
            transitions: 0,
            template,
            story,
        }
    }

    /// All nodes start at about the same time.
    pub fn begin(&mut self) {
        for node in 0..self.nodes.len() {
            let after = self.dice.time(self.terms.interval * 2);
            self.plan(after, Trouble::Start { node });
            if self.terms.presence {
                self.at(after, Happening::Presence { node });
            }
        }
    }

    pub fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let _ = writeln!(story, "{:>12.6} {}", self.now.as_secs_f64(), what());
        }
    }

    pub fn plan(&mut self, after: Duration, trouble: Trouble) {
        self.at(after, Happening::Trouble(trouble));
    }

    fn at(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.events.push(Reverse((self.now + after, self.count, happening)));
    }

    /// Lives on until `end`.
    pub fn live(&mut self, end: Time) -> Result<(), String> {
        while let Some(Reverse((time, _, happening))) = self.events.peek().copied() {
            if time > end {
                break;
            }
            self.events.pop();
            self.judge.judge(time, &self.promised, &self.nodes)?;
            self.now = time;
            self.happen(happening);
            let (links, nodes) = (&self.links, &self.nodes);
            self.judge.note(time, nodes, |from, to| links[from * nodes.len() + to].0);
        }
        self.now = end;
        self.judge.judge(end, &self.promised, &self.nodes)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { to, from, said } => self.arrive(to, from, said),
            Happening::Tick { node, number } => {
                if self.nodes[node].tick_number == number && self.nodes[node].is_running {
                    self.tick(node);
                }
            }
            Happening::Presence { node } => {
                let machine = self.nodes[node].machine.as_ref();
                let standby = machine.filter(|machine| machine.state() == State::Backup);
                if let (Some(standby), true) = (standby, self.nodes[node].is_running) {
                    let is_handed_over = standby.is_handed_over();
                    let (priority, serves) = (self.nodes[node].priority(), self.nodes[node].is_healthy);
                    self.send(node, Said::Presence { priority, serves, is_handed_over });
                }
                self.at(self.terms.interval, Happening::Presence { node });
            }
            Happening::Trouble(trouble) => {
                self.tell(|| format!("{trouble:?}"));
                trouble.happen(self);
            }
        }
    }

    fn arrive(&mut self, to: usize, from: usize, said: Said) {
        let node = &mut self.nodes[to];
        if node.is_running {
            self.hear(to, from, said);
        } else if node.keeps_packets && node.inbox.len() < INBOX_MAX {
            node.inbox.push_back((from, said));
        }
    }

    fn hear(&mut self, to: usize, from: usize, said: Said) {
        let from = self.nodes[from].settings.own_address;
        match said {
            Said::Presence { priority, serves, is_handed_over } => {
                self.give(to, Event::Presence { from, priority, serves, is_handed_over });
            }
            Said::Advert(priority) => {
                self.tell(|| format!("{to} hears {priority} from {from}"));
                let advert = Advert { priority, ..self.template };
                self.give(to, Event::Advert { advert: &advert, from });
            }
        }
    }

    /// Everything received, then what else is new, then the timer: as the thread does it.
    pub fn wake(&mut self, node: usize) {
        while let Some((from, said)) = self.nodes[node].inbox.pop_front() {
            self.hear(node, from, said);
        }
        self.report(node);
        self.tick(node);
    }

    /// The node learns of its own health, unless it stands still.
    pub fn report(&mut self, node: usize) {
        let priority = self.nodes[node].priority();
        let is_faulty = self.nodes[node].is_faulty;
        self.order(node, Event::Priority(priority));
        self.order(node, Event::Fault(is_faulty));
    }

    /// Something of its own side, unless it stands still.
    pub fn order(&mut self, node: usize, event: Event<'_>) {
        if self.nodes[node].is_running {
            self.give(node, event);
        }
    }

    /// A new process begins to take part, if there is none.
    pub fn start(&mut self, node: usize) {
        if self.nodes[node].machine.is_some() {
            return;
        }
        self.nodes[node].is_running = true;
        let settings = self.nodes[node].settings.clone();
        self.nodes[node].machine = Some(Machine::new(settings));
        self.nodes[node].inbox.clear();
        self.report(node);
        self.give(node, Event::Start);
    }

    /// The process ends at once. Its guard, if it has one, gives up for it.
    pub fn kill(&mut self, node: usize, has_guard: bool) {
        let was_active = self.nodes[node].has_addresses;
        self.nodes[node].machine = None;
        self.nodes[node].deadline = None;
        self.nodes[node].has_addresses = false;
        self.nodes[node].inbox.clear();
        for _ in 0..if was_active && has_guard { 3 } else { 0 } {
            self.send(node, Said::Advert(0));
        }
    }

    pub fn give(&mut self, node: usize, event: Event<'_>) {
        let local = self.now + self.nodes[node].clock_ahead;
        let Some(machine) = &mut self.nodes[node].machine else { return };
        let actions = machine.handle(local, event);
        self.act(node, actions);
    }

    fn tick(&mut self, node: usize) {
        self.nodes[node].deadline = None;
        let local = self.now + self.nodes[node].clock_ahead;
        let Some(machine) = &mut self.nodes[node].machine else { return };
        let actions = machine.tick(local);
        self.act(node, actions);
    }

    fn act(&mut self, node: usize, actions: Actions) {
        for action in actions {
            match action {
                Action::Send { priority, repeat } => {
                    self.tell(|| format!("{node} sends {priority}"));
                    if priority != 0 {
                        self.judge.see_active();
                    }
                    for _ in 0..repeat {
                        self.send(node, Said::Advert(priority));
                    }
                }
                Action::AddAddresses => self.nodes[node].has_addresses = true,
                Action::RemoveAddresses => self.nodes[node].has_addresses = false,
                Action::Announce => assert!(self.nodes[node].has_addresses, "announces what it has not"),
                Action::Enter { state, cause } => {
                    self.transitions += 1;
                    self.tell(|| format!("{node} is {state:?}: {cause}"));
                }
            }
        }
        let Some(machine) = &self.nodes[node].machine else { return };
        assert_eq!(machine.holds_addresses(), self.nodes[node].has_addresses, "node {node}");
        let deadline = machine.deadline();
        if self.nodes[node].deadline == deadline {
            return; // Its tick is planned.
        }
        self.nodes[node].deadline = deadline;
        self.nodes[node].tick_number += 1;
        if let Some(deadline) = deadline {
            let due = deadline.saturating_sub(self.nodes[node].clock_ahead).saturating_sub(self.now);
            let late = self.dice.time(self.terms.lag);
            self.at(due + late, Happening::Tick { node, number: self.nodes[node].tick_number });
        }
    }

    fn send(&mut self, from: usize, said: Said) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            let (is_up, lost) = self.links[from * self.nodes.len() + to];
            let is_lost = lost < self.terms.losses_in_row && self.dice.chance(self.terms.loss_percent);
            self.links[from * self.nodes.len() + to].1 = if is_lost { lost + 1 } else { 0 };
            if !is_up || is_lost {
                continue;
            }
            let copies = if self.dice.chance(self.terms.duplicate_percent) { 2 } else { 1 };
            for _ in 0..copies {
                let way = self.dice.time(self.terms.delay);
                self.at(way, Happening::Arrive { to, from, said });
            }
        }
    }

    pub fn set_link(&mut self, from: usize, to: usize, is_up: bool) {
        self.links[from * self.terms.nodes + to].0 = is_up;
    }
}

impl Node {
    fn new(terms: &Terms, number: usize, dice: &mut Dice) -> Self {
        let address = |number: usize| IpAddr::from([192, 0, 2, 11 + number as u8]);
        let base = |number: usize| 100 - number as u8;
        let others = (0..terms.nodes).filter(|other| *other != number);
        let peer = |other| Peer { address: address(other), priority_max: base(other) + 3 };
        let settings = Settings {
            version: terms.version,
            virtual_router_id: 10,
            base_priority: base(number),
            priority_max: base(number) + 3,
            interval: terms.interval,
            preempt: terms.preempt,
            preempt_delay: terms.preempt_delay,
            down_adverts: 3,
            own_address: address(number),
            peers: others.map(peer).collect(),
            takeover: terms.takeover,
        };
        Self {
            machine: None,
            settings,
            is_running: true,
            is_faulty: false,
            is_healthy: true,
            keeps_packets: true,
            inbox: VecDeque::new(),
            clock_ahead: Duration::from_secs(10_000) + dice.time(Duration::from_secs(1000)),
            stopped_clock: None,
            has_addresses: false,
            deadline: None,
            tick_number: 0,
        }
    }
}
