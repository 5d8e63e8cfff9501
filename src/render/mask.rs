//! Secrets in text: tokens, keys, webhook URLs, passwords in URLs, arguments and assignments.
//!
//! Masks what is known to be secret and what has the form of one. It would rather mask a word too
//! many than a token too few, but never a metric: `tokens=1234` stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// What a secret is replaced by.
const MASK: &str = "****";

/// Shorter values stand in too many words to be replaced everywhere.
const SHORTEST_KNOWN: usize = 6;

/// Patterns whose group `secret` (or the whole match) is masked. The forms are those that the
/// services document, and that GitHub's and GitLab's secret scanners look for.
const PATTERNS: &[&str] = &[
    // Slack: tokens of every kind, and webhook and trigger URLs.
    r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}",
    r"\bxapp-\d-[A-Za-z0-9-]{8,}",
    r"hooks\.slack(?:-gov)?\.com/(?P<secret>[A-Za-z]+/[A-Za-z0-9/_-]{8,})",
    // Webhooks and bots of other services carry the secret in the path or the query.
    r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/(?P<secret>\d+/[A-Za-z0-9_-]{16,})",
    r"api\.telegram\.org/bot(?P<secret>\d+:[A-Za-z0-9_-]{16,})",
    r"\bhc-ping\.com/(?P<secret>[A-Za-z0-9_-]{16,})",
    // Keys with a prefix of their own: GitHub, OpenAI and Anthropic, Hugging Face, AWS, Google.
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"\bhf_[A-Za-z0-9]{16,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    // JSON Web Tokens, and the header that carries a token.
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{16,})",
    // user:password@ in a URL.
    r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:(?P<secret>[^\s/@]+)@",
    // --api-key VALUE, WANDB_API_KEY=VALUE, password: VALUE. The name must end in such a word.
    r#"(?i)(?:^|[^A-Za-z])(?:[A-Za-z0-9]+[_-])*(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|auth[_-]?token|access[_-]?token|api[_-]?token|bot[_-]?token|(?:--|[a-z0-9]+_)token)["']?(?:\s*[=:]\s*|\s+)["']?(?P<secret>[^\s"'&,;]{4,})"#,
];

static GATE: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(PATTERNS).ok());
static EACH: LazyLock<Vec<Regex>> =
    LazyLock::new(|| PATTERNS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect());

/// The text with secrets replaced by `****`. `known` are values that are secret for sure.
pub fn mask(text: &str, known: &[String]) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in known {
        if secret.len() >= SHORTEST_KNOWN && text.contains(secret.as_str()) {
            text = Cow::Owned(text.replace(secret.as_str(), MASK));
        }
    }
    // If the patterns did not compile (a test sees to it) the text would not be safe to show.
    let Some(gate) = &*GATE else { return MASK.to_owned() };
    for index in gate.matches(&text).iter() {
        let Some(pattern) = EACH.get(index) else { continue };
        text = Cow::Owned(replace(pattern, &text));
    }
    text.into_owned()
}

fn replace(pattern: &Regex, text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for captures in pattern.captures_iter(text) {
        let Some(secret) = captures.name("secret").or_else(|| captures.get(0)) else { continue };
        if is_plain_number(secret.as_str()) {
            continue;
        }
        masked.push_str(&text[done..secret.start()]);
        masked.push_str(MASK);
        done = secret.end();
    }
    masked.push_str(&text[done..]);
    masked
}

/// `bos_token: 50256` is no secret, nor is a rate.
fn is_plain_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert!(GATE.is_some());
        assert_eq!(EACH.len(), PATTERNS.len());
    }

    #[test]
    fn secrets_are_masked() {
        // Put together at run time, so that no scanner takes this file for a leak.
        let slack = format!("xoxb-{}-{}", "1234567890", "AbCdEfGhIjKl");
        let hook =
            format!("https://hooks.slack.com/services/{}", "T00000000/B00000000/abcdefghijklmnop");
        let cases = [
            (format!("token {slack} used"), "token **** used"),
            (format!("POST {hook} failed"), "POST https://hooks.slack.com/**** failed"),
            (
                "WANDB_API_KEY=0123456789abcdef python train.py".into(),
                "WANDB_API_KEY=**** python train.py",
            ),
            ("train.py --api-key s3cr3tvalue --lr 0.1".into(), "train.py --api-key **** --lr 0.1"),
            ("--token=abcdefgh".into(), "--token=****"),
            ("postgres://ada:hunter2@db/x".into(), "postgres://ada:****@db/x"),
            ("Authorization: Bearer abcdefghijklmnop1234".into(), "Authorization: Bearer ****"),
            (r#"{"password": "hunter2"}"#.into(), r#"{"password": "****"}"#),
            (format!("sk-{}", "abcdefghijklmnopqrst"), "****"),
            (format!("hf_{}", "abcdefghijklmnopqrst"), "****"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(&text, &[]), expected);
        }
    }

    #[test]
    fn metrics_and_words_are_not_masked() {
        for text in [
            "tokens=1234 loss=2.3 tok/s: 5321",
            "step 10 token_acc: 0.93",
            "pad_token: 50256",
            "tokens per second: 55.2, lr=3e-4",
            "https://example.com/path?x=1",
            "KeyError: 'labels'",
            "secrets of the universe",
        ] {
            assert_eq!(mask(text, &[]), text);
        }
    }

    #[test]
    fn known_values_are_masked_wherever_they_stand() {
        let known = ["s3cr3t-value".to_owned(), "abc".to_owned()];
        assert_eq!(mask("x=s3cr3t-valuex abc", &known), "x=****x abc");
    }
}
