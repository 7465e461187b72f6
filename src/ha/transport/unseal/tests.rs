//! Sealing and opening together: golden bytes, every way to be refused, repetition, clocks.

#![allow(clippy::unwrap_used)]

use super::super::seal::Sealer;
use super::*;
use crate::limits::ha::{CLOCK_STEP, SEALED_MESSAGE};

const SECRET: [u8; 32] = {
    let mut secret = [0; 32];
    let mut at = 0;
    while at < 32 {
        secret[at] = at as u8;
        at += 1;
    }
    secret
};
/// 2026-01-01 00:00:00.500 UTC.
const NOW_MS: u64 = 1_767_225_600_500;
const WINDOW_MS: u64 = CLOCK_WINDOW.as_millis() as u64;
const LIFE: u64 = 0x0123_4567_89ab_cdef;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn nodes() -> [IpAddr; 3] {
    ["192.0.2.11", "192.0.2.12", "192.0.2.13"].map(address)
}

/// The envelopes of the first node.
fn sealer() -> Sealer {
    Sealer::new(&SECRET, 0, nodes()[0], LIFE)
}

/// The second node.
fn opener() -> Opener {
    Opener::new(&SECRET, 1, &nodes())
}

/// An advert from the first node to the second.
fn sealed(sealer: &mut Sealer, unix_ms: u64) -> Vec<u8> {
    let mut out = [0; DATAGRAM];
    sealer.seal(Kind::Advert, nodes()[1], unix_ms, b"an advert", &mut out).to_vec()
}

fn open(opener: &mut Opener, datagram: &[u8]) -> Result<(), Refusal> {
    opener.open(datagram, nodes()[0], NOW_MS, Duration::ZERO).map(|_| ())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// Computed by Python's `hmac` from the description in docs/pair.md, where they stand too.
#[test]
fn the_bytes_are_those_of_the_documentation() {
    let [first, second] = ["192.0.2.11", "192.0.2.12"].map(address);
    let [first6, second6] = ["2001:db8:0:1::11", "2001:db8:0:1::12"].map(address);
    let mut out = [0; DATAGRAM];
    let advert = bytes("310a6401 00644059 c6336403");
    let datagram = Sealer::new(&SECRET, 0, first, LIFE).seal(Kind::Advert, second, NOW_MS, &advert, &mut out);
    assert_eq!(
        hex(datagram),
        "544f5249010100000123456789abcdef019b76daa9f40000310a640100644059\
         c6336403c1e82267cdee0df6c418920e94ea9282af87cab8b4ce5985ff0ad910\
         95cf6d2a"
    );
    let mut sealer = Sealer::new(&SECRET, 1, second, 0xfedc_ba98_7654_3210);
    sealer.seal(Kind::Advert, first, NOW_MS, &advert, &mut out);
    let datagram = sealer.seal(Kind::Presence, first, NOW_MS, &bytes("0a016501"), &mut out);
    assert_eq!(
        hex(datagram),
        "544f524901020100fedcba9876543210019b76daa9f400010a016501fcc4b545\
         9dff63b3c522ab44fb66c676ddfa77c173c3a74630a6eea07c73c931"
    );
    let advert = bytes("310a6401 0064dfb4 20010db8 01000000 00000000 00000003");
    let datagram =
        Sealer::new(&SECRET, 0, first6, LIFE).seal(Kind::Advert, second6, NOW_MS, &advert, &mut out);
    assert_eq!(
        hex(datagram),
        "544f5249010100000123456789abcdef019b76daa9f40000310a64010064dfb4\
         20010db80100000000000000000000032f781b26c692cf7d1900aa440a09ee6e\
         39ee3f5c5c5a1b647329bbf99f972f94"
    );
}

#[test]
fn what_is_sealed_is_opened_with_its_sender_kind_and_clock() {
    let mut opener = opener();
    let datagram = sealed(&mut sealer(), NOW_MS + 70);
    let opened = opener.open(&datagram, nodes()[0], NOW_MS, Duration::ZERO).unwrap();
    assert_eq!(
        opened,
        Opened { kind: Kind::Advert, node: 0, message: b"an advert", ahead_ms: 70, is_restless: false }
    );
}

#[test]
fn every_length_of_message_fits_and_comes_back() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let message = [7; SEALED_MESSAGE];
    let mut out = [0; DATAGRAM];
    for length in 0..=SEALED_MESSAGE {
        let datagram = sealer.seal(Kind::Presence, nodes()[1], NOW_MS, &message[..length], &mut out);
        let opened = opener.open(datagram, nodes()[0], NOW_MS, Duration::ZERO).unwrap();
        assert_eq!((opened.kind, opened.message), (Kind::Presence, &message[..length]));
    }
}

#[test]
fn every_flipped_bit_is_refused_and_changes_nothing() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let datagram = sealed(&mut sealer, NOW_MS);
    for bit in 0..datagram.len() * 8 {
        let mut flipped = datagram.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&mut opener, &flipped).is_err(), "bit {bit}");
    }
    assert_eq!(open(&mut opener, &datagram), Ok(()));
}

#[test]
fn every_cut_and_every_appended_byte_is_refused() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let datagram = sealed(&mut sealer, NOW_MS);
    for length in 0..datagram.len() {
        assert!(open(&mut opener, &datagram[..length]).is_err(), "cut to {length}");
        assert!(open(&mut opener, &datagram[datagram.len() - length..]).is_err(), "last {length}");
    }
    for byte in 0..=255 {
        assert!(open(&mut opener, &[&datagram[..], &[byte]].concat()).is_err());
    }
    assert_eq!(open(&mut opener, &vec![b'T'; DATAGRAM + 1]), Err(Refusal::NotAnEnvelope));
    assert_eq!(open(&mut opener, &datagram), Ok(()));
}

#[test]
fn random_bytes_of_every_length_are_refused() {
    let mut opener = opener();
    let mut state = 1_u64;
    for length in 0..=1500 {
        let mut datagram: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert!(open(&mut opener, &datagram).is_err());
        // The same with a beginning that looks right.
        let start = [b"TORI\x01\x01\x00\x00".as_slice(), &LIFE.to_be_bytes()].concat();
        let count = start.len().min(length);
        datagram[..count].copy_from_slice(&start[..count]);
        assert!(open(&mut opener, &datagram).is_err());
    }
}

/// The name of the refusal of an envelope whose byte at `place` was replaced.
fn refusal(place: usize, byte: u8) -> Refusal {
    let mut datagram = sealed(&mut sealer(), NOW_MS);
    datagram[place] = byte;
    open(&mut opener(), &datagram).unwrap_err()
}

#[test]
fn each_reason_has_its_name() {
    assert_eq!(refusal(0, b't'), Refusal::NotAnEnvelope);
    assert_eq!(refusal(4, 2), Refusal::EnvelopeVersion(2));
    assert_eq!(refusal(5, 4), Refusal::MessageKind(4));
    assert_eq!(refusal(6, 3), Refusal::UnknownNode(3));
    assert_eq!(refusal(6, 255), Refusal::UnknownNode(255));
    assert_eq!(refusal(6, 1), Refusal::OwnNode);
    assert_eq!(refusal(6, 2), Refusal::Stranger);
    assert_eq!(refusal(7, 1), Refusal::Seal);
    assert_eq!(refusal(30, 0), Refusal::Seal);
}

#[test]
fn names_and_advice_belong_to_each_reason() {
    let reasons = [
        Refusal::NotAnEnvelope,
        Refusal::EnvelopeVersion(2),
        Refusal::MessageKind(3),
        Refusal::UnknownNode(3),
        Refusal::OwnNode,
        Refusal::Stranger,
        Refusal::Seal,
        Refusal::ClocksDiffer { ahead_ms: 1 },
        Refusal::Repeated,
    ];
    for (index, reason) in reasons.iter().enumerate() {
        assert_eq!(reason.index(), index);
        assert!(reason.advice().len() > 20);
    }
    assert_eq!(reasons.len(), Refusal::NAMES.len());
}

#[test]
fn the_source_address_has_to_be_that_of_the_node() {
    let datagram = sealed(&mut sealer(), NOW_MS);
    let from = |from: &str| opener().open(&datagram, address(from), NOW_MS, Duration::ZERO).map(|_| ());
    assert_eq!(from("192.0.2.13"), Err(Refusal::Stranger));
    assert_eq!(from("2001:db8::11"), Err(Refusal::Stranger));
    // As a socket of both families tells it.
    assert_eq!(from("::ffff:192.0.2.11"), Ok(()));
}

#[test]
fn a_message_for_one_node_is_refused_by_another() {
    let datagram = sealed(&mut sealer(), NOW_MS);
    let mut third = Opener::new(&SECRET, 2, &nodes());
    assert_eq!(open(&mut third, &datagram), Err(Refusal::Seal));
}

#[test]
fn a_message_sent_back_to_its_sender_is_refused() {
    let datagram = sealed(&mut sealer(), NOW_MS);
    let mut first = Opener::new(&SECRET, 0, &nodes());
    let from = nodes()[1];
    assert_eq!(first.open(&datagram, from, NOW_MS, Duration::ZERO), Err(Refusal::OwnNode));
}

#[test]
fn another_secret_is_refused() {
    for secret in [&SECRET[..31], &[SECRET.as_slice(), &[0x20]].concat(), b"correct horse battery staple"] {
        let mut other = Sealer::new(secret, 0, nodes()[0], LIFE);
        assert_eq!(open(&mut opener(), &sealed(&mut other, NOW_MS)), Err(Refusal::Seal));
    }
}

#[test]
fn a_message_is_taken_once() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let first = sealed(&mut sealer, NOW_MS);
    let second = sealed(&mut sealer, NOW_MS);
    let third = sealed(&mut sealer, NOW_MS + 10);
    assert_eq!(open(&mut opener, &second), Ok(()));
    assert_eq!(open(&mut opener, &second), Err(Refusal::Repeated));
    assert_eq!(open(&mut opener, &first), Err(Refusal::Repeated), "overtaken");
    assert_eq!(open(&mut opener, &third), Ok(()));
}

#[test]
fn the_window_is_open_as_far_as_it_says_and_no_further() {
    let at = |unix_ms| open(&mut opener(), &sealed(&mut sealer(), unix_ms));
    assert_eq!(at(NOW_MS - WINDOW_MS), Ok(()));
    assert_eq!(at(NOW_MS + WINDOW_MS), Ok(()));
    let ahead_ms = WINDOW_MS.cast_signed() + 1;
    assert_eq!(at(NOW_MS + WINDOW_MS + 1), Err(Refusal::ClocksDiffer { ahead_ms }));
    assert_eq!(at(NOW_MS - WINDOW_MS - 1), Err(Refusal::ClocksDiffer { ahead_ms: -ahead_ms }));
    assert!(matches!(at(0), Err(Refusal::ClocksDiffer { .. })));
    // As far as a sequence goes: the year 10889.
    let last = (1 << 48) - 1;
    assert!(matches!(at(last), Err(Refusal::ClocksDiffer { .. })));
}

#[test]
fn a_refused_clock_leaves_no_trace() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let ahead = sealed(&mut sealer, NOW_MS + WINDOW_MS + 1);
    assert!(open(&mut opener, &ahead).is_err());
    // The sender's clock is corrected, and it is believed at once.
    assert_eq!(open(&mut opener, &sealed(&mut sealer, NOW_MS)), Ok(()));
}

#[test]
fn a_sender_that_starts_again_is_believed_at_once_and_its_past_is_not() {
    let mut opener = opener();
    let old = sealed(&mut sealer(), NOW_MS);
    assert_eq!(open(&mut opener, &old), Ok(()));
    // Its clock may even be a little behind what it was.
    let mut again = Sealer::new(&SECRET, 0, nodes()[0], LIFE ^ 1);
    assert_eq!(open(&mut opener, &sealed(&mut again, NOW_MS - 900)), Ok(()));
    assert_eq!(open(&mut opener, &old), Err(Refusal::Repeated));
}

#[test]
fn a_clock_set_back_begins_a_new_life_and_a_small_step_does_not() {
    let (mut sealer, mut opener) = (sealer(), opener());
    let step = CLOCK_STEP.as_millis() as u64;
    let lives: Vec<Vec<u8>> = [NOW_MS, NOW_MS - step, NOW_MS - step - 1, NOW_MS - step]
        .map(|unix_ms| {
            let datagram = sealed(&mut sealer, unix_ms);
            assert_eq!(open(&mut opener, &datagram), Ok(()));
            datagram[8..16].to_vec()
        })
        .to_vec();
    assert_eq!(lives[0], lives[1]);
    assert_ne!(lives[1], lives[2]);
    assert_eq!(lives[2], lives[3]);
}

/// Numbers from a seed (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 27)
}

#[test]
fn a_life_is_remembered_until_nothing_of_it_can_be_taken() {
    let mut opener = opener();
    let from = nodes()[0];
    let datagram_of = |life| sealed(&mut Sealer::new(&SECRET, 0, from, life), NOW_MS);
    let mut at = |datagram: &[u8], now| opener.open(datagram, from, NOW_MS, now).map(|new| new.is_restless);
    for life in 0..SENDER_LIVES as u64 {
        assert_eq!(at(&datagram_of(life), Duration::ZERO), Ok(false));
    }
    assert_eq!(at(&datagram_of(5), 2 * CLOCK_WINDOW), Err(Refusal::Repeated));
    assert_eq!(at(&datagram_of(99), 2 * CLOCK_WINDOW + Duration::from_millis(1)), Ok(false));
}

#[test]
fn a_sender_that_starts_again_and_again_is_believed_at_once_and_none_of_its_pasts_is() {
    let mut opener = opener();
    let from = nodes()[0];
    let mut taken: Vec<Vec<u8>> = Vec::new();
    for number in 0..5 * SENDER_LIVES as u64 {
        // A few lives a second, in each an advert and its repetition.
        let unix_ms = NOW_MS + number * 300;
        let now = Duration::from_millis(number * 300);
        let mut sealer = Sealer::new(&SECRET, 0, from, random(&mut (number + 1)));
        for count in 0..2 {
            let datagram = sealed(&mut sealer, unix_ms);
            let is_restless = opener.open(&datagram, from, unix_ms, now).map(|new| new.is_restless);
            assert_eq!(is_restless, Ok(count == 0 && number >= SENDER_LIVES as u64), "life {number}");
            taken.push(datagram);
        }
        for datagram in &taken {
            let again = opener.open(datagram, from, unix_ms, now).map(|_| ());
            assert_eq!(again, Err(Refusal::Repeated), "after life {number}");
        }
    }
}

/// Lives without number, clocks that step, datagrams that are held back and repeated at any time: what
/// was taken once is never taken again.
#[test]
fn nothing_is_taken_twice_whoever_is_forgotten() {
    let from = nodes()[0];
    for seed in 0..40_u64 {
        let (mut opener, mut dice) = (opener(), seed);
        let mut made: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut sealers: Vec<Sealer> = Vec::new();
        let mut passed_ms = 0;
        for _ in 0..600 {
            passed_ms += random(&mut dice) % 400;
            let (unix_ms, now) = (NOW_MS + passed_ms, Duration::from_millis(passed_ms));
            if sealers.is_empty() || random(&mut dice).is_multiple_of(4) {
                sealers.push(Sealer::new(&SECRET, 0, from, random(&mut dice)));
            }
            // Mostly the newest life, now and then one from before.
            let back = random(&mut dice) % 3 * (random(&mut dice) % 20);
            let place = sealers.len().saturating_sub(1 + back as usize);
            let ahead_ms = random(&mut dice) % 2 * (random(&mut dice) % WINDOW_MS);
            made.push((sealed(&mut sealers[place], unix_ms + ahead_ms), false));
            for _ in 0..5 {
                let place = random(&mut dice) as usize % made.len();
                let (datagram, was_taken) = &mut made[place];
                let is_taken = opener.open(datagram, from, unix_ms, now).is_ok();
                assert!(!(is_taken && *was_taken), "seed {seed}: taken twice");
                *was_taken |= is_taken;
            }
        }
        assert!(made.iter().filter(|(_, was_taken)| *was_taken).count() > 100);
    }
}

#[test]
fn what_is_left_of_forgotten_lives_locks_nobody_out_for_ever() {
    let mut opener = opener();
    let from = nodes()[0];
    let datagram_of = |life, unix_ms| sealed(&mut Sealer::new(&SECRET, 0, from, life), unix_ms);
    // The sender's clock is ahead while it crashes again and again, and is then set right.
    let ahead_ms = NOW_MS + WINDOW_MS;
    for life in 0..=SENDER_LIVES as u64 {
        assert!(opener.open(&datagram_of(life, ahead_ms), from, NOW_MS, Duration::ZERO).is_ok());
    }
    let mut after = |passed: Duration| {
        let unix_ms = NOW_MS + passed.as_millis() as u64;
        opener.open(&datagram_of(99, unix_ms), from, unix_ms, passed).map(|_| ())
    };
    assert_eq!(after(Duration::ZERO), Err(Refusal::Repeated));
    assert_eq!(after(CLOCK_WINDOW + Duration::from_millis(1)), Ok(()));
    // Both clocks are set back by an hour: nothing of before is in the window any more.
    let much_later = 2 * CLOCK_WINDOW + Duration::from_millis(1);
    let hour_ago_ms = NOW_MS - 3_600_000;
    assert!(opener.open(&datagram_of(100, hour_ago_ms), from, hour_ago_ms, much_later).is_ok());
}

#[test]
fn senders_do_not_share_what_is_remembered() {
    let mut opener = opener();
    let mut third = Sealer::new(&SECRET, 2, nodes()[2], LIFE);
    assert_eq!(open(&mut opener, &sealed(&mut sealer(), NOW_MS)), Ok(()));
    let datagram = sealed(&mut third, NOW_MS);
    assert_eq!(opener.open(&datagram, nodes()[2], NOW_MS, Duration::ZERO).unwrap().node, 2);
}
