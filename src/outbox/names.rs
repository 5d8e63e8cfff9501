//! Names of the outbox's files. Pure: it touches none of them.

use crate::outbox::entry::{Picture, StoredImage};

pub(super) fn stored_images(id: &str, images: &[&Picture]) -> Vec<StoredImage> {
    images
        .iter()
        .enumerate()
        .map(|(index, image)| StoredImage {
            file: format!("{id}-{index}.{}", extension(&image.name)),
            name: image.name.clone(),
            alt: image.alt.clone(),
        })
        .collect()
}

fn extension(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, end)) if is_extension(end) => end.to_ascii_lowercase(),
        _ => "png".to_owned(),
    }
}

/// Of pictures; never one that has a meaning in this folder.
fn is_extension(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["png", "jpg", "jpeg", "gif", "webp", "svg", "pdf"].contains(&text.as_str())
}

/// `<id>-<index>.<extension>`
pub(super) fn is_image_of(name: &str, id: &str) -> bool {
    let rest = name.strip_prefix(id).and_then(|rest| rest.strip_prefix('-'));
    rest.and_then(|rest| rest.split_once('.')).is_some_and(|(index, extension)| {
        !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) && is_extension(extension)
    })
}

pub(super) fn looks_like_image(name: &str) -> bool {
    let index = name.rfind('-').unwrap_or(0);
    is_image_of(name, name.get(..index).unwrap_or_default())
}

/// Fit for a file name, whatever the text is.
pub(super) fn safe_name(text: &str, longest: usize) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    text.chars().take(longest).map(safe).collect()
}
