//! Text that Slack would interpret: raw markup in it is a violation.

use serde_json::Value;

/// What is wrong with a text that Slack reads as `mrkdwn`.
///
/// Only dates are ever meant as markup by this program. Everything else in angle brackets would be
/// a mention or a link that came from the run.
pub fn problem(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&']) {
        let tail = &rest[at..];
        let skip =
            ["&amp;", "&lt;", "&gt;"].iter().find(|e| tail.starts_with(**e)).map(|e| e.len());
        let Some(skip) = skip.or_else(|| date(tail)) else {
            let shown: String = tail.chars().take(40).collect();
            return Some(format!("unescaped markup: {shown:?}"));
        };
        rest = &tail[skip..];
    }
    None
}

/// The length of `<!date^…^…|…>` at the start.
fn date(text: &str) -> Option<usize> {
    let end = text.strip_prefix("<!date^")?.find('>')? + "<!date^".len();
    let inside = &text[1..end];
    (!inside.contains('<') && inside.contains('|')).then_some(end + 1)
}

/// As people see it: entities resolved, dates by their fallback.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<!date^") {
        out.push_str(&rest[..at]);
        let Some(length) = date(&rest[at..]) else { break };
        let inside = &rest[at + 1..at + length - 1];
        out.push_str(inside.rsplit('|').next().unwrap_or_default());
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What is wrong with a text object, whose kind decides what is interpreted.
pub fn object_problem(object: &Value) -> Option<String> {
    let text = object["text"].as_str().unwrap_or_default();
    match object["type"].as_str() {
        Some("mrkdwn") => problem(text),
        Some("plain_text") if object["emoji"] != Value::Bool(false) => {
            Some("plain_text that expands emoji names of the run".to_owned())
        }
        _ => None,
    }
}
