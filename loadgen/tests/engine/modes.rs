//! Connections as the load: handshakes, resumption, and the search for gaps.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use torii_loadgen::engine::{Outcome, Watch};
use torii_loadgen::gaps::GapFinder;
use torii_loadgen::measure::{Kind, Second, SecondSink};
use torii_loadgen::origin::{AnswerShape, Delay, Origin, OriginPlan};
use torii_loadgen::request::Shape;

use crate::support::{
    MS, closed_loop, finish, finish_watched, open_loop, origin, plan, plan_of, tls_origin, url,
};

#[test]
fn new_connections_are_the_load_and_each_is_timed() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let mut plan = plan(&url(&origin), open_loop(200, 250));
    plan.handshake_only = true;
    let totals = finish(plan).totals;
    assert_eq!((totals.counts.ok, totals.counts.connections_opened), (50, 50));
    assert_eq!(totals.histograms.of(Kind::Connect).len(), 50);
    assert_eq!(totals.histograms.of(Kind::Tls).len(), 0);
}

#[test]
fn tls_sessions_are_resumed_or_not_as_asked() {
    let origin = tls_origin();
    let secure = format!("https://{}/", origin.addresses()[0]);
    for (resumes, handshake_only) in [(true, true), (true, false), (false, true), (false, false)] {
        let shape = Shape { close: true, ..Shape::default() };
        let mut plan = plan_of(std::slice::from_ref(&secure), &shape, open_loop(40, 500));
        plan.handshake_only = handshake_only;
        plan.answers_per_connection = Some(1);
        plan.tls.resumes = resumes;
        let finished = finish(plan);
        let counts = finished.totals.counts;
        assert_eq!((counts.ok, counts.handshakes), (20, 20), "{:?}", finished.totals.errors.entries());
        match resumes {
            // One connection after another has the ticket of one before it.
            true => assert!(counts.handshakes_resumed >= 10, "{counts:?}"),
            false => assert_eq!(counts.handshakes_resumed, 0),
        }
        assert_eq!(finished.tls.unwrap().0, "TLSv1_3");
    }
}

/// The most connections that were open at the end of a second.
#[derive(Default)]
struct MostOpen(u64);

impl SecondSink for MostOpen {
    fn second(&mut self, second: &Second) {
        self.0 = self.0.max(second.parts.gauges.open_connections);
    }
}

#[test]
fn a_server_without_tickets_is_not_waited_for_again_and_again() {
    let mut tls = torii_loadgen::tls::server_config(None).unwrap();
    Arc::get_mut(&mut tls).unwrap().send_tls13_tickets = 0;
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let origin = Origin::start(OriginPlan { listen, tls: Some(tls), ..OriginPlan::default() }).unwrap();
    let secure = format!("https://{}/", origin.addresses()[0]);
    let mut connects = plan(&secure, open_loop(40, 500));
    (connects.handshake_only, connects.connections) = (true, 2);
    let totals = finish(connects).totals;
    assert_eq!((totals.counts.handshakes, totals.counts.handshakes_resumed), (20, 0));
    // One connection waited its second for a ticket; if all did, half of them would wait for others' ends.
    assert!(totals.histograms.of(Kind::ClientWait).value_at_quantile(0.5) < 1_000 * MS);

    let mut connects = plan(&secure, closed_loop(1_200));
    (connects.handshake_only, connects.connections) = (true, 4);
    let mut most = MostOpen::default();
    let finished = torii_loadgen::engine::run(connects, Watch::default(), &mut most).unwrap();
    assert!(finished.totals.counts.ok > 4, "{:?}", finished.totals.counts);
    assert!((1..=4).contains(&most.0), "{} connections", most.0);
}

#[test]
fn one_version_is_spoken_when_only_one_is_wanted() {
    let origin = tls_origin();
    let mut plan = plan(&format!("https://{}/", origin.addresses()[0]), closed_loop(200));
    plan.tls.version = Some(torii_loadgen::tls::Version::Tls12);
    let finished = finish(plan);
    assert!(finished.totals.counts.ok > 0);
    assert_eq!(finished.tls.unwrap().0, "TLSv1_2");
}

/// Watches an address while the origin behind it goes away and comes back.
#[test]
fn a_gap_is_found_with_its_length_its_failures_and_both_servers() {
    let first = origin(AnswerShape { name: "a".into(), ..AnswerShape::default() }, Delay::None);
    let address = first.addresses()[0];
    let (observer, outcomes) = sync_channel::<Outcome>(10_000);
    let watching = std::thread::spawn(move || {
        let mut finder = GapFinder::new(150 * MS, 60_000 * MS);
        let (mut first, mut second) = (Some(first), None);
        for (number, outcome) in outcomes.iter().enumerate() {
            finder.take(&outcome, |_| {});
            if number == 20 {
                first = None;
            }
            // Fifteen failures are 300 ms.
            if first.is_none() && second.is_none() && number == 20 + 15 {
                let answer = AnswerShape { name: "b".into(), ..AnswerShape::default() };
                let plan = OriginPlan { listen: vec![address], answer, ..OriginPlan::default() };
                second = Some(Origin::start(plan).unwrap());
            }
        }
        finder.end(0, |_| {}).gaps
    });
    let shape = Shape { close: true, ..Shape::default() };
    let mut plan = plan_of(&[format!("http://{address}/")], &shape, open_loop(50, 2_000));
    plan.answers_per_connection = Some(1);
    plan.connections = 500;
    let finished = finish_watched(plan, Watch { observer: Some(observer), ..Watch::default() });
    let gaps = watching.join().unwrap();
    let gap = gaps.iter().find(|gap| gap.server_after == "b").unwrap();
    assert_eq!(gap.server_before, "a");
    assert!(gap.failed >= 10 && gap.failed <= 40, "{gap:?}");
    assert!(gap.length_ns >= 200 * MS && gap.length_ns < 1_500 * MS, "{gap:?}");
    assert!(gap.failed_by_class["connect_refused"] >= 10, "{gap:?}");
    assert_eq!(finished.totals.counts.planned, 100);
}
