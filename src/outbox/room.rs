//! Keeps the outbox within its bytes: gives up what matters least, and says so in one line.

use crate::outbox::entry::Entry;
use crate::outbox::evict::{self, Item};
use crate::outbox::names::is_image_of;
use crate::outbox::spool::{Loaded, Megabytes, Outbox, OutboxError, add_line, io_error};
use crate::render::message::MessageKind;

impl Outbox {
    /// Makes room for `bytes` more. An end is let in even where nothing more can be given up.
    pub(super) fn make_room(
        &self,
        bytes: u64,
        incoming: &Entry,
    ) -> Result<Option<String>, OutboxError> {
        let used = self.used()?;
        let mut excess = used.saturating_add(bytes).saturating_sub(self.limit);
        if excess == 0 {
            return Ok(None);
        }
        let (old, freed) = self.drop_set_aside(excess)?;
        excess = excess.saturating_sub(freed);
        let items = self.items()?;
        let plan = evict::plan(&items, excess);
        if plan.freed < excess && incoming.message.kind != MessageKind::End {
            return Err(OutboxError::Full { dir: self.dir.clone() });
        }
        let mut reports = 0;
        for id in &plan.images {
            self.drop_images(id)?;
        }
        for id in &plan.entries {
            if let Loaded::Whole(entry) = self.load(id)? {
                self.remove(&entry)?;
                reports += 1;
            }
        }
        Ok(Some(format!(
            "the outbox was full ({}): gave up {old} old files, the pictures of {} messages and \
             {reports} messages that were not delivered",
            Megabytes(self.limit),
            plan.images.len(),
        )))
    }

    fn used(&self) -> Result<u64, OutboxError> {
        let mut bytes = 0_u64;
        for dir in [self.dir.clone(), self.dir.join("failed")] {
            for file in self.files(&dir)? {
                bytes = bytes.saturating_add(file.bytes);
            }
        }
        Ok(bytes)
    }

    /// Failed deliveries and unreadable files, oldest first: nobody waits for them any more.
    fn drop_set_aside(&self, excess: u64) -> Result<(u64, u64), OutboxError> {
        let (mut count, mut freed) = (0, 0_u64);
        for dir in [self.dir.clone(), self.dir.join("failed")] {
            for file in self.files(&dir)? {
                let ours = dir != self.dir || file.name.ends_with(".bad");
                if ours && freed < excess {
                    let path = dir.join(&file.name);
                    self.disk.remove(&path).map_err(io_error("remove", &path))?;
                    count += 1;
                    freed = freed.saturating_add(file.bytes);
                }
            }
        }
        Ok((count, freed))
    }

    fn items(&self) -> Result<Vec<Item>, OutboxError> {
        let files = self.files(&self.dir)?;
        let mut items = Vec::new();
        for entry in self.list()?.entries {
            let own = format!("{}.json", entry.id);
            let sum = |is_part: &dyn Fn(&str) -> bool| {
                files.iter().filter(|file| is_part(&file.name)).map(|file| file.bytes).sum()
            };
            items.push(Item {
                kind: entry.message.kind,
                severity: entry.message.severity,
                entry_bytes: sum(&|name| name == own),
                image_bytes: sum(&|name| is_image_of(name, &entry.id)),
                id: entry.id,
            });
        }
        Ok(items)
    }

    fn drop_images(&self, id: &str) -> Result<(), OutboxError> {
        let Loaded::Whole(mut entry) = self.load(id)? else { return Ok(()) };
        let images = std::mem::take(&mut entry.images);
        add_line(&mut entry.message.body, "Its pictures were given up: the outbox was full.");
        self.save_progress(&entry)?;
        for image in images {
            let path = self.dir.join(&image.file);
            self.disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }
}
