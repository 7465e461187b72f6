//! The life of the guard process: `torii guard`, which only torii itself starts.
//!
//! Prepares everything, says so, and from then on allocates nothing: it reads one byte at a time (what
//! torii is now) until the channel ends, and then acts. Its descriptors are the channel, the socket to
//! send from, standard error, and a netlink socket.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

use caps::{CapSet, Capability};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, read, setsid, write};

use super::act::Ready;
use super::plan::Plan;
use super::system;
use crate::limits::ha::GUARD_PLAN_SIZE;

/// What the guard and torii say to each other after the plan.
pub(super) mod byte {
    /// To the guard: torii holds the shared addresses, or is about to.
    pub const ACTIVE: u8 = b'a';
    /// To the guard: it does not hold them any more.
    pub const STANDBY: u8 = b's';
    /// To the guard: an orderly end, nothing is to be done.
    pub const END: u8 = b'e';
    /// To the guard: torii is dying and cannot be saved, though its descriptors are still open.
    pub const DYING: u8 = b'x';
    /// From the guard: everything is in place.
    pub const READY: u8 = b'r';
    /// From the guard: it cannot work, and the reason follows as text.
    pub const UNABLE: u8 = b'!';
}

/// `torii guard`.
pub fn main() -> ExitCode {
    run(|| {})
}

/// The whole life. `prepared` is called when everything is in place, after which nothing is allocated.
pub fn run(prepared: fn()) -> ExitCode {
    let (input, output, error) = (io::stdin(), io::stdout(), io::stderr());
    let [channel, socket, told] = [as_fd(&input), as_fd(&output), as_fd(&error)];
    let plan = match read_plan(channel) {
        Ok(plan) => plan,
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "error: torii starts its guard itself; by hand it is of no use ({error})"
            );
            return ExitCode::FAILURE;
        }
    };
    let mut ready = match prepare(plan) {
        Ok(ready) => ready,
        Err(reason) => {
            let _ = write(channel, &[&[byte::UNABLE], reason.as_bytes()].concat());
            return ExitCode::FAILURE;
        }
    };
    prepared();
    if write(channel, &[byte::READY]).is_ok() {
        wait_and_act(&mut ready, channel, socket, told);
    }
    system::end(0)
}

fn as_fd<'a>(stream: &'a impl std::os::fd::AsFd) -> BorrowedFd<'a> {
    stream.as_fd()
}

/// Reads states until torii is gone, and does what is to be done then.
fn wait_and_act(ready: &mut Ready, channel: BorrowedFd<'_>, socket: BorrowedFd<'_>, told: BorrowedFd<'_>) {
    let mut is_active = false;
    loop {
        let mut state = [0];
        match read(channel, &mut state) {
            Ok(1) => match state[0] {
                byte::ACTIVE => is_active = true,
                byte::STANDBY => is_active = false,
                byte::END => return,
                byte::DYING => break,
                _ => {}
            },
            Err(nix::Error::EINTR) => {}
            // The end of the stream, or a reset, which is the same with something unread.
            Ok(_) | Err(_) => break,
        }
    }
    if !is_active {
        return ready.leave(&socket);
    }
    let text = ready.resign(&socket);
    let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&SigSet::from(Signal::SIGALRM)), None);
    system::end_in_a_second();
    let _ = write(told, text.as_bytes());
}

/// The plan, after its length in four bytes.
fn read_plan(channel: BorrowedFd<'_>) -> io::Result<Plan> {
    if io::stdin().is_terminal() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut length = [0; 4];
    read_all(channel, &mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > GUARD_PLAN_SIZE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length];
    read_all(channel, &mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn read_all(channel: BorrowedFd<'_>, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match read(channel, buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer = &mut buffer[count..],
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Makes the process what it has to be. Only what it cannot work without is an error.
fn prepare(plan: Plan) -> Result<Ready, String> {
    // Ctrl-C and systemd mean the whole group, and it has to outlive torii.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None).map_err(|error| error.to_string())?;
    let _ = setsid();
    let _ = prctl::set_name(c"torii-guard");
    let _ = std::env::set_current_dir("/");
    system::close_from(3);

    let mut ready = Ready::prepare(plan).map_err(|error| format!("it has no netlink socket: {error}"))?;
    if !ready.may_remove() {
        return Err(
            "it may not remove addresses, which takes CAP_NET_ADMIN: start torii as root, or give its \
                    systemd unit AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_NICE"
                .into(),
        );
    }
    survive();
    ready.rehearse();
    Ok(ready)
}

/// What helps to be there, and quick, when a machine is in trouble.
fn survive() {
    // The last process to be taken when memory runs out. Not everybody may ask for that; then it stays
    // what torii's is.
    let score = OpenOptions::new().write(true).open("/proc/self/oom_score_adj");
    let _ = score.and_then(|mut score| score.write_all(b"-1000"));
    let mut every_core = CpuSet::new();
    for core in 0..CpuSet::count() {
        let _ = every_core.set(core);
    }
    // torii's control core may be busy with whatever killed it.
    let _ = sched_setaffinity(Pid::from_raw(0), &every_core);
    system::run_in_real_time();
    system::stay_in_memory();
    // Of everything that root may, it needs to remove addresses.
    let needed = [Capability::CAP_NET_ADMIN].into_iter().collect();
    let _ = caps::clear(None, CapSet::Ambient);
    let _ = caps::set(None, CapSet::Effective, &needed);
    let _ = caps::set(None, CapSet::Permitted, &needed);
    let _ = caps::clear(None, CapSet::Inheritable);
    // The secret is in its memory. Last, because it takes its own files in /proc away from an ordinary user.
    let _ = prctl::set_dumpable(false);
}
