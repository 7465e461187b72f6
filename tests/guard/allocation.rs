//! Proves that the guard allocates nothing once it is prepared: neither Rust nor a C library below it.
//!
//! This program stands in malloc's place for all of its process. Started as `torii-guard` it is a guard
//! that dies at the first allocation after its preparation; started by cargo it is the test, which has such a
//! guard act and sees that it did everything.

#![allow(clippy::unwrap_used)]

#[path = "../support/peers.rs"]
mod peers;
#[allow(dead_code)] // the other test target uses more of it
mod world;

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};

use torii::ha::guard::{self, Guard, Plan, voice};

use world::{INTERFACE, OtherNode, SHARED, index, ip, isolated, pair};

/// From now on an allocation ends the process.
static FORBIDDEN: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

fn allocating() {
    if FORBIDDEN.load(Ordering::Relaxed) {
        // SAFETY: no pointers; does not return and allocates nothing.
        unsafe { libc::_exit(70) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    allocating();
    // SAFETY: the C library's own function behind this name, with the caller's arguments.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    allocating();
    // SAFETY: as in `malloc`.
    unsafe { __libc_calloc(count, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    allocating();
    // SAFETY: as in `malloc`; the caller owns `old`.
    unsafe { __libc_realloc(old, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> i32 {
    allocating();
    // SAFETY: as in `malloc`; the caller gives a valid place for the result.
    unsafe {
        *place = __libc_memalign(alignment, size);
        if (*place).is_null() { libc::ENOMEM } else { 0 }
    }
}

fn forbid() {
    FORBIDDEN.store(true, Ordering::Relaxed);
}

fn main() -> ExitCode {
    if std::env::args().next().as_deref() == Some("torii-guard") {
        return guard::run(forbid);
    }
    match std::env::args().nth(1).as_deref() {
        Some("allocate-in-rust") => {
            forbid();
            std::hint::black_box(Box::new(1));
            ExitCode::SUCCESS
        }
        Some("allocate-in-c") => {
            forbid();
            // SAFETY: a string that ends with zero.
            std::hint::black_box(unsafe { libc::strdup(c"text".as_ptr()) });
            ExitCode::SUCCESS
        }
        _ => {
            an_allocation_would_be_noticed();
            isolated(an_active_guard_acts_without_allocating);
            isolated(a_standby_guard_leaves_without_allocating);
            println!("ok: the guard allocates nothing");
            ExitCode::SUCCESS
        }
    }
}

fn an_allocation_would_be_noticed() {
    for way in ["allocate-in-rust", "allocate-in-c"] {
        let status = Command::new(std::env::current_exe().unwrap()).arg(way).status().unwrap();
        assert_eq!(status.code(), Some(70), "{way}");
    }
}

fn start() -> Guard {
    let plan = Plan::of(&pair(), 0, index()).unwrap();
    let socket = voice(&pair(), 0, index()).unwrap();
    Guard::start(&std::env::current_exe().unwrap(), &plan, socket.as_fd()).unwrap()
}

fn an_active_guard_acts_without_allocating() {
    let mut other = OtherNode::listen();
    let mut guard = start();
    for is_active in [true, false, true] {
        guard.tell(is_active);
    }
    ip(&format!("address add {SHARED}/32 dev {INTERFACE}"));
    drop(guard);
    other.sees_the_resignation();
}

fn a_standby_guard_leaves_without_allocating() {
    let mut other = OtherNode::listen();
    drop(start());
    assert!(!other.next().1.is_empty());
}
