//! Every capacity and default of torii, with its reason and the memory it implies.
//!
//! The configuration may lower or raise what an operator needs to change; what has no key
//! stays here. Nothing outside this file invents a number for a queue, buffer or time-out.

use std::time::Duration;

/// Bytes of one lease, the unit in which a worker reads and writes. Key `io.buffer_size`.
pub const BUFFER_SIZE: usize = 16 * 1024;

/// Spare bytes before a lease's data, so that a rewritten head (an added cookie, an appended
/// X-Forwarded-For) can grow in front of the body without the body moving. Part of every lease.
pub const LEASE_HEADROOM: usize = 2 * 1024;

/// Leases one worker may own at once. Key `io.buffers_per_worker`. 8192 x 18 KiB = 144 MiB a worker, of
/// which only what was in use at once is ever backed by memory. Enough for 4,000 clients that read or
/// send slowly on purpose, should all of them meet on one worker.
pub const BUFFERS_PER_WORKER: usize = 8192;

/// Leases that one active session may hold: one towards the client, one towards the server.
/// A session starts only when this many are free, so no session waits while it holds one.
pub const LEASES_PER_SESSION: usize = 2;

/// Submission queue entries of a worker's ring. Key `io.ring_entries`.
pub const RING_ENTRIES: u32 = 4096;

/// Connections of the whole process. Key `limits.max_connections`. A parked connection costs a
/// few hundred bytes, plus a TLS session where it has one.
pub const MAX_CONNECTIONS: usize = 60_000;

/// Client connections below which torii refuses to start rather than to serve almost nobody.
pub const CONNECTIONS_MIN: usize = 8;

/// Descriptors of the process that are no connection, not counting listeners: standard streams, log and
/// its next file, signals, the control thread's epoll, certificates read at start.
pub const DESCRIPTORS_OF_PROCESS: usize = 24;

/// Descriptors of one worker that are no connection: ring or epoll, mailbox, and one accept under way.
pub const DESCRIPTORS_PER_WORKER: usize = 8;

/// Bytes of a request or response head. Key `limits.request_head_size`. HAProxy allows about 15 KiB.
pub const HEAD_SIZE: usize = 16 * 1024;

/// Fields of a request or response head. Key `limits.request_headers`. HAProxy allows 101 lines.
pub const HEAD_FIELDS: usize = 100;

/// Requests of one client connection, after which it ends with `Connection: close`, so that clients
/// are spread anew over workers and nodes now and then. Key `limits.requests_per_connection`. nginx:
/// 1,000; HAProxy: none.
pub const REQUESTS_PER_CONNECTION: u32 = 10_000;

/// Bytes a second that a client has to send of a body it has begun, averaged over `BODY_RATE_GRACE` at
/// least. Key `limits.minimum_body_rate`. Even a modem is ten times as fast.
pub const MINIMUM_BODY_RATE: u64 = 256;

/// How long a client may be slower than `MINIMUM_BODY_RATE`. Only time in which torii waits for the
/// client counts, not that in which the server takes nothing.
pub const BODY_RATE_GRACE: Duration = Duration::from_secs(10);

/// Empty lines accepted before a request line (RFC 9112 section 2.2 asks for at least one).
pub const EMPTY_LINES_BEFORE_REQUEST: usize = 4;

/// Bytes of a chunk-size line with its extension.
pub const CHUNK_LINE_SIZE: usize = 256;

/// Bytes of the extensions of all chunks of one message: they are read and left out, and cost the
/// sender nothing.
pub const CHUNK_EXTENSIONS_SIZE: usize = 16 * 1024;

/// Bytes of a trailer section.
pub const TRAILER_SIZE: usize = 8 * 1024;

/// Lines of a trailer section.
pub const TRAILER_LINES: usize = 32;

/// Bytes of one trailer line with its CRLF. The smallest buffer holds it: a line is looked at whole.
pub const TRAILER_LINE_SIZE: usize = 4 * 1024;

/// Requests that wait for a slot at one server, or for any of one backend, over all workers. Each holds
/// its leases.
pub const QUEUE: u32 = 1024;

/// Slots that a worker hands to its own waiting requests per tick while other workers' wait too.
pub const QUEUE_TURNS: u32 = 8;

/// Interim (1xx) responses forwarded for one request before the server is given up.
pub const INTERIM_RESPONSES: usize = 16;

/// Bytes of the request line kept for the access log (HAProxy: tune.http.logurilen 1024).
pub const LOG_REQUEST_LINE: usize = 1024;

/// Idle server connections one worker keeps for one server.
pub const IDLE_UPSTREAM_PER_SERVER: usize = 256;

/// Servers that are tried in turn for one connection in tcp mode (HAProxy: `retries 3`, so four).
pub const CONNECT_ATTEMPTS: usize = 4;

/// How long an idle server connection is kept. Shorter than the usual server keep-alive
/// (nginx 75 s), so that the proxy and not the server closes first.
pub const IDLE_UPSTREAM_AGE: Duration = Duration::from_secs(30);

/// The same, once less than a quarter of the descriptors for server connections is free.
pub const IDLE_UPSTREAM_AGE_PRESSED: Duration = Duration::from_secs(1);

/// Reads of one body before the worker's other tasks have their turn: 512 KiB with 16 KiB leases.
pub const READS_PER_TURN: u32 = 32;

/// How long a kept-alive client may stay silent before its buffer is taken away and it is parked.
pub const PARK_AFTER: Duration = Duration::from_millis(500);

/// Bytes of unfinished request heads that one worker sets aside for clients that fell silent in the
/// middle: 4,000 of 4 KiB. Beyond that such clients keep their buffers.
pub const HEADS_SET_ASIDE: usize = 16 * 1024 * 1024;

/// Resolution of every time-out on the data path: deadlines are looked at this often.
pub const DEADLINE_TICK: Duration = Duration::from_millis(50);

/// Longest wait for in-flight requests after SIGTERM or SIGINT before their connections are cut.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// How long unread request bytes are read and thrown away after an answer that closes the
/// connection, so that the answer is not lost to a reset.
pub const LINGER: Duration = Duration::from_secs(1);

/// Bytes read and thrown away while lingering.
pub const LINGER_BYTES: usize = 256 * 1024;

/// Longest TLS handshake.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(5);

/// Bytes of a ClientHello, record headers included, that is read for its server name without
/// terminating TLS. One lease; browsers send 1 to 2 KiB, post-quantum key shares and tickets included.
pub const CLIENT_HELLO_SIZE: usize = 16 * 1024;

/// Bytes of a PROXY protocol header of version 1: the specification's bound, line end included.
pub const PROXY_V1_SIZE: usize = 107;

/// Bytes of a PROXY protocol header of version 2: 16, and 2 KiB of
/// addresses and typed values. Those of a cloud's balancer or of a client certificate are a few hundred.
pub const PROXY_V2_SIZE: usize = 16 + 2048;

/// How long a start waits for an address that is in use. What a killed process leaves in the kernel is gone
/// after a few milliseconds, on a busy machine after some tens.
pub const BIND_PATIENCE: Duration = Duration::from_secs(1);

/// How often it tries.
pub const BIND_AGAIN: Duration = Duration::from_millis(10);

/// Queue of connections the kernel may hold for a listener (bounded by net.core.somaxconn).
pub const LISTEN_BACKLOG: i32 = 4096;

/// Bytes of a response that the kernel may hold for a client beyond what the client's window takes. More
/// would only let a slow reader fill megabytes of kernel memory at full speed: 4,000 of them fill gigabytes.
pub const UNSENT_SIZE: u32 = 128 * 1024;

/// Bytes of one worker's access-log ring: about 7,000 records. Full: the record is dropped and counted.
pub const LOG_RING_BYTES: usize = 1024 * 1024;

/// Bytes of one log line as written, its line feed and syslog header included. HAProxy cuts at 1024 and
/// so loses the closing quote of a long request line; every byte of one may become three here.
pub const LOG_LINE_SIZE: usize = 4096;

/// Bytes of log lines gathered for one write to a file, standard output or standard error.
pub const LOG_BATCH_BYTES: usize = 64 * 1024;

/// Records taken from one worker's ring before the next worker's turn.
pub const LOG_BATCH_RECORDS: usize = 256;

/// Longest sleep of the log thread. At 100 bytes a record a worker's ring holds over 10,000 records,
/// so it fills in this time only beyond 500,000 requests a second.
pub const LOG_IDLE: Duration = Duration::from_millis(20);

/// Messages of torii's own (a server went down) that may wait for the log thread. Full: standard error only.
pub const LOG_NOTICES: usize = 256;

/// How often the log file's name is looked at for a rotation, and a lost syslog daemon for its return.
pub const LOG_REOPEN: Duration = Duration::from_secs(1);

/// Longest wait for a slow syslog daemon to take a line, after which lines are dropped, not
/// waited for, until one is taken again.
pub const LOG_SYSLOG_WAIT: Duration = Duration::from_millis(20);

/// Longest wait at shutdown for the log thread to write what is left, should its target be stuck.
pub const LOG_STOP: Duration = Duration::from_secs(3);

/// Connections that the statistics page serves at once; further ones wait in the kernel's queue.
pub const STATS_CONNECTIONS: usize = 64;

/// Bytes of a request head to the statistics page.
pub const STATS_HEAD_SIZE: usize = 16 * 1024;

/// Longest wait for a request head to the statistics page, idle keep-alive time included.
pub const STATS_REQUEST: Duration = Duration::from_secs(10);

/// Longest life of a connection to the statistics page, so that a reader that stops reading
/// gives its place back.
pub const STATS_CONNECTION_AGE: Duration = Duration::from_secs(120);

/// Pause of the statistics page after an accept that failed for want of descriptors or memory.
pub const STATS_ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Seconds between two loads of the statistics page by a browser that shows it.
pub const STATS_REFRESH_SECONDS: u64 = 10;

/// How often the totals are sampled for the rates of the statistics page: the period of a rate.
pub const STATS_SAMPLE: Duration = Duration::from_secs(1);

/// Exchanges over which the statistics page averages times, as HAProxy does.
pub const STATS_AVERAGE_WINDOW: u64 = 1024;

/// Bytes of a health probe's answer that are read, one buffer for each checked server; a pass needs
/// a whole head, a failure only the status line.
pub const PROBE_RESPONSE_SIZE: usize = 16 * 1024;

/// Bytes of a server's reason phrase that are repeated in notices and reports.
pub const PROBE_INFO_SIZE: usize = 128;

/// Connections that one web server of `torii demo` serves at once: more than all workers keep idle.
pub const DEMO_CONNECTIONS: usize = 4096;

/// Bytes of a command typed into `torii demo` that are kept.
pub const DEMO_COMMAND_SIZE: u64 = 128;

/// Bytes of its log that `torii demo` looks at each time; what is before them is passed over.
pub const DEMO_LOG_LOOK: u64 = 64 * 1024;

/// Access-log lines that `torii demo` prints each time it looks.
pub const DEMO_LOG_LINES: usize = 20;

/// Bytes of a configuration file.
pub const CONFIG_FILE_SIZE: usize = 1024 * 1024;

/// Bytes of a certificate or key file. A chain of ten large certificates is about 30 KiB.
pub const PEM_FILE_SIZE: usize = 1024 * 1024;

/// Certificates of one file: a leaf and its chain.
pub const PEM_CERTIFICATES: usize = 32;

/// Entries of a certificate folder, those skipped included.
pub const CERTIFICATE_FOLDER_ENTRIES: usize = 10_000;

/// Names read from one certificate.
pub const CERTIFICATE_NAMES: usize = 1000;

/// Bytes of a file of networks: a hundred thousand IPv6 networks are about 4 MiB.
pub const NETWORK_FILE_SIZE: usize = 16 * 1024 * 1024;

/// Networks of one list, its files included. A million cost at most 17 MiB, once.
pub const NETWORKS: usize = 1_000_000;

/// Faults of one file of networks that are shown; reading it stops there.
pub const NETWORK_FILE_FAULTS: usize = 10;

/// Bytes of a `password_file`.
pub const PASSWORD_FILE_SIZE: usize = 4096;

/// Errors, and warnings, of one configuration that are shown; the rest are counted.
pub const REPORT_ENTRIES: usize = 100;

/// Bytes of a configuration line that are shown above a caret.
pub const REPORT_LINE: usize = 160;

/// Bytes of a listener's, backend's or server's name, and of a server's cookie value.
pub const NAME_LENGTH: usize = 128;

/// Listeners of one configuration; records hold the index in 16 bits.
pub const LISTENERS: usize = 1024;

/// Addresses of one listener or of the statistics page. Each costs a descriptor per worker.
pub const BIND_ADDRESSES: usize = 256;

/// Backends of one configuration; records hold the index in 16 bits.
pub const BACKENDS: usize = 4096;

/// Servers of one backend; records hold the index in 16 bits.
pub const SERVERS_PER_BACKEND: usize = 4096;

/// Steps in which a worker makes the map of `balance = "source"`: slots (the weights of the servers,
/// added up, over their greatest common divisor) times servers. 16 million take about 20 ms and happen
/// when a server comes or goes; the map itself stays below 2 bytes a slot. All weights equal: no limit.
pub const SOURCE_MAP_STEPS: u64 = 16_777_216;

/// Routes of one listener. They are compared one after the other: a thousand that do not match cost
/// some ten microseconds a request.
pub const ROUTES: usize = 1000;

/// Values in the conditions of one route.
pub const ROUTE_VALUES: usize = 256;

/// Bytes of a redirect's `to`: with every header rule it still fits where the request's head and the
/// headroom before it were.
pub const REDIRECT_SIZE: usize = 300;

/// Fields that one table of header rules removes or sets; each is compared with the fields of its length.
pub const HEADER_RULES: usize = 100;

/// Bytes that header rules may add to a head, those of listener and backend together. It grows into
/// `LEASE_HEADROOM`, where a cookie and the forwarded fields have to fit too (HAProxy:
/// tune.maxrewrite 1024).
pub const HEADER_RULES_SIZE: usize = 1536;

/// Bytes of a page of the operator's own. All pages are kept in memory.
pub const ERROR_PAGE_SIZE: usize = 64 * 1024;

/// Users of the statistics page.
pub const STATS_USERS: usize = 1024;

/// Largest `threads.workers`.
pub const WORKERS_MAX: i64 = 1024;

/// Largest core number of `threads.control_core`.
pub const CORE_MAX: i64 = 4095;

/// Largest `request_body_size` and `minimum_body_rate`: 1 TiB.
pub const BODY_SIZE_MAX: u64 = 1 << 40;

/// Largest `requests_per_connection`.
pub const REQUESTS_MAX: i64 = 1_000_000_000;

/// Largest of every `max_connections`.
pub const CONNECTIONS_MAX: i64 = 10_000_000;

/// Longest time-out or check interval: HAProxy's clock of signed 32-bit milliseconds, in whole days.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 86_400);

/// Shortest check interval.
pub const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Largest `rise` or `fall`.
pub const CHECK_COUNT_MAX: i64 = 1000;

/// Longest `maxidle` or `maxlife` (HAProxy: 2,147,483,647 seconds).
pub const COOKIE_AGE_MAX: Duration = Duration::from_secs(2_147_483_647);

/// Health checks of a backend that says nothing else (HAProxy: `inter 2000 rise 2 fall 3`).
pub mod check {
    use std::time::Duration;
    /// Pause between checks, and the limit of each.
    pub const INTERVAL: Duration = Duration::from_secs(2);
    /// Successes to come up.
    pub const RISE: u32 = 2;
    /// Failures to go down.
    pub const FALL: u32 = 3;
}

/// Time-outs where the configuration says nothing. HAProxy has none and only warns.
pub mod timeouts {
    use std::time::Duration;
    /// TCP connection to a server, per attempt.
    pub const CONNECT: Duration = Duration::from_secs(5);
    /// Wait for a slot at a server (HAProxy: `timeout queue`, there as long as `connect`).
    pub const QUEUE: Duration = Duration::from_secs(5);
    /// Inactivity of the client while it should send or read.
    pub const CLIENT: Duration = Duration::from_secs(30);
    /// Inactivity of the server; also the wait for its response head.
    pub const SERVER: Duration = Duration::from_secs(30);
    /// A whole request head, from its first byte (or the connection) to its end.
    pub const HTTP_REQUEST: Duration = Duration::from_secs(10);
    /// Idle client connection between requests.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
    /// Silence of a tunnel in both directions. Long: an idle WebSocket is nothing unusual, and holds
    /// no buffer.
    pub const TUNNEL: Duration = Duration::from_secs(3600);
}

/// The pair, where `[ha]` says nothing else, and how far its keys go.
pub mod ha {
    use std::time::Duration;
    /// Shared addresses (the count of an advert is one byte; keepalived suggests at most 20). They have
    /// to fit one datagram of 1,280 bytes with 16 bytes each.
    pub const ADDRESSES: usize = 64;
    /// `[[ha.node]]` tables.
    pub const NODES: usize = 8;
    /// Adverts (keepalived: `advert_int 1`).
    pub const ADVERT_INTERVAL: Duration = Duration::from_secs(1);
    /// Shortest interval of version 3, and the step of all of them (RFC 9568 section 5.2.7).
    pub const ADVERT_STEP: Duration = Duration::from_millis(10);
    /// Longest interval of version 3: twelve bits of steps.
    pub const ADVERT_INTERVAL_MAX_V3: Duration = Duration::from_millis(40_950);
    /// Longest interval of version 2: eight bits of seconds.
    pub const ADVERT_INTERVAL_MAX_V2: Duration = Duration::from_secs(255);
    /// Base priority and what may be added to it; 255 would say that a node owns the address and keep
    /// it from ever losing it.
    pub const PRIORITY_MAX: u8 = 254;
    /// Priority of a node that serves, above that of one that does not (keepalived: `weight 2`).
    pub const SERVING_WEIGHT: u8 = 2;
    /// Longest `preempt_delay` (keepalived: 1,000 seconds).
    pub const PREEMPT_DELAY_MAX: Duration = Duration::from_secs(1000);
    /// Drain of a planned hand-over.
    pub const DRAIN: Duration = Duration::from_secs(3);
    /// Longest `drain`.
    pub const DRAIN_MAX: Duration = Duration::from_secs(300);
    /// A worker without a heartbeat for this long does not serve. Twenty of its ticks.
    pub const STALL_LIMIT: Duration = Duration::from_secs(1);
    /// Shortest `stall_limit`: four ticks of a worker, so that a busy core is not taken for a stall.
    pub const STALL_LIMIT_MIN: Duration = Duration::from_millis(200);
    /// Longest `stall_limit`.
    pub const STALL_LIMIT_MAX: Duration = Duration::from_secs(60);
    /// Shortest `announce_refresh` that is not "never".
    pub const ANNOUNCE_REFRESH_MIN: Duration = Duration::from_secs(1);
    /// Longest `announce_refresh`.
    pub const ANNOUNCE_REFRESH_MAX: Duration = Duration::from_secs(86_400);
    /// Port of `transport = "udp"`.
    pub const UDP_PORT: u16 = 8112;
    /// Fewest bytes of a `secret_file`: as many as the hash gives.
    pub const SECRET_MIN: usize = 32;
    /// Most bytes of a `secret_file`.
    pub const SECRET_MAX: usize = 4096;
    /// Changes of state that may wait for the `notify` program; then the oldest of them is not told.
    pub const NOTIFY_QUEUE: usize = 16;
    /// Longest run of the `notify` program; then its process group gets SIGTERM.
    pub const NOTIFY_LIMIT: Duration = Duration::from_secs(30);
    /// And this much later SIGKILL (keepalived: 2 s after the time-out of a script).
    pub const NOTIFY_GRACE: Duration = Duration::from_secs(2);
    /// How long the end of torii waits for the `notify` program.
    pub const NOTIFY_END: Duration = Duration::from_secs(5);
    /// Bytes kept of what the `notify` program says on standard error.
    pub const NOTIFY_WORDS: usize = 512;
    /// Characters of an interface's name (IFNAMSIZ without its end).
    pub const INTERFACE_NAME: usize = 15;
    /// Bytes of a message in a sealed datagram: a version 3 advert of `ADDRESSES` IPv6 addresses.
    pub const SEALED_MESSAGE: usize = 8 + 16 * ADDRESSES;
    /// How far a sender's clock may be from ours before its messages are refused. Without NTP a clock
    /// drifts by seconds in a week; a recorded message is worth something to an attacker only for this
    /// long, and only to a node that has just started.
    pub const CLOCK_WINDOW: Duration = Duration::from_secs(30);
    /// How far it may be before the operator is told.
    pub const CLOCK_WARNING: Duration = Duration::from_secs(5);
    /// How far a clock may be set back before a sender begins a new life instead of counting on.
    pub const CLOCK_STEP: Duration = Duration::from_secs(1);
    /// Lives of one sender that a receiver remembers. A start and a crash are two. When more than eight
    /// of them come within two windows, the oldest life is forgotten early, which is counted and told.
    pub const SENDER_LIVES: usize = 16;
    /// Bytes that the kernel may hold of what was sent to the pair's UDP port: over a thousand datagrams
    /// between two turns of the ha thread, where `net.core.rmem_max` allows it.
    pub const UDP_RECEIVE_BUFFER: usize = 1024 * 1024;
    /// Times that priority 0 is sent back to back. One lost packet would cost the successor the whole wait.
    pub const RESIGN_REPEAT: u8 = 3;
    /// Down intervals between two offers of the addresses to a standby that does not take them: whoever is
    /// heard but does not hear makes an active node resign no more often.
    pub const OFFER_REST: u32 = 8;
    /// Adverts in one interval that others may provoke, so that a flood of theirs becomes no flood of ours.
    pub const ANSWERS_PER_INTERVAL: u32 = 4;
    /// Bytes of the plan that the guard process is given: eight nodes and 64 addresses are 60 KiB.
    pub const GUARD_PLAN_SIZE: usize = 256 * 1024;
    /// Longest wait for a guard to be ready; it takes a few milliseconds.
    pub const GUARD_START: Duration = Duration::from_secs(5);
    /// Longest wait for a guard to end when told to.
    pub const GUARD_END: Duration = Duration::from_secs(1);
    /// When another guard is tried after one that could not be started.
    pub const GUARD_RETRY: Duration = Duration::from_secs(10);
}

pub mod control;
pub mod ha_thread;
