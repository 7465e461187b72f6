//! Which thread runs on which core.
//!
//! With 1 to 3 cores every core has a worker and the first is shared with the control threads; from
//! 4 cores on the first is theirs alone. Both are knobs (`[threads]`).

use super::error::StartError;
use crate::config::model::{ControlCore, Threads};

/// Cores from which on control has one of its own.
const CORES_FOR_OWN_CONTROL: usize = 4;

/// Where everything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Core of each worker.
    pub workers: Vec<usize>,
    /// Core of the control and log threads; `None` lets them float.
    pub control: Option<usize>,
}

impl Plan {
    /// Whether a worker runs where control does.
    pub fn shares_control(&self) -> bool {
        self.control.is_none_or(|core| self.workers.contains(&core))
    }
}

/// The cores this process may use, in order; core 0 when the system does not say.
pub fn available() -> Vec<usize> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let mut ids: Vec<usize> = cores.into_iter().map(|core| core.id).collect();
    ids.sort_unstable();
    if ids.is_empty() { vec![0] } else { ids }
}

/// Places workers and control on `cores`.
///
/// # Errors
/// The configured control core is not among them.
pub fn plan(threads: &Threads, cores: &[usize]) -> Result<Plan, StartError> {
    let control = match threads.control_core {
        ControlCore::Auto => cores.first().copied(),
        ControlCore::Shared => None,
        ControlCore::Core(core) if cores.contains(&core) => Some(core),
        ControlCore::Core(core) => {
            return Err(StartError::ControlCore { core, available: cores.to_vec() });
        }
    };
    let own_core = match threads.control_core {
        ControlCore::Auto => cores.len() >= CORES_FOR_OWN_CONTROL,
        ControlCore::Shared => false,
        ControlCore::Core(_) => cores.len() > 1,
    };
    let for_workers: Vec<usize> =
        cores.iter().copied().filter(|core| !(own_core && Some(*core) == control)).collect();
    let count = threads.workers.unwrap_or(for_workers.len());
    let workers = for_workers.iter().copied().cycle().take(count).collect();
    Ok(Plan { workers, control })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan_of(workers: Option<usize>, control_core: ControlCore, cores: &[usize]) -> Plan {
        plan(&Threads { workers, control_core }, cores).unwrap()
    }

    #[test]
    fn few_cores_are_shared() {
        for cores in [&[0][..], &[0, 1], &[0, 1, 2]] {
            let plan = plan_of(None, ControlCore::Auto, cores);
            assert_eq!(plan, Plan { workers: cores.to_vec(), control: Some(0) });
            assert!(plan.shares_control());
        }
    }

    #[test]
    fn from_four_cores_on_control_has_its_own() {
        let plan = plan_of(None, ControlCore::Auto, &[0, 1, 2, 3]);
        assert_eq!(plan, Plan { workers: vec![1, 2, 3], control: Some(0) });
        assert!(!plan.shares_control());
    }

    #[test]
    fn a_mask_of_the_caller_is_kept() {
        assert_eq!(plan_of(Some(1), ControlCore::Shared, &[1]), Plan { workers: vec![1], control: None });
    }

    #[test]
    fn knobs_win() {
        assert_eq!(plan_of(Some(1), ControlCore::Core(3), &[0, 1, 2, 3]).workers, [0]);
        assert_eq!(plan_of(Some(3), ControlCore::Auto, &[0, 1]).workers, [0, 1, 0]);
        assert_eq!(plan_of(None, ControlCore::Core(1), &[0, 1]), Plan { workers: vec![0], control: Some(1) });
    }

    #[test]
    fn a_core_that_is_not_ours_is_refused() {
        let threads = Threads { workers: None, control_core: ControlCore::Core(9) };
        assert!(matches!(plan(&threads, &[0, 1]), Err(StartError::ControlCore { core: 9, .. })));
    }
}
