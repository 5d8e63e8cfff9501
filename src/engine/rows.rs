//! The rows of a terminal above the cursor, as far as it takes to know one that is drawn again.
//!
//! Knows no line and no control sequence. Rows are fingerprints, so memory is constant.

/// The last rows, by place and by time.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// What was drawn last, whatever its place.
    recent: [u64; Self::KEPT as usize],
    next: usize,
    /// What stands in each row, the lowest one before `lowest`.
    shown: [u64; Self::KEPT as usize],
    lowest: usize,
    /// What stood where the cursor went up to, and was not drawn again yet.
    again: Vec<u64>,
}

impl Default for Rows {
    fn default() -> Self {
        let empty = [0; Self::KEPT as usize];
        Self { recent: empty, next: 0, shown: empty, lowest: 0, again: Vec::new() }
    }
}

impl Rows {
    /// More rows than a terminal has.
    pub(super) const KEPT: u32 = 128;

    /// This text was ended in the row that is `above` the lowest one.
    pub(super) fn add(&mut self, text: &[u8], above: u32) {
        let print = fingerprint(text);
        self.recent[self.next] = print;
        self.next = (self.next + 1) % self.recent.len();
        let slot = self.slot(above);
        self.shown[slot] = print;
        if above == 0 {
            self.lowest = (self.lowest + 1) % self.shown.len();
        }
    }

    /// The cursor went up: what stands there may be drawn again, there or further down.
    pub(super) fn go_up(&mut self, above: u32) {
        let stood = (1..=above.min(Self::KEPT)).map(|above| self.shown[self.slot(above)]);
        self.again = stood.filter(|print| *print != 0).collect();
    }

    /// Whether this stood there when the cursor went up; each such row is known once.
    pub(super) fn take_again(&mut self, text: &[u8]) -> bool {
        if self.again.is_empty() {
            return false;
        }
        let print = fingerprint(text);
        let found = self.again.iter().position(|again| *again == print);
        found.map(|at| self.again.swap_remove(at)).is_some()
    }

    /// Whether anything may be drawn again.
    pub(super) fn are_settled(&self) -> bool {
        self.again.is_empty()
    }

    /// What comes now stands below what was drawn again.
    pub(super) fn settle(&mut self) {
        self.again.clear();
    }

    /// Whether it was drawn lately.
    pub(super) fn contains(&self, text: &[u8]) -> bool {
        self.recent.contains(&fingerprint(text))
    }

    fn slot(&self, above: u32) -> usize {
        let kept = self.shown.len();
        (self.lowest + kept - (above as usize).min(kept)) % kept
    }
}

fn fingerprint(text: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ text.len() as u64;
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(<[u8; 8]>::try_from(word).unwrap_or_default());
        hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
    for byte in words.remainder() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}
