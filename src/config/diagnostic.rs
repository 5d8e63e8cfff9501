//! Problems as a person sees them: file, line, column, the line itself with a caret, a hint.
//!
//! Readable without colour. Secrets written into the file are blanked before a line is shown.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use regex::Regex;

use super::problem::Problem;

/// More would scroll the first ones off the screen.
const MOST_SHOWN: usize = 40;

/// Why there is no `Config`: everything that is wrong with the rules file.
#[derive(Clone)]
pub struct ConfigError {
    file: String,
    /// The file's text without secrets; the same length.
    text: String,
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(file: String, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| (a.span.start, &a.message).cmp(&(b.span.start, &b.message)));
        // A value that an alias repeats would be complained about once for each repetition.
        problems.dedup();
        for problem in &mut problems {
            problem.message = blank_secrets(&problem.message);
        }
        Self { file, text: blank_secrets(text), problems }
    }

    /// The file as a whole cannot be used; there is no line to show.
    pub(super) fn whole_file(file: String, message: String, hint: &str) -> Self {
        let problem = Problem::new(&(0..0), message).hint(hint);
        Self { file, text: String::new(), problems: vec![problem] }
    }

    /// How many problems there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// All problems in the order of the file, ready to print, with a newline at the end.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut rendered = String::new();
        for problem in self.problems.iter().take(MOST_SHOWN) {
            rendered.push_str(&renderer.render(&[self.group(problem)]));
            rendered.push_str("\n\n");
        }
        let count = self.problems.len();
        let (s, are) = if count == 1 { ("", "is") } else { ("s", "are") };
        rendered.push_str(&format!("{}: there {are} {count} problem{s} in this file", self.file));
        if count > MOST_SHOWN {
            rendered.push_str(&format!(" (the first {MOST_SHOWN} are shown)"));
        }
        rendered.push('\n');
        rendered
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(problem.message.as_str()));
        if self.text.is_empty() {
            group = group.element(annotate_snippets::Origin::path(self.file.as_str()));
        } else {
            let place = self.on_one_line(&problem.span);
            let caret = AnnotationKind::Primary.span(place).label(problem.label.as_str());
            let mut snippet =
                Snippet::source(self.text.as_str()).path(self.file.as_str()).annotation(caret);
            if let Some((span, words)) = &problem.also {
                let context = AnnotationKind::Context.span(self.on_one_line(span));
                snippet = snippet.annotation(context.label(words.as_str()));
            }
            group = group.element(snippet);
        }
        group.elements(problem.hints.iter().map(|hint| Level::HELP.message(hint.as_str())))
    }

    /// The span within the text, on character boundaries, and not beyond the end of its line.
    fn on_one_line(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let line_end = self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |n| start + n);
        let end = self.text.ceil_char_boundary(span.end.clamp(start, line_end));
        start..end
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// What may be a secret, by its looks and not by the tree: broken YAML has no tree, and a misspelt
/// key is none that is known to be secret.
static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r#"(?x)
        (?i: (?-u: \b \w* ) (?: token | webhook | url | passw(?-u:\w)* | secret | api_?key )
             ["']? \s* : [\ \t]* )
          (?: "([^"\n]+) | '([^'\n]+) | ([^\s"',}\#][^\n"',}\#]*) )
        | ( (?-u:\b) (?: xox[a-z] | xapp )-[-\w]+
          | https?://[^\s"',}]*(?: services | hook | token | key )[^\s"',}]* )"#;
    Regex::new(pattern).ok()
});

/// The text with what may be a secret replaced by as many asterisks.
fn blank_secrets(text: &str) -> String {
    let Some(secret) = SECRET.as_ref() else {
        return text.chars().map(|c| if c == '\n' { c } else { '*' }).collect();
    };
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    for captures in secret.captures_iter(text) {
        let found = captures.iter().skip(1).flatten().next();
        // A variable, an anchor, a mapping or a comment is no secret.
        let harmless = ['$', '&', '*', '{', '[', '#'];
        let Some(found) = found.filter(|found| !found.as_str().starts_with(harmless)) else {
            continue;
        };
        blanked.push_str(&text[at..found.start()]);
        blanked.extend(std::iter::repeat_n('*', found.len()));
        at = found.end();
    }
    blanked.push_str(&text[at..]);
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_the_file_are_blanked_and_all_places_stay() {
        for (text, shown) in [
            ("token: xoxb-12", "token: *******"),
            ("{ token: 'abc', channel: x }", "{ token: '***', channel: x }"),
            ("\"webhook\":\"https://h/é\"", "\"webhook\":\"************\""),
            ("tokne: xoxb-1-2", "tokne: ********"),
            ("bot_token: a", "bot_token: *"),
            ("token: a b\nx: y", "token: ***\nx: y"),
            ("token: \"a, b\", x: y", "token: \"****\", x: y"),
            ("token:\nx: y", "token:\nx: y"),
            ("token: # none", "token: # none"),
            ("token: \"${SLACK_BOT_TOKEN}\"", "token: \"${SLACK_BOT_TOKEN}\""),
            ("- https://h.io/services/T y", "- *********************** y"),
            ("match: 'CUDA out of memory'", "match: 'CUDA out of memory'"),
        ] {
            let blanked = blank_secrets(text);
            assert_eq!(blanked, shown);
            assert_eq!(blanked.len(), text.len());
        }
    }
}
