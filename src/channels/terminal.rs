//! Standard error of the supervisor: a message as a framed block, plain enough for a log file.
//!
//! Text from the run cannot act on the terminal: no control character of it gets through, and no
//! character that reverses the direction of what follows. It knows no terminal either: width and
//! colours are told.

use std::io::{self, Write};

use unicode_width::UnicodeWidthChar as _;

use crate::engine::alert::{AlertState, Severity};
use crate::render::Message;
use crate::render::chart::spark;
use crate::render::message::MessageKind;
use crate::time::format_duration;

/// Where the block is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns; 80 where it is not known.
    pub width: usize,
    /// Not with `NO_COLOR`, and not to a file.
    pub colour: bool,
    /// A terminal may be in raw mode, in which a newline alone does not return to the first column.
    pub tty: bool,
}

/// Beyond this, lines are hard to read.
const WIDEST: usize = 100;
const NARROWEST: usize = 24;

/// Writes the block in one write, so that nothing of the run's comes in between.
pub fn write(message: &Message, look: Look, output: &mut dyn Write) -> io::Result<()> {
    output.write_all(render(message, look).as_bytes())?;
    output.flush()
}

/// The block. It begins with a newline, since the run may have left the cursor in mid-line.
pub fn render(message: &Message, look: Look) -> String {
    let tone = Tone::of(message);
    let width = look.width.clamp(NARROWEST, WIDEST);
    let mut block = Block { look, tone, room: width.saturating_sub(2), text: String::new() };
    block.newline();
    block.top(message, width);
    block.paragraph(&message.title, Style::Bold);
    if !message.body.trim().is_empty() {
        block.empty();
        block.paragraph(&message.body, Style::Plain);
    }
    if !message.fields.is_empty() {
        block.empty();
        block.fields(message);
    }
    if !message.lines.is_empty() {
        block.empty();
        for line in &message.lines {
            block.output(line);
        }
    }
    let sparks: Vec<String> = message.curves.iter().filter_map(spark).collect();
    if !sparks.is_empty() {
        block.empty();
        sparks.iter().for_each(|spark| block.paragraph(spark, Style::Plain));
    }
    if let Some(path) = &message.chart_path {
        block.empty();
        block.paragraph(&format!("chart: {path}"), Style::Plain);
    }
    block.bottom(message, width);
    block.text
}

/// The text without anything that acts on a terminal; what is replaced stays visible.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push_str("    "),
            c if c.is_control() || reorders(c) => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    clean
}

/// Line separators, and the controls of the Unicode bidirectional algorithm (UAX #9).
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}')
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Bold,
    Dim,
    Tone,
}

/// How a message announces itself.
#[derive(Clone, Copy)]
struct Tone {
    label: &'static str,
    /// SGR parameter (ECMA-48) of the colour.
    colour: &'static str,
}

impl Tone {
    fn of(message: &Message) -> Self {
        let (label, colour) = match (message.kind, message.state, message.severity) {
            (_, AlertState::Resolved, _) => ("RESOLVED", "32"),
            (MessageKind::Report, _, Severity::Info) => ("REPORT", "36"),
            (MessageKind::Note, _, Severity::Info) => ("NOTE", "36"),
            (MessageKind::End, _, Severity::Info) => ("END", "32"),
            (_, _, Severity::Info) => ("INFO", "36"),
            (_, _, Severity::Warning) => ("WARNING", "33"),
            (_, _, Severity::Critical) => ("CRITICAL", "31"),
        };
        Self { label, colour }
    }
}

struct Block {
    look: Look,
    tone: Tone,
    /// Columns to the right of the bar.
    room: usize,
    text: String,
}

impl Block {
    /// `╭─ CRITICAL · diverged ───────── resnet50 on gpu-07 ─`
    fn top(&mut self, message: &Message, width: usize) {
        self.styled("╭─ ", Style::Tone);
        self.styled(self.tone.label, Style::Tone);
        let mut used = 3 + self.tone.label.len();
        let rule = clean(&message.rule);
        if !rule.is_empty() {
            let rule = shorten(&rule, width.saturating_sub(used + 5));
            used += 3 + columns(&rule);
            self.styled(" · ", Style::Tone);
            self.styled(&rule, Style::Bold);
        }
        let run = clean(&format!("{} on {}", message.run.name, message.run.host));
        let room = width.saturating_sub(used + 6);
        let run = if room < 8 { String::new() } else { shorten(&run, room) };
        let right = if run.is_empty() { 0 } else { columns(&run) + 3 };
        let dashes = width.saturating_sub(used + 1 + right);
        self.styled(&format!(" {}", "─".repeat(dashes)), Style::Tone);
        if !run.is_empty() {
            self.styled(&format!(" {run} "), Style::Plain);
            self.styled("─", Style::Tone);
        }
        self.newline();
    }

    /// `╰─ 2026-11-23T04:00:00Z · after 2h 05m ──`
    fn bottom(&mut self, message: &Message, width: usize) {
        let seconds = message.at.to_string();
        let (date, _) = seconds.split_once('.').unwrap_or((seconds.trim_end_matches('Z'), ""));
        let elapsed = message.run.elapsed.map(format_duration);
        let text = match elapsed {
            Some(elapsed) => format!("{date}Z · after {elapsed}"),
            None => format!("{date}Z"),
        };
        let text = shorten(&text, width.saturating_sub(5));
        let dashes = width.saturating_sub(4 + columns(&text));
        self.styled("╰─ ", Style::Tone);
        self.styled(&text, Style::Dim);
        self.styled(&format!(" {}", "─".repeat(dashes)), Style::Tone);
        self.newline();
    }

    fn empty(&mut self) {
        self.styled("│", Style::Tone);
        self.newline();
    }

    fn bar(&mut self) {
        self.styled("│ ", Style::Tone);
    }

    fn paragraph(&mut self, text: &str, style: Style) {
        for line in text.lines() {
            for part in wrap(&clean(line), self.room) {
                self.bar();
                self.styled(part.trim_end(), style);
                self.newline();
            }
        }
    }

    /// A line of the run's output: unwrapped where it fits, else cut into pieces, nothing lost.
    fn output(&mut self, line: &str) {
        let line = clean(line);
        for part in cut(&line, self.room.saturating_sub(2)) {
            self.bar();
            self.styled(&format!("  {part}"), Style::Dim);
            self.newline();
        }
    }

    /// Pairs side by side, as many as fit.
    fn fields(&mut self, message: &Message) {
        let mut used = 0;
        for field in &message.fields {
            let name = shorten(&clean(&field.name), self.room / 2);
            let rest = self.room.saturating_sub(columns(&name) + 1);
            let value = shorten(&clean(&field.value), rest);
            let pair = columns(&name) + 1 + columns(&value);
            if used > 0 && used + 3 + pair <= self.room {
                self.text.push_str("   ");
                used += 3 + pair;
            } else {
                if used > 0 {
                    self.newline();
                }
                self.bar();
                used = pair;
            }
            self.styled(&name, Style::Dim);
            self.text.push(' ');
            self.styled(&value, Style::Plain);
        }
        self.newline();
    }

    fn styled(&mut self, text: &str, style: Style) {
        let parameter = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Tone => self.tone.colour,
            Style::Plain => "",
        };
        if self.look.colour && !parameter.is_empty() && !text.is_empty() {
            self.text.push_str(&format!("\x1b[{parameter}m{text}\x1b[0m"));
        } else {
            self.text.push_str(text);
        }
    }

    fn newline(&mut self) {
        self.text.push_str(if self.look.tty { "\r\n" } else { "\n" });
    }
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn columns(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

/// At most `room` columns, with an ellipsis where something is missing.
fn shorten(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let mut short = cut(text, room.saturating_sub(1)).into_iter().next().unwrap_or_default();
    short.push('…');
    short
}

/// Pieces of at most `room` columns (a wider character stands alone).
fn cut(text: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        if used + width_of(c) > room && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        used += width_of(c);
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

/// Lines of at most `room` columns, broken at spaces where there are any.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let bare = columns(word.trim_end());
        if used > 0 && used + bare > room {
            lines.push(String::new());
            used = 0;
        }
        let pieces = if bare > room { cut(word, room) } else { vec![word.to_owned()] };
        for (index, piece) in pieces.into_iter().enumerate() {
            if index > 0 {
                lines.push(String::new());
                used = 0;
            }
            used += columns(&piece);
            if let Some(last) = lines.last_mut() {
                last.push_str(&piece);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::render::message::{Field, RunLabel};
    use crate::time::Timestamp;

    fn message(title: &str, lines: &[&str]) -> Message {
        let field = |name: &str, value: &str| Field { name: name.into(), value: value.into() };
        Message {
            kind: MessageKind::Alert,
            severity: Severity::Critical,
            state: AlertState::Firing,
            run: RunLabel {
                id: "r1".to_owned(),
                name: "resnet50".to_owned(),
                host: "gpu-07".to_owned(),
                command: "python train.py".to_owned(),
                elapsed: Some(Duration::from_secs(7_500)),
            },
            rule: "diverged".to_owned(),
            at: Timestamp::from_secs(1_795_401_203),
            title: title.to_owned(),
            body: "It was 0.31 ten steps ago.".to_owned(),
            fields: vec![
                field("loss", "nan"),
                field("lr", "0.0003"),
                field("step", "1200 of 5000"),
            ],
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
            chart_path: Some("/scratch/plots/loss.png".to_owned()),
            curves: Vec::new(),
            exit: None,
        }
    }

    const PLAIN: Look = Look { width: 60, colour: false, tty: false };

    #[test]
    fn a_block_is_framed_and_complete() {
        let text =
            render(&message("loss is NaN", &["step 1199 loss 0.31", "step 1200 loss nan"]), PLAIN);
        let expected = "
╭─ CRITICAL · diverged ──────────────── resnet50 on gpu-07 ─
│ loss is NaN
│
│ It was 0.31 ten steps ago.
│
│ loss nan   lr 0.0003   step 1200 of 5000
│
│   step 1199 loss 0.31
│   step 1200 loss nan
│
│ chart: /scratch/plots/loss.png
╰─ 2026-11-23T02:33:23Z · after 2h 05m ─────────────────────
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_block_is_one_write() {
        struct Writes(Vec<Vec<u8>>);
        impl Write for Writes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writes = Writes(Vec::new());
        let message = message("x", &["y"]);
        write(&message, PLAIN, &mut writes).unwrap();
        assert_eq!(writes.0, [render(&message, PLAIN).into_bytes()]);
    }

    #[test]
    fn a_terminal_in_raw_mode_gets_carriage_returns() {
        let text = render(&message("x", &[]), Look { tty: true, ..PLAIN });
        assert!(text.starts_with("\r\n") && text.ends_with("\r\n"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }

    #[test]
    fn colours_are_only_there_when_wanted() {
        assert!(!render(&message("x", &["y"]), PLAIN).contains('\x1b'));
        let coloured = render(&message("x", &["y"]), Look { colour: true, ..PLAIN });
        assert!(coloured.contains("\x1b[31m"));
        assert_eq!(coloured.matches("\x1b[").count() % 2, 0, "each colour is ended");
    }

    #[test]
    fn the_run_cannot_act_on_the_terminal() {
        let evil = "a\x1b]52;c;evil\x07b\u{9b}2Jc\rd\u{202e}e\u{2028}f\0g\x08";
        let text = render(&message(evil, &[evil]), Look { width: 200, ..PLAIN });
        for c in ['\x1b', '\x07', '\u{9b}', '\r', '\u{202e}', '\u{2028}', '\0', '\x08'] {
            assert!(!text.contains(c), "{c:?}");
        }
        assert!(text.contains('g'), "what can be shown is shown");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            title in any::<String>(), line in any::<String>(), rule in any::<String>(),
            name in any::<String>(), value in any::<String>(), width in 0_usize..300,
        ) {
            let mut message = message(&title, &[&line]);
            message.rule = rule;
            message.run.name = name.clone();
            message.fields.push(Field { name, value });
            let text = render(&message, Look { width, ..PLAIN });
            for line in text.lines() {
                prop_assert!(columns(line) <= width.clamp(NARROWEST, WIDEST), "{line:?}");
                prop_assert!(!line.chars().any(|c| c.is_control() || reorders(c)), "{line:?}");
            }
        }

        #[test]
        fn nothing_of_the_text_is_lost(line in "[a-z漢 ]{0,200}", room in 2_usize..50) {
            prop_assert_eq!(cut(&line, room).concat(), line.clone());
            prop_assert_eq!(wrap(&line, room).concat(), line);
        }
    }
}
