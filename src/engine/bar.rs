//! Progress bars: whether a line is one, and where it ends if other text follows it at once.
//!
//! A bar is not erased before other output, so a traceback may follow it on the same line:
//! `5/80 [00:00<00:01, 40.5it/s, loss=9.64]Traceback (most recent call last):`.
//! Knows no metric: it looks at shapes only.

/// Whether the line is a drawn bar: it holds bar glyphs, a percentage before a `|`, or the clock
/// of tqdm (`[00:00<`).
pub(crate) fn is_bar(text: &[u8]) -> bool {
    glyph(text).is_some() || percent(text).is_some() || clock(text).is_some()
}

/// Where the bar begins that the line draws: what stands before it is its label.
pub(crate) fn start(text: &[u8]) -> Option<usize> {
    [glyph(text), percent(text), clock(text)].into_iter().flatten().min()
}

/// The `%|` of a bar.
fn percent(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'|', text)
        .map(|at| at.wrapping_sub(1))
        .find(|at| text.get(*at) == Some(&b'%'))
}

/// Three or more block or line glyphs in a row (U+2500 to U+259F).
fn glyph(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(0xe2, &text[from..]) {
        let at = from + found;
        let run = text[at..].chunks(3).take_while(|c| is_bar_glyph(c)).count();
        if run >= 3 {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn is_bar_glyph(bytes: &[u8]) -> bool {
    matches!(bytes, [0xe2, 0x94..=0x96, 0x80..=0xbf]) && !matches!(bytes, [0xe2, 0x94, 0x82 | 0x83])
}

/// The `[` of tqdm's `[01:23<00:12, ...]`.
fn clock(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'[', &text[from..]) {
        let at = from + found;
        let inner = &text[at + 1..];
        let digits = inner.iter().take_while(|b| b.is_ascii_digit() || **b == b':').count();
        if digits >= 4 && inner[..digits].contains(&b':') && inner.get(digits) == Some(&b'<') {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Where the bar ends, if text that does not belong to it follows.
pub(crate) fn end(text: &[u8]) -> Option<usize> {
    let end = match clock(text) {
        Some(open) => open + closing(&text[open..])? + 1,
        None => end_of_numbers(text)?,
    };
    (!text[end..].trim_ascii().is_empty()).then_some(end)
}

/// The `]` that closes the bracket at the start of `text`.
fn closing(text: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth <= 1 => return Some(at),
            b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A bar without a closing bracket (Keras) ends in a number: `loss: 0.7135Batch 1: Invalid`.
fn end_of_numbers(text: &[u8]) -> Option<usize> {
    let bar = glyph(text)?;
    let mut at = bar;
    while let Some(found) = memchr::memchr(b'.', &text[at..]) {
        let dot = at + found;
        let digits = text[dot + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        let end = dot + 1 + digits;
        let next = text.get(end..end + 2).unwrap_or_default();
        if digits >= 2 && matches!(next, [b'A'..=b'Z', b'a'..=b'z']) {
            return Some(end);
        }
        at = dot + 1;
    }
    None
}
