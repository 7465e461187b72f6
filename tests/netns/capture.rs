//! Watches the bridge: every frame that a port receives, in order, with the port that received it.

use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use crate::frame::{Advert, Frame};
use crate::peers;
use crate::stage::{Place, Stage, enter};

/// Room for the frames that arrive while the reader does not run: a busy machine loses none.
const RECEIVE_BUFFER: usize = 64 << 20;

/// A frame that a port sends, not receives (linux/if_packet.h).
const PACKET_OUTGOING: u8 = 4;

/// A running capture; ends when dropped.
pub struct Capture {
    frames: Arc<Mutex<Vec<Frame>>>,
    stopped: Arc<AtomicBool>,
    begun: Instant,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Begins to capture.
    pub fn start(stage: &Stage) -> Self {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let namespace = stage.open(Place::Lan);
        let (kept, stop) = (frames.clone(), stopped.clone());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            enter(&namespace);
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
            setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).unwrap();
            setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, 50_000)).unwrap();
            let port = |place: Place| nix::net::if_::if_nametoindex(place.port().as_str()).unwrap() as usize;
            let ports = [Place::A, Place::B, Place::Web, Place::Client].map(|place| (port(place), place));
            ready.send(()).unwrap();
            while !stop.load(Ordering::SeqCst) {
                if let Some(frame) = read(socket.as_raw_fd(), &ports).filter(Frame::is_kept) {
                    kept.lock().unwrap().push(frame);
                }
            }
        });
        is_ready.recv().expect("the capture starts");
        Self { frames, stopped, begun: Instant::now(), reader: Some(reader) }
    }

    /// Everything until now.
    pub fn frames(&self) -> Vec<Frame> {
        self.frames.lock().unwrap().clone()
    }

    /// How many frames there are: a place in time, for `since`.
    pub fn mark(&self) -> usize {
        self.frames.lock().unwrap().len()
    }

    /// Everything after a mark.
    pub fn since(&self, mark: usize) -> Vec<Frame> {
        self.frames.lock().unwrap()[mark..].to_vec()
    }

    /// Advertisements after a mark: who sent it, what it said.
    pub fn adverts_since(&self, mark: usize) -> Vec<(Place, Advert)> {
        let frames = self.since(mark);
        frames.iter().filter_map(|frame| Some((frame.from, frame.advert()?))).collect()
    }

    /// Senders of announcements of an address after a mark.
    pub fn announcers_since(&self, mark: usize, address: IpAddr) -> Vec<Place> {
        let frames = self.since(mark);
        frames.iter().filter(|frame| frame.announced() == Some(address)).map(|frame| frame.from).collect()
    }

    /// Waits for a frame after a mark; gives its place in time.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mark: usize, wanted: impl Fn(&Frame) -> bool) -> usize {
        let what = format!("on the wire: {what}");
        peers::wait_for(&what, || self.since(mark).iter().position(&wanted).map(|place| mark + place))
    }

    /// Waits for an advertisement of a node after a mark.
    #[track_caller]
    pub fn wait_for_advert(&self, from: Place, mark: usize, wanted: impl Fn(&Advert) -> bool) -> usize {
        let what = format!("an advertisement by {from:?}");
        self.wait_for(&what, mark, |frame| frame.from == from && frame.advert().is_some_and(|a| wanted(&a)))
    }

    /// Writes all frames as a capture file that tshark reads.
    pub fn save(&self, folder: &Path) -> PathBuf {
        self.save_changed(folder, |bytes| bytes)
    }

    /// The same with each frame changed by a function.
    pub fn save_changed(&self, folder: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
        let path = folder.join("capture.pcap");
        // Magic, version 2.4, zone, accuracy, longest frame, Ethernet.
        let mut file: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        for frame in self.frames() {
            let time = frame.at.saturating_duration_since(self.begun);
            let bytes = change(frame.bytes);
            let length = bytes.len() as u32;
            for word in [time.as_secs() as u32, time.subsec_micros(), length, length] {
                file.extend_from_slice(&word.to_ne_bytes());
            }
            file.extend_from_slice(&bytes);
        }
        std::fs::write(&path, file).unwrap();
        path
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            print_end(&self.frames(), self.begun);
        }
    }
}

/// The next frame, unless none comes for a while or it does not come in at a port.
fn read(socket: i32, ports: &[(usize, Place)]) -> Option<Frame> {
    let mut buffer = [0_u8; 2048];
    let (length, from) = match recvfrom::<LinkAddr>(socket, &mut buffer) {
        Ok((length, from)) => (length, from?),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => return None,
        Err(error) => panic!("capture: {error}"),
    };
    let &(_, place) = ports.iter().find(|&&(index, _)| index == from.ifindex())?;
    let incoming = from.pkttype() != PACKET_OUTGOING;
    incoming.then(|| Frame { at: Instant::now(), from: place, bytes: buffer[..length].to_vec() })
}

/// The last advertisements and announcements, for the report of a failed test.
fn print_end(frames: &[Frame], begun: Instant) {
    let lines: Vec<String> = frames
        .iter()
        .filter_map(|frame| {
            let what = match (frame.advert(), frame.announced(), frame.datagram()) {
                (Some(advert), ..) => format!("priority {} interval {}", advert.priority, advert.interval),
                (_, Some(address), _) => format!("announces {address}"),
                (.., Some((port, payload))) => format!("{} bytes to port {port}", payload.len()),
                _ => match frame.reset() {
                    Some((from, to)) => format!("resets a connection: {from} to {to}"),
                    None => return None,
                },
            };
            let time = frame.at.saturating_duration_since(begun).as_secs_f64();
            Some(format!("{time:9.4} {:?} {what}", frame.from))
        })
        .collect();
    eprintln!("--- end of the capture:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
}
