//! The outbox on a disk that loses what was not synced, with a crash after every step.

mod deliver;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::engine::alert::{AlertState, Severity};
use crate::outbox::disk::{Disk, FileInfo};
use crate::outbox::entry::{Entry, Picture};
use crate::outbox::spool::{Loaded, Outbox, OutboxError, io_error};
use crate::render::Message;
use crate::render::message::{MessageKind, RunLabel};
use crate::time::Timestamp;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A change of a folder that the disk may lose until the folder is synced.
#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, Vec<u8>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Change {
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Create(path, _) | Self::Remove(path) | Self::Rename(_, path) => path.parent(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    durable: Files,
    live: Files,
    changes: Vec<Change>,
    /// Steps until the crash.
    left: usize,
    /// Bytes that the disk takes.
    size: usize,
}

#[derive(Debug, Default)]
struct FakeDisk(Mutex<State>);

impl FakeDisk {
    fn new(files: Files, left: usize) -> Arc<Self> {
        let state = State {
            durable: files.clone(),
            live: files,
            changes: Vec::new(),
            left,
            size: usize::MAX,
        };
        Arc::new(Self(Mutex::new(state)))
    }

    fn step(&self, action: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.left = state.left.checked_sub(1).ok_or_else(|| io::Error::other("crash"))?;
        action(&mut state)
    }

    /// Every state in which the disk may be found after the crash: any of the changes that were
    /// not synced may be missing.
    fn after_crash(&self) -> Vec<Files> {
        let state = self.0.lock().unwrap();
        assert!(state.changes.len() < 8, "too many combinations");
        (0..1_u32 << state.changes.len())
            .map(|kept| {
                let mut files = state.durable.clone();
                // Contents are those of the file itself, whatever name of it survives.
                let mut contents = state.durable.clone();
                for (index, change) in state.changes.iter().enumerate() {
                    let kept = kept & (1 << index) != 0;
                    match change {
                        Change::Create(path, bytes) => {
                            contents.insert(path.clone(), bytes.clone());
                            kept.then(|| files.insert(path.clone(), bytes.clone()));
                        }
                        Change::Rename(from, to) => {
                            let bytes = contents.remove(from).unwrap();
                            contents.insert(to.clone(), bytes.clone());
                            if kept {
                                files.remove(from);
                                files.insert(to.clone(), bytes);
                            }
                        }
                        Change::Remove(path) => {
                            contents.remove(path);
                            kept.then(|| files.remove(path));
                        }
                    }
                }
                files
            })
            .collect()
    }
}

impl Disk for FakeDisk {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Created empty, half written, synced.
        for (index, length) in [0, bytes.len() / 2, bytes.len()].into_iter().enumerate() {
            let bytes = bytes.get(..length).unwrap().to_vec();
            self.step(|state| {
                let used: usize = state.live.values().map(Vec::len).sum();
                if used + bytes.len() > state.size {
                    state.live.remove(path);
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let old = state.live.insert(path.to_owned(), bytes.clone());
                assert!(old.is_none() || index > 0, "{} was there", path.display());
                state.changes.retain(|c| !matches!(c, Change::Create(p, _) if p == path));
                state.changes.push(Change::Create(path.to_owned(), bytes));
                Ok(())
            })?;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|state| {
            let bytes = state.live.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.live.insert(to.to_owned(), bytes);
            state.changes.push(Change::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step(|state| {
            for change in state.changes.extract_if(.., |change| change.folder() == Some(dir)) {
                match change {
                    Change::Create(path, bytes) => drop(state.durable.insert(path, bytes)),
                    Change::Remove(path) => drop(state.durable.remove(&path)),
                    Change::Rename(from, to) => {
                        let bytes = state.durable.remove(&from).unwrap();
                        state.durable.insert(to, bytes);
                    }
                }
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|state| {
            if state.live.remove(path).is_some() {
                state.changes.push(Change::Remove(path.to_owned()));
            }
            Ok(())
        })
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        Ok(state.live.get(path).ok_or(io::ErrorKind::NotFound)?.clone())
    }

    fn is_gone(&self, _: &Path) -> bool {
        false
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.lock().unwrap().live.contains_key(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<FileInfo>> {
        let state = self.0.lock().unwrap();
        let inside = state.live.iter().filter(|(path, _)| path.parent() == Some(dir));
        Ok(inside
            .map(|(path, bytes)| FileInfo {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                bytes: bytes.len() as u64,
                modified: Timestamp::from_secs(0),
            })
            .collect())
    }
}

fn message(kind: MessageKind, title: &str) -> Message {
    Message {
        kind,
        severity: Severity::Info,
        state: AlertState::Firing,
        run: RunLabel {
            id: "r1".to_owned(),
            name: "run".to_owned(),
            host: "host".to_owned(),
            command: String::new(),
            elapsed: None,
        },
        rule: "rule".to_owned(),
        at: Timestamp::from_secs(1),
        title: title.to_owned(),
        body: String::new(),
        fields: Vec::new(),
        lines: Vec::new(),
        chart_path: None,
        curves: Vec::new(),
        exit: None,
    }
}

fn picture(bytes: usize) -> Picture {
    Picture { name: "loss.png".to_owned(), alt: "the loss".to_owned(), bytes: vec![7; bytes] }
}

fn open(disk: &Arc<FakeDisk>, limit: u64) -> Outbox {
    Outbox::open_on(Arc::clone(disk) as Arc<dyn Disk>, Path::new("/s"), limit).unwrap()
}

/// How far the scenario got: what returned, and what had begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Nothing,
    FirstCommitted,
    SecondCommitted,
    Saved,
    FirstRemoved,
    SecondFailed,
}

/// Commits two, saves the progress of the first and removes it, has the second refused.
fn scenario(outbox: &Outbox, reached: &mut Point) -> Result<(), OutboxError> {
    let now = Timestamp::from_secs(1);
    for (title, point) in [("a", Point::FirstCommitted), ("b", Point::SecondCommitted)] {
        let message = message(MessageKind::Alert, title);
        let _ = outbox.commit(&message, "lab", "r1", &[picture(9), picture(5)], now)?;
        *reached = point;
    }
    let mut entries = outbox.list()?.entries.into_iter();
    let (mut first, second) = (entries.next().unwrap(), entries.next().unwrap());
    first.progress = serde_json::json!({ "posted": "1.2" });
    assert!(outbox.save_progress(&first)?);
    *reached = Point::Saved;
    outbox.remove(&first)?;
    *reached = Point::FirstRemoved;
    outbox.fail(&second)?;
    *reached = Point::SecondFailed;
    Ok(())
}

#[test]
fn no_crash_loses_a_committed_entry_or_shows_a_torn_one() {
    let mut crashes = 0;
    for steps in 0.. {
        let disk = FakeDisk::new(Files::new(), steps);
        let mut reached = Point::Nothing;
        let result = scenario(&open(&disk, u64::MAX), &mut reached);
        for files in disk.after_crash() {
            check(files, reached);
            crashes += 1;
        }
        if result.is_ok() {
            break;
        }
    }
    assert!(crashes > 100, "{crashes}");
}

fn check(files: Files, reached: Point) {
    let disk = FakeDisk::new(files, usize::MAX);
    let outbox = open(&disk, u64::MAX);
    let listing = outbox.list().unwrap();
    let failed = outbox.list_failed().unwrap();
    let context = format!("{reached:?}: {:#?}", disk.0.lock().unwrap().live.keys());
    assert_eq!(listing.notices, Vec::<String>::new(), "nothing is torn: {context}");
    assert_eq!(failed.notices, Vec::<String>::new(), "nothing is torn: {context}");
    let find = |entries: &[Entry], title: &str| {
        entries.iter().find(|entry| entry.message.title == title).cloned()
    };
    let first = find(&listing.entries, "a");
    let second = find(&listing.entries, "b");
    let refused = find(&failed.entries, "b");
    if (Point::FirstCommitted..Point::Saved).contains(&reached) {
        assert_eq!(outbox.pictures(first.as_ref().unwrap()).len(), 2, "{context}");
    }
    if reached == Point::Saved {
        // While it is removed it may be gone; if it is there, its progress is.
        assert!(first.as_ref().is_none_or(|entry| !entry.progress.is_null()), "{context}");
        // Pictures outlive their entry, never the other way round.
        let pictures = first.as_ref().map(|entry| outbox.pictures(entry).len());
        assert!(pictures.is_none_or(|pictures| pictures == 2), "{context}");
    }
    assert!(reached < Point::FirstRemoved || first.is_none(), "sent twice: {context}");
    if (Point::SecondCommitted..Point::FirstRemoved).contains(&reached) {
        assert_eq!(outbox.pictures(second.as_ref().unwrap()).len(), 2, "{context}");
    }
    assert!(reached < Point::SecondCommitted || second.is_some() || refused.is_some(), "{context}");
    if reached == Point::SecondFailed {
        assert!(second.is_none() && refused.is_some(), "{context}");
    }
    nothing_is_left_for_ever(&disk, &outbox);
}

/// After a sweep each file belongs to an entry.
fn nothing_is_left_for_ever(disk: &FakeDisk, outbox: &Outbox) {
    outbox.sweep(Timestamp::from_secs(0).after(Duration::from_hours(25))).unwrap();
    let entries = outbox.list().unwrap().entries.into_iter();
    let ids: Vec<String> =
        entries.chain(outbox.list_failed().unwrap().entries).map(|entry| entry.id).collect();
    for path in disk.0.lock().unwrap().live.keys() {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            name == "reserve" || ids.iter().any(|id| name.starts_with(id.as_str())),
            "{name} is an orphan"
        );
    }
}

#[test]
fn a_sweep_spares_a_commit_that_is_under_way() {
    let files = Files::from([
        (PathBuf::from("/s/outbox/1-r-0-0.png"), vec![1]),
        (PathBuf::from("/s/outbox/1-r-0.17.tmp"), vec![1]),
    ]);
    let disk = FakeDisk::new(files.clone(), usize::MAX);
    open(&disk, u64::MAX).sweep(Timestamp::from_secs(3600)).unwrap();
    assert_eq!(disk.0.lock().unwrap().live, files);
}

#[test]
fn torn_and_foreign_files_are_set_aside_and_the_rest_is_read() {
    let disk = FakeDisk::new(Files::new(), usize::MAX);
    let outbox = open(&disk, u64::MAX);
    let now = Timestamp::from_secs(1);
    let id = outbox.commit(&message(MessageKind::End, "a"), "lab", "r1", &[], now).unwrap().id;
    let record = disk.read(Path::new(&format!("/s/outbox/{id}.json")), 0).unwrap();
    let escaping = String::from_utf8(record.clone())
        .unwrap()
        .replace(r#""images":[]"#, r#""images":[{"file":"../../x.png","name":"x","alt":""}]"#)
        .replace(&id, "escaping");
    let newer = br#"{"version":"2","anything":[]}"#;
    for (name, bytes) in [
        ("torn.json", record.get(..40).unwrap()),
        ("empty.json", b""),
        ("renamed.json", record.as_slice()),
        ("escaping.json", escaping.as_bytes()),
        ("newer.json", newer),
        ("noise.json", b"\xff\0"),
        ("notes.txt", b"hello"),
    ] {
        disk.write_new(&Path::new("/s/outbox").join(name), bytes).unwrap();
    }
    let listing = outbox.list().unwrap();
    assert_eq!(listing.entries.iter().map(|e| &e.id).collect::<Vec<_>>(), [&id]);
    assert_eq!(listing.notices.len(), 6, "{:?}", listing.notices);
    let names: Vec<String> =
        disk.list(Path::new("/s/outbox")).unwrap().into_iter().map(|file| file.name).collect();
    for name in ["torn", "empty", "renamed", "escaping", "noise"] {
        assert!(names.contains(&format!("{name}.json.bad")), "{name}: {names:?}");
    }
    assert!(names.contains(&"newer.json".to_owned()), "not ours to judge: {names:?}");
    assert_eq!(outbox.list().unwrap().notices.len(), 1, "the others are said once");
}

#[test]
fn a_full_outbox_gives_up_pictures_then_reports_and_takes_an_end_anyway() {
    let disk = FakeDisk::new(Files::new(), usize::MAX);
    let outbox = open(&disk, 8_000);
    let now = Timestamp::from_secs(1);
    let commit = |kind, title: &str, images: &[Picture]| {
        outbox.commit(&message(kind, title), "lab", "r1", images, now)
    };
    let titles = || {
        let entries = outbox.list().unwrap().entries;
        entries.into_iter().map(|entry| entry.message.title).collect::<Vec<_>>()
    };
    assert!(commit(MessageKind::End, "end", &[picture(4000)]).unwrap().notice.is_none());
    assert!(commit(MessageKind::Report, "report", &[]).unwrap().notice.is_none());
    let notice = commit(MessageKind::Alert, "alert", &[picture(3500)]).unwrap().notice.unwrap();
    assert!(notice.contains("pictures of 1 messages and 0 messages"), "{notice}");
    assert_eq!(titles(), ["end", "report", "alert"]);
    let end = &outbox.list().unwrap().entries[0];
    assert!(outbox.pictures(end).is_empty() && end.message.body.contains("pictures"));
    for index in 0..40 {
        let _ = commit(MessageKind::End, &format!("end {index}"), &[]).unwrap();
    }
    assert!(!titles().contains(&"report".to_owned()) && !titles().contains(&"alert".to_owned()));
    assert_eq!(titles().len(), 41, "every end is kept");
    let refused = commit(MessageKind::Alert, "late", &[]).unwrap_err();
    assert!(matches!(refused, OutboxError::Full { .. }), "{refused}");
}

#[test]
fn a_message_is_stored_although_the_disk_is_full() {
    let disk = FakeDisk::new(Files::new(), usize::MAX);
    let outbox = open(&disk, u64::MAX);
    let now = Timestamp::from_secs(1);
    outbox.keep_reserve();
    disk.0.lock().unwrap().size = (256 << 10) + 100;
    let message = message(MessageKind::Alert, "disk full");
    let images = [picture(50), picture(5000)];
    let _ = outbox.commit(&message, "lab", "r1", &images, now).unwrap();
    let listing = outbox.list().unwrap();
    assert_eq!(listing.entries.len(), 1);
    assert!(listing.entries[0].message.body.contains("the disk is full"));
    nothing_is_left_for_ever(&disk, &outbox);
}

#[test]
fn ids_sort_in_the_order_of_commits_even_if_the_clock_steps_back() {
    let outbox = open(&FakeDisk::new(Files::new(), usize::MAX), u64::MAX);
    let titles = ["first", "second", "third", "fourth"];
    for (title, seconds) in titles.iter().zip([100, 100, 7, -3]) {
        let message = message(MessageKind::Alert, title);
        let now = Timestamp::from_secs(seconds);
        let _ = outbox.commit(&message, "lab", "../r 1", &[], now).unwrap();
    }
    let entries = outbox.list().unwrap().entries;
    assert_eq!(entries.iter().map(|e| e.message.title.as_str()).collect::<Vec<_>>(), titles);
}

#[test]
fn two_handles_at_the_same_instant_do_not_overwrite_each_other() {
    let disk = FakeDisk::new(Files::new(), usize::MAX);
    let now = Timestamp::from_secs(1);
    for title in ["a", "b", "c"] {
        let outbox = open(&disk, u64::MAX);
        let _ = outbox.commit(&message(MessageKind::End, title), "lab", "r1", &[], now).unwrap();
    }
    assert_eq!(open(&disk, u64::MAX).list().unwrap().entries.len(), 3);
}

#[test]
fn a_dropped_entry_does_not_come_back_by_its_progress() {
    let outbox = open(&FakeDisk::new(Files::new(), usize::MAX), u64::MAX);
    let message = message(MessageKind::Alert, "a");
    let now = Timestamp::from_secs(1);
    let id = outbox.commit(&message, "lab", "r1", &[], now).unwrap().id;
    let Loaded::Whole(entry) = outbox.load(&id).unwrap() else { panic!("it is there") };
    outbox.discard(&entry).unwrap();
    assert!(!outbox.save_progress(&entry).unwrap());
    assert!(outbox.list().unwrap().entries.is_empty());
}

#[test]
fn an_entry_discarded_while_its_progress_is_saved_does_not_come_back() {
    let disk = FakeDisk::new(Files::new(), usize::MAX);
    let outbox = open(&disk, u64::MAX);
    let now = Timestamp::from_secs(1);
    let id = outbox.commit(&message(MessageKind::Alert, "a"), "lab", "r1", &[], now).unwrap().id;
    let Loaded::Whole(entry) = outbox.load(&id).unwrap() else { panic!("it is there") };
    let path = PathBuf::from(format!("/s/outbox/{id}.json"));
    let record = disk.read(&path, 0).unwrap();
    outbox.discard(&entry).unwrap();
    // What a saver does that looked for the entry just before.
    disk.write_new(&path, &record).unwrap();
    assert!(outbox.list().unwrap().entries.is_empty());
    assert!(!outbox.save_progress(&entry).unwrap());
    assert!(outbox.list().unwrap().entries.is_empty());
}

#[test]
fn pictures_that_are_too_large_are_left_out_with_a_word() {
    let outbox = open(&FakeDisk::new(Files::new(), usize::MAX), u64::MAX);
    let large = Picture { name: "huge.png".to_owned(), ..picture((10 << 20) + 1) };
    let message = message(MessageKind::Alert, "a");
    let now = Timestamp::from_secs(1);
    let _ = outbox.commit(&message, "lab", "r1", &[large, picture(3)], now).unwrap();
    let entry = outbox.list().unwrap().entries.remove(0);
    assert_eq!(outbox.pictures(&entry).len(), 1);
    assert!(entry.message.body.contains("huge.png is left out"), "{}", entry.message.body);
}
