//! Needles: texts of which any match must hold one. To search for a few of them is many times
//! faster than to search for the patterns.
//!
//! All in small letters, as the text is in which they are searched. Knows shapes of patterns only.

use regex_syntax::hir::{Class, Hir, HirKind};

/// With the words of others (`engine::gate`) more would make a search of its own, or slow.
const MOST: usize = 32;
/// A shorter one is found too often.
const SHORTEST: usize = 3;
/// A needle with one of these would be found in most lines of a healthy run.
const COMMON: [&str; 18] = [
    "loss", "step", "epoch", "train", "time", "iter", "code", "info", "eval", "valid", "batch",
    "with", "rate", "grad", "memory", "worker", "test", "data",
];

/// One of these is in each match.
type Needles = Vec<Vec<u8>>;

/// One list for all patterns; none if one of them has no needle, or if they are too many.
pub(super) fn of_all(patterns: &[Hir]) -> Option<Needles> {
    let options: Vec<Vec<Needles>> = patterns.iter().map(options).collect();
    let longest = |of_one: &Vec<Needles>| of_one.iter().max_by_key(|o| worth(o)).cloned();
    let chosen = options.iter().map(longest).collect::<Option<Vec<_>>>()?;
    within(chosen).or_else(|| {
        // Many patterns are often variations of a few words.
        let has =
            |of_one: &[Needles], needle: &Vec<u8>| of_one.iter().flatten().any(|n| n == needle);
        let shared = |needle: &Vec<u8>| options.iter().filter(|one| has(one, needle)).count();
        let by_all = |o: &&Needles| (o.iter().map(shared).min(), worth(o));
        let most_shared = |of_one: &Vec<Needles>| of_one.iter().max_by_key(by_all).cloned();
        within(options.iter().map(most_shared).collect::<Option<Vec<_>>>()?)
    })
}

/// The list without doubles, if it is short enough.
fn within(chosen: Vec<Needles>) -> Option<Needles> {
    let mut all = chosen.concat();
    all.sort();
    all.dedup();
    (all.len() <= MOST).then_some(all)
}

/// The length of the shortest one.
fn worth(needles: &Needles) -> usize {
    needles.iter().map(Vec::len).min().unwrap_or_default()
}

/// The lists that would do for a pattern.
fn options(pattern: &Hir) -> Vec<Needles> {
    let mut found = Vec::new();
    collect(pattern, &mut found);
    found.retain(|needles| worth(needles) >= SHORTEST);
    found
}

fn collect(pattern: &Hir, out: &mut Vec<Needles>) {
    match pattern.kind() {
        HirKind::Capture(capture) => collect(&capture.sub, out),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, out),
        HirKind::Alternation(parts) => {
            let best = |part| options(part).into_iter().max_by_key(worth);
            out.extend(parts.iter().map(best).collect::<Option<Vec<_>>>().map(|all| all.concat()));
        }
        HirKind::Concat(parts) => {
            let mut text = Vec::new();
            for part in parts {
                match exact(part) {
                    Some(more) => text.extend(more),
                    None => {
                        add(&std::mem::take(&mut text), out);
                        collect(part, out);
                    }
                }
            }
            add(&text, out);
        }
        _ => add(&exact(pattern).unwrap_or_default(), out),
    }
}

/// The text, and each of its words.
fn add(text: &[u8], out: &mut Vec<Needles>) {
    let common = |text: &[u8]| {
        COMMON.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
    };
    let words = text.split(|byte| *byte == b' ').filter(|word| word.len() < text.len());
    // Seldom words beside a common one make the whole text seldom.
    let whole = text.split(|byte| *byte == b' ').any(|word| word.len() > 1 && !common(word));
    out.extend(whole.then(|| vec![text.to_vec()]));
    out.extend(words.filter(|word| !common(word)).map(|word| vec![word.to_vec()]));
}

/// What the pattern matches, if that is one text but for the case of its letters.
fn exact(pattern: &Hir) -> Option<Vec<u8>> {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(Vec::new()),
        HirKind::Literal(literal) => Some(literal.0.to_ascii_lowercase()),
        HirKind::Capture(capture) => exact(&capture.sub),
        HirKind::Concat(parts) => {
            parts.iter().map(exact).collect::<Option<Vec<_>>>().map(|parts| parts.concat())
        }
        HirKind::Class(Class::Unicode(class)) => one_letter(
            class.ranges().iter().map(|range| (range.start() as u32, range.end() as u32)),
        ),
        HirKind::Class(Class::Bytes(class)) => one_letter(
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())),
        ),
        _ => None,
    }
}

/// `[Kk]`; not `[Kk\u{212a}]`, which a pattern means that ignores case, nor `[ab]`.
fn one_letter(ranges: impl Iterator<Item = (u32, u32)>) -> Option<Vec<u8>> {
    let mut letter = None;
    for (first, last) in ranges {
        let small = u8::try_from(first).ok().filter(u8::is_ascii)?.to_ascii_lowercase();
        if first != last || letter.is_some_and(|known| known != small) {
            return None;
        }
        letter = Some(small);
    }
    letter.map(|letter| vec![letter])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(patterns: &[&str]) -> Option<Vec<String>> {
        let parse = |pattern: &&str| regex_syntax::parse(pattern).unwrap();
        let parsed: Vec<Hir> = patterns.iter().map(parse).collect();
        let text = |needle: Vec<u8>| String::from_utf8(needle).unwrap();
        Some(of_all(&parsed)?.into_iter().map(text).collect())
    }

    #[test]
    fn the_longest_seldom_text_is_taken() {
        for (pattern, needles) in [
            ("CUDA out of memory", &["cuda out of memory"][..]),
            (r"(?i)\bout of memory\b", &["out of memory"]),
            ("(?i)device-side", &["device-"]),
            (r"loss[:= ]+nan\b", &["nan"]),
            (r"\b(Runtime|Value)Error\b", &["error"]),
            (r"fail(ed|ure)", &["fail"]),
            (r"(?:failed)+ \d", &["failed"]),
            ("(?i)(gradient|loss) (overflow|is nan)", &[" nan", "overflow"]),
        ] {
            assert_eq!(of(&[pattern]).unwrap(), needles, "{pattern}");
        }
    }

    #[test]
    fn where_a_text_may_be_missing_there_is_none() {
        for pattern in ["loss", "a|error", "(error)?", r"\d+", "xy", "(?i)ssk", "^$", "[ab][bc]d"] {
            assert_eq!(of(&[pattern]), None, "{pattern}");
        }
        assert_eq!(of(&["error", "loss"]), None);
    }

    #[test]
    fn many_patterns_share_their_words() {
        let many: Vec<String> = (0..100).map(|n| format!("part-{n} failed")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&many).unwrap(), ["failed"]);
    }
}
