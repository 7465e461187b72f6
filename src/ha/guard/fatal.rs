//! Tells the guard at once when torii dies of a fault of its own.
//!
//! A killed process closes its descriptors within a moment, and the guard sees that. One that dies of a
//! fault (SIGSEGV, SIGABRT after a panic of the ha thread) may first write a core dump, with everything
//! still open: seconds in which nobody advertises and the machine still answers for the shared addresses.
//! So the signal's handler writes one byte to the guard and lets the signal have its way.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::{c_int, c_void, sigaction, siginfo_t};

use super::process::byte;

/// Signals whose default is a core dump (signal(7)).
const FATAL: [c_int; 8] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGQUIT,
    libc::SIGSYS,
    libc::SIGTRAP,
];

/// Where the guard is told; negative: there is none.
static CHANNEL: AtomicI32 = AtomicI32::new(-1);

/// What was done about each signal before, in the order of `FATAL`.
static BEFORE: OnceLock<[sigaction; FATAL.len()]> = OnceLock::new();

/// From now on a fatal signal tells the guard at `channel`, which stays open until `disarm`.
pub fn arm(channel: BorrowedFd<'_>) {
    BEFORE.get_or_init(current_actions);
    CHANNEL.store(channel.as_raw_fd(), Ordering::SeqCst);
    // The handler finds everything in place.
    FATAL.into_iter().for_each(install);
}

/// Tells nobody from now on.
pub fn disarm() {
    CHANNEL.store(-1, Ordering::SeqCst);
}

fn current_actions() -> [sigaction; FATAL.len()] {
    FATAL.map(|signal| {
        // SAFETY: a `sigaction` is made of integers and a nullable function; the kernel fills it.
        unsafe {
            let mut action: sigaction = std::mem::zeroed();
            libc::sigaction(signal, ptr::null(), &raw mut action);
            action
        }
    })
}

fn install(signal: c_int) {
    // SAFETY: the handler has the signature that SA_SIGINFO asks for and calls only what may be called
    // in one (signal-safety(7)). SA_ONSTACK: a full stack is one of the reasons for it to be called.
    unsafe {
        let mut action: sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fatal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

extern "C" fn on_fatal(signal: c_int, information: *mut siginfo_t, _context: *mut c_void) {
    let channel = CHANNEL.swap(-1, Ordering::SeqCst);
    // SAFETY: `write`, `sigaction` and `raise` may be called in a handler; the kernel gives a valid
    // `information`, and the byte outlives the call. `OnceLock::get` only loads.
    unsafe {
        if channel >= 0 {
            libc::write(channel, [byte::DYING].as_ptr().cast(), 1);
        }
        // Others come from the kernel too, as SIGQUIT from a terminal's Ctrl-\, but only once.
        let is_repeated = matches!(signal, libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE);
        let is_fault = is_repeated && !information.is_null() && (*information).si_code > 0;
        let place = FATAL.iter().position(|&fatal| fatal == signal);
        let before = place.and_then(|place| BEFORE.get().map(|before| before[place]));
        match before.filter(|_| is_fault) {
            // The instruction is carried out again when this returns, and whoever was responsible for
            // the signal before has it now: Rust tells of a full stack in this way.
            Some(before) => {
                libc::sigaction(signal, &raw const before, ptr::null_mut());
            }
            // Sent by somebody, or by `abort`: it would not come again by itself.
            None => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}
