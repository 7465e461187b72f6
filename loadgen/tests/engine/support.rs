//! Plans of small runs, and how a test makes one.

use std::net::SocketAddr;
use std::time::Duration;

use torii_loadgen::engine::{Finished, Load, Plan, Think, Timeouts, Watch, run};
use torii_loadgen::measure::{ErrorClass, Kind, Second, SecondSink};
use torii_loadgen::origin::{AnswerShape, Delay, Origin, OriginPlan};
use torii_loadgen::request::{Endpoint, Expectations, Mix, Shape as RequestShape, Target, TargetUrl};
use torii_loadgen::schedule::{Rate, Schedule, Shape, Spacing, Step};
use torii_loadgen::tls::{ClientTls, Trust};

pub const MS: u64 = 1_000_000;

/// Nobody looks on.
pub struct Nobody;

impl SecondSink for Nobody {
    fn second(&mut self, _second: &Second) {}
}

/// An evenly spaced open loop.
pub fn open_loop(rate: u64, duration_ms: u64) -> Load {
    let step = Step { rate: Rate::per_second(rate), duration_ns: duration_ms * MS };
    Load::Open(Schedule { shape: Shape::Constant(step), spacing: Spacing::Even })
}

/// A closed loop without pauses.
pub fn closed_loop(duration_ms: u64) -> Load {
    Load::Closed { duration_ns: duration_ms * MS, think: Think::None }
}

/// A plan for these URLs, which a test changes as it needs. Time-outs are long: what they end is
/// tested with shorter ones.
pub fn plan_of(urls: &[String], shape: &RequestShape, load: Load) -> Plan {
    let urls: Vec<TargetUrl> = urls.iter().map(|url| url.parse().unwrap()).collect();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut targets = Vec::new();
    for url in &urls {
        let endpoint = Endpoint::resolve(url, None, None, false).unwrap();
        let known = endpoints.iter().position(|known| known.name == endpoint.name);
        let index = known.unwrap_or_else(|| {
            endpoints.push(endpoint);
            endpoints.len() - 1
        });
        targets.push(Target::new(url, index as u16, shape));
    }
    let weights: Vec<u32> = urls.iter().map(|url| url.weight).collect();
    Plan {
        load,
        warm_up_ns: 0,
        threads: 1,
        pins: false,
        connections: 16,
        queue_max: 100_000,
        users: 1,
        jar: None,
        persistence: None,
        server_field: Some("X-Origin".into()),
        targets,
        mix: Mix::new(&weights),
        endpoints,
        expectations: Expectations::default(),
        timeouts: Timeouts {
            connect_ns: 20_000 * MS,
            tls_ns: 20_000 * MS,
            request_ns: 20_000 * MS,
            grace_ns: 20_000 * MS,
        },
        answers_per_connection: None,
        handshake_only: false,
        tls: ClientTls { trust: Trust::Anybody, resumes: true, ..ClientTls::default() },
        sources: Vec::new(),
        resets: false,
        spin_ns: 0,
    }
}

/// A plan for one URL.
pub fn plan(url: &str, load: Load) -> Plan {
    plan_of(&[url.to_owned()], &RequestShape::default(), load)
}

/// Makes the run and checks what holds for every run: counts that add up, and an end in time.
pub fn finish(plan: Plan) -> Finished {
    finish_watched(plan, Watch::default())
}

/// As `finish`, with somebody who looks on.
pub fn finish_watched(plan: Plan, watch: Watch) -> Finished {
    let longest = Duration::from_nanos(plan.load.duration_ns() + plan.timeouts.grace_ns);
    let finished = run(plan, watch, &mut Nobody).unwrap();
    assert!(finished.mismatch.is_none(), "{:?}", finished.mismatch);
    // The machine may be loaded; a hang would be forever.
    assert!(finished.elapsed < longest + Duration::from_secs(10), "{:?}", finished.elapsed);
    let counts = &finished.totals.counts;
    let errors = finished.totals.errors.total();
    assert_eq!(errors, counts.wrong + counts.failed);
    let histograms = &finished.totals.histograms;
    assert_eq!(histograms.of(Kind::Response).len(), counts.ok);
    assert_eq!(histograms.of(Kind::Failed).len(), errors + counts.unsent());
    finished
}

/// How many errors of a class there were.
pub fn errors(finished: &Finished, class: ErrorClass) -> u64 {
    finished.totals.errors.of(class)
}

/// An origin on a free port.
pub fn origin(answer: AnswerShape, delay: Delay) -> Origin {
    let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    Origin::start(OriginPlan { listen, threads: 1, answer, delay, tls: None }).unwrap()
}

/// An origin that speaks TLS.
pub fn tls_origin() -> Origin {
    let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let tls = Some(torii_loadgen::tls::server_config(None).unwrap());
    Origin::start(OriginPlan { listen, threads: 1, tls, ..OriginPlan::default() }).unwrap()
}

/// The URL of an origin.
pub fn url(origin: &Origin) -> String {
    format!("http://{}/", origin.addresses()[0])
}
