//! Known classes of doom: the words by which GPU memory, disks, NCCL, schedulers and people end runs.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexSet};

use super::text::pattern;
use crate::engine::gate::Gate;

/// What a text says has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    TimeLimit,
    Preempted,
    /// The scheduler or the kernel says that it killed for memory.
    KilledForMemory,
    Cancelled,
    GpuMemory,
    Memory,
    DiskFull,
    /// PyTorch's archive writer found less on the disk than it wrote.
    DiskLikelyFull,
    SharedMemory,
    WorkerKilled,
    WorkerDied,
    NcclTimeout,
    Nccl,
    Gpu,
    Interrupted,
    /// Another process of the run went away: a consequence, not a cause.
    Peer,
}

/// In the order in which they are judged: the first that matches holds.
const CLASSES: [(Doom, &str); 16] = [
    (
        Doom::TimeLimit,
        r"DUE TO TIME LIMIT|PBS: job killed: walltime|TERM_RUNLIMIT|job killed after reaching LSF run time limit|(?i:exceeded (?:the )?(?:hard )?wall(?:time|[- ]clock))",
    ),
    (
        Doom::Preempted,
        r"DUE TO PREEMPTION|(?i:\b(?:spot|preemptible) (?:instance|vm|node)\b.{0,40}\b(?:interrupt|terminat|preempt|reclaim)|\binstance (?:is being|was|has been) preempted)",
    ),
    (
        Doom::KilledForMemory,
        r"(?i)oom[-_ ]kill(?:ed|er)?\b.{0,20}event|detected \d+ oom|exceeded (?:job|step) memory limit|TERM_MEMLIMIT|out of memory: killed process|oom-kill:constraint|\boomkilled\b|: task \d+: out of memory",
    ),
    (Doom::Cancelled, r"slurmstepd: error: \*\*\* .* CANCELLED AT|Job cancelled by user"),
    (
        Doom::GpuMemory,
        r"(?i)(?:cuda|hip|xpu|mps backend|gpu|rocm) (?:error: |ran )?out of memory|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED|OOM when allocating tensor|torch\.(?:cuda\.)?OutOfMemoryError|cudaSuccess \(2 vs\. 0\)|RESOURCE_EXHAUSTED: (?:[\w ]*: )?(?:out of memory|failed to allocate)",
    ),
    (
        Doom::Memory,
        r"\bMemoryError\b|_ArrayMemoryError|DefaultCPUAllocator: (?:can't|not enough)|std::bad_alloc|\bbad allocation\b|(?i:cannot allocate memory)|Unable to allocate [\d.]+ [KMGTPE]?i?B|java\.lang\.OutOfMemoryError|JavaScript heap out of memory|OutOfMemoryError\(\)|memory allocation of \d+ bytes failed|runtime: out of memory",
    ),
    (
        Doom::DiskFull,
        r"(?i)no space left on device|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b|disk is full",
    ),
    (
        Doom::DiskLikelyFull,
        r"inline_container\.cc.{0,20}\. unexpected pos|PytorchStreamWriter failed writing file|iostream error",
    ),
    (
        Doom::SharedMemory,
        r"(?i)insufficient shared memory|out of shared memory|unable to open shared memory object|bus error.{0,80}shared memory",
    ),
    (Doom::WorkerKilled, r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) is killed by signal"),
    (
        Doom::WorkerDied,
        r"DataLoader worker \(pid\(s\) [\d, ]+\) exited unexpectedly|process pool was terminated abruptly|A worker process managed by the executor was unexpectedly terminated",
    ),
    (
        Doom::NcclTimeout,
        r"(?i)watchdog caught collective operation timeout|nccl.{0,60}timed? ?out|ran for \d+ milliseconds before timing out",
    ),
    (Doom::Peer, PEER),
    (
        Doom::Nccl,
        r"NCCL [Ee]rror|nccl(?:System|Internal|Unhandled\w*|Invalid\w*)Error|NCCL WARN|unhandled (?:cuda|system) error.{0,40}NCCL",
    ),
    (
        Doom::Gpu,
        r"(?i)uncorrectable ECC|\bNVRM: Xid\b|\bXid \(PCI|fallen off the bus|device-side assert triggered|illegal memory access was encountered|unspecified launch failure|misaligned address|no CUDA-capable device|CUDA driver version is insufficient|CUDNN_STATUS_\w+|CUBLAS_STATUS_\w+|no kernel image is available",
    ),
    (
        Doom::Interrupted,
        r"KeyboardInterrupt|(?i:interrupted by (?:the )?user|received (?:a )?(?:SIGINT|ctrl-?c))|SignalException: Process \d+ got signal: \d+|^\^C$",
    ),
];

/// Sockets that break because the other side died.
const PEER: &str = r"Connection reset by peer|Connection closed by peer|remote process exited|ncclRemoteError|remote peer closed|Broken pipe|Socket closed|recvBytes|sendBytes|failed to recv, got 0 bytes|Connection was likely closed|NCCL communicator was aborted|DistNetworkError|has been aborted|store.{0,30}is no longer|heart ?beat.{0,30}(?:timed out|missed)|Coordination service (?:agent|is)";

static SET: LazyLock<RegexSet> = LazyLock::new(set);

#[expect(clippy::expect_used, reason = "the patterns are constants, no input can make it fail")]
fn set() -> RegexSet {
    RegexSet::new(CLASSES.iter().map(|(_, words)| words)).expect("constant patterns")
}

pub(super) fn classify(text: &[u8]) -> Option<Doom> {
    let first = SET.matches(text).iter().next()?;
    CLASSES.get(first).map(|(doom, _)| *doom)
}

/// Words of which any news holds one. Most lines end here.
const WORDS: [&str; 50] = [
    "Traceback (most",
    "Error",
    "error:",
    "ERROR",
    "FATAL",
    "atal",
    "panic",
    "Exception",
    "Interrupt",
    "CRITICAL",
    "illed",
    "terminat",
    "Assert",
    "ASSERT",
    "Check failed",
    "CANCELLED",
    "ut of memory",
    "space left",
    "quota",
    "is full",
    "Root Cause",
    "exitcode",
    "return code",
    "signal",
    "arly stop",
    "to stop",
    "overfitting det",
    "bort",
    "Segmentation",
    "Bus error",
    "free()",
    "double free",
    "malloc()",
    "smashing",
    "Unhandled",
    "TERM_",
    "PBS: ",
    "imeout",
    "NCCL",
    "reempt",
    "PREEMPT",
    "Stopping",
    "Stop train",
    "\"exc_type\"",
    "heap out of",
    "oom",
    "OOM",
    "SIG",
    "Xid",
    // What a terminal echoes for an interrupt.
    "^C",
];

static GATE: LazyLock<Option<Gate>> =
    LazyLock::new(|| Gate::new(WORDS.iter().map(|word| word.as_bytes().to_vec()).collect()));

/// Whether a text is worth a closer look at all.
pub(super) fn is_news(text: &[u8]) -> bool {
    GATE.as_ref().is_none_or(|gate| gate.is_open(text))
}

/// The words in small letters.
pub(super) fn words() -> impl Iterator<Item = Vec<u8>> {
    WORDS.iter().map(|word| word.as_bytes().to_ascii_lowercase())
}

/// A normal end before the last step, in the words of those who do it.
static EARLY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)epoch \d+: early stopping|early stopping, best iteration|early stopp(?:ed|ing) (?:at|after|triggered)|^early stopping\b|stopped by overfitting detector|signaling trainer to stop|training stopp?ed early|stopping training early|consecutive epochs\. stopping|invalid loss, terminating training|contains nan or inf\. stop training|EarlyStopping: stop",
    )
});

pub(super) fn stops_early(text: &[u8]) -> bool {
    EARLY.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_doom_have_their_class_and_pass_the_gate() {
        let table: &[(&str, Doom)] = &[
            (
                "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-23T03:00:00 DUE TO TIME LIMIT ***",
                Doom::TimeLimit,
            ),
            (
                "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-11-23T03:00:00 DUE TO PREEMPTION ***",
                Doom::Preempted,
            ),
            (
                "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-11-23T03:00:00 ***",
                Doom::Cancelled,
            ),
            (
                "slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch.",
                Doom::KilledForMemory,
            ),
            (
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
                Doom::GpuMemory,
            ),
            ("RuntimeError: CUDA error: out of memory", Doom::GpuMemory),
            (
                "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes.",
                Doom::GpuMemory,
            ),
            (
                "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 512. MiB for an array",
                Doom::Memory,
            ),
            (
                "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
                Doom::Memory,
            ),
            ("OSError: [Errno 28] No space left on device", Doom::DiskFull),
            (
                "RuntimeError: [enforce fail at inline_container.cc:671] . unexpected pos 527680 vs 527568",
                Doom::DiskLikelyFull,
            ),
            (
                "RuntimeError: DataLoader worker (pid 32562) is killed by signal: Killed. ",
                Doom::WorkerKilled,
            ),
            (
                "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.",
                Doom::SharedMemory,
            ),
            (
                "RuntimeError: DataLoader worker (pid(s) 32562) exited unexpectedly",
                Doom::WorkerDied,
            ),
            (
                "[E1123 ProcessGroupNCCL.cpp:632] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=3)",
                Doom::NcclTimeout,
            ),
            ("RuntimeError: Connection closed by peer [127.0.0.1]:3496", Doom::Peer),
            ("RuntimeError: CUDA error: uncorrectable ECC error encountered", Doom::Gpu),
            ("Detected KeyboardInterrupt, attempting graceful shutdown ...", Doom::Interrupted),
        ];
        for (line, doom) in table {
            assert_eq!(classify(line.as_bytes()), Some(*doom), "{line}");
            assert!(is_news(line.as_bytes()), "{line}");
        }
        for line in [
            "Epoch 1/4 | step 10 | loss 2.2 | mem 3.1GB",
            "Resource manager: memory out of 16 GB used",
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x32 and 64x64)",
        ] {
            assert_eq!(classify(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn an_early_stop_is_told_from_its_configuration() {
        for line in [
            "Epoch 9: early stopping",
            "Early stopping, best iteration is:",
            "Stopped by overfitting detector  (3 iterations wait)",
            "Batch 1: Invalid loss, terminating training",
        ] {
            assert!(stops_early(line.as_bytes()) && is_news(line.as_bytes()), "{line}");
        }
        assert!(!stops_early(b"EarlyStopping(patience=3)"));
    }
}
