//! From options to a plan, and to its description for the record.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::engine::{Load, Plan, Think};
use crate::limits::QUEUE_MAX;
use crate::record::{Description, TargetDescription, TlsDescription};
use crate::request::{Endpoint, Jar, Mix, Shape, Target, TargetUrl};
use crate::schedule::{Schedule, Spacing};

use super::requests::RequestArguments;
use super::transport::TransportArguments;
use super::units::in_words;

/// Endpoints and targets are numbered with 16 bits.
const TARGETS_MAX: usize = 1_000;

/// Why there is no plan.
#[derive(Debug)]
pub enum BuildError {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// The run fails before it begins: a name without an address.
    Run(String),
}

/// Makes the plan of a run.
///
/// # Errors
/// See `BuildError`.
pub fn plan(
    requests: &RequestArguments,
    transport: &TransportArguments,
    load: Load,
    warm_up_ns: u64,
) -> Result<Plan, BuildError> {
    if requests.urls.len() > TARGETS_MAX {
        return Err(BuildError::Usage(format!("more than {TARGETS_MAX} URLs")));
    }
    let mut shape = requests.shape().map_err(BuildError::Usage)?;
    let persistence = requests.persistence();
    let jar = (requests.cookies || persistence.is_some()).then(|| first_jar(&mut shape));
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut keys: Vec<(bool, &str, u16)> = Vec::new();
    let mut targets = Vec::new();
    for url in &requests.urls {
        let key = (url.secure, url.host.as_str(), url.port);
        let index = match keys.iter().position(|known| *known == key) {
            Some(index) => index,
            None => {
                let sni = transport.tls.sni.as_deref();
                let resolved = Endpoint::resolve(url, transport.connect_to, sni, transport.all_addresses);
                endpoints.push(resolved.map_err(|error| BuildError::Run(error.to_string()))?);
                keys.push(key);
                keys.len() - 1
            }
        };
        targets.push(Target::new(url, index as u16, &shape));
    }
    check_sources(transport, &endpoints)?;
    let weights: Vec<u32> = requests.urls.iter().map(|url: &TargetUrl| url.weight).collect();
    let threads = match (&load, jar.is_some()) {
        (Load::Open(_), true) => threads_for_users(requests.users, transport)?,
        _ => transport.threads(),
    };
    Ok(Plan {
        load,
        warm_up_ns,
        threads,
        pins: !transport.no_pin,
        connections: transport.connections,
        queue_max: QUEUE_MAX,
        users: requests.users,
        jar,
        persistence,
        server_field: Some(requests.server_field.clone()).filter(|name| !name.is_empty()),
        targets,
        mix: Mix::new(&weights),
        endpoints,
        expectations: requests.expectations(),
        timeouts: transport.timeouts(),
        answers_per_connection: if requests.close { Some(1) } else { transport.requests_per_connection },
        handshake_only: false,
        tls: transport.tls.client(),
        sources: transport.source.clone(),
        resets: transport.reset,
        spin_ns: transport.spin,
    })
}

/// The cookies given by hand are those that every user begins with: they may change.
fn first_jar(shape: &mut Shape) -> Jar {
    let is_cookie = |(name, _): &(String, String)| name.eq_ignore_ascii_case("cookie");
    let values: Vec<String> =
        shape.fields.extract_if(.., |field| is_cookie(field)).map(|(_, value)| value).collect();
    Jar::of_field(values.join("; ").as_bytes())
}

/// Threads of a run whose users keep cookies. A user belongs to one thread: more threads than users
/// would make users that nobody asked for.
fn threads_for_users(users: u64, transport: &TransportArguments) -> Result<usize, BuildError> {
    let threads = transport.threads();
    let most = usize::try_from(users).unwrap_or(usize::MAX);
    if threads > most && transport.threads.is_some() {
        return Err(BuildError::Usage(format!(
            "--users {users} are too few for --threads {threads}: each thread has users of its own; \
             give at least {threads} users, or --threads {users}"
        )));
    }
    Ok(threads.min(most))
}

fn check_sources(transport: &TransportArguments, endpoints: &[Endpoint]) -> Result<(), BuildError> {
    let families = |address: &SocketAddr| address.is_ipv4();
    let all: Vec<bool> =
        endpoints.iter().flat_map(|endpoint| endpoint.addresses.iter().map(families)).collect();
    let fits = transport.source.iter().all(|source| all.iter().all(|is_ipv4| *is_ipv4 == source.is_ipv4()));
    match fits {
        true => Ok(()),
        false => Err(BuildError::Usage("--source is of another address family than the target".to_owned())),
    }
}

/// Describes a plan for the record.
pub fn describe(mode: &str, schedule: String, requests: &RequestArguments, plan: &Plan) -> Description {
    let method = requests.shape().map(|shape| shape.method().to_owned()).unwrap_or_default();
    let body_bytes = requests.shape().ok().and_then(|shape| shape.body).map_or(0, |body| body.len() as u64);
    let target = |target: &Target| TargetDescription {
        method: method.clone(),
        url: target.url.clone(),
        weight: target.weight,
        body_bytes,
    };
    let resolved = plan.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
    let is_secure = plan.endpoints.iter().any(|endpoint| endpoint.secure.is_some());
    Description {
        mode: mode.to_owned(),
        command_line: std::env::args().collect(),
        open_loop: matches!(plan.load, Load::Open(_)),
        schedule,
        rate_per_second: mean_rate(&plan.load),
        seed: match plan.load {
            Load::Open(Schedule { spacing: Spacing::Poisson { seed }, .. }) => seed,
            _ => 0,
        },
        duration_ns: plan.load.duration_ns(),
        warm_up_ns: plan.warm_up_ns,
        timeout_ns: plan.timeouts.request_ns,
        connections: plan.connections,
        threads: plan.threads as u64,
        keep_alive: plan.answers_per_connection.is_none() && !plan.handshake_only,
        targets: plan.targets.iter().map(target).collect(),
        resolved: resolved.map(SocketAddr::to_string).collect(),
        tls: is_secure.then(|| TlsDescription { resumption: plan.tls.resumes, ..TlsDescription::default() }),
        options: options(plan),
    }
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

fn options(plan: &Plan) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut set = |name: &str, value: String| options.insert(name.to_owned(), value);
    if plan.jar.is_some() {
        set("users", plan.users.to_string());
    }
    if let Some(rule) = &plan.persistence {
        set("verify_persistence", rule.cookie.clone());
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
    if plan.spin_ns > 0 {
        set("spin", in_words(plan.spin_ns));
    }
    if plan.resets {
        set("reset", "yes".to_owned());
    }
    set("grace", in_words(plan.timeouts.grace_ns));
    options
}
