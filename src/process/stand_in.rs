//! The keeper reads in the supervisor's place while that is stopped, so that the command is not.
//!
//! Who may read is settled in `sources::turn`, and what was read goes into `sources::spill`. That
//! the supervisor is stopped is only the reason to read, not what makes it safe.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::event::{PollFlags, Timespec};
use rustix::io::Errno;

use crate::process::supervise::{input, wait_for};
use crate::sources::spill::{Reader, Spill};
use crate::sources::turn::{Begun, Words};
use crate::sources::wake::Wake;

/// How often is looked whether the supervisor is stopped; and, while it is, whether it goes on.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
const CLOSE_LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// What one read takes at most, and how often is read before anything else is looked at.
const BLOCK: usize = 64 * 1024;
const READS: usize = 16;

/// The process that reads as long as it runs.
#[derive(Debug)]
pub(super) struct Supervisor {
    pid: u32,
    stat: Option<File>,
    stopped: bool,
}

impl Supervisor {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, stat: None, stopped: false }
    }

    /// Until the next look.
    pub(super) fn pause(&self) -> &'static Timespec {
        if self.stopped { &CLOSE_LOOK } else { &LOOK }
    }

    /// Takes a look at all of `seats`, and reads for a moment where it is our turn.
    pub(super) fn stand_in<'a>(
        &mut self,
        seats: impl Iterator<Item = (&'a OwnedFd, &'a mut Seat)>,
    ) {
        self.stopped = self.is_stopped();
        for (input, seat) in seats {
            seat.step(input, self.pid, self.stopped);
        }
    }

    /// The third field of proc_pid_stat(5): `T` of a process that SIGSTOP or Ctrl-Z has stopped.
    fn is_stopped(&mut self) -> bool {
        if self.stat.is_none() {
            self.stat = File::open(format!("/proc/{}/stat", self.pid)).ok();
        }
        // The name before it has 15 bytes.
        let mut start = [0; 64];
        let read = self.stat.as_ref().and_then(|stat| stat.read_at(&mut start, 0).ok());
        let start = start.get(..read.unwrap_or(0)).unwrap_or_default();
        let name_end = start.iter().rposition(|byte| *byte == b')');
        name_end.and_then(|end| start.get(end + 2)) == Some(&b'T')
    }
}

/// The keeper's place at one stream.
#[derive(Debug)]
pub(super) struct Seat {
    words: &'static Words,
    handed_back: Wake,
    path: PathBuf,
    spill: Option<Spill>,
    /// Of the turns until now.
    number: u64,
    /// It is our turn.
    reading: bool,
    /// Nothing more comes.
    ended: bool,
    /// No file can be had.
    given_up: bool,
}

impl Seat {
    pub(super) fn new(words: &'static Words, handed_back: Wake, path: PathBuf) -> Self {
        let (number, reading, ended, given_up) = (0, false, false, false);
        Self { words, handed_back, path, spill: None, number, reading, ended, given_up }
    }

    /// It waits for more.
    pub(super) fn is_reading(&self) -> bool {
        self.reading && !self.ended
    }

    fn step(&mut self, stream: &OwnedFd, pid: u32, stopped: bool) {
        if !self.reading && stopped && !self.given_up && is_readable(stream) {
            self.begin(pid);
        }
        let mut block = Vec::new();
        for _ in 0..READS {
            if !self.reading || self.ended && stopped && !self.words.is_asked() {
                return;
            }
            if !stopped || self.words.is_asked() {
                return self.hand_back();
            }
            block.resize(BLOCK, 0);
            match rustix::io::read(stream, &mut block) {
                Ok(count) if count > 0 => self.keep(block.get(..count).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Ok(_) | Err(_) => self.ended = true,
            }
        }
    }

    fn begin(&mut self, pid: u32) {
        let number = self.number + 1;
        let Some(begun) = self.words.take_over(pid, number) else { return };
        (self.number, self.reading, self.ended) = (number, true, false);
        if begun == Begun::Anew {
            // It removes its file.
            self.spill = None;
            self.spill = Spill::create(self.path.clone()).ok();
        }
        if self.spill.is_none() {
            self.given_up = true;
            self.hand_back();
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let length = bytes.len() as u64;
        if self.spill.as_mut().is_some_and(|spill| spill.append(bytes)) {
            self.words.keep(length);
        } else {
            self.words.drop_bytes(length);
        }
    }

    fn hand_back(&mut self) {
        self.reading = false;
        self.words.hand_back(self.number);
        self.handed_back.wake();
    }

    /// The supervisor is gone: what is needed to read the stream on, and what must be kept so long.
    pub(super) fn inherit(self) -> io::Result<(&'static Words, Option<Reader>, Option<Spill>)> {
        self.words.reclaim();
        let reader = self.spill.as_ref().map(Spill::reader).transpose()?;
        Ok((self.words, reader, self.spill))
    }
}

fn is_readable(stream: &OwnedFd) -> bool {
    let mut fds = [input(stream)];
    wait_for(&mut fds, Some(&Timespec::default()));
    fds[0].revents().contains(PollFlags::IN)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;
    use crate::engine::{Input, SourceId};
    use crate::sources::Sink;
    use crate::sources::echo::Echo;
    use crate::sources::guard::Guarded;
    use crate::sources::pipe::{Stream, pipe};
    use crate::sources::share::{Deputy, Share};
    use crate::sources::spill;

    #[derive(Default)]
    struct Collected(Mutex<Vec<u8>>);

    impl Sink for Collected {
        fn open(&self, _: &str) -> SourceId {
            SourceId(0)
        }

        fn put(&self, input: Input<'_>) {
            match input {
                Input::Chunk { bytes, .. } => self.0.lock().unwrap().extend_from_slice(bytes),
                Input::Closed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// A keeper that lives.
    #[derive(Debug)]
    struct Alive(OwnedFd);

    impl Deputy for Alive {
        fn line(&self) -> std::os::fd::BorrowedFd<'_> {
            std::os::fd::AsFd::as_fd(&self.0)
        }

        fn kill(&self) {
            panic!("it does not answer");
        }
    }

    /// A stream's thread, the keeper's seat at it, and the command's end.
    struct Scene {
        reader: thread::JoinHandle<()>,
        sink: Arc<Collected>,
        ours: Arc<OwnedFd>,
        writer: File,
        seat: Seat,
        _folder: tempfile::TempDir,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let path = spill::path(folder.path(), "stdout");
        let (ours, writer) = pipe().unwrap();
        let ours = Arc::new(ours);
        let words: &'static Words = Box::leak(Box::default());
        let handed_back = Wake::new().unwrap();
        let seat_wake = rustix::io::dup(&handed_back).unwrap();
        let deputy =
            Some(Arc::new(Alive(rustix::io::dup(&handed_back).unwrap())) as Arc<dyn Deputy>);
        let share = Share { words, handed_back, deputy };
        let sink = Arc::<Collected>::default();
        let (cancel, closed) = (Wake::new().unwrap(), Arc::new(Wake::new().unwrap()));
        let input = (Arc::clone(&ours), share, Some(Reader::new(path.clone())));
        let guarded = Guarded::new(Arc::<Collected>::clone(&sink));
        let stream = Stream::new(input, SourceId(0), guarded, cancel, closed);
        let reader = thread::spawn(move || stream.run(&Echo::default()));
        let seat = Seat::new(words, Wake::from(seat_wake), path);
        Scene { reader, sink, ours, writer: writer.into(), seat, _folder: folder }
    }

    fn numbers(count: u32) -> Vec<u8> {
        (0..count).flat_map(u32::to_be_bytes).collect()
    }

    /// Nobody is stopped here: the order must hold however the two run beside each other.
    #[test]
    fn the_order_is_kept_whenever_the_keeper_takes_its_turns() {
        let Scene { reader, sink, ours, mut writer, mut seat, _folder } = scene();
        let (turns, all) = (Arc::new(AtomicU64::new(0)), numbers(2_000_000));
        let writes = thread::spawn({
            let (turns, all) = (Arc::clone(&turns), all.clone());
            move || {
                let mut rounds = 0;
                // On a busy machine it takes a while until the keeper has a turn.
                while rounds == 0 || rounds < 20 && turns.load(Ordering::Relaxed) == 0 {
                    rounds += 1;
                    // Of many sizes.
                    let (mut rest, mut size) = (all.as_slice(), 1);
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at(size.min(rest.len()));
                        writer.write_all(now).unwrap();
                        thread::yield_now();
                        (rest, size) = (later, (size * 7 + 1) % 3_001);
                    }
                }
                rounds
            }
        });
        let mut random = 12_345_u32;
        while !reader.is_finished() {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let stopped = random >> 30 != 0;
            seat.step(&ours, std::process::id(), stopped);
            turns.store(seat.number, Ordering::Relaxed);
        }
        let expected = all.repeat(writes.join().unwrap());
        assert!(seat.number > 0, "the keeper had no turn");
        let got = sink.0.lock().unwrap();
        assert!(*got == expected, "{} of {} bytes, or out of order", got.len(), expected.len());
    }
}
