//! From options to a plan.

use std::net::{SocketAddr, TcpListener};

use crate::engine::{Load, Plan};
use crate::limits::QUEUE_MAX;
use crate::request::{Endpoint, Jar, Mix, Shape, Target, TargetUrl};

use super::descriptors;
use super::requests::RequestArguments;
use super::transport::TransportArguments;

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
    if warm_up_ns > 0 && warm_up_ns >= load.duration_ns() {
        return Err(BuildError::Usage("nothing would be left to measure after the --warm-up".to_owned()));
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
    let plan = Plan {
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
    };
    check_trust(&plan)?;
    descriptors::provide(&plan)?;
    Ok(plan)
}

/// A file of authorities that is missing or empty is found before the run, not by each of its handshakes.
fn check_trust(plan: &Plan) -> Result<(), BuildError> {
    if plan.endpoints.iter().any(|endpoint| endpoint.secure.is_some()) {
        plan.tls.build().map_err(|error| BuildError::Usage(error.to_string()))?;
    }
    Ok(())
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
    if !fits {
        return Err(BuildError::Usage("--source is of another address family than the target".to_owned()));
    }
    for source in &transport.source {
        TcpListener::bind((*source, 0)).map_err(|error| {
            let next = "`ip address` lists those that this machine has";
            BuildError::Usage(format!("--source {source} cannot be used: {error}; {next}"))
        })?;
    }
    Ok(())
}
