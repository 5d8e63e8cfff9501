//! One message from its commit to its acknowledgement, with a crash between any two steps, also of
//! the process that takes over: write, fsync, rename, send, answer, acknowledge.
//!
//! What was committed arrives. It arrives a second time only if an answer was lost, or the process
//! died between a send and the durable note of its answer.

use super::*;

/// The service, and what is known about it from outside.
#[derive(Clone, Copy, Debug, Default)]
struct Service {
    arrived: u32,
    /// Sends whose answer is not durably known.
    open: u32,
}

/// Which answers are lost on the way; the message arrived all the same.
#[derive(Clone, Copy, Debug)]
struct Answers {
    lost: u32,
}

/// What a courier does, from `list` to `remove`. An error is the crash.
fn deliver(
    disk: &FakeDisk,
    outbox: &Outbox,
    service: &mut Service,
    mut answers: Answers,
) -> Result<(), OutboxError> {
    let crash = io_error("go on at", Path::new("/s"));
    for mut entry in outbox.list()?.entries {
        while entry.progress.is_null() {
            disk.step(|_| Ok(())).map_err(io_error("send from", Path::new("/s")))?;
            service.arrived += 1;
            service.open += 1;
            disk.step(|_| Ok(())).map_err(io_error("hear at", Path::new("/s")))?;
            if answers.lost > 0 {
                answers.lost -= 1;
                continue;
            }
            entry.progress = serde_json::json!({ "posted": "1.2" });
            outbox.save_progress(&entry)?;
            service.open -= 1;
        }
        outbox.remove(&entry)?;
    }
    disk.step(|_| Ok(())).map_err(crash)
}

/// Commits, then delivers; the crash comes after `steps`. True: it was committed.
fn first_process(
    disk: &Arc<FakeDisk>,
    service: &mut Service,
    answers: Answers,
) -> (bool, Result<(), OutboxError>) {
    let outbox = open(disk, u64::MAX);
    let message = message(MessageKind::Alert, "a");
    match outbox.commit(&message, "lab", "r1", &[picture(3)], Timestamp::from_secs(1)) {
        Err(crash) => (false, Err(crash)),
        Ok(_) => (true, deliver(disk, &outbox, service, answers)),
    }
}

/// Takes over what the crash left, and crashes itself after so many steps; then a third goes on.
fn take_over(files: &Files, service: Service, committed: bool, worlds: &mut u64) {
    for steps in 0.. {
        let disk = FakeDisk::new(files.clone(), steps);
        let mut later = service;
        let result = deliver(&disk, &open(&disk, u64::MAX), &mut later, Answers { lost: 0 });
        for files in disk.after_crash() {
            let disk = FakeDisk::new(files, usize::MAX);
            let outbox = open(&disk, u64::MAX);
            let mut last = later;
            deliver(&disk, &outbox, &mut last, Answers { lost: 0 }).unwrap();
            assert!(outbox.list().unwrap().entries.is_empty());
            assert!(last.arrived > 0 || !committed, "lost: {last:?}");
            assert!(last.arrived.saturating_sub(1) <= last.open, "twice for no reason: {last:?}");
            *worlds += 1;
        }
        if result.is_ok() {
            return;
        }
    }
}

#[test]
fn no_crash_between_commit_and_acknowledgement_loses_a_message_or_repeats_it_for_no_reason() {
    let mut worlds = 0;
    for lost in 0..3 {
        for steps in 0.. {
            let disk = FakeDisk::new(Files::new(), steps);
            let mut service = Service::default();
            let (committed, result) = first_process(&disk, &mut service, Answers { lost });
            for files in disk.after_crash() {
                take_over(&files, service, committed, &mut worlds);
            }
            if result.is_ok() {
                break;
            }
        }
    }
    assert!(worlds > 1000, "{worlds}");
}
