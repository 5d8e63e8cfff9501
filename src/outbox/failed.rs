//! Entries that a channel refused for good: kept in `failed/` with the reason, until somebody looks.

use crate::outbox::entry::Entry;
use crate::outbox::spool::{Loaded, Outbox, OutboxError, encode, io_error};

/// The entries that were refused, from old to new, and what was wrong with files.
#[derive(Debug, Default)]
pub struct Failed {
    pub entries: Vec<Entry>,
    pub notices: Vec<String>,
}

impl Outbox {
    /// Sets the entry aside with its `reason`: never tried again unless `retry_failed` is called.
    pub fn fail(&self, entry: &Entry) -> Result<(), OutboxError> {
        let failed = self.dir.join("failed");
        self.write_record(&failed, &entry.id, &encode(entry)?)?;
        // The pictures move before the entry goes, else `remove` would take them. A crash in
        // between leaves an entry that is refused again, at worst without its pictures.
        for image in &entry.images {
            let _ = self.disk.rename(&self.dir.join(&image.file), &failed.join(&image.file));
        }
        self.remove(entry)
    }

    pub fn list_failed(&self) -> Result<Failed, OutboxError> {
        let dir = self.dir.join("failed");
        let mut failed = Failed::default();
        for file in self.files(&dir)? {
            let Some(id) = file.name.strip_suffix(".json") else { continue };
            match self.load_from(&dir, id)? {
                Loaded::Whole(entry) => failed.entries.push(*entry),
                Loaded::Gone => {}
                Loaded::Unreadable(notice) => failed.notices.push(notice),
            }
        }
        Ok(failed)
    }

    /// Puts a failed entry back among those that wait, as if it had never been tried.
    pub fn retry_failed(&self, entry: &Entry) -> Result<(), OutboxError> {
        let failed = self.dir.join("failed");
        let fresh = Entry { attempts: 0, first_tried: None, reason: None, ..entry.clone() };
        for image in &entry.images {
            let _ = self.disk.rename(&failed.join(&image.file), &self.dir.join(&image.file));
        }
        self.write_record(&self.dir, &fresh.id, &encode(&fresh)?)?;
        self.drop_failed(entry)
    }

    pub fn drop_failed(&self, entry: &Entry) -> Result<(), OutboxError> {
        let dir = self.dir.join("failed");
        let files = std::iter::once(format!("{}.json", entry.id))
            .chain(entry.images.iter().map(|image| image.file.clone()));
        for file in files {
            let path = dir.join(file);
            self.disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        self.disk.sync_dir(&dir).map_err(io_error("sync", &dir))
    }
}
