//! Names of metrics: which class a name is of, and how it is written.

use super::words::{self, kinds};

/// What a name is, by its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Epoch,
    Step,
    Counted,
    Measured,
    Never,
    Unknown,
}

/// The class of a name as it stands in the line.
pub(super) fn class(name: &str) -> Class {
    let whole = kinds(name);
    for (kind, class) in [
        (words::EPOCH, Class::Epoch),
        (words::STEP, Class::Step),
        (words::COUNTED, Class::Counted),
        (words::NEVER, Class::Never),
    ] {
        if whole & kind != 0 {
            return class;
        }
    }
    // `||grad||`
    if name.starts_with('|') {
        return Class::Measured;
    }
    let parts = [' ', '_', '/'];
    let mut backwards = name.rsplit(parts).map(kinds);
    let last = backwards.next().unwrap_or(0);
    let before = backwards.next().unwrap_or(0);
    let first = name.split(parts).next().map_or(0, kinds);
    // `L.r` is the learning rate, and no file.
    let file = name.rsplit_once('.').filter(|(stem, _)| stem.len() > 1);
    let file = file.map_or(0, |(_, extension)| kinds(extension));
    // A step size is chosen, and changes as the run goes on.
    if last & words::NEVER_LAST != 0 && before & words::STEP != 0 {
        return Class::Unknown;
    }
    if last & words::NEVER_LAST != 0 || first & words::NEVER_FIRST != 0 || file & words::FILE != 0 {
        return Class::Never;
    }
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    if words.any(is_measured) { Class::Measured } else { Class::Unknown }
}

fn is_measured(word: &str) -> bool {
    let ends = |tail: &str| {
        let at = word.len().checked_sub(tail.len());
        at.is_some_and(|at| word.as_bytes()[at..].eq_ignore_ascii_case(tail.as_bytes()))
    };
    kinds(word) & words::MEASURED != 0
        || ["loss", "acc", "accuracy", "norm", "score", "reward", "error"].into_iter().any(ends)
        // `loss1`, `recon_loss2`
        || ends_numbered(word, "loss")
        || (word.len() > 3 && word.as_bytes()[..3].eq_ignore_ascii_case(b"map"))
        || heads(word)
        || humps(word)
}

fn ends_numbered(word: &str, tail: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit()).as_bytes();
    word.len() >= tail.len()
        && word[word.len() - tail.len()..].eq_ignore_ascii_case(tail.as_bytes())
}

/// `AverageReturn`, `testIoU`: a known word from a capital on. Short ones are known if they are an
/// abbreviation: no `FeatureMap`.
fn humps(word: &str) -> bool {
    let bytes = word.as_bytes();
    let begins = |at: &usize| bytes[at - 1].is_ascii_lowercase() && bytes[*at].is_ascii_uppercase();
    (1..bytes.len()).filter(begins).map(|at| &word[at..]).any(|hump| {
        let short = hump.len() < 4 && !hump.ends_with(|c: char| c.is_ascii_uppercase());
        !short && kinds(hump) & words::MEASURED != 0
    })
}

/// `errD`, `lossG`: a known word, and a capital begins the next.
fn heads(word: &str) -> bool {
    ["loss", "err", "acc"].iter().any(|head| {
        word.strip_prefix(head)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

pub(super) fn is_qualifier(word: &str) -> bool {
    kinds(word) & words::QUALIFIER != 0
}

pub(super) fn is_prose(word: &str) -> bool {
    // `A 55.2%` is an accuracy.
    kinds(word) & words::PROSE != 0 && word != "A"
}

/// `N/A`, `None`: it stands where a value will be.
pub(super) fn is_missing(word: &str) -> bool {
    kinds(word) & words::MISSING != 0
}

pub(super) fn is_joint(word: &str) -> bool {
    kinds(word) & words::JOINT != 0
}

pub(super) fn is_time_unit(word: &str) -> bool {
    kinds(word) & words::TIME != 0
}

/// A unit written as a word of its own after a number: `0.3 images/s`, `12 sec`.
pub(super) fn is_unit(word: &str) -> bool {
    word.contains("/s") || kinds(word) & (words::UNIT | words::TIME) != 0
}

/// `mean/median reward`: which figure of several values it is.
pub(super) fn is_figure(word: &str) -> bool {
    let figures = ["mean", "std", "min", "max", "avg", "median"];
    figures.iter().any(|figure| word.eq_ignore_ascii_case(figure))
}

/// A word that tells which data a number is of.
pub(super) fn is_part_of_data(word: &str) -> bool {
    kinds(word) & words::DATA != 0
}

/// Whether a name says which data it is of.
pub(super) fn says_data(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(is_part_of_data)
}

/// Whether what is measured is different for other data, as a learning rate or a speed is not.
pub(super) fn is_of_data(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(is_measured) && !is_of_run(name)
}

/// Whether it is measured of the run as a whole, as a learning rate or a speed is.
pub(super) fn is_of_run(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| kinds(word) & words::OF_RUN != 0)
}

/// A word for data that is not trained on: what is measured there has another name.
pub(super) fn is_held_out(word: &str) -> bool {
    let starts =
        |start: &str| word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    is_part_of_data(word) && !starts("train") && !starts("trn")
}

/// Whether it counts where the run is.
pub(super) fn is_counter(class: Class) -> bool {
    matches!(class, Class::Epoch | Class::Step | Class::Counted)
}

/// A level of a logger.
pub(super) fn is_level(word: &str) -> bool {
    [
        "INFO", "WARN", "WARNING", "DEBUG", "ERROR", "SUCCESS", "NOTICE", "TRACE", "CRITICAL",
        "FATAL", "Info",
    ]
    .contains(&word)
}

/// Whether it is what a run is told, and not what it measures: `weight_decay`.
pub(super) fn is_setting(name: &str) -> bool {
    kinds(name) & words::SETTING != 0
}

/// Whether it may be what a run is told: `emb_file`, `loss_weight`.
pub(super) fn ends_as_setting(name: &str) -> bool {
    let last = name.rsplit(['_', '.', '-']).next().unwrap_or(name);
    kinds(last) & words::SETTING_LAST != 0
}

pub(super) fn is_report(word: &str) -> bool {
    kinds(word) & words::REPORT != 0
}

/// Appends a name as it is reported: one word, blanks as `_`, quotes and empty brackets off.
/// `training's auc` is `training_auc`.
pub(super) fn append(raw: &str, out: &mut String) {
    let mut blank = false;
    let name = raw.trim_matches(|c: char| c.is_whitespace() || c == '|');
    let mut letters = name.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\'' if letters.peek() == Some(&'s') => {
                letters.next();
            }
            '\'' | '"' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '*' => {
                blank |= matches!(c, '(' | '[')
            }
            c if c.is_whitespace() || c == '|' => blank = true,
            '.' if letters.peek().is_none_or(|next| next.is_whitespace()) => {}
            c => {
                if blank && !out.is_empty() && !out.ends_with(['_', '/']) {
                    out.push('_');
                }
                blank = false;
                out.push(c);
            }
        }
    }
}
