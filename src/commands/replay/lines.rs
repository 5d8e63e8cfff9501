//! The lines of a log, each at its time, given to the engine with as few calls as will do.

use std::io::Write;
use std::ops::Range;

use super::pieces::Piece;
use super::{ASSUMED, Replay};
use crate::engine::SourceId;
use crate::time::Timestamp;

impl<W: Write> Replay<W> {
    pub(super) fn piece(&mut self, source: SourceId, piece: Piece) {
        let Piece { bytes, searched, lines } = piece;
        self.searched = searched;
        self.bytes += bytes.len() as u64;
        // What is not handled yet, the part of it that is of the present time, and the line.
        let (mut from, mut present, mut at) = (0, 0, 0);
        for (end, time) in lines {
            let line = &bytes[at..end];
            // The line itself is still to be handled.
            if self.question.as_ref().is_some_and(|question| question.line <= self.lines) {
                break;
            }
            let number = self.lines + 1;
            if let Some(question) = self.question.as_mut().filter(|q| q.line == number) {
                question.add(line);
            }
            self.lines += u64::from(line.ends_with(b"\n"));
            let time = match time {
                Some(time) => self.now.max(time),
                None if !self.timed => self.now.after(ASSUMED),
                None => self.now,
            };
            // Lines of the same time are one chunk.
            if time != self.now {
                if !self.put_off(source, (&bytes, present..at), (end, time)) {
                    self.chunk(source, &bytes, from..at);
                    from = at;
                }
                (present, self.before, self.now) = (at, self.now, time);
            }
            at = end;
        }
        self.chunk(source, &bytes, from..at);
    }

    fn put_off(
        &mut self,
        source: SourceId,
        part: (&[u8], Range<usize>),
        until: (usize, Timestamp),
    ) -> bool {
        let engine = self.engine.as_mut().filter(|_| self.question.is_none());
        engine
            .is_some_and(|engine| engine.put_off(self.now, source, part, &mut self.searched, until))
    }

    fn chunk(&mut self, source: SourceId, bytes: &[u8], part: Range<usize>) {
        if part.is_empty() {
            return;
        }
        let searched = std::mem::take(&mut self.searched);
        self.step(|engine, now, effects| {
            engine.handle_searched(now, source, (bytes, part), &searched, effects);
        });
        self.searched = searched;
    }
}
