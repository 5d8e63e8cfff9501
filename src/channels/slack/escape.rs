//! Foreign text made safe for Slack: escaped, stripped of what nobody can see, cut to a length.
//!
//! Slack's rules: <https://docs.slack.dev/messaging/formatting-message-text>. Lengths are counted in
//! code points, after escaping. It knows no message.

/// Escapes the three characters that Slack's markup gives a meaning to. What is left of a run's
/// `<!channel>` pages nobody.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Escapes and cuts: at most `limit` code points, an entity is never cut in two.
pub(super) fn escape_to(text: &str, limit: usize) -> String {
    let whole = escape(text);
    if whole.chars().count() <= limit {
        return whole;
    }
    let mut out = String::new();
    let mut left = limit.saturating_sub(1);
    for c in text.chars() {
        let length = escaped(c).map_or(1, str::len);
        if length > left {
            break;
        }
        left -= length;
        match escaped(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    if limit > 0 {
        out.push('…');
    }
    out
}

/// At most `limit` code points; a cut is shown by `…`.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => {
            let mut out: String = text.chars().take(limit.saturating_sub(1)).collect();
            if limit > 0 {
                out.push('…');
            }
            out
        }
    }
}

/// Without control characters and those that turn the reading direction; tabs and newlines stay.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .filter(|&c| c == '\n' || c == '\t' || !(c.is_control() || turns_direction(c)))
        .collect()
}

/// `visible`, on one line, without space at its ends.
pub(super) fn line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Escaped text for between two code fences: a fence in it is broken by a zero-width space.
pub(super) fn fenced(text: &str) -> String {
    escape(text).replace("``", "`\u{200b}`")
}

/// Whether Slack's formatting (`*_~` and backticks, quotes, emoji names, mentions) would leave this
/// text as it is, apart from the escapes.
pub(super) fn is_literal(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let word = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| c.is_alphanumeric());
    chars.iter().enumerate().all(|(i, &c)| match c {
        '_' => word(i.checked_sub(1)) && word(Some(i + 1)),
        ':' => !word(Some(i + 1)),
        '*' | '~' | '`' | '<' | '>' | '&' | '@' | '#' | '\n' => false,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("<!channel> a&b"), "&lt;!channel&gt; a&amp;b");
        assert_eq!(fenced("```<x>"), "`\u{200b}``&lt;x&gt;");
        assert!(!fenced("``````````").contains("```"));
    }

    #[test]
    fn text_is_cut_with_a_mark() {
        for (text, limit, want) in
            [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 0, ""), ("a", 0, ""), ("äöü", 2, "ä…")]
        {
            assert_eq!(cut(text, limit), want);
        }
        assert_eq!(escape_to("ab<cd", 6), "ab…");
        assert_eq!(escape_to("ab<cd", 8), "ab&lt;cd");
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(visible("a\0b\u{1b}[1m\u{202e}c\td\n"), "ab[1mc\td\n");
        assert_eq!(line("  a \n\n b\t"), "a b");
    }

    #[test]
    fn formatting_characters_are_noticed() {
        for text in ["train/loss", "eval_loss", "3.2e-4", "1200/5000", "loss 5%", "a: b"] {
            assert!(is_literal(text), "{text}");
        }
        for text in ["*b*", "_i_", "~s~", "`c`", ":smile:", "> q", "@here", "a_", "<x>"] {
            assert!(!is_literal(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_escape_is_within_its_limit_and_whole(text in ".*", limit in 0usize..80) {
            let out = escape_to(&text, limit);
            prop_assert!(out.chars().count() <= limit);
            prop_assert!(!out.contains(['<', '>']));
            for (at, _) in out.match_indices('&') {
                let rest = &out[at..];
                prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|e| rest.starts_with(e)));
            }
        }
    }
}
