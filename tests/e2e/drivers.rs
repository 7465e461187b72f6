//! The relay over each I/O driver: epoll, forced, and io_uring where this kernel allows it.

use crate::support::{Configuration, Origin, Torii};
use crate::{bodies, relay, split, tunnel};

fn serve_everything_over(driver: &'static str) {
    let origin = Origin::start("one");
    let plan = Configuration::new().driver(driver).workers(2).server(origin.address());
    let torii = Torii::start(&plan);
    torii.wait_for_stderr("the driver in use", |line| line.contains(driver));
    relay::check_get_in_every_framing(&torii);
    relay::check_upload_in_both_framings(&torii);
    relay::check_pipelining(&torii);
    split::check_split_get(&torii);
    bodies::download(&mut torii.client(), "length", 16 * 1024 * 1024);
    bodies::upload(&mut torii.client(), 16 * 1024 * 1024);
    tunnel::check_resets(Configuration::new().driver(driver));
}

#[test]
fn epoll_carries_the_whole_relay() {
    serve_everything_over("epoll");
}

#[test]
fn io_uring_carries_the_whole_relay_where_the_kernel_has_it() {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    if disabled.trim() != "0" {
        eprintln!("skipped: this kernel has no io_uring, or it is switched off");
        return;
    }
    serve_everything_over("io_uring");
}
