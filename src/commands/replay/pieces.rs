//! A log in pieces of whole lines, each searched and with the times of its lines: read on a thread
//! of its own while the piece before is judged.

use std::io::{self, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::{panic, thread};

use super::PEEK;
use crate::engine::{Searched, Searcher};
use crate::time::{LogClock, Timestamp};

/// As large as a piece is, unless a line is longer.
const PIECE: usize = 1 << 17;
/// So many pieces wait for the engine.
const WAITING: usize = 4;

/// Some whole lines; the last ones, or those of a line without an end, are as long as they are.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) searched: Searched,
    /// Where each line or frame ends, and its time if it has one.
    pub(super) lines: Vec<(usize, Option<Timestamp>)>,
}

/// A log as far as it was read.
pub(super) struct Begun<'a> {
    /// What was read already.
    pub(super) read: Vec<u8>,
    /// That was all.
    pub(super) ended: bool,
    pub(super) rest: &'a mut (dyn Read + Send),
    pub(super) clock: LogClock,
}

/// Gives the pieces of a log, in their order.
pub(super) fn each_piece(
    log: Begun<'_>,
    searcher: &Searcher,
    mut give: impl FnMut(Piece),
) -> io::Result<()> {
    thread::scope(|scope| {
        let (pieces, given) = sync_channel(WAITING);
        let reader = scope.spawn(move || read_all(log, searcher, &pieces));
        given.iter().for_each(&mut give);
        reader.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}

fn read_all(mut log: Begun<'_>, searcher: &Searcher, pieces: &SyncSender<Piece>) -> io::Result<()> {
    loop {
        let cut = log.cut();
        if cut > 0 {
            let rest = log.read.split_off(cut);
            let bytes = std::mem::replace(&mut log.read, rest);
            if pieces.send(log.piece(bytes, searcher)).is_err() {
                return Ok(());
            }
        } else if log.ended {
            return Ok(());
        } else {
            log.ended = read_more(log.rest, &mut log.read, PIECE)?;
        }
    }
}

impl Begun<'_> {
    /// How long the next piece is; 0: more must be read first, if there is more.
    fn cut(&self) -> usize {
        let first = &self.read[..self.read.len().min(PIECE)];
        let newline = memchr::memrchr(b'\n', first).or_else(|| memchr::memchr(b'\n', &self.read));
        let all = self.ended || self.read.len() > PEEK;
        newline.map_or(if all { self.read.len() } else { 0 }, |newline| newline + 1)
    }

    fn piece(&mut self, bytes: Vec<u8>, searcher: &Searcher) -> Piece {
        let mut searched = Searched::default();
        searcher.search(&bytes, &mut searched);
        let ends = memchr::memchr2_iter(b'\n', b'\r', &bytes).map(|end| end + 1);
        let mut start = 0;
        let mut lines = Vec::new();
        for end in ends.chain([bytes.len()]) {
            if end > start {
                lines.push((end, self.clock.time_of(&bytes[start..end])));
            }
            start = end;
        }
        Piece { bytes, searched, lines }
    }
}

/// Reads until the buffer has `target` bytes more or the log is at its end, which it tells.
pub(super) fn read_more(
    log: &mut dyn Read,
    buffer: &mut Vec<u8>,
    target: usize,
) -> io::Result<bool> {
    let before = buffer.len();
    let read = log.take(target as u64).read_to_end(buffer)?;
    Ok(read < target && buffer.len() - before < target)
}
