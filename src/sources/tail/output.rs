//! Where bytes, gaps and notices of all files go, and the counts of them. Knows no file system.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::engine::tfevents::{Events, is_event_file};
use crate::engine::{Input, SourceId};
use crate::sources::Sink;
use crate::sources::tail::{Echo, Notice};

/// What was read, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sources that were opened: files, and new beginnings of truncated files.
    pub sources: u64,
    pub bytes: u64,
    /// A path that named a new file.
    pub rotations: u64,
    /// A file that was emptied or written anew.
    pub truncations: u64,
    /// Places at which bytes are missing, or may be.
    pub gaps: u64,
    /// Bytes that are known to be lost; there may be more at each gap.
    pub lost_bytes: u64,
    pub read_errors: u64,
}

impl Summary {
    /// What was lost, in a sentence; none if nothing was.
    pub fn losses(&self) -> Option<String> {
        (self.gaps > 0).then(|| {
            format!(
                "gaps: {} in what was followed, {} bytes lost or more",
                self.gaps, self.lost_bytes
            )
        })
    }
}

/// A stretch of one file's bytes on its way to the sink. The source opens with the first byte.
#[derive(Debug, Default)]
pub(super) struct Stream {
    source: Option<SourceId>,
    /// Of an event file, for the echo, and to know where its records begin.
    events: Events,
}

impl Stream {
    /// As many bytes of an event file's last record came.
    pub(super) fn unfinished(&self) -> u64 {
        self.events.unfinished() as u64
    }
}

pub(super) struct Output {
    sink: Arc<dyn Sink>,
    echo: Option<Echo>,
    notices: Box<dyn FnMut(&Notice) + Send>,
    /// Texts of notices that are not said again.
    said: BTreeSet<String>,
    pub(super) summary: Summary,
}

/// More different notices than these are not kept apart, nor said.
const MOST_NOTICES: usize = 10_000;

impl Output {
    pub(super) fn new(
        sink: Arc<dyn Sink>,
        echo: Option<Echo>,
        notices: Box<dyn FnMut(&Notice) + Send>,
    ) -> Self {
        Self { sink, echo, notices, said: BTreeSet::new(), summary: Summary::default() }
    }

    pub(super) fn sink(&self) -> &dyn Sink {
        self.sink.as_ref()
    }

    pub(super) fn chunk(&mut self, stream: &mut Stream, path: &Path, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let name = path.to_string_lossy();
        let source = self.source(stream, &name);
        self.summary.bytes += bytes.len() as u64;
        match (&mut self.echo, is_event_file(&name)) {
            (Some(echo), true) => echo.scalars(&name, &mut stream.events, bytes),
            (None, true) => stream.events.push(bytes, &mut |_| {}),
            (Some(echo), false) => echo.copy(&name, bytes),
            (None, false) => {}
        }
        self.sink.put(Input::Chunk { source, bytes });
    }

    /// `bytes` are known to be missing; 0 says that some may be, nobody can tell how many.
    pub(super) fn gap(&mut self, stream: &mut Stream, path: &Path, bytes: u64) {
        let source = self.source(stream, &path.to_string_lossy());
        self.summary.gaps += 1;
        self.summary.lost_bytes += bytes;
        stream.events.gap();
        self.sink.put(Input::Gap { source, bytes });
    }

    pub(super) fn close(&mut self, stream: &mut Stream) {
        stream.events.gap();
        if let Some(source) = stream.source.take() {
            self.sink.put(Input::Closed { source });
        }
    }

    /// Says it once.
    pub(super) fn tell(&mut self, notice: &Notice) {
        if self.said.len() < MOST_NOTICES && self.said.insert(notice.to_string()) {
            (self.notices)(notice);
        }
    }

    /// The cause of this notice is over; should it come again, it is said again.
    pub(super) fn forget(&mut self, notice: &Notice) {
        if !self.said.is_empty() {
            self.said.remove(&notice.to_string());
        }
    }

    fn source(&mut self, stream: &mut Stream, name: &str) -> SourceId {
        *stream.source.get_or_insert_with(|| {
            self.summary.sources += 1;
            self.sink.open(name)
        })
    }
}
