//! The table as a whole.

use std::time::Duration;

use toml::Spanned;

use super::{addresses, nodes, notify, priorities, protocol, transport};
use crate::config::check::whole::Place;
use crate::config::model::{Ha, Listener, Takeover};
use crate::config::reader::{quoted, shown};
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits::ha as defaults;

/// Checks the table; `None` with an error that leaves nothing to go on with.
pub fn check(
    written: &schema::Ha,
    listeners: &[Listener],
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Ha> {
    let interface = interface(written.interface.as_ref(), findings);
    let addresses = addresses::check(written, findings);
    let nodes = nodes::check(written, &addresses, findings);
    let serving_weight = priorities::check(written, &nodes, findings);
    let protocol = protocol::check(written, &addresses, findings);
    let transport = transport::check(written, place, findings);
    let notify = notify::check(written.notify.as_ref(), place, findings);
    addresses::warn_of_unserved(&addresses, listeners, findings);
    let preempt = written.preempt.as_ref().is_none_or(|flag| *flag.get_ref());
    if let (Some(delay), false) = (&written.preempt_delay, preempt) {
        let help = "remove `preempt_delay`, or write `preempt = true`";
        findings.warning(delay.span(), "`preempt_delay` has no effect with `preempt = false`", help);
    }
    announce_refresh(written.announce_refresh.as_ref(), findings);
    Some(Ha {
        interface: interface?,
        virtual_router_id: u8::try_from(*written.virtual_router_id.as_ref()?.get_ref()).ok()?,
        addresses: addresses.into_iter().map(Spanned::into_inner).collect(),
        version: protocol.version,
        advert_interval: protocol.advert_interval,
        auth_pass: protocol.auth_pass,
        serving_weight,
        preempt,
        preempt_delay: duration(written.preempt_delay.as_ref(), Duration::ZERO),
        takeover: match written.takeover.as_ref().map(|word| *word.get_ref()) {
            Some("skew") => Takeover::Skew,
            _ => Takeover::Immediate,
        },
        transport: transport?,
        checksum: protocol.checksum,
        drain: duration(written.drain.as_ref(), defaults::DRAIN),
        stall_limit: duration(written.stall_limit.as_ref(), defaults::STALL_LIMIT),
        announce_refresh: duration(written.announce_refresh.as_ref(), Duration::ZERO),
        notify,
        nodes: nodes.into_iter().map(|node| node.checked).collect(),
    })
}

fn duration(written: Option<&Spanned<Duration>>, default: Duration) -> Duration {
    written.map_or(default, |duration| *duration.get_ref())
}

/// What the kernel takes as a name (`dev_valid_name`); whether there is one of it is seen at start.
fn interface(written: Option<&Spanned<String>>, findings: &mut Findings) -> Option<String> {
    let name = written?;
    let text = name.get_ref();
    let possible = (1..=defaults::INTERFACE_NAME).contains(&text.len())
        && !matches!(text.as_str(), "." | "..")
        && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if !possible {
        let help = format!(
            "write a name that `ip link` shows, such as \"eth0\": 1 to {} characters",
            defaults::INTERFACE_NAME
        );
        findings.error(name.span(), format!("{} is not the name of an interface", quoted(text)), help);
        return None;
    }
    if text == "lo" {
        let message = format!("{} reaches no other node", shown(text));
        let help = "write the interface on the network of the shared addresses, such as \"eth0\"";
        findings.error(name.span(), message, help);
        return None;
    }
    Some(text.clone())
}

/// Off, or not so often that it floods the network.
fn announce_refresh(written: Option<&Spanned<Duration>>, findings: &mut Findings) {
    if let Some(refresh) = written
        && !refresh.get_ref().is_zero()
        && *refresh.get_ref() < defaults::ANNOUNCE_REFRESH_MIN
    {
        let help = "write \"1s\" or more, such as \"60s\", or \"0s\" for never";
        findings.error(refresh.span(), "announcements every so often would flood the network", help);
    }
}
