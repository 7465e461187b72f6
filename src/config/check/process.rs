//! `[process]`, `[threads]`, `[io]` and `[limits]`: knobs of the process as a whole.

use toml::Spanned;

use crate::config::model::{ControlCore, Driver, Io, Limits, Process, Threads};
use crate::config::reader::IntegerOrWord;
use crate::config::report::Findings;
use crate::config::schema;
use crate::config::units;
use crate::limits as defaults;

/// Whether the names exist is seen at start, on the machine that runs the file.
pub fn process(written: Option<&schema::Process>, findings: &mut Findings) -> Process {
    let Some(written) = written else { return Process::default() };
    for name in [&written.user, &written.group].into_iter().flatten() {
        if name.get_ref().is_empty() || name.get_ref().contains(['\0', ':', '/', '\n']) {
            let message = "a user or group name cannot be empty or hold `:`, `/` or control characters";
            findings.error(
                name.span(),
                message,
                "write a name of /etc/passwd or /etc/group, such as \"torii\"",
            );
        }
    }
    if let (None, Some(group)) = (&written.user, &written.group) {
        let help = "add `user = \"...\"`, or remove `group`";
        findings.error(group.span(), "`group` without `user` changes nothing", help);
    }
    let value = |name: &Option<Spanned<String>>| name.as_ref().map(|name| name.get_ref().clone());
    Process { user: value(&written.user), group: value(&written.group) }
}

/// Ranges are known to hold; whether a core exists is seen at start.
pub fn threads(written: Option<&schema::Threads>) -> Threads {
    let workers = written.and_then(|threads| threads.workers.as_ref()).map(Spanned::get_ref);
    let control_core = written.and_then(|threads| threads.control_core.as_ref()).map(Spanned::get_ref);
    Threads {
        workers: match workers {
            Some(IntegerOrWord::Integer(count)) => usize::try_from(*count).ok(),
            _ => None,
        },
        control_core: match control_core {
            Some(IntegerOrWord::Word("shared")) => ControlCore::Shared,
            Some(IntegerOrWord::Integer(core)) => ControlCore::Core(usize::try_from(*core).unwrap_or(0)),
            _ => ControlCore::Auto,
        },
    }
}

/// Ranges are known to hold.
pub fn io(written: Option<&schema::Io>) -> Io {
    let driver = written.and_then(|io| io.driver.as_ref()).map(|driver| *driver.get_ref());
    Io {
        driver: match driver {
            Some("io_uring") => Driver::IoUring,
            Some("epoll") => Driver::Epoll,
            _ => Driver::Auto,
        },
        ring_entries: number(written.and_then(|io| io.ring_entries.as_ref()), defaults::RING_ENTRIES),
        buffer_size: buffer_size(written),
        buffers_per_worker: number(
            written.and_then(|io| io.buffers_per_worker.as_ref()),
            defaults::BUFFERS_PER_WORKER,
        ),
    }
}

/// A head has to fit into one lease. Without the key, a small lease makes for a small head.
pub fn limits(written: Option<&schema::Limits>, io: Option<&schema::Io>, findings: &mut Findings) -> Limits {
    let buffer_size = buffer_size(io);
    let head_size = written.and_then(|limits| limits.request_head_size.as_ref());
    if let Some(head_size) = head_size
        && *head_size.get_ref() > buffer_size
    {
        let shown = units::show_size(buffer_size as u64);
        let message = format!("`request_head_size` is larger than `io.buffer_size`, which is {shown}");
        findings.error(
            head_size.span(),
            message,
            format!("write at most \"{shown}\", or raise `io.buffer_size`"),
        );
    }
    Limits {
        max_connections: written
            .and_then(|limits| limits.max_connections.as_ref())
            .and_then(|count| usize::try_from(*count.get_ref()).ok()),
        request_head_size: head_size.map_or(defaults::HEAD_SIZE.min(buffer_size), |size| *size.get_ref()),
        request_headers: number(
            written.and_then(|limits| limits.request_headers.as_ref()),
            defaults::HEAD_FIELDS,
        ),
        request_body_size: bytes(written.and_then(|limits| limits.request_body_size.as_ref()), u64::MAX),
        minimum_body_rate: bytes(
            written.and_then(|limits| limits.minimum_body_rate.as_ref()),
            defaults::MINIMUM_BODY_RATE,
        ),
        requests_per_connection: number(
            written.and_then(|limits| limits.requests_per_connection.as_ref()),
            defaults::REQUESTS_PER_CONNECTION,
        ),
    }
}

fn buffer_size(io: Option<&schema::Io>) -> usize {
    io.and_then(|io| io.buffer_size.as_ref()).map_or(defaults::BUFFER_SIZE, |size| *size.get_ref())
}

fn bytes(written: Option<&Spanned<usize>>, default: u64) -> u64 {
    written.map_or(default, |bytes| *bytes.get_ref() as u64)
}

/// A number whose range the schema has checked, or its default.
pub fn number<T: TryFrom<i64>>(written: Option<&Spanned<i64>>, default: T) -> T {
    written.and_then(|number| T::try_from(*number.get_ref()).ok()).unwrap_or(default)
}
