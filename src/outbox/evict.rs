//! What is given up when the outbox is full. Pure: it plans, `spool` does.

use crate::engine::alert::Severity;
use crate::render::message::MessageKind;

/// An entry, as far as it decides what is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) kind: MessageKind,
    pub(super) severity: Severity,
    pub(super) entry_bytes: u64,
    pub(super) image_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Ids of entries that lose their pictures, ...
    pub(super) images: Vec<String>,
    /// ... and of those that go altogether.
    pub(super) entries: Vec<String>,
    /// Bytes that become free.
    pub(super) freed: u64,
}

/// What has to go so that `excess` bytes become free: old pictures first, then old entries, reports
/// before alerts and lower severities before higher ones. Never an end, never a critical alert.
/// `items` are ordered from old to new.
pub(super) fn plan(items: &[Item], excess: u64) -> Plan {
    let mut plan = Plan::default();
    for item in items.iter().filter(|item| item.image_bytes > 0) {
        if plan.freed >= excess {
            return plan;
        }
        plan.images.push(item.id.clone());
        plan.freed = plan.freed.saturating_add(item.image_bytes);
    }
    let mut left: Vec<&Item> = items.iter().filter(|item| may_go(item)).collect();
    left.sort_by_key(|item| (item.kind != MessageKind::Report, item.severity));
    for item in left {
        if plan.freed >= excess {
            break;
        }
        plan.images.retain(|id| *id != item.id);
        plan.entries.push(item.id.clone());
        plan.freed = plan.freed.saturating_add(item.entry_bytes);
    }
    plan
}

fn may_go(item: &Item) -> bool {
    match item.kind {
        MessageKind::End => false,
        MessageKind::Report | MessageKind::Card => true,
        MessageKind::Alert | MessageKind::Note => item.severity < Severity::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, kind: MessageKind, severity: Severity, image_bytes: u64) -> Item {
        Item { id: id.to_owned(), kind, severity, entry_bytes: 10, image_bytes }
    }

    #[test]
    fn pictures_go_before_reports_before_alerts_and_an_end_never() {
        let items = [
            item("1", MessageKind::End, Severity::Info, 100),
            item("2", MessageKind::Alert, Severity::Warning, 0),
            item("3", MessageKind::Report, Severity::Warning, 0),
            item("4", MessageKind::Report, Severity::Info, 100),
            item("5", MessageKind::Alert, Severity::Critical, 0),
        ];
        for (excess, images, entries) in [
            (0, vec![], vec![]),
            (1, vec!["1"], vec![]),
            (101, vec!["1", "4"], vec![]),
            (201, vec!["1"], vec!["4"]),
            (211, vec!["1"], vec!["4", "3"]),
            (221, vec!["1"], vec!["4", "3", "2"]),
            (9999, vec!["1"], vec!["4", "3", "2"]),
        ] {
            let plan = plan(&items, excess);
            assert_eq!(
                (plan.images, plan.entries),
                (
                    images.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    entries.iter().map(ToString::to_string).collect::<Vec<_>>(),
                ),
                "{excess}"
            );
        }
    }
}
