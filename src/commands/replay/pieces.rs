//! A log in pieces of whole lines, each searched: read on a thread of its own while the piece
//! before is judged.

use std::io::{self, Read};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::{panic, thread};

use super::{BLOCK, PEEK};
use crate::engine::{Searched, Searcher};

/// So many pieces wait for the engine.
const WAITING: usize = 2;

/// Some whole lines; the last ones, or those of a line without an end, are as long as they are.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) searched: Searched,
}

/// Gives the pieces of what was read already, and of the rest of the log unless it has `ended`.
pub(super) fn each_piece(
    (read, ended): (Vec<u8>, bool),
    log: &mut (dyn Read + Send),
    searcher: &Searcher,
    mut give: impl FnMut(Piece),
) -> io::Result<()> {
    thread::scope(|scope| {
        let (pieces, given) = sync_channel(WAITING);
        let reader = scope.spawn(move || read_all((read, ended), log, searcher, &pieces));
        given.iter().for_each(&mut give);
        reader.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}

fn read_all(
    (mut read, mut ended): (Vec<u8>, bool),
    log: &mut dyn Read,
    searcher: &Searcher,
    pieces: &SyncSender<Piece>,
) -> io::Result<()> {
    loop {
        let mut whole = memchr::memrchr(b'\n', &read).map_or(0, |newline| newline + 1);
        if ended || read.len() - whole > PEEK {
            whole = read.len();
        }
        let rest = read.split_off(whole);
        let mut searched = Searched::default();
        searcher.search(&read, &mut searched);
        if pieces.send(Piece { bytes: read, searched }).is_err() || ended {
            return Ok(());
        }
        read = rest;
        ended = read_more(log, &mut read, BLOCK)?;
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
