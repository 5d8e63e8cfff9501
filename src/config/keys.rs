//! Every key of the rules file: its name, the shape of its value, and what it is for.
//!
//! The one list from which unknown keys are found, hints are given, and the JSON Schema is made.

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Regex,
    Condition,
    Flag,
    /// A duration: `90s`, `1h30m`.
    Duration,
    /// A duration or `off`.
    Pause,
    /// A whole number, from and up to.
    Count(u64, u64),
    OneOf(&'static [&'static str]),
    /// `5 samples` or a duration.
    Hold,
    /// A duration or `10 epoch`.
    Interval,
    /// `success`, …, or a list of exit codes.
    Exit,
    /// One name or a list of them.
    Names,
    /// One of these or a list of them.
    NamesOf(&'static [&'static str]),
    /// True, or a mapping.
    FlagOr(&'static [Key]),
    Mapping(&'static [Key]),
    /// Exactly one of these keys (for those of the channels also just its name, where nothing
    /// needs to be set).
    OneKey(&'static [Key]),
    /// Names of the user's own, each with a value of this shape.
    Named(&'static Shape),
    List(&'static Shape),
}

pub(super) const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, about }
}

pub(super) const SEVERITIES: &[&str] = &["info", "warning", "critical"];
pub(super) const ATTACHMENTS: &[&str] = &["charts"];
pub(super) const SIGNALS: &[&str] = &["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"];
pub(super) const EXITS: &[&str] =
    &["success", "failure", "any", "signal", "oom", "unknown", "restart"];
pub(super) const MOST_LINES: u64 = 200;
pub(super) const MOST_COUNT: u64 = 10_000;

pub(super) static TOP: &[Key] = &[
    key("run", Shape::Mapping(RUN), "About the run itself."),
    key(
        "channels",
        Shape::Named(&Shape::OneKey(CHANNELS)),
        "Where messages go: a name of yours, and a kind with its settings.",
    ),
    key(
        "metrics",
        Shape::List(&Shape::Regex),
        "Patterns whose named groups are metrics; {num} stands for a number.",
    ),
    key("charts", Shape::List(&Shape::OneKey(CHARTS)), "Pictures that go along with messages."),
    key("rules", Shape::List(&Shape::Mapping(RULE)), "What is told, and when."),
    key("builtin", Shape::Flag, "false leaves out all built-in rules."),
    key(
        "auto_metrics",
        Shape::Flag,
        "false: only the metrics that are named here are taken from the output.",
    ),
];

pub(super) static RUN: &[Key] = &[
    key("name", Shape::Text, "The run's name; without it, it is made from the command."),
    key(
        "language",
        Shape::OneOf(&crate::render::Language::CODES),
        "The language of built-in texts.",
    ),
];

/// The kinds of channels, each with its settings.
pub(super) static CHANNELS: &[Key] = &[
    key("terminal", Shape::Mapping(&[]), "The terminal that the run was started from."),
    key("slack", Shape::Mapping(SLACK), "Slack, by a bot's token or by a webhook."),
    key("ping", Shape::Mapping(PING), "A check that raises the alarm when pings stay away."),
];

pub(super) static PING: &[Key] =
    &[key("url", Shape::Text, "The ping URL of a check at Healthchecks or the like.")];

pub(super) static SLACK: &[Key] = &[
    key("webhook", Shape::Text, "URL of an incoming webhook."),
    key("token", Shape::Text, "A bot's token (xoxb-…)."),
    key("channel", Shape::Text, "Its ID, or its name with #."),
    key(
        "heartbeat",
        Shape::Pause,
        "Slack itself says when there was no sign of life for so long; default 10m, or off.",
    ),
];

pub(super) static CHARTS: &[Key] = &[
    key("file", Shape::Text, "A glob; the newest file that matches is sent."),
    key("plot", Shape::Names, "Metrics that are drawn."),
];

pub(super) static STOP: &[Key] = &[
    key("signal", Shape::OneOf(SIGNALS), "The signal that the run gets; default TERM."),
    key("grace", Shape::Duration, "KILL follows after this long; without it, never."),
];

/// The keys of a rule. The first ones are its triggers.
pub(super) static RULE: &[Key] = &[
    key(
        "match",
        Shape::Regex,
        "Fires at each line that matches, {num} stands for a number; with silence: no such line.",
    ),
    key("when", Shape::Condition, "Fires when the condition becomes true."),
    key("silence", Shape::Duration, "Fires when nothing was printed for so long."),
    key("exit", Shape::Exit, "Fires when the run ends so."),
    key("every", Shape::Interval, "Reports in intervals of time, or of a metric."),
    key("elapsed", Shape::Duration, "Fires when the run has lasted so long."),
    key("non_finite", Shape::Flag, "Fires when a metric turns NaN or infinite."),
    key("name", Shape::Text, "Its name, unique; one of a built-in rule replaces that one."),
    key("except", Shape::Regex, "Lines that match this do not count."),
    key("count", Shape::Count(1, MOST_COUNT), "So many matches ..."),
    key("within", Shape::Duration, "... in so long."),
    key("for", Shape::Hold, "The condition must hold for so long, or so many samples."),
    key("until", Shape::Condition, "It stays firing until this is true."),
    key(
        "patient",
        Shape::Flag,
        "After a silence that ended by itself, only one twice as long fires.",
    ),
    key("cooldown", Shape::Duration, "After it fired it is silent for so long, and counts."),
    key("once", Shape::Flag, "Fires once in a run."),
    key("repeat", Shape::Duration, "While it lasts, it is told again after so long."),
    key("resolved", Shape::Flag, "Its end is told too."),
    key("lines", Shape::Count(0, MOST_LINES), "So many lines of output go along."),
    key("message", Shape::Text, "A text of your own; {{ … }} takes values."),
    key("severity", Shape::OneOf(SEVERITIES), "How bad it is; default info."),
    key("to", Shape::Names, "Only to these channels; default: all."),
    key("attach", Shape::NamesOf(ATTACHMENTS), "What goes along."),
    key("stop", Shape::FlagOr(STOP), "Ends the run."),
];

/// How many of `RULE` are triggers.
pub(super) const TRIGGERS: usize = 7;

/// Words that people use for a key: (theirs, ours).
pub(super) const SYNONYMS: &[(&str, &str)] = &[
    ("pattern", "match"),
    ("regex", "match"),
    ("grep", "match"),
    ("contains", "match"),
    ("if", "when"),
    ("condition", "when"),
    ("expr", "when"),
    ("timeout", "silence"),
    ("stalled", "silence"),
    ("interval", "every"),
    ("after", "elapsed"),
    ("exclude", "except"),
    ("ignore", "except"),
    ("not", "except"),
    ("unless", "except"),
    ("window", "within"),
    ("throttle", "cooldown"),
    ("level", "severity"),
    ("priority", "severity"),
    ("channel", "to"),
    ("channels", "to"),
    ("notify", "to"),
    ("text", "message"),
    ("title", "message"),
    ("template", "message"),
    ("context", "lines"),
    ("tail", "lines"),
    ("kill", "stop"),
    ("id", "name"),
    ("notifiers", "channels"),
    ("alerts", "rules"),
    ("plots", "charts"),
    ("builtins", "builtin"),
    ("webhook_url", "webhook"),
    ("url", "webhook"),
    ("bot_token", "token"),
    ("channel_id", "channel"),
    ("glob", "file"),
    ("lang", "language"),
];

pub(super) fn names(keys: &'static [Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}
