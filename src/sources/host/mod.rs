//! Host metrics: disk, memory, processor and GPUs, measured every few seconds.
//!
//! Only what a rule names is measured; where none is named there is no thread. What cannot be
//! measured (no GPU, no /proc) gives no sample, and is no error. What the metrics mean stands in
//! `engine::host`.

mod cpu;
pub mod evidence;
mod gpu;
mod memory;
mod processes;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::engine::{Input, SourceId, host};
use crate::sources::Sink;
use cpu::Cpu;
use gpu::Gpus;
use processes::Processes;

/// Between two samples of a metric.
const INTERVAL: Duration = Duration::from_secs(5);

/// Measures until it is dropped.
#[derive(Debug)]
pub struct Sampler {
    /// Its end is the thread's. The thread is not waited for: a call that hangs (a dead network
    /// file system, a GPU driver) must not hold up the end of the run.
    _stop: SyncSender<()>,
}

impl Sampler {
    /// Measures those of `names` that are host metrics, into a source of its own. `root` is the
    /// process id of the command, once it runs; 0: there is none.
    ///
    /// None if no host metric is named, or if there can be no thread.
    pub fn start(names: &[String], sink: Arc<dyn Sink>, root: Arc<AtomicU32>) -> Option<Self> {
        let named = |known: &&str| names.iter().any(|name| name == known);
        let names: Vec<_> = host::names().filter(named).collect();
        if names.is_empty() {
            return None;
        }
        let (stop, stopped) = sync_channel(0);
        let probes = Probes::new(names, root);
        let run = move || run(probes, sink.as_ref(), &stopped);
        thread::Builder::new().name("host".to_owned()).spawn(run).ok()?;
        Some(Self { _stop: stop })
    }
}

/// A sink that takes note of the command's process id, and passes everything on.
pub struct NotePid {
    sink: Arc<dyn Sink>,
    pid: Arc<AtomicU32>,
}

impl NotePid {
    pub fn new(sink: Arc<dyn Sink>, pid: Arc<AtomicU32>) -> Self {
        Self { sink, pid }
    }
}

impl std::fmt::Debug for NotePid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotePid").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl Sink for NotePid {
    fn open(&self, name: &str) -> SourceId {
        self.sink.open(name)
    }

    fn put(&self, input: Input<'_>) {
        match &input {
            Input::Started { pid } => self.pid.store(*pid, Ordering::Relaxed),
            // The number may soon be another process's.
            Input::Ended(_) => self.pid.store(0, Ordering::Relaxed),
            _ => {}
        }
        self.sink.put(input);
    }
}

fn run(mut probes: Probes, sink: &dyn Sink, stopped: &Receiver<()>) {
    let source = sink.open("host");
    loop {
        probes.measure(&mut |metric, value| {
            sink.put(Input::Sample { source, metric, step: None, value });
        });
        if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// What measures, and what of it is wanted.
struct Probes {
    names: Vec<&'static str>,
    root: Arc<AtomicU32>,
    cpu: Cpu,
    processes: Processes,
    gpus: Gpus,
}

impl Probes {
    fn new(names: Vec<&'static str>, root: Arc<AtomicU32>) -> Self {
        let (cpu, processes, gpus) = Default::default();
        Self { names, root, cpu, processes, gpus }
    }

    fn wants(&self, group: &str) -> bool {
        self.names.iter().any(|name| name.starts_with(group))
    }

    /// Gives the wanted metrics that can be measured now.
    fn measure(&mut self, each: &mut dyn FnMut(&str, f64)) {
        let mut measured = Vec::with_capacity(self.names.len());
        if let Some((free, used)) = self.wants("disk.").then(disk).flatten() {
            measured.extend([("disk.free", free), ("disk.used", used)]);
        }
        if let Some(memory) = self.wants("memory.").then(memory::read).flatten() {
            measured.extend([("memory.free", memory.free), ("memory.used", memory.used())]);
        }
        let root = self.root.load(Ordering::Relaxed);
        if self.wants("process.") {
            measured.extend(self.processes.rss(root).map(|rss| ("process.rss", rss)));
        }
        if self.wants("cpu.") {
            measured.extend(self.cpu.utilization().map(|percent| ("cpu.util", percent)));
        }
        if self.wants("gpu.") {
            measured.extend(self.gpus.measure());
        }
        for (name, value) in measured.into_iter().filter(|(name, _)| self.names.contains(name)) {
            each(name, value);
        }
    }
}

/// Bytes free for users other than root, and bytes in use, of the working folder's file system.
fn disk() -> Option<(f64, f64)> {
    let stat = rustix::fs::statvfs(".").ok()?;
    let bytes = |blocks: u64| blocks as f64 * stat.f_frsize as f64;
    // Some file systems count no blocks at all.
    let counted = stat.f_blocks > 0;
    counted.then(|| (bytes(stat.f_bavail), bytes(stat.f_blocks.saturating_sub(stat.f_bfree))))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::engine::input::{ProcessEnd, ProcessStatus};

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Sink for Kept {
        fn open(&self, name: &str) -> SourceId {
            self.0.lock().unwrap().push(format!("open {name}"));
            SourceId(7)
        }

        fn put(&self, input: Input<'_>) {
            let shown = match input {
                Input::Sample { source, metric, step, .. } => {
                    format!("{source:?} {metric} {step:?}")
                }
                other => format!("{other:?}"),
            };
            self.0.lock().unwrap().push(shown);
        }
    }

    fn measured(names: Vec<&'static str>, root: u32) -> Vec<(String, f64)> {
        let mut found = Vec::new();
        let mut probes = Probes::new(names, Arc::new(AtomicU32::new(root)));
        probes.measure(&mut |name, value| found.push((name.to_owned(), value)));
        found
    }

    #[test]
    fn without_a_host_metric_there_is_no_thread() {
        let names = ["loss".to_owned(), "gpu0.util".to_owned()];
        let kept = Arc::new(Kept::default());
        assert!(Sampler::start(&names, kept.clone(), Arc::default()).is_none());
        assert!(kept.0.lock().unwrap().is_empty());
    }

    #[test]
    fn only_what_is_named_is_measured() {
        let found = measured(vec!["disk.free", "memory.used"], 0);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["disk.free", "memory.used"]);
        assert!(found.iter().all(|(_, value)| *value > 0.0), "{found:?}");
    }

    #[test]
    fn the_memory_of_a_process_is_that_of_the_tree_and_none_without_one() {
        let found = measured(vec!["process.rss"], std::process::id());
        assert!(matches!(found.as_slice(), [(_, rss)] if *rss > 1e6), "{found:?}");
        assert!(measured(vec!["process.rss"], 0).is_empty());
    }

    #[test]
    fn it_measures_at_once_and_ends_when_it_is_let_go() {
        let kept = Kept::default();
        let (stop, stopped) = sync_channel(0);
        drop(stop);
        let root = Arc::new(AtomicU32::new(std::process::id()));
        run(Probes::new(vec!["process.rss"], root), &kept, &stopped);
        let expected = ["open host", "SourceId(7) process.rss None"];
        assert_eq!(*kept.0.lock().unwrap(), expected);
    }

    #[test]
    fn the_process_id_is_noted_from_start_to_end() {
        let pid = Arc::new(AtomicU32::new(0));
        let noting = NotePid::new(Arc::new(Kept::default()), pid.clone());
        noting.put(Input::Started { pid: 42 });
        assert_eq!(pid.load(Ordering::Relaxed), 42);
        let status = ProcessStatus::Exited { code: 0 };
        noting.put(Input::Ended(ProcessEnd { status, clues: Vec::new() }));
        assert_eq!(pid.load(Ordering::Relaxed), 0);
    }
}
