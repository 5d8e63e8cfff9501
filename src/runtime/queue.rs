//! The queue from the sources to the engine: bounded by bytes, stamped on arrival.
//!
//! Policy when it is full: a source waits, for a moment at most, since the engine is only slower
//! than the program then. If the engine takes nothing for that long it is stuck; from then on what
//! does not fit is dropped and counted, and comes out as one `Gap` for each source, until half the
//! queue is free again. So an engine that hangs never blocks the run.
//!
//! While the engine is busy, what comes next may be searched ahead (`runtime::ahead`).
//!
//! Who takes comes at the time that it said, or right after its work, unless this process was
//! stopped (SIGSTOP). Then the sources saw nothing either, and what looks like silence is none: the
//! time in which nothing came is made one between `Stopped` and `Continued`.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::input::ProcessEnd;
use crate::engine::rules::RuleSet;
use crate::engine::{Input, Searched, Searcher, SourceId};
use crate::runtime::ahead::Chunk;
use crate::runtime::clock::Clock;
use crate::sources::Sink;
use crate::time::Timestamp;

/// Bytes of chunks that may wait.
const CAPACITY: usize = 2 << 20;
/// So many events may be searched ahead; half of them are worth waking who does it.
pub(super) const AHEAD: usize = 16;
/// Bytes of memory that are kept for the next search: enough for usual lines.
const MOST_SPARE: usize = 256 << 10;
/// Who comes so much too late to take was stopped.
const LATE: Duration = Duration::from_secs(2);
/// How long a source waits for an engine that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// An input that owns its bytes.
#[derive(Debug)]
pub enum Event {
    Started {
        pid: u32,
    },
    Opened {
        source: SourceId,
        name: String,
    },
    Chunk {
        source: SourceId,
        chunk: Arc<Chunk>,
    },
    Gap {
        source: SourceId,
        bytes: u64,
    },
    Closed {
        source: SourceId,
    },
    Sample {
        source: SourceId,
        metric: String,
        step: Option<f64>,
        value: f64,
    },
    Mark {
        number: u64,
    },
    Repeats {
        on: bool,
    },
    Stopped,
    Continued,
    Ended(ProcessEnd),
    Restarting {
        attempt: u32,
        most: u32,
        after: Duration,
    },
    Finished,
    /// Other rules hold from now on. Not an input: what the run does is the same.
    Rules(Box<RuleSet>),
}

impl Event {
    pub fn chunk(source: SourceId, bytes: Vec<u8>) -> Self {
        Self::Chunk { source, chunk: Arc::new(Chunk::new(bytes)) }
    }

    /// What the engine is told; none for what is not an input.
    pub fn as_input(&self) -> Option<Input<'_>> {
        Some(match self {
            Self::Started { pid } => Input::Started { pid: *pid },
            Self::Opened { source, name } => Input::Opened { source: *source, name },
            Self::Chunk { source, chunk } => Input::Chunk { source: *source, bytes: chunk.bytes() },
            Self::Gap { source, bytes } => Input::Gap { source: *source, bytes: *bytes },
            Self::Closed { source } => Input::Closed { source: *source },
            Self::Sample { source, metric, step, value } => {
                Input::Sample { source: *source, metric, step: *step, value: *value }
            }
            Self::Mark { number } => Input::Mark { number: *number },
            Self::Repeats { on } => Input::Repeats { on: *on },
            Self::Stopped => Input::Stopped,
            Self::Continued => Input::Continued,
            Self::Ended(end) => Input::Ended(end.clone()),
            Self::Restarting { attempt, most, after } => {
                Input::Restarting { attempt: *attempt, most: *most, after: *after }
            }
            Self::Finished => Input::Finished,
            Self::Rules(_) => return None,
        })
    }

    fn from_input(input: Input<'_>) -> Self {
        match input {
            Input::Started { pid } => Self::Started { pid },
            Input::Opened { source, name } => Self::Opened { source, name: name.to_owned() },
            Input::Chunk { source, bytes } => Self::chunk(source, bytes.to_vec()),
            Input::Gap { source, bytes } => Self::Gap { source, bytes },
            Input::Closed { source } => Self::Closed { source },
            Input::Sample { source, metric, step, value } => {
                Self::Sample { source, metric: metric.to_owned(), step, value }
            }
            Input::Mark { number } => Self::Mark { number },
            Input::Repeats { on } => Self::Repeats { on },
            Input::Stopped => Self::Stopped,
            Input::Continued => Self::Continued,
            Input::Ended(end) => Self::Ended(end),
            Input::Restarting { attempt, most, after } => Self::Restarting { attempt, most, after },
            Input::Finished => Self::Finished,
        }
    }

    fn chunk_len(&self) -> usize {
        if let Self::Chunk { chunk, .. } = self { chunk.bytes().len() } else { 0 }
    }
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<(Timestamp, Event)>,
    /// Bytes of the chunks in `events`.
    bytes: usize,
    /// What was dropped and not yet told, by source.
    dropped: Vec<(SourceId, u64)>,
    stuck: bool,
    sources: u32,
    /// The run is stopped, and the engine is told of that by others.
    stopped: bool,
    /// When something was taken last or began to be waited for, and when it is taken at the latest.
    awake: Option<(Timestamp, Timestamp)>,
    /// Whether the engine waits for an event, and how many sources for room: to wake nobody costs
    /// a system call too.
    is_awaited: bool,
    waiting: usize,
    ahead: Ahead,
}

/// What is searched ahead.
#[derive(Debug, Default)]
struct Ahead {
    /// None: nothing is searched.
    searcher: Option<Arc<Searcher>>,
    /// So many of the first events were given away to be searched, or are no chunks.
    given: usize,
    /// Who searches waits for something to do.
    waits: bool,
    ended: bool,
    /// Memory of what was used.
    spare: Vec<Searched>,
}

#[derive(Debug)]
pub struct Queue {
    clock: Clock,
    state: Mutex<State>,
    arrived: Condvar,
    taken: Condvar,
    to_search: Condvar,
}

impl Queue {
    pub fn new(clock: Clock) -> Self {
        // Also before the engine takes anything.
        let state = State { awake: Some((clock.now(), clock.now())), ..State::default() };
        Self {
            clock,
            state: Mutex::new(state),
            arrived: Condvar::new(),
            taken: Condvar::new(),
            to_search: Condvar::new(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The next event and its time of arrival; none at `deadline` if nothing came until then.
    pub fn take(&self, deadline: Option<Timestamp>) -> Option<(Timestamp, Event)> {
        let mut state = self.lock();
        loop {
            let now = self.clock.now();
            state.notice_stop(now);
            state.awake = Some((now, now));
            if !state.events.is_empty() {
                break;
            }
            state.is_awaited = true;
            state = match deadline {
                None => {
                    state.awake = None;
                    self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
                Some(deadline) if now >= deadline => {
                    state.is_awaited = false;
                    return None;
                }
                Some(deadline) => {
                    state.awake = Some((now, deadline));
                    let wait = deadline.since(now);
                    self.arrived.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let (at, event) = state.events.pop_front()?;
        state.bytes -= event.chunk_len();
        state.ahead.given = state.ahead.given.saturating_sub(1);
        self.wake_searcher(&mut state);
        if state.bytes <= CAPACITY / 2 {
            state.stuck = false;
            // Not for each chunk: source and engine would run in turn.
            if state.waiting > 0 {
                self.taken.notify_all();
            }
        }
        Some((at, event))
    }

    /// What comes may be searched by this from now on.
    pub fn search_by(&self, searcher: &Arc<Searcher>) {
        self.lock().ahead.searcher = Some(Arc::clone(searcher));
    }

    /// Nothing is to be searched ahead any more.
    pub fn end_search(&self) {
        let mut state = self.lock();
        state.ahead = Ahead { ended: true, ..Ahead::default() };
        self.to_search.notify_all();
    }

    /// What was found was used; its memory is not needed any more.
    pub fn give_back(&self, searched: Searched) {
        let mut state = self.lock();
        let has_room = state.ahead.spare.len() < AHEAD && searched.kept() <= MOST_SPARE;
        if has_room && !state.ahead.ended {
            state.ahead.spare.push(searched);
        }
    }

    /// The next chunk that nobody has searched, by what it is searched, and memory for what is
    /// found. None: the search has ended.
    pub(super) fn next_to_search(&self) -> Option<(Arc<Chunk>, Arc<Searcher>, Searched)> {
        let mut state = self.lock();
        loop {
            if state.ahead.ended {
                return None;
            }
            if let Some((chunk, searcher)) = state.give_to_search() {
                return Some((chunk, searcher, state.ahead.spare.pop().unwrap_or_default()));
            }
            state.ahead.waits = true;
            state = self.to_search.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether there is nothing to be searched now.
    #[cfg(test)]
    pub(super) fn gives_none(&self) -> bool {
        self.lock().give_to_search().is_none()
    }

    /// If there is enough to do.
    fn wake_searcher(&self, state: &mut State) {
        let is_worth_it = state.events.len().min(AHEAD) >= state.ahead.given + AHEAD / 2;
        if state.ahead.waits && is_worth_it && state.ahead.searcher.is_some() {
            state.ahead.waits = false;
            self.to_search.notify_one();
        }
    }

    /// Other rules hold for all that comes from now on.
    pub fn put_rules(&self, rules: RuleSet) {
        let mut state = self.lock();
        let at = self.clock.now();
        self.push(&mut state, at, Event::Rules(Box::new(rules)));
    }

    fn push(&self, state: &mut State, at: Timestamp, event: Event) {
        state.push(at, event);
        self.wake_searcher(state);
        if std::mem::take(&mut state.is_awaited) {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held leaves a queue that is whole: each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for `len` bytes, after waiting for it for a while if need be.
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        len: usize,
    ) -> (MutexGuard<'a, State>, bool) {
        // An empty queue takes anything: a chunk larger than the queue must not be lost.
        while !state.stuck && state.bytes > 0 && state.bytes + len > CAPACITY {
            state.waiting += 1;
            let began = self.clock.now();
            let (guard, timeout) =
                self.taken.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.waiting -= 1;
            // If it took much longer, it was we who were stopped.
            let in_time = self.clock.now().since(began) < PATIENCE + LATE;
            state.stuck |= timeout.timed_out() && in_time && state.bytes + len > CAPACITY;
        }
        let room = !state.stuck && (state.bytes == 0 || state.bytes + len <= CAPACITY);
        (state, room)
    }
}

impl State {
    fn push(&mut self, at: Timestamp, event: Event) {
        self.bytes += event.chunk_len();
        self.events.push_back((at, event));
    }

    fn give_to_search(&mut self) -> Option<(Arc<Chunk>, Arc<Searcher>)> {
        let searcher = self.ahead.searcher.as_ref()?;
        while self.ahead.given < self.events.len().min(AHEAD) {
            let event = self.events.get(self.ahead.given).map(|(_, event)| event);
            self.ahead.given += 1;
            if let Some(Event::Chunk { chunk, .. }) = event {
                return Some((Arc::clone(chunk), Arc::clone(searcher)));
            }
        }
        None
    }

    /// To be called when something is about to be taken.
    fn notice_stop(&mut self, now: Timestamp) {
        let Some((awake, due)) = self.awake else { return };
        let due = self.events.front().map_or(due, |(arrived, _)| due.min(*arrived));
        if self.stopped || now <= due.after(LATE) {
            return;
        }
        // The longest time between one that put or took and the next.
        let mut gap = (Duration::ZERO, 0, awake, awake);
        let mut before = awake;
        let arrivals = self.events.iter().map(|(at, _)| *at);
        for (index, at) in arrivals.chain([now]).enumerate() {
            if at > before {
                gap = gap.max((at.since(before), index, before, at));
                before = at;
            }
        }
        let (length, index, from, to) = gap;
        if length > LATE {
            self.events.insert(index, (to, Event::Continued));
            self.events.insert(index, (from, Event::Stopped));
            if index < self.ahead.given {
                self.ahead.given += 2;
            }
        }
    }

    fn drop_bytes(&mut self, source: SourceId, bytes: u64) {
        match self.dropped.iter_mut().find(|(id, _)| *id == source) {
            Some((_, sum)) => *sum += bytes,
            None => self.dropped.push((source, bytes)),
        }
    }

    /// Tells what was dropped, before anything that came after it.
    fn push_gaps(&mut self, at: Timestamp) {
        for (source, bytes) in std::mem::take(&mut self.dropped) {
            self.push(at, Event::Gap { source, bytes });
        }
    }
}

impl Sink for Queue {
    fn open(&self, name: &str) -> SourceId {
        let mut state = self.lock();
        let source = SourceId(state.sources);
        state.sources += 1;
        let at = self.clock.now();
        self.push(&mut state, at, Event::Opened { source, name: name.to_owned() });
        source
    }

    fn put(&self, input: Input<'_>) {
        let mut state = self.lock();
        if let Input::Chunk { source, bytes } = input {
            let room;
            (state, room) = self.wait_for_room(state, bytes.len());
            if !room {
                return state.drop_bytes(source, bytes.len() as u64);
            }
        }
        match input {
            Input::Stopped => state.stopped = true,
            Input::Continued => state.stopped = false,
            _ => {}
        }
        // The clock is read under the lock, so that times never go backwards in the queue.
        let at = self.clock.now();
        state.push_gaps(at);
        self.push(&mut state, at, Event::from_input(input));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_larger_than_the_queue_passes() {
        let queue = Queue::new(Clock::start());
        let source = queue.open("stdout");
        queue.put(Input::Chunk { source, bytes: &vec![b'x'; CAPACITY + 1] });
        assert!(matches!(queue.take(None), Some((_, Event::Opened { .. }))));
        assert!(matches!(queue.take(None), Some((_, Event::Chunk { .. }))));
    }

    #[test]
    fn what_a_stuck_engine_does_not_take_comes_out_as_one_gap() {
        let queue = Queue::new(Clock::start());
        let source = queue.open("stdout");
        queue.put(Input::Chunk { source, bytes: &vec![b'x'; CAPACITY] });
        queue.lock().stuck = true;
        queue.put(Input::Chunk { source, bytes: b"lost" });
        queue.put(Input::Chunk { source, bytes: b"lost too" });
        queue.put(Input::Closed { source });
        let mut kinds = Vec::new();
        while let Some((_, event)) = queue.take(Some(Timestamp::MIN)) {
            kinds.push(event);
        }
        assert!(
            matches!(
                kinds.as_slice(),
                [
                    Event::Opened { .. },
                    Event::Chunk { .. },
                    Event::Gap { bytes: 12, .. },
                    Event::Closed { .. }
                ]
            ),
            "{kinds:?}"
        );
    }

    #[test]
    fn nothing_comes_after_the_deadline() {
        let queue = Queue::new(Clock::start());
        assert!(queue.take(Some(Timestamp::MIN)).is_none());
    }

    /// What is in the queue, in words, after a stop was looked for at `now`.
    fn noticed(awake: (i64, i64), arrivals: &[i64], now: i64, stopped: bool) -> Vec<String> {
        let second = Timestamp::from_secs;
        let arrived = |at: &i64| (second(*at), Event::Mark { number: at.unsigned_abs() });
        let mut state = State {
            events: arrivals.iter().map(arrived).collect(),
            stopped,
            awake: Some((second(awake.0), second(awake.1))),
            ..State::default()
        };
        state.notice_stop(second(now));
        let words = |(at, event): &(Timestamp, Event)| match event {
            Event::Mark { .. } => format!("{}", at.since(second(0)).as_secs()),
            event => format!("{event:?} {}", at.since(second(0)).as_secs()),
        };
        state.events.iter().map(words).collect()
    }

    #[test]
    fn a_stop_before_the_engine_took_anything_is_noticed() {
        let queue = Queue::new(Clock::start());
        let later = queue.clock.now().after(Duration::from_secs(60));
        let mut state = queue.lock();
        state.notice_stop(later);
        let kinds: Vec<_> = state.events.iter().map(|(_, event)| event).collect();
        assert!(matches!(kinds[..], [Event::Stopped, Event::Continued]), "{kinds:?}");
    }

    #[test]
    fn the_time_in_which_we_were_stopped_is_no_silence() {
        for (case, awake, arrivals, now, expected) in [
            ("while it waited", (10, 15), &[][..], 70, &["Stopped 10", "Continued 70"][..]),
            ("before it had a line", (10, 15), &[11], 16, &["11", "Stopped 11", "Continued 16"]),
            ("just after a line", (10, 15), &[11], 70, &["11", "Stopped 11", "Continued 70"]),
            ("a line right after", (10, 15), &[70], 71, &["Stopped 10", "Continued 70", "70"]),
            ("both", (10, 10), &[11, 70], 70, &["11", "Stopped 11", "Continued 70", "70"]),
            ("in time", (10, 15), &[], 16, &[]),
            ("only the engine was slow", (10, 10), &[11, 12, 14], 15, &["11", "12", "14"]),
        ] {
            assert_eq!(noticed(awake, arrivals, now, false), expected, "{case}");
        }
        assert_eq!(noticed((10, 15), &[], 70, true), [] as [String; 0], "it is told already");
    }
}
