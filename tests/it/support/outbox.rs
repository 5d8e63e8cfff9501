//! What lies in an outbox, waited for by its folder's changes.

use std::path::Path;
use std::time::Duration;

use trainwatch::outbox::{Entry, Outbox};

/// Long enough for any machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// Blocks until somebody wrote into the outbox what makes `found` true of its entries.
pub fn wait_for(state_dir: &Path, found: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
    use notify::Watcher as _;
    let outbox = Outbox::open(state_dir).expect("an outbox");
    let (changed, changes) = std::sync::mpsc::sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |_| {
        let _ = changed.try_send(());
    })
    .expect("a watcher");
    let dir = state_dir.join("outbox");
    watcher.watch(&dir, notify::RecursiveMode::NonRecursive).expect("a folder");
    loop {
        let entries = outbox.list().expect("entries").entries;
        if found(&entries) {
            return entries;
        }
        changes.recv_timeout(PATIENCE).expect("something new in the outbox");
    }
}

/// Lets the courier end, which would go on trying for a day.
pub fn drop_all(state_dir: &Path) {
    let outbox = Outbox::open(state_dir).expect("an outbox");
    for entry in outbox.list().expect("entries").entries {
        outbox.discard(&entry).expect("it is discarded");
    }
}
