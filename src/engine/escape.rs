//! Terminal escape sequences, byte by byte, in a few bytes of memory.
//!
//! Tells what a sequence does to the line under the cursor; knows no text and no line. Sources:
//! ECMA-48 (CSI, OSC, DCS) and ctlseqs of xterm. Colours and titles do nothing to a line.

/// A control string (OSC, DCS, APC) longer than this is no control string: what follows is text.
const LONGEST_STRING: u32 = 16 * 1024;
/// A CSI sequence longer than this is broken.
const LONGEST_CSI: u8 = 64;

/// What a sequence does to the cursor or the line. Counts are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Up(u16),
    Down(u16),
    Forward(u16),
    Back(u16),
    /// Counted from 0.
    Column(u16),
    EraseRight,
    EraseLine,
    /// The cursor is on some other row now, which one is not known.
    Elsewhere,
}

/// What became of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// It belongs to the sequence, which goes on.
    More,
    /// It ended the sequence.
    Done(Effect),
    /// It does not belong to the sequence, which is given up: the byte is to be read as text.
    Refused,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    /// `ESC (` and the like: one more byte.
    Intermediate,
    Csi,
    /// OSC, DCS, APC, PM, SOS: until BEL or ESC \.
    String,
    StringEscape,
}

/// The machine. `begin` is called at ESC, `feed` for each byte after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Escape {
    state: State,
    /// The first parameter.
    number: u16,
    /// A second parameter, a private marker or an intermediate was seen.
    further: bool,
    private: bool,
    length: u32,
}

impl Escape {
    pub(crate) fn begin(&mut self) {
        *self = Self { state: State::Escape, ..Self::default() };
    }

    /// Whether a sequence is open.
    pub(crate) fn is_open(&self) -> bool {
        self.state != State::Ground
    }

    pub(crate) fn feed(&mut self, byte: u8) -> Fed {
        // A line never ends inside a sequence: one that was cut off must not eat what follows.
        if matches!(byte, b'\n' | b'\r') {
            return self.end(Fed::Refused);
        }
        match self.state {
            State::Ground => Fed::Refused,
            State::Escape => self.after_escape(byte),
            State::Intermediate => match byte {
                0x20..=0x2f => Fed::More,
                _ => self.end(Fed::Done(Effect::Nothing)),
            },
            State::Csi => self.in_csi(byte),
            State::String | State::StringEscape => self.in_string(byte),
        }
    }

    fn end(&mut self, fed: Fed) -> Fed {
        self.state = State::Ground;
        fed
    }

    fn after_escape(&mut self, byte: u8) -> Fed {
        match byte {
            b'[' => self.state = State::Csi,
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::String,
            0x20..=0x2f => self.state = State::Intermediate,
            0x1b => {}
            b'M' => return self.end(Fed::Done(Effect::Up(1))),
            b'D' | b'E' => return self.end(Fed::Done(Effect::Down(1))),
            b'8' | b'c' => return self.end(Fed::Done(Effect::Elsewhere)),
            0x30..=0x7e => return self.end(Fed::Done(Effect::Nothing)),
            _ => return self.end(Fed::Refused),
        }
        Fed::More
    }

    fn in_csi(&mut self, byte: u8) -> Fed {
        self.length += 1;
        if self.length > u32::from(LONGEST_CSI) {
            return self.end(Fed::Refused);
        }
        match byte {
            b'0'..=b'9' if !self.further => {
                self.number = self.number.saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                Fed::More
            }
            b'0'..=b'9' => Fed::More,
            b';' | b':' => {
                self.further = true;
                Fed::More
            }
            0x3c..=0x3f => {
                self.private = true;
                Fed::More
            }
            0x20..=0x2f => {
                self.private = true;
                Fed::More
            }
            0x40..=0x7e => {
                let effect = if self.private { Effect::Nothing } else { self.csi_effect(byte) };
                self.end(Fed::Done(effect))
            }
            0x1b => {
                self.begin();
                Fed::More
            }
            _ => self.end(Fed::Refused),
        }
    }

    fn csi_effect(&self, last: u8) -> Effect {
        let count = self.number.max(1);
        match (last, self.number) {
            (b'A' | b'F', _) => Effect::Up(count),
            (b'B' | b'E' | b'e', _) => Effect::Down(count),
            (b'C' | b'a', _) => Effect::Forward(count),
            (b'D', _) => Effect::Back(count),
            (b'G' | b'`', _) => Effect::Column(count - 1),
            (b'K' | b'J', 0) => Effect::EraseRight,
            (b'K', 2) | (b'J', 2 | 3) => Effect::EraseLine,
            (b'H' | b'f' | b'd' | b'u', _) => Effect::Elsewhere,
            _ => Effect::Nothing,
        }
    }

    fn in_string(&mut self, byte: u8) -> Fed {
        self.length += 1;
        if self.length > LONGEST_STRING {
            return self.end(Fed::Refused);
        }
        match (self.state, byte) {
            // ST is ESC \; another byte after ESC begins a new sequence.
            (State::StringEscape, b'\\') => self.end(Fed::Done(Effect::Nothing)),
            (State::StringEscape, _) => {
                self.begin();
                self.after_escape(byte)
            }
            (_, 0x07) => self.end(Fed::Done(Effect::Nothing)),
            (_, 0x1b) => {
                self.state = State::StringEscape;
                Fed::More
            }
            _ => Fed::More,
        }
    }
}
