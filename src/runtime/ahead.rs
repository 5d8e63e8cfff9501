//! Chunks on their way to the engine, which are searched ahead while the engine is busy.
//!
//! It is never waited for: what nobody has searched when its turn comes, the engine searches
//! itself. So a run that prints little pays nothing, and what comes of it is the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::{Searched, Searcher};
use crate::runtime::queue::Queue;

/// Bytes that were read, and what was found in them.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    /// Locked while it is searched.
    search: Mutex<Search>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are done, and memory is reused")]
enum Search {
    NotYet,
    Done(Searched),
    /// The engine has taken what there was.
    Over,
}

impl Chunk {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, search: Mutex::new(Search::NotYet) }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was found ahead, if it was searched; whoever is at it is waited for.
    pub fn take_searched(&self) -> Option<Searched> {
        match std::mem::replace(&mut *self.lock(), Search::Over) {
            Search::Done(searched) => Some(searched),
            Search::NotYet | Search::Over => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Search> {
        // Of a search that panicked nothing was kept.
        self.search.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn search(&self, searcher: &Searcher, mut memory: Searched) {
        let mut search = self.lock();
        if matches!(*search, Search::NotYet) {
            searcher.search(&self.bytes, &mut memory);
            *search = Search::Done(memory);
        }
    }
}

/// Searches what waits in the queue, until nothing is to be searched any more.
pub fn search_ahead(queue: &Queue) {
    while let Some((chunk, searcher, memory)) = queue.next_to_search() {
        // The engine will see for itself what is wrong with it.
        let is_done = catch_unwind(AssertUnwindSafe(|| chunk.search(&searcher, memory)));
        if is_done.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config;
    use crate::engine::{Effect, Engine, Input, SourceId};
    use crate::runtime::clock::Clock;
    use crate::runtime::driver::{Newest, Word, drive};
    use crate::runtime::queue::{AHEAD, Event};
    use crate::runtime::recording::Recording;
    use crate::sources::Sink as _;
    use crate::time::Timestamp;

    const RULES: &str = "rules:\n- { name: high, when: loss > 7.5, cooldown: 0s }\n\
                         - { name: boom, match: 'boom (?<boom>\\d+)', cooldown: 0s }\n";

    fn engine(started: Timestamp) -> Engine {
        let config = config::compile("rules", RULES, Path::new(""), &|_| None);
        Engine::new(config.unwrap().rules, started, false)
    }

    /// Chunks that end anywhere.
    fn chunks() -> Vec<Vec<u8>> {
        let line = |n: u32| match n % 50 {
            7 => format!("boom {n}\n"),
            9 => format!("  3%|# | {n}/9999\r"),
            _ => format!("step {n} loss={}.{} lr=1e-{} acc=0.{n}\n", n % 9, n % 10, n % 7),
        };
        let text: String = (1..9999).map(line).collect();
        text.as_bytes().chunks(1_007).map(<[u8]>::to_vec).collect()
    }

    fn next(queue: &Queue) -> Arc<Chunk> {
        let (chunk, searcher, memory) = queue.next_to_search().unwrap();
        chunk.search(&searcher, memory);
        chunk
    }

    #[test]
    fn chunks_are_searched_in_their_order_and_only_so_many_ahead() {
        let queue = Queue::new(Clock::start());
        let source = queue.open("stdout");
        for number in 0..40_u8 {
            queue.put(Input::Chunk { source, bytes: &[number] });
        }
        queue.search_by(engine(Timestamp::default()).searcher());
        assert!(matches!(queue.take(None), Some((_, Event::Opened { .. }))));
        let searched: Vec<u8> = (0..AHEAD).map(|_| next(&queue).bytes()[0]).collect();
        assert!(searched.into_iter().eq((0..40).take(AHEAD)));
        assert!(queue.gives_none());
        for expected in 0..2 {
            let Some((_, Event::Chunk { chunk, .. })) = queue.take(None) else { panic!() };
            assert_eq!(chunk.bytes(), [expected]);
            assert!(chunk.take_searched().is_some());
        }
        assert_eq!(usize::from(next(&queue).bytes()[0]), AHEAD);
        queue.end_search();
        assert!(queue.next_to_search().is_none());
    }

    #[test]
    fn what_the_engine_has_taken_is_not_searched_any_more() {
        let chunk = Chunk::new(b"loss=1\n".to_vec());
        let engine = engine(Timestamp::default());
        assert!(chunk.take_searched().is_none());
        chunk.search(engine.searcher(), Searched::default());
        assert!(chunk.take_searched().is_none());
    }

    #[test]
    fn who_searches_ahead_changes_no_alert() {
        let clock = Clock::start();
        let (queue, source) = (Queue::new(clock), SourceId(0));
        let mut alone = engine(clock.started());
        let mut effects = Vec::new();
        queue.open("stdout");
        alone.handle(clock.started(), Input::Opened { source, name: "stdout" }, &mut effects);
        for bytes in &chunks() {
            queue.put(Input::Chunk { source, bytes });
            alone.handle(clock.started(), Input::Chunk { source, bytes }, &mut effects);
        }
        queue.put(Input::Finished);
        alone.handle(clock.started(), Input::Finished, &mut effects);
        let told = |effect: &Effect| match effect {
            Effect::Alert(alert) => Some((alert.rule.clone(), alert.origin.clone())),
            _ => None,
        };
        let expected: Vec<_> = effects.iter().filter_map(told).collect();
        let mut said = Vec::new();
        let (newest, recording) = (Newest::default(), Recording::default());
        drive(engine(clock.started()), &queue, clock.started(), &newest, recording, &mut |word| {
            if let Word::Report(report) = word {
                said.push((report.alert.rule, report.alert.origin));
            }
        });
        assert_eq!(said, expected);
        assert!(said.len() > 30, "{}", said.len());
    }
}
