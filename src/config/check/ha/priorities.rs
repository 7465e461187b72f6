//! Priorities and `serving_weight`: who is active has to follow from who serves, always.
//!
//! A node's priority is its base, and the weight on top while it serves. So that every node that
//! serves comes before every node that does not, the weight is more than the bases lie apart; so that
//! nobody reaches 255, which says "owner of the address, never to yield", no sum exceeds 254.

use std::collections::HashMap;

use toml::Spanned;

use super::nodes::Node;
use crate::config::model::HaNode;
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::limits::ha::{PRIORITY_MAX, SERVING_WEIGHT};

/// Returns the weight.
pub fn check(written: &schema::Ha, nodes: &[Node], findings: &mut Findings) -> u8 {
    let weight = written.serving_weight.as_ref();
    let weight_value =
        weight.and_then(|weight| u8::try_from(*weight.get_ref()).ok()).unwrap_or(SERVING_WEIGHT);
    let unequal = no_equals(nodes, findings);
    let highest = nodes.iter().max_by_key(|node| node.checked.priority);
    let lowest = nodes.iter().min_by_key(|node| node.checked.priority);
    if let (Some(highest), Some(lowest), true) = (highest, lowest, unequal) {
        let place = |node: &Node| weight.map_or(node.priority.clone(), Spanned::span);
        if stays_below_owner(weight_value, highest, place(highest), findings) {
            decides(weight_value, highest, lowest, place(lowest), findings);
        }
    }
    weight_value
}

fn no_equals(nodes: &[Node], findings: &mut Findings) -> bool {
    let mut seen: HashMap<u8, &str> = HashMap::new();
    let mut unequal = true;
    for node in nodes {
        let HaNode { name, priority, .. } = &node.checked;
        if let Some(other) = seen.insert(*priority, name) {
            let message = format!("node \"{other}\" has priority {priority} already");
            let free = (1..*priority).rev().find(|lower| nodes.iter().all(|n| n.checked.priority != *lower));
            let help = match free {
                Some(free) => {
                    format!("say which node is to be active when all serve: write {free}, or raise the other")
                }
                None => "say which node is to be active when all serve: raise one of them".into(),
            };
            findings.error(node.priority.clone(), message, help);
            unequal = false;
        }
    }
    unequal
}

/// The weight turns the order around when the best node does not serve.
fn decides(weight: u8, highest: &Node, lowest: &Node, place: Span, findings: &mut Findings) {
    let apart = highest.checked.priority - lowest.checked.priority;
    if weight > apart {
        return;
    }
    let (best, other) = (&highest.checked, &lowest.checked);
    let message = format!(
        "`serving_weight` {weight} cannot change who is active: \"{}\" has {} when it does not serve, \"{}\" \
         has {} when it does",
        best.name,
        best.priority,
        other.name,
        u16::from(other.priority) + u16::from(weight),
    );
    let least = u16::from(apart) + 1;
    let help = if u16::from(best.priority) + least > u16::from(PRIORITY_MAX) {
        "bring the priorities closer together, such as 100 and 99".to_owned()
    } else {
        format!("write at least {least}, or bring the priorities closer together")
    };
    findings.error(place, message, help);
}

fn stays_below_owner(weight: u8, highest: &Node, place: Span, findings: &mut Findings) -> bool {
    let sum = u16::from(highest.checked.priority) + u16::from(weight);
    if sum <= u16::from(PRIORITY_MAX) {
        return true;
    }
    let message = format!(
        "priority {} of \"{}\" and `serving_weight` {weight} add up to {sum}; the most is {PRIORITY_MAX}",
        highest.checked.priority, highest.checked.name,
    );
    let help = format!(
        "lower the priority to {} or less, or the weight",
        PRIORITY_MAX.saturating_sub(weight).max(1)
    );
    findings.error(place, message, help);
    false
}
