//! Options about what is asked for, by whom, and what a good answer is.

use std::path::PathBuf;

use crate::limits::USERS_MAX;
use crate::request::{Expectations, PersistenceRule, Shape, StatusSet, TargetUrl};

use super::units::size;

/// Bytes of a request's body at most: it is held in memory once.
const BODY_MAX: u64 = 1 << 30;

/// What is asked for.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArguments {
    /// What to ask for: http:// or https://. Several are mixed evenly, or by weight: `3@http://…`
    #[arg(required = true, value_name = "[WEIGHT@]URL")]
    pub urls: Vec<TargetUrl>,

    /// Method (default: GET, or POST with a body)
    #[arg(long, short = 'm', default_value = "", hide_default_value = true)]
    pub method: String,

    /// Another field of the request; `Host` and `User-Agent` are replaced. May be given again
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = field)]
    pub header: Vec<(String, String)>,

    /// Body: a text
    #[arg(long, value_name = "TEXT", group = "content")]
    pub body: Option<String>,

    /// Body: a file
    #[arg(long, value_name = "FILE", group = "content")]
    pub body_file: Option<PathBuf>,

    /// Body: so many bytes, as 10k
    #[arg(long, value_name = "SIZE", value_parser = size, group = "content")]
    pub body_size: Option<u64>,

    /// A new connection for each request (`Connection: close`)
    #[arg(long)]
    pub close: bool,

    /// Keep cookies, each virtual user its own
    #[arg(long)]
    pub cookies: bool,

    /// Virtual users of an open loop, who take turns (a closed loop has one per connection)
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=USERS_MAX)
    )]
    pub users: u64,

    /// Count every answer that does not come from the server that the user's cookie of this name
    /// points to (turns --cookies on; servers have to name themselves, see --server-field)
    #[arg(long, value_name = "COOKIE")]
    pub verify_persistence: Option<String>,

    /// Response field in which a server says who it is; answers are counted by it
    #[arg(long, value_name = "NAME", default_value = "X-Origin")]
    pub server_field: String,

    /// Statuses that are good, as `200`, `2xx,304`, `200-204` (default: all below 400)
    #[arg(long, value_name = "STATUSES")]
    pub expect_status: Option<StatusSet>,

    /// Length that every body has to have
    #[arg(long, value_name = "BYTES")]
    pub expect_length: Option<u64>,

    /// Text that every body has to contain
    #[arg(long, value_name = "TEXT")]
    pub expect_body: Option<String>,

    /// SHA-256 that every body has to have, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub expect_sha256: Option<[u8; 32]>,

    /// Field that every answer has to have, or field and value
    #[arg(long, value_name = "NAME[: VALUE]", value_parser = wanted_field)]
    pub expect_header: Option<(String, Option<String>)>,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn wanted_field(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    Ok((name.trim().to_owned(), value.map(|value| value.trim().to_owned())))
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "a SHA-256 is 64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(digest)
}

impl RequestArguments {
    /// The form of every request.
    ///
    /// # Errors
    /// A file cannot be read, or something cannot stand in a request.
    pub fn shape(&self) -> Result<Shape, String> {
        let body = match (&self.body, &self.body_file, self.body_size) {
            (Some(text), ..) => Some(text.clone().into_bytes()),
            (_, Some(path), _) => {
                let length =
                    std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
                if length > BODY_MAX {
                    return Err(format!(
                        "{} is larger than a body may be ({BODY_MAX} bytes)",
                        path.display()
                    ));
                }
                Some(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
            }
            (.., Some(size)) if size > BODY_MAX => {
                return Err(format!("a body of {size} bytes is larger than {BODY_MAX}"));
            }
            (.., Some(size)) => Some(vec![b'x'; size as usize]),
            _ => None,
        };
        let shape =
            Shape { method: self.method.clone(), fields: self.header.clone(), body, close: self.close };
        shape.check()?;
        Ok(shape)
    }

    /// What a good answer is.
    pub fn expectations(&self) -> Expectations {
        Expectations {
            statuses: self.expect_status.clone(),
            body_length: self.expect_length,
            body_contains: self.expect_body.as_ref().map(|text| text.clone().into_bytes()),
            body_sha256: self.expect_sha256,
            field: self.expect_header.clone(),
        }
    }

    /// What is held to be persistence.
    pub fn persistence(&self) -> Option<PersistenceRule> {
        let cookie = self.verify_persistence.clone()?;
        Some(PersistenceRule { cookie, server_field: self.server_field.clone() })
    }
}
