//! The usual beginning of a test: a stage with web servers and a capture, and two torii of which A is active.

use crate::capture::Capture;
use crate::inject::{Injector, version_3};
use crate::peers;
use crate::plan::Plan;
use crate::stage::{Place, Stage};
use crate::torii::Torii;
use crate::web;

/// A stage with all that does not depend on who runs on it.
pub struct Scene {
    // Dropped in this order: what runs on the stage before the stage.
    pub capture: Capture,
    pub stage: Stage,
}

impl Scene {
    /// Sets it. `None`, after a printed reason, where it cannot be.
    pub fn set(programs: &[&str]) -> Option<Self> {
        let stage = Stage::set(programs)?;
        web::start(&stage);
        let capture = Capture::start(&stage);
        Some(Self { capture, stage })
    }

    /// Two torii; A is active when this returns, and B has heard it.
    #[track_caller]
    pub fn pair(&self, plan: &Plan) -> (Torii<'_>, Torii<'_>) {
        // The standby first: an advert that reaches nobody would say that it is dead.
        let b = Torii::start(&self.stage, Place::B, plan);
        let a = Torii::start(&self.stage, Place::A, plan);
        if plan.interval_ms > 2000 {
            self.elect(Place::A, plan);
        }
        self.wait_for_owner(plan, Place::A);
        (a, b)
    }

    /// The same, but A has heard B: it took the address from it. An active node hears no silent standby.
    #[track_caller]
    pub fn acquainted_pair(&self, plan: &Plan) -> (Torii<'_>, Torii<'_>) {
        let b = Torii::start(&self.stage, Place::B, plan);
        self.wait_for_owner(plan, Place::B);
        let a = Torii::start(&self.stage, Place::A, plan);
        self.wait_for_owner(plan, Place::A);
        (a, b)
    }

    /// Waits until this node alone has the plan's shared address.
    #[track_caller]
    pub fn wait_for_owner(&self, plan: &Plan, node: Place) {
        peers::wait_until(&format!("{node:?} to own {} alone", plan.shared()), || {
            self.stage.has(node, plan.shared()) && !self.stage.has(node.other(), plan.shared())
        });
    }

    /// Makes a node active without the wait of a long interval: as if its peer had been, and resigned.
    #[track_caller]
    fn elect(&self, node: Place, plan: &Plan) {
        let injector = Injector::open(&self.stage, node.other());
        let from = node.other().address();
        let resigned = version_3(from, node.address(), 0, (plan.interval_ms / 10) as u16);
        peers::wait_until("the better node to become active", || {
            // The first ones may come before its election begins.
            injector.send(from, node, &resigned);
            self.stage.owners() == [node]
        });
    }
}
