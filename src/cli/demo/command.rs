//! What a line typed into the demo means.

/// A command. Servers are numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Stop a server that runs, start one that does not.
    Toggle(usize),
    /// Stop a server.
    Stop(usize),
    /// Start a server.
    Start(usize),
    /// Begin or end printing the access log.
    Log,
    /// Say what can be typed.
    Help,
    /// End the demo.
    Quit,
    /// An empty line.
    Nothing,
    /// Anything else.
    Unknown,
}

/// What can be typed.
pub(super) const HELP: &str = "  1, 2, 3          stop that server, or start it again (also: stop 2, start 2)
  l                print the lines of the access log as they are written, or stop printing them
  ?                this list
  q                end the demo (so does Ctrl-C)";

/// Reads a line; `servers` is how many there are.
pub(super) fn parse(line: &str, servers: usize) -> Command {
    let mut words = line.split_ascii_whitespace();
    let (first, second, rest) = (words.next(), words.next(), words.next());
    let Some(first) = first else { return Command::Nothing };
    if rest.is_some() {
        return Command::Unknown;
    }
    let known = match (first, second) {
        ("l" | "log", None) => Some(Command::Log),
        ("?" | "h" | "help", None) => Some(Command::Help),
        ("q" | "quit" | "exit", None) => Some(Command::Quit),
        ("stop", Some(name)) => server(name, servers).map(Command::Stop),
        ("start", Some(name)) => server(name, servers).map(Command::Start),
        (name, None) => server(name, servers).map(Command::Toggle),
        _ => None,
    };
    known.unwrap_or(Command::Unknown)
}

/// `2` or `web2`.
fn server(name: &str, servers: usize) -> Option<usize> {
    let number: usize = name.strip_prefix("web").unwrap_or(name).parse().ok()?;
    (1..=servers).contains(&number).then(|| number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_toggles() {
        assert_eq!(parse("1", 3), Command::Toggle(0));
        assert_eq!(parse(" web3 \r", 3), Command::Toggle(2));
    }

    #[test]
    fn words_say_which_way() {
        assert_eq!(parse("stop 2", 3), Command::Stop(1));
        assert_eq!(parse("start web2", 3), Command::Start(1));
    }

    #[test]
    fn letters_are_commands() {
        let commands = ["l", "?", "help", "q", ""].map(|line| parse(line, 3));
        assert_eq!(commands, [Command::Log, Command::Help, Command::Help, Command::Quit, Command::Nothing]);
    }

    #[test]
    fn anything_else_is_unknown() {
        for line in [
            "0",
            "4",
            "-1",
            "stop",
            "stop 4",
            "1 2",
            "q q",
            "web",
            "1 2 3",
            "\u{fffd}",
            "99999999999999999999",
        ] {
            assert_eq!(parse(line, 3), Command::Unknown, "{line:?}");
        }
    }
}
