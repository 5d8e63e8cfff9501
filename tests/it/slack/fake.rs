//! The fake itself: it must refuse, or the other tests prove nothing.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::slack::{FakeSlack, Fault};

/// A request by hand: status and body.
fn post(url: &str, headers: &str, body: &str) -> (u16, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn call(slack: &FakeSlack, method: &str, args: &[(&str, &str)]) -> Value {
    let encode = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02x}")).collect() };
    let body: Vec<String> =
        args.iter().map(|(key, value)| format!("{key}={}", encode(value))).collect();
    let headers = format!(
        "authorization: Bearer {}\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        slack.token
    );
    let (_, answer) = post(&format!("{}{method}", slack.api_url), &headers, &body.join("&"));
    serde_json::from_str(&answer).unwrap()
}

/// A webhook's answer to a message of these blocks.
fn offer(slack: &FakeSlack, blocks: Value) -> (u16, String) {
    let body = json!({"text": "hello", "blocks": blocks}).to_string();
    post(&slack.webhook_url, "content-type: application/json\r\n", &body)
}

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": "x".repeat(length), "emoji": false})
}

fn chart(series: Value, categories: Value) -> Value {
    let config = json!({"categories": categories});
    let chart = json!({"type": "line", "series": series, "axis_config": config});
    json!([{"type": "data_visualization", "title": "t", "chart": chart}])
}

#[test]
fn good_blocks_are_taken() {
    let slack = FakeSlack::start();
    let points = json!([{"label": "1", "value": 1}, {"label": "2", "value": 2.5}]);
    for blocks in [
        json!([{"type": "section", "text": plain(3000)}]),
        json!([{"type": "section", "text": {"type": "mrkdwn", "text": "*a* &lt;b&gt;"}}]),
        json!([{"type": "header", "text": plain(150)}]),
        chart(json!([{"name": "loss", "data": points}]), json!(["1", "2"])),
    ] {
        assert_eq!(offer(&slack, blocks), (200, "ok".to_owned()));
    }
    slack.assert_no_violations();
}

#[test]
fn bad_blocks_are_refused() {
    let point = json!([{"label": "1", "value": 1}]);
    let one = json!({"name": "a", "data": point});
    let section =
        |text: &str| json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]);
    let many: Vec<Value> = (0..21).map(|i| json!({"label": i.to_string(), "value": i})).collect();
    let labels: Vec<String> = (0..21).map(|i| i.to_string()).collect();
    for blocks in [
        json!([{"type": "section", "text": plain(3001)}]),
        json!([{"type": "section"}]),
        json!([{"type": "section", "fields": vec![plain(1); 11]}]),
        json!([{"type": "section", "fields": [plain(2001)]}]),
        json!([{"type": "section", "text": plain(1), "colour": "red"}]),
        json!([{"type": "section", "text": {"type": "plain_text", "text": "a", "emoji": true}}]),
        json!([{"type": "header", "text": plain(151)}]),
        json!([{"type": "header", "text": plain(0)}]),
        json!([{"type": "header", "text": {"type": "mrkdwn", "text": "a"}}]),
        json!([{"type": "context", "elements": vec![plain(1); 11]}]),
        json!([{"type": "video", "title": plain(1)}]),
        json!(vec![json!({"type": "divider"}); 51]),
        json!(vec![json!({"type": "section", "text": plain(2900)}); 4]),
        section("<!channel>"),
        section("<@U0123456789>"),
        section("<https://example.com|click>"),
        section("a & b"),
        section("a > b"),
        json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements":
            [{"type": "broadcast", "range": "channel"}]}]}]),
        json!([{"type": "image", "alt_text": "a", "slack_file": {"id": "F0FILE00000"}}]),
        chart(json!([{"name": "a", "data": many}]), json!(labels)),
        chart(json!([one, one]), json!(["1"])),
        chart(json!([one]), json!(["2"])),
        chart(json!([{"name": "a", "data": [{"label": "1", "value": "1"}]}]), json!(["1"])),
        chart(json!([{"name": "a".repeat(21), "data": point}]), json!(["1"])),
    ] {
        let slack = FakeSlack::start();
        let (status, answer) = offer(&slack, blocks.clone());
        assert_eq!(status, 400, "{blocks}: {answer}");
        assert!(!slack.violations().is_empty(), "{blocks}");
        assert!(slack.messages("webhook").is_empty());
    }
}

#[test]
fn bad_calls_are_refused() {
    let post = "chat.postMessage";
    let long = "x".repeat(4001);
    let quiet = [("unfurl_links", "false"), ("unfurl_media", "false")];
    let slack = FakeSlack::start();
    let ok = call(&slack, post, &[&[("channel", "training"), ("text", "a")], &quiet[..]].concat());
    let ts = ok["ts"].as_str().unwrap();
    for (method, args, error) in [
        (post, vec![("text", "a")], "invalid_arguments"),
        (post, vec![("channel", "nowhere"), ("text", "a")], "channel_not_found"),
        (post, vec![("channel", "training")], "no_text"),
        (post, vec![("channel", "training"), ("text", "<!here>")], "invalid_arguments"),
        (
            post,
            vec![("channel", "training"), ("text", "a"), ("thread_ts", "1.2")],
            "cannot_reply_to_message",
        ),
        (
            "chat.update",
            vec![("channel", "training"), ("ts", ts), ("text", "a")],
            "invalid_arguments",
        ),
        (
            "chat.update",
            vec![("channel", "C0TRAINING1"), ("ts", ts), ("text", &long)],
            "msg_too_long",
        ),
        (
            "chat.update",
            vec![("channel", "C0TRAINING1"), ("ts", "1.2"), ("text", "a")],
            "message_not_found",
        ),
        (
            "chat.update",
            vec![
                ("channel", "C0TRAINING1"),
                ("ts", ts),
                ("text", "a"),
                ("file_ids", "F0FILE99999"),
            ],
            "file_not_found",
        ),
        (
            "files.getUploadURLExternal",
            vec![("filename", "a"), ("length", "0")],
            "missing_argument",
        ),
        (
            "files.completeUploadExternal",
            vec![("files", r#"[{"id":"F0FILE99999"}]"#)],
            "file_not_found",
        ),
        ("conversations.join", vec![("channel", "#training")], "invalid_arguments"),
        ("conversations.list", vec![("cursor", "x")], "invalid_cursor"),
        ("files.upload", vec![], "method_deprecated"),
        ("chat.shout", vec![], "unknown_method"),
    ] {
        let answer = call(&slack, method, &args);
        assert_eq!(answer["error"], error, "{method} {args:?}: {answer}");
    }
}

#[test]
fn what_a_good_client_never_does_is_written_down() {
    let json = "content-type: application/json\r\n";
    let slack = FakeSlack::start();
    let token = format!("authorization: Bearer {}\r\n", slack.token);
    let expect = |what: &str| {
        let violations = slack.violations();
        assert!(violations.iter().any(|v| v.contains(what)), "{what}: {violations:?}");
        slack.clear();
    };
    post(&format!("{}files.getUploadURLExternal", slack.api_url), &format!("{token}{json}"), "{}");
    expect("content type");
    let ticket = [("filename", "a.png"), ("length", "3")];
    let answer = call(&slack, "files.getUploadURLExternal", &ticket);
    assert_eq!(post(answer["upload_url"].as_str().unwrap(), &token, "four").0, 400);
    expect("the token was sent");
    call(&slack, "auth.test", &[("colour", "red")]);
    expect("no argument colour");
    slack.inject(Fault::too_many("webhook", 30));
    post(&slack.webhook_url, json, "{}");
    assert_eq!(post(&slack.webhook_url, json, "{}").0, 429);
    expect("before Retry-After");
}

#[test]
fn too_many_messages_are_told_to_wait() {
    let slack = FakeSlack::start();
    let statuses: Vec<u16> =
        (0..20).map(|_| offer(&slack, json!([{"type": "divider"}])).0).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}
