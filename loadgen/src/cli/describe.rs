//! A run's description for its record: all that shapes its numbers, so that two runs are compared only
//! when they asked the same in the same way. What is secret stands there as its digest.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use crate::engine::{Load, Plan, Think};
use crate::record::{Description, InputFile, RequestField, TargetDescription, TlsDescription, sha256_hex};
use crate::request::{Expectations, Target};
use crate::schedule::{Schedule, Spacing};
use crate::tls::Trust;

use super::build::BuildError;
use super::requests::RequestArguments;
use super::secrets;
use super::transport::TransportArguments;
use super::units::in_words;

/// Longest text of an expectation that is told word by word.
const TEXT_MAX: usize = 200;

/// Describes a plan for the record.
///
/// # Errors
/// A file of the command line cannot be read.
pub fn describe(
    mode: &str,
    schedule: String,
    requests: &RequestArguments,
    transport: &TransportArguments,
    plan: &Plan,
) -> Result<Description, BuildError> {
    let shape = requests.shape().map_err(BuildError::Usage)?;
    let body = shape.body.as_deref();
    let body_sha256 = body.map(sha256_hex).unwrap_or_default();
    let target = |target: &Target| TargetDescription {
        method: shape.method().to_owned(),
        url: target.url.clone(),
        weight: target.weight,
        body_bytes: body.map_or(0, |body| body.len() as u64),
        body_sha256: body_sha256.clone(),
    };
    let field = |(name, value): &(String, String)| RequestField {
        name: name.clone(),
        value: secrets::shown(name, value),
    };
    let inputs =
        [("--body-file", requests.body_file.as_deref()), ("--cacert", transport.tls.cacert.as_deref())];
    let inputs = inputs.into_iter().filter_map(|(option, path)| Some(input(option, path?)));
    let resolved = plan.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
    let is_secure = plan.endpoints.iter().any(|endpoint| endpoint.secure.is_some());
    Ok(Description {
        mode: mode.to_owned(),
        command_line: secrets::without(std::env::args()),
        open_loop: matches!(plan.load, Load::Open(_)),
        schedule,
        rate_per_second: mean_rate(&plan.load),
        seed: match plan.load {
            Load::Open(Schedule { spacing: Spacing::Poisson { seed }, .. }) => seed,
            _ => 0,
        },
        duration_ns: plan.load.duration_ns(),
        asked_duration_ns: None,
        warm_up_ns: plan.warm_up_ns,
        timeout_ns: plan.timeouts.request_ns,
        connections: plan.connections,
        threads: plan.threads as u64,
        keep_alive: plan.answers_per_connection.is_none() && !plan.handshake_only,
        targets: plan.targets.iter().map(target).collect(),
        request_fields: shape.fields.iter().map(field).collect(),
        resolved: resolved.map(SocketAddr::to_string).collect(),
        tls: is_secure.then(|| TlsDescription { resumption: plan.tls.resumes, ..TlsDescription::default() }),
        options: options(plan, transport, is_secure),
        inputs: inputs.collect::<Result<_, _>>()?,
    })
}

fn input(option: &str, path: &Path) -> Result<InputFile, BuildError> {
    InputFile::read(option, path).map_err(|error| BuildError::Usage(format!("{}: {error}", path.display())))
}

fn mean_rate(load: &Load) -> Option<f64> {
    let Load::Open(schedule) = load else { return None };
    let seconds = schedule.duration_ns() as f64 / 1e9;
    Some(if seconds > 0.0 { schedule.shape.count() as f64 / seconds } else { 0.0 })
}

/// A pause as it is written on the command line; `None` without one.
fn think_in_words(think: &Think) -> Option<String> {
    match think {
        Think::None => None,
        Think::Fixed(ns) => Some(in_words(*ns)),
        Think::Exponential(mean_ns) => Some(format!("exp:{}", in_words(*mean_ns))),
        Think::Uniform(low_ns, high_ns) => Some(format!("{}..{}", in_words(*low_ns), in_words(*high_ns))),
    }
}

fn options(plan: &Plan, transport: &TransportArguments, is_secure: bool) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut set = |name: &str, value: String| options.insert(name.to_owned(), value);
    if plan.jar.is_some() {
        set("users", plan.users.to_string());
    }
    if let Some(rule) = &plan.persistence {
        set("verify_persistence", rule.cookie.clone());
        set("server_field", rule.server_field.clone());
    }
    if let Load::Closed { think, .. } = plan.load
        && let Some(think) = think_in_words(&think)
    {
        set("think_time", think);
    }
    if !plan.sources.is_empty() {
        let sources: Vec<String> = plan.sources.iter().map(ToString::to_string).collect();
        set("sources", sources.join(","));
    }
    if let Some(most) = plan.answers_per_connection {
        set("requests_per_connection", most.to_string());
    }
    if plan.handshake_only {
        set("handshake_only", "yes".to_owned());
    }
    if plan.spin_ns > 0 {
        set("spin", in_words(plan.spin_ns));
    }
    if plan.resets {
        set("reset", "yes".to_owned());
    }
    if !plan.pins {
        set("pinned", "no".to_owned());
    }
    set("grace", in_words(plan.timeouts.grace_ns));
    set("connect_timeout", in_words(plan.timeouts.connect_ns));
    if is_secure {
        set("tls_timeout", in_words(plan.timeouts.tls_ns));
        let trust = match &plan.tls.trust {
            Trust::Anybody => "anybody",
            Trust::File(_) => "--cacert",
            Trust::System => "system",
        };
        set("tls_trust", trust.to_owned());
        if let Some(name) = &transport.tls.sni {
            set("sni", name.clone());
        }
    }
    expectations(&plan.expectations, &mut set);
    options
}

/// What a good answer had to be.
fn expectations(expected: &Expectations, set: &mut dyn FnMut(&str, String) -> Option<String>) {
    if let Some(statuses) = &expected.statuses {
        set("expect_status", statuses.to_string());
    }
    if let Some(length) = expected.body_length {
        set("expect_length", length.to_string());
    }
    if let Some(text) = &expected.body_contains {
        let is_short = text.len() <= TEXT_MAX;
        let digest = || format!("sha256:{}", sha256_hex(text));
        set("expect_body", if is_short { String::from_utf8_lossy(text).into_owned() } else { digest() });
    }
    if let Some(digest) = &expected.body_sha256 {
        set("expect_sha256", digest.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    if let Some((name, value)) = &expected.field {
        let value = value.as_ref().map(|value| format!(": {}", secrets::shown(name, value)));
        set("expect_header", format!("{name}{}", value.unwrap_or_default()));
    }
}
