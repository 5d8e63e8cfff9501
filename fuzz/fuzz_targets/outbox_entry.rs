//! Any bytes as an entry's file: it is whole, or is said to be unreadable; what was whole is so
//! again after it was saved.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trainwatch::outbox::{Loaded, Outbox};

/// An outbox of this process, in memory where that can be.
static PLACE: LazyLock<(Outbox, PathBuf)> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(base).expect("a folder").keep();
    let outbox = Outbox::open(&folder).expect("an outbox");
    (outbox, folder.join("outbox/entry.json"))
});

fuzz_target!(|bytes: &[u8]| {
    let (outbox, path) = &*PLACE;
    fs::write(path, bytes).expect("written");
    let loaded = outbox.load("entry").expect("read");
    let Loaded::Whole(entry) = loaded else { return };
    assert!(outbox.save_progress(&entry).expect("saved"));
    match outbox.load("entry").expect("read") {
        Loaded::Whole(again) => assert_eq!(format!("{again:?}"), format!("{entry:?}")),
        other => panic!("saved and no longer whole: {other:?}"),
    }
});
