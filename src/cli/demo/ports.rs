//! Free ports on loopback: one that is easy to remember where nobody uses it, else any below the
//! range from which the kernel takes ports of outgoing connections.
//!
//! That range is avoided because a server that is stopped must find its port free again: no outgoing
//! connection may take it meanwhile, not even a health check to that very port.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Where a port is looked for when the preferred one is taken (the kernel's range begins at 32768).
const OTHERS: Range<u16> = 20_000..30_000;

/// Listens on a port.
///
/// # Errors
/// The kernel's reason for the last port tried; any error but "in use" ends the search.
pub(super) fn listen(preferred: u16) -> io::Result<TcpListener> {
    // Two demos at once look in different places.
    let offset = (std::process::id() % u32::from(OTHERS.end - OTHERS.start)) as u16;
    let others = OTHERS.start + offset..OTHERS.end;
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in [preferred].into_iter().chain(others).chain(OTHERS) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Finds ports, each another, that somebody else will listen on in a moment.
///
/// # Errors
/// As `listen`.
pub(super) fn find<const COUNT: usize>(preferred: [u16; COUNT]) -> io::Result<[u16; COUNT]> {
    let mut found = preferred;
    // All are held until the last is found.
    let mut held = Vec::with_capacity(COUNT);
    for port in &mut found {
        let listener = listen(*port)?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_the_preferred_port_where_it_is_free() {
        let free = find([25_001]).unwrap();
        assert_eq!(find(free).unwrap(), free);
    }

    #[test]
    fn takes_others_below_the_kernels_range_where_it_is_not() {
        let held = listen(25_002).unwrap();
        let taken = held.local_addr().unwrap().port();
        let [one, other] = find([taken, taken]).unwrap();
        assert!(one != taken && other != taken && one != other);
        assert!(OTHERS.contains(&one) && OTHERS.contains(&other));
    }
}
