//! Adverts that no node sends: random, broken, forged, ten thousand a second, from the peer's own address.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::inject::{Injector, UDP, VRRP, datagram, seal, version_3};
use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, SHARED};
use crate::visitor::Visitor;

/// Packets sent in one go, and the time to the next go: ten thousand a second.
const BURST: u64 = 100;
const REST: Duration = Duration::from_millis(10);
/// How many lengths a message can have, from none to all that a frame holds.
const LENGTHS: u64 = 1481;

/// A small generator of the xorshift kind: the same packets in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// A message that must not move anybody, the `number`th: every length comes in turn.
fn message(noise: &mut Noise, number: usize, source: IpAddr, destination: IpAddr) -> Vec<u8> {
    let length = number % LENGTHS as usize;
    let valid = version_3(source, destination, 254, 10);
    match number / LENGTHS as usize % 4 {
        0 => noise.bytes(length),
        // A valid advert cut short or drawn out, with one bit changed.
        1 => {
            let mut message: Vec<u8> = valid.iter().copied().chain(noise.bytes(length)).collect();
            message.truncate(length);
            flip(noise, &mut message);
            message
        }
        // One bit changed.
        2 => {
            let mut message = valid;
            flip(noise, &mut message);
            message
        }
        // A right checksum over what must not be believed.
        _ => {
            let mut message = valid;
            match length % 5 {
                0 => message[0] = 0x21,
                1 => message[0] = 0x3f,
                2 => message[1] ^= 1,
                3 => message[3] = length as u8 | 2,
                _ => message.extend(noise.bytes(1 + length % 64)),
            }
            seal(source, destination, &mut message);
            message
        }
    }
}

fn flip(noise: &mut Noise, message: &mut [u8]) {
    if !message.is_empty() {
        let at = noise.next() as usize % message.len();
        message[at] ^= 1 << (noise.next() % 8);
    }
}

/// Sends what `next` gives for each number to the two nodes in turn, as if by the other one, until so many
/// are sent.
fn flood(scene: &Scene, count: u64, protocol: u8, mut next: impl FnMut(usize, Place) -> Vec<u8> + Send) {
    let namespace = scene.stage.open(Place::Client);
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let injector = Injector::entering(&namespace);
            let mut following = Instant::now();
            for number in 0..count {
                let target = Place::NODES[number as usize % 2];
                let payload = next(number as usize / 2, target);
                injector.send_packet(target.other().address(), target, protocol, &payload);
                sent.store(number + 1, Ordering::SeqCst);
                if number % BURST == 0 {
                    following += REST;
                    std::thread::sleep(following.saturating_duration_since(Instant::now()));
                }
            }
        });
        peers::wait_until("all to be sent", || sent.load(Ordering::SeqCst) == count);
    });
}

/// A pair under a flood, which it must not notice.
fn endure(scene: &Scene, plan: &Plan, flood: impl FnOnce()) {
    let (mut a, mut b) = scene.pair(plan);
    let visitor = Visitor::start(&scene.stage);
    visitor.wait_for_answer_by(Place::A);
    // The announcements of the election repeat themselves once.
    let announced = |count: usize| {
        let shared: IpAddr = SHARED.parse().unwrap();
        scene.capture.announcers_since(0, shared).len() >= count
    };
    peers::wait_until("the second round of announcements", || announced(10));
    let mark = scene.capture.mark();
    flood();
    // The owner's adverts never failed to come for long enough to make the standby stir.
    let shared: IpAddr = SHARED.parse().unwrap();
    assert_eq!(scene.capture.announcers_since(mark, shared), [], "nobody announced anything");
    assert_eq!(scene.stage.owners(), [Place::A]);
    assert!(a.is_running() && b.is_running());
    visitor.wait_for_answer_by(Place::A);
    a.wait_for_status("what was discarded", |status| status.contains("discarded"));
    let visits = visitor.finish();
    assert!(visits.iter().all(|visit| visit.outcome == Ok(Place::A.inner_address())));
}

#[test]
fn hostile_adverts_move_nobody() {
    let Some(scene) = Scene::set(&[]) else { return };
    endure(&scene, &Plan::quick(), || {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        flood(&scene, 2 * 4 * LENGTHS, VRRP, |number, target| {
            message(&mut noise, number, target.other().address(), target.address())
        });
    });
}

/// Of the datagrams, some are the nodes' own, recorded and changed in one bit.
#[test]
fn hostile_datagrams_move_nobody() {
    let Some(scene) = Scene::set(&[]) else { return };
    let plan = Plan::quick().over_udp(scene.stage.folder());
    endure(&scene, &plan, || {
        let mut noise = Noise(0x2545_f491_4f6c_dd1d);
        let frames = scene.capture.frames();
        let recorded = |node| frames.iter().filter(move |frame| frame.from == node);
        let recorded =
            |node| recorded(node).filter_map(|frame| Some(frame.datagram()?.1.to_vec())).next_back();
        let recorded = Place::NODES.map(|node| recorded(node).expect("both nodes have sent something"));
        flood(&scene, 2 * 2 * LENGTHS, UDP, |number, target| {
            let length = number % LENGTHS as usize;
            let mut payload = match number / LENGTHS as usize {
                0 => noise.bytes(length),
                _ => recorded[usize::from(target == Place::A)].clone(),
            };
            flip(&mut noise, &mut payload);
            datagram(&payload)
        });
    });
}
