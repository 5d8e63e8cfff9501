//! A short text that is replaced again and again: a number as a program wrote it.

use bstr::{BStr, BString, ByteSlice};

/// As long as numbers are.
const SHORT: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Text {
    short: [u8; SHORT],
    length: usize,
    /// In place of `short` if it is longer.
    long: BString,
}

impl Text {
    /// Copied by two halves of a known size, which may overlap: that is several times as fast as a
    /// copy of any size.
    pub(super) fn set(&mut self, text: &[u8]) {
        self.length = text.len();
        if text.len() > SHORT {
            self.long.clear();
            self.long.extend_from_slice(text);
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>())
        {
            self.short[..8].copy_from_slice(first);
            self.short[text.len() - 8..text.len()].copy_from_slice(last);
        } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>())
        {
            self.short[..4].copy_from_slice(first);
            self.short[text.len() - 4..text.len()].copy_from_slice(last);
        } else {
            self.short.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        }
    }

    pub(super) fn get(&self) -> &BStr {
        self.short.get(..self.length).map_or(self.long.as_bstr(), ByteSlice::as_bstr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_kept_as_it_is() {
        let all = b"0.1234567890123456789012345";
        let mut text = Text::default();
        for length in (0..all.len()).chain([3, 20, 5]) {
            text.set(&all[..length]);
            assert_eq!(text.get(), &all[..length]);
        }
    }
}
