//! Standard output: plain lines, or on a terminal two lines that stay at the bottom.
//!
//! ```text
//!  … messages, one after the other
//!  web1 UP 12 (3/s)   web2 UP 9 (0/s)   web3 DOWN 4 (0/s)      the live line, redrawn in place
//!  1 2 3 l ? q > 2_                                            the prompt; the terminal echoes here
//! ```
//!
//! The terminal stays in its own mode, so nothing has to be restored however the demo ends.

use std::io::{self, IsTerminal, Write};

/// What stands before the cursor.
const PROMPT: &str = "1 2 3 l ? q > ";

/// Where the demo speaks. A reader that is gone is no reason to end it.
pub(super) struct Screen<W> {
    out: W,
    terminal: bool,
    colours: bool,
    live: String,
    /// The live line is there, and the cursor in the line below it.
    below: bool,
}

impl Screen<io::Stdout> {
    /// Standard output. The cursor is moved only where somebody types and looks at a terminal.
    pub(super) fn new() -> Self {
        let capable = std::env::var_os("TERM").is_some_and(|name| name != "dumb");
        let terminal = capable && io::stdin().is_terminal() && io::stdout().is_terminal();
        Self::on(io::stdout(), terminal, terminal && std::env::var_os("NO_COLOR").is_none())
    }
}

impl<W: Write> Screen<W> {
    fn on(out: W, terminal: bool, colours: bool) -> Self {
        Self { out, terminal, colours, live: String::new(), below: false }
    }

    /// Whether colours can be shown.
    pub(super) fn colours(&self) -> bool {
        self.colours
    }

    /// Writes lines above the live line.
    pub(super) fn say(&mut self, text: &str) {
        let mut screen = self.erased();
        screen.push_str(text);
        screen.push('\n');
        if self.terminal && !self.live.is_empty() {
            screen += &self.drawn();
        }
        self.write(&screen);
    }

    /// Shows the live line, if it is another than the one that is there.
    pub(super) fn show(&mut self, live: String) {
        if live == self.live {
            return;
        }
        self.live = live;
        let screen = match (self.terminal, self.below) {
            (false, _) => format!("{}\n", self.live),
            // What is being typed stays where it is: up, to the first column, and back.
            (true, true) => format!("\x1b7\x1b[1A\r\x1b[?7l{}\x1b[K\x1b[?7h\x1b8", self.live),
            (true, _) => self.erased() + &self.drawn(),
        };
        self.write(&screen);
    }

    /// A line was typed: the terminal has moved the cursor on, by how much is not known when several
    /// were. The old live line and what was typed below it stay where they are.
    pub(super) fn line_entered(&mut self) {
        self.below = false;
    }

    /// Draws the live line and the prompt anew.
    pub(super) fn redraw(&mut self) {
        if self.terminal && !self.live.is_empty() {
            let screen = self.erased() + &self.drawn();
            self.write(&screen);
        }
    }

    /// Takes the live line and the prompt away.
    pub(super) fn close(&mut self) {
        let screen = self.erased();
        self.live.clear();
        self.write(&screen);
    }

    fn erased(&mut self) -> String {
        match (self.terminal, std::mem::take(&mut self.below)) {
            (false, _) => String::new(),
            (true, false) => "\r\x1b[J".into(),
            (true, true) => "\x1b[1A\r\x1b[J".into(),
        }
    }

    /// Without wrapping, so that the live line is one line on a narrow terminal too.
    fn drawn(&mut self) -> String {
        self.below = true;
        format!("\x1b[?7l{}\x1b[?7h\n{PROMPT}", self.live)
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn screen(terminal: bool) -> Screen<Vec<u8>> {
        Screen::on(Vec::new(), terminal, false)
    }

    fn written(screen: &mut Screen<Vec<u8>>) -> String {
        String::from_utf8(std::mem::take(&mut screen.out)).unwrap()
    }

    #[test]
    fn a_pipe_gets_plain_lines_and_only_what_is_new() {
        let mut screen = screen(false);
        screen.say("a");
        screen.show("1".into());
        screen.show("1".into());
        screen.line_entered();
        screen.say("b");
        screen.show("2".into());
        screen.close();
        assert_eq!(written(&mut screen), "a\n1\nb\n2\n");
    }

    #[test]
    fn a_terminal_gets_the_live_line_in_place() {
        let mut screen = screen(true);
        screen.show("1".into());
        assert_eq!(written(&mut screen), format!("\r\x1b[J\x1b[?7l1\x1b[?7h\n{PROMPT}"));
        screen.show("2".into());
        assert_eq!(written(&mut screen), "\x1b7\x1b[1A\r\x1b[?7l2\x1b[K\x1b[?7h\x1b8");
    }

    #[test]
    fn messages_go_above_the_live_line() {
        let mut screen = screen(true);
        screen.say("a");
        screen.show("1".into());
        assert_eq!(written(&mut screen), format!("\r\x1b[Ja\n\r\x1b[J\x1b[?7l1\x1b[?7h\n{PROMPT}"));
        screen.say("b");
        assert_eq!(written(&mut screen), format!("\x1b[1A\r\x1b[Jb\n\x1b[?7l1\x1b[?7h\n{PROMPT}"));
        screen.close();
        assert_eq!(written(&mut screen), "\x1b[1A\r\x1b[J");
    }

    #[test]
    fn typed_lines_stay_and_nothing_is_written_over_them() {
        let mut screen = screen(true);
        screen.show("1".into());
        written(&mut screen);
        screen.line_entered();
        screen.say("b");
        screen.line_entered();
        screen.redraw();
        let redrawn = format!("\x1b[?7l1\x1b[?7h\n{PROMPT}");
        assert_eq!(written(&mut screen), format!("\r\x1b[Jb\n{redrawn}\r\x1b[J{redrawn}"));
    }
}
