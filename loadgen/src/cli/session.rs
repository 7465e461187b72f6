//! One measured run as every mode makes it: from a plan and its description to a record.

use std::sync::Arc;

use crate::engine::{Finished, Load, Plan, RunError, Stop, Watch, run};
use crate::output::{OutputArguments, OutputError, Reporting};
use crate::record::{Description, RunRecord, TlsDescription};

use super::build::BuildError;

/// Why a mode could not do its work.
#[derive(Debug)]
pub enum ModeError {
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// The run failed: exit code 1.
    Run(String),
}

impl From<BuildError> for ModeError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Usage(why) => Self::Usage(why),
            BuildError::Run(why) => Self::Run(why),
        }
    }
}

impl From<OutputError> for ModeError {
    fn from(error: OutputError) -> Self {
        Self::Run(error.to_string())
    }
}

/// What a mode comes to: the exit code.
pub type ModeResult = Result<u8, ModeError>;

/// A run that is over, with its outputs still open.
pub struct Measured {
    /// Its outputs.
    pub reporting: Reporting,
    /// Its record.
    pub record: RunRecord,
    /// Its times, and whether its counts add up.
    pub finished: Finished,
}

/// Nobody looks on, and a signal ends the run.
pub fn unobserved(stop: &Arc<Stop>) -> Watch {
    Watch { stop: stop.clone(), ..Watch::default() }
}

/// Makes a run and its record.
///
/// # Errors
/// An output cannot be opened, the run cannot be made, or its counts do not add up.
pub fn measure(
    plan: Plan,
    mut description: Description,
    output: &OutputArguments,
    watch: Watch,
) -> Result<Measured, ModeError> {
    let reporting = Reporting::open(output, &description, watch.started.clone());
    let mut reporting = reporting.map_err(|error| ModeError::Usage(error.to_string()))?;
    let shape = match &plan.load {
        Load::Open(schedule) => Some(schedule.shape.clone()),
        Load::Closed { .. } => None,
    };
    let finished = run(plan, watch, &mut reporting).map_err(|error| match error {
        RunError::Tls(error) => ModeError::Usage(error.to_string()),
        error => ModeError::Run(error.to_string()),
    })?;
    if let (Some(tls), Some((version, cipher, alpn))) = (&mut description.tls, &finished.tls) {
        let (version, cipher, alpn) = (version.clone(), cipher.clone(), alpn.clone());
        *tls = TlsDescription { version, cipher, alpn, resumption: tls.resumption };
    }
    if let Some(mismatch) = &finished.mismatch {
        let why =
            format!("the counts do not add up, which is a fault of this program: {}", mismatch.explanation);
        return Err(ModeError::Run(why));
    }
    if let Some(cut_ns) = finished.cut_ns {
        // What was not due when somebody asked is no part of the run.
        description.asked_duration_ns = Some(description.duration_ns);
        description.duration_ns = cut_ns.max(1);
    }
    let record = reporting.record(description, shape.as_ref(), &finished.totals);
    Ok(Measured { reporting, record, finished })
}
