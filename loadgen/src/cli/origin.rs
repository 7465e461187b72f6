//! `origin`: the bundled web server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Stop, Think};
use crate::origin::{AnswerShape, Delay, Origin, OriginPlan};
use crate::tls::server_config;

use super::load::think;
use super::session::{ModeError, ModeResult};
use super::units::{size, some_time_ns};

/// Bytes of an answer at most: it is held in memory three times, with chunks and a cookie eight.
const SIZE_MAX: u64 = 256 << 20;

/// Options of the mode.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct OriginArguments {
    /// Where to listen; port 0 takes a free one. May be given again
    #[arg(long, short = 'l', value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    listen: Vec<SocketAddr>,

    /// Threads, each with its own clients
    #[arg(
        long,
        short = 't',
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=256)
    )]
    threads: u64,

    /// Who it is: the value of the field X-Origin, and of the cookie
    #[arg(long, value_name = "NAME", default_value = "origin", value_parser = token)]
    name: String,

    /// Set a persistence cookie of this name for those who do not bring it
    #[arg(long, value_name = "COOKIE", value_parser = token)]
    cookie: Option<String>,

    /// Bytes of the body, as 10k
    #[arg(long, value_name = "SIZE", default_value = "64", value_parser = size)]
    size: u64,

    /// Send the body in chunks of this size
    #[arg(long, value_name = "SIZE", value_parser = size)]
    chunk: Option<u64>,

    /// Status of the answers
    #[arg(
        long,
        value_name = "CODE",
        default_value_t = 200,
        value_parser = clap::value_parser!(u16).range(200..=599)
    )]
    status: u16,

    /// Hold each answer back: 10ms, 5ms..15ms (even), or exp:10ms (exponential, mean)
    #[arg(long, value_name = "TIME", value_parser = think, conflicts_with_all = ["stall_every", "stall_for"])]
    delay: Option<Think>,

    /// Stall all answers again and again, so often
    #[arg(long, value_name = "TIME", value_parser = some_time_ns, requires = "stall_for")]
    stall_every: Option<u64>,

    /// Length of such a stall
    #[arg(long, value_name = "TIME", value_parser = some_time_ns, requires = "stall_every")]
    stall_for: Option<u64>,

    /// Speak TLS, with a certificate of its own making unless --cert and --key are given
    #[arg(long)]
    tls: bool,

    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "key", requires = "tls")]
    cert: Option<PathBuf>,

    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  # Two servers to balance, which set a persistence cookie and say who they are (X-Origin).
  torii-loadgen origin --listen 127.0.0.1:9001 --name web1 --cookie SRV
  torii-loadgen origin --listen 127.0.0.1:9002 --name web2 --cookie SRV

  # One that stalls for a second in every ten.
  torii-loadgen origin --stall-every 10s --stall-for 1s

  # One of 10 KiB in chunks over TLS, each answer after 5 to 15 ms.
  torii-loadgen origin --tls --size 10k --chunk 1k --delay 5ms..15ms";

/// What can stand in a field and in a cookie.
fn token(text: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_good) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits, `-`, `_` and `.` only".to_owned()),
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// See `ModeError`.
pub fn run(arguments: &OriginArguments, stop: &Stop) -> ModeResult {
    if arguments.size > SIZE_MAX {
        return Err(ModeError::Usage(format!(
            "an answer of {} bytes is larger than {SIZE_MAX}",
            arguments.size
        )));
    }
    let files = arguments.cert.as_deref().zip(arguments.key.as_deref());
    let tls = match arguments.tls {
        true => Some(server_config(files).map_err(ModeError::Usage)?),
        false => None,
    };
    let delay = match (arguments.delay, arguments.stall_every.zip(arguments.stall_for)) {
        (_, Some((every_ns, length_ns))) => Delay::Stall { every_ns, length_ns },
        (Some(Think::Fixed(time)), _) => Delay::Fixed(time),
        (Some(Think::Exponential(mean)), _) => Delay::Exponential(mean),
        (Some(Think::Uniform(least, most)), _) => Delay::Uniform(least, most),
        (Some(Think::None) | None, None) => Delay::None,
    };
    let answer = AnswerShape {
        status: arguments.status,
        size: arguments.size as usize,
        chunk: arguments.chunk.map(|size| size as usize),
        name: arguments.name.clone(),
        cookie: arguments.cookie.clone(),
    };
    let listen = arguments.listen.clone();
    let plan = OriginPlan { listen, threads: arguments.threads as usize, answer, delay, tls };
    let origin =
        Origin::start(plan).map_err(|error| ModeError::Run(format!("the origin cannot start: {error}")))?;
    for address in origin.addresses() {
        println!("ready {address}");
    }
    while !stop.is_asked() {
        if origin.has_ended() {
            let why = origin.join().err().map_or("it ended".to_owned(), |error| error.to_string());
            return Err(ModeError::Run(why));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(0)
}
