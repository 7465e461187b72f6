//! What torii sends, as tshark reads it: every kind of packet, without a complaint.

use std::path::Path;
use std::process::Command;

use crate::peers;
use crate::plan::Plan;
use crate::scene::Scene;
use crate::stage::{Place, Stage};

/// What is shown of a frame.
const SHOWN: [&str; 2] = ["_ws.col.Info", "_ws.expert.message"];

/// Lines of tshark for the frames that a filter lets through: number, and these fields.
fn decoded(stage: &Stage, file: &Path, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut tshark = Command::new(peers::find("tshark").unwrap());
    tshark.current_dir(stage.folder()).arg("-r").arg(file).args(["-Y", filter, "-T", "fields"]);
    // Not of UDP: the kernel leaves that sum to the network card, which is none here.
    tshark.args(["-o", "ip.check_checksum:TRUE"]);
    for field in [&["frame.number"], fields].concat() {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// A pair's whole life on the wire: elections, announcements, a death, a hand-over by signal.
fn record(plan: &Plan) {
    let Some(scene) = Scene::set(&["tshark"]) else { return };
    {
        let (mut a, mut b) = scene.pair(plan);
        a.kill();
        scene.wait_for_owner(plan, Place::B);
        a.restart();
        scene.wait_for_owner(plan, Place::A);
        assert!(a.terminate(), "{}", a.said());
        scene.wait_for_owner(plan, Place::B);
        assert!(b.terminate(), "{}", b.said());
    }
    let file = scene.capture.save(scene.stage.folder());
    let bad = complaints(&scene.stage, &file);
    assert!(bad.is_empty(), "tshark complains of:\n{}", bad.join("\n"));
    let broken = scene.capture.save_changed(scene.stage.folder(), break_advert);
    let bad = complaints(&scene.stage, &broken);
    assert!(plan.transport == "udp" || !bad.is_empty(), "tshark does not see a wrong checksum");
    each_node_said_everything(&scene, plan);
}

/// What tshark finds wrong with packets of ours.
fn complaints(stage: &Stage, file: &Path) -> Vec<String> {
    let complaints = "_ws.malformed || _ws.expert.severity >= 6291456 || vrrp.checksum.status == \"Bad\" \
                      || ip.checksum.status == \"Bad\" || icmpv6.checksum.status == \"Bad\"";
    // That the address moves from one hardware address to another is what a take-over is.
    let ours = "(!arp.duplicate-address-detected) \
                && (vrrp || udp.port == 8112 || arp.isgratuitous == 1 || icmpv6.type == 136)";
    decoded(stage, file, &format!("{ours} && ({complaints})"), &SHOWN)
}

/// Changes the first word of an advert, whose checksum then is wrong.
fn break_advert(mut frame: Vec<u8>) -> Vec<u8> {
    const TYPE_IPV6: [u8; 2] = [0x86, 0xdd];
    const VRRP: u8 = 112;
    let (protocol, message) = if frame[12..14] == TYPE_IPV6 { (20, 54) } else { (23, 34) };
    if frame.len() > message + 8 && frame[protocol] == VRRP {
        frame[message + 2] ^= 0xff;
    }
    frame
}

/// Both nodes announced the address, advertised, and resigned.
fn each_node_said_everything(scene: &Scene, plan: &Plan) {
    let file = scene.capture.save(scene.stage.folder());
    let announced =
        if plan.ipv6 { "icmpv6.type == 136 && icmpv6.nd.na.flag.o == 1" } else { "arp.isgratuitous == 1" };
    for port in ["02:00:00:00:00:01", "02:00:00:00:00:02"] {
        let filter = format!("eth.src == {port} && {announced}");
        assert!(!decoded(&scene.stage, &file, &filter, &SHOWN).is_empty(), "{port} never announced");
        let adverts = match plan.transport {
            "udp" => vec![format!("eth.src == {port} && udp.dstport == 8112")],
            _ => vec![
                format!("eth.src == {port} && vrrp.prio > 0 && vrrp.version == {}", plan.version),
                format!("eth.src == {port} && vrrp.prio == 0"),
            ],
        };
        for filter in adverts {
            assert!(!decoded(&scene.stage, &file, &filter, &SHOWN).is_empty(), "nothing for {filter}");
        }
    }
}

#[test]
fn version_2_with_a_password() {
    record(&Plan::reference());
}

#[test]
fn version_3() {
    record(&Plan::quick());
}

#[test]
fn version_3_over_ipv6() {
    record(&Plan { ipv6: true, ..Plan::quick() });
}

#[test]
fn version_3_to_the_group() {
    record(&Plan { transport: "multicast", ..Plan::quick() });
}

#[test]
fn over_udp() {
    let Some(folder) = peers::privileged().then(|| tempfile::tempdir().unwrap()) else { return };
    record(&Plan::quick().over_udp(folder.path()));
}
