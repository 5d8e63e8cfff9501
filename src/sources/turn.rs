//! Whose turn it is to read a stream of the command: that of the thread that passes it on, or that
//! of the keeper while the supervisor is stopped.
//!
//! Both read the same pipe or terminal. So that the order of the output is kept, one of them reads
//! at a time, and which one stands in memory that the two processes share. What the keeper read
//! goes into a file (`sources::spill`), which the thread reads before it goes on with the stream.
//!
//! ```text
//!              ┌────────── take ─────────┐            ask
//!  Reader ◀──▶ Free ── take_over ──▶ Keeper ──────────────────▶ Asked
//!              ▲                       │  ▲  take_over             │
//!              └── spill was read ── Spilled ◀── hand_back ────────┘
//! ```
//!
//! A stopped thread may have been caught within its turn, in which it only calls read(2). Whether
//! that call has taken bytes, the keeper sees from `rchar` of the thread in proc_pid_io(5): it is
//! more than the thread wrote down before. Then the turn is as good as over. If it is not, the
//! thread reads as soon as it goes on, so that the stream is left alone.
//!
//! Nothing here waits, and nothing trusts that the other process is stopped: each step is one
//! compare-and-swap, whose value never comes back.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::thread::gettid;

/// Of a command: its stdout and its stderr.
pub const MOST_STREAMS: usize = 2;

/// What the two processes share of one stream. Of integers only, and all zero at the start.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Words {
    /// A `Holder`, and a number above it.
    holder: AtomicU64,
    /// Bytes in the spill.
    kept: AtomicU64,
    /// So many of them were read.
    taken: AtomicU64,
    /// Bytes after the spill that it did not take.
    dropped: AtomicU64,
    /// The reading thread; 0: not known.
    thread: AtomicU64,
}

/// The lower bits of `Words::holder`.
const HOLDER_BITS: u32 = 3;
const FREE: u64 = 0;
/// The thread; above: its `rchar` before it reads.
const READER: u64 = 1;
/// Somebody else in the thread's process.
const CLOSER: u64 = 2;
/// These three with the number of the keeper's turn above.
const KEEPER: u64 = 3;
const ASKED: u64 = 4;
const SPILLED: u64 = 5;

fn word(holder: u64, number: u64) -> u64 {
    number << HOLDER_BITS | holder
}

fn holder(word: u64) -> u64 {
    word & ((1 << HOLDER_BITS) - 1)
}

fn number(word: u64) -> u64 {
    word >> HOLDER_BITS
}

/// Who in the supervisor wants to read.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The stream's thread, which has read so many bytes in its life.
    Thread(u64),
    Closer,
}

/// An answer to who wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It may, and must call `release` right after.
    Ours,
    /// Not yet: the keeper was asked to end its turn.
    Keepers,
    /// The spill is to be read first.
    Spilled(Spilled),
}

/// What the keeper left in its turns until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spilled {
    word: u64,
    /// Bytes not yet read, and where they begin in the file.
    pub rest: u64,
    pub at: u64,
}

/// The supervisor's side.
impl Words {
    /// Of the calling thread, which will read: what it has read in its life until now. None: the
    /// system does not tell, and the keeper will not know either.
    pub fn enter(&self) -> Option<u64> {
        let account = fs::read("/proc/thread-self/io").ok()?;
        let before = rchar(&account)?;
        self.thread
            .store(gettid().as_raw_nonzero().get().cast_unsigned().into(), Ordering::Release);
        // The account was made before it was read itself.
        Some(before + account.len() as u64)
    }

    pub fn take(&self, by: By) -> Taken {
        loop {
            let before = self.holder.load(Ordering::Acquire);
            let (wanted, answer) = match holder(before) {
                KEEPER => (word(ASKED, number(before)), Taken::Keepers),
                ASKED => return Taken::Keepers,
                SPILLED => return Taken::Spilled(self.spilled(before)),
                _ => (by.word(), Taken::Ours),
            };
            if self.swap(before, wanted) {
                return answer;
            }
        }
    }

    /// It fails if the keeper has taken over meanwhile; then what was just read comes before that.
    pub fn release(&self, by: By) {
        self.swap(by.word(), FREE);
    }

    fn spilled(&self, word: u64) -> Spilled {
        let at = self.taken.load(Ordering::Acquire);
        let rest = self.kept.load(Ordering::Acquire).saturating_sub(at);
        Spilled { word, rest, at }
    }

    /// Bytes of the spill, read and unread.
    pub fn spilled_bytes(&self) -> usize {
        usize::try_from(self.kept()).unwrap_or(usize::MAX)
    }

    /// So many bytes of the spill were read.
    pub fn read_spill(&self, bytes: u64) {
        self.taken.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Bytes that the spill did not take; for once.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::AcqRel)
    }

    /// The spill was read to its end. False: the keeper has had another turn since.
    pub fn end_spill(&self, spilled: Spilled) -> bool {
        self.swap(spilled.word, FREE)
    }

    /// The keeper is dead, or is the one who asks: its turn is over.
    pub fn reclaim(&self) {
        let before = self.holder.load(Ordering::Acquire);
        if [KEEPER, ASKED].contains(&holder(before)) {
            self.swap(before, word(SPILLED, number(before)));
        }
    }

    pub fn is_free(&self) -> bool {
        holder(self.holder.load(Ordering::Acquire)) == FREE
    }

    fn swap(&self, before: u64, after: u64) -> bool {
        self.holder.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The keeper's side.
impl Words {
    /// Begins a turn, of which no number may come twice. `start` makes the spill, empty if nothing
    /// of it is to be read any more, and may fail. `pid` is the thread's process.
    pub fn take_over(&self, pid: u32, turn: u64) -> Option<Begun> {
        let before = self.holder.load(Ordering::Acquire);
        let begun = match holder(before) {
            FREE => Begun::Anew,
            READER if self.has_read(pid, number(before)) => Begun::Anew,
            SPILLED => Begun::Again,
            _ => return None,
        };
        if !self.swap(before, word(KEEPER, turn)) {
            return None;
        }
        if begun == Begun::Anew {
            // In this order: between the two nothing is to be read.
            self.kept.store(0, Ordering::Release);
            self.taken.store(0, Ordering::Release);
            self.dropped.store(0, Ordering::Release);
        }
        Some(begun)
    }

    /// The thread has read more than it had before its turn.
    fn has_read(&self, pid: u32, before: u64) -> bool {
        let thread = self.thread.load(Ordering::Acquire);
        let account = || fs::read(format!("/proc/{pid}/task/{thread}/io")).ok();
        thread != 0 && account().and_then(|it| rchar(&it)).is_some_and(|now| now > before)
    }

    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// So many bytes more are in the spill.
    pub fn keep(&self, bytes: u64) {
        self.kept.fetch_add(bytes, Ordering::AcqRel);
    }

    pub fn drop_bytes(&self, bytes: u64) {
        self.dropped.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Somebody waits for the end of the turn.
    pub fn is_asked(&self) -> bool {
        holder(self.holder.load(Ordering::Acquire)) == ASKED
    }

    /// Ends the turn.
    pub fn hand_back(&self, turn: u64) {
        self.holder.store(word(SPILLED, turn), Ordering::Release);
    }
}

/// How a turn of the keeper's began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// All of the spill before was read.
    Anew,
    /// The spill goes on.
    Again,
}

impl By {
    /// Without a count, the keeper never knows whether this thread has read.
    pub fn thread(read: Option<u64>) -> Self {
        Self::Thread(read.unwrap_or(u64::MAX >> HOLDER_BITS))
    }

    fn word(self) -> u64 {
        match self {
            Self::Thread(read) => word(READER, read),
            Self::Closer => CLOSER,
        }
    }
}

/// See proc_pid_io(5).
fn rchar(account: &[u8]) -> Option<u64> {
    let line =
        account.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"rchar:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> &'static Words {
        Box::leak(Box::default())
    }

    fn pid() -> u32 {
        std::process::id()
    }

    /// The thread of a stream, in its turn.
    fn in_turn(words: &Words) -> By {
        let by = By::thread(words.enter());
        assert_eq!(words.take(by), Taken::Ours);
        by
    }

    #[test]
    fn a_turn_in_which_nothing_was_read_yet_is_not_taken_away() {
        let words = words();
        let by = in_turn(words);
        assert_eq!(words.take_over(pid(), 1), None);
        words.release(by);
        assert_eq!(words.take_over(pid(), 1), Some(Begun::Anew));
    }

    #[test]
    fn a_turn_in_which_something_was_read_is_as_good_as_over() {
        let words = words();
        let by = in_turn(words);
        fs::read("/proc/self/stat").unwrap();
        assert_eq!(words.take_over(pid(), 1), Some(Begun::Anew));
        words.release(by);
        assert_eq!(words.take(by), Taken::Keepers);
    }

    #[test]
    fn nobody_takes_the_turn_of_who_closes_or_of_a_thread_that_is_not_counted() {
        for by in [By::Closer, By::thread(None)] {
            let words = words();
            words.enter();
            assert_eq!(words.take(by), Taken::Ours);
            fs::read("/proc/self/stat").unwrap();
            assert_eq!(words.take_over(pid(), 1), None);
        }
    }

    #[test]
    fn the_spill_comes_first_and_its_end_counts_only_if_no_turn_came_since() {
        let words = words();
        let by = By::thread(words.enter());
        assert_eq!(words.take_over(pid(), 1), Some(Begun::Anew));
        words.keep(10);
        assert_eq!(words.take(by), Taken::Keepers);
        assert!(words.is_asked());
        words.hand_back(1);
        let Taken::Spilled(first) = words.take(by) else { panic!("the spill") };
        assert_eq!((first.at, first.rest), (0, 10));
        words.read_spill(10);
        assert_eq!(words.take_over(pid(), 2), Some(Begun::Again));
        words.keep(5);
        words.drop_bytes(7);
        words.hand_back(2);
        assert!(!words.end_spill(first), "what came since was not read");
        let Taken::Spilled(second) = words.take(by) else { panic!("the spill") };
        assert_eq!((second.at, second.rest), (10, 5));
        words.read_spill(5);
        assert_eq!([words.take_dropped(), words.take_dropped()], [7, 0]);
        assert!(words.end_spill(second));
        assert_eq!(words.take(by), Taken::Ours);
    }

    #[test]
    fn a_keeper_that_died_in_its_turn_leaves_its_spill() {
        for asked in [false, true] {
            let words = words();
            let by = By::thread(words.enter());
            assert_eq!(words.take_over(pid(), 1), Some(Begun::Anew));
            words.keep(3);
            if asked {
                assert_eq!(words.take(by), Taken::Keepers);
            }
            words.reclaim();
            assert!(matches!(words.take(by), Taken::Spilled(Spilled { rest: 3, .. })));
        }
    }
}
