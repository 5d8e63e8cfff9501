//! Names of metrics: which words are one, and how a name is written.
//!
//! The lists are of what people measure and count in training, in any program, not of what one
//! program prints.

/// Words that name something measured. Where one of them is in a name, a bare integer is a value.
const MEASURED: &[&str] = &[
    "loss",
    "losses",
    "acc",
    "accuracy",
    "err",
    "error",
    "mse",
    "rmse",
    "mae",
    "mape",
    "rmsle",
    "r2",
    "auc",
    "auroc",
    "auprc",
    "aucpr",
    "roc",
    "logloss",
    "nll",
    "ce",
    "bce",
    "xent",
    "entropy",
    "kl",
    "elbo",
    "ppl",
    "perplexity",
    "bleu",
    "rouge",
    "meteor",
    "wer",
    "cer",
    "f1",
    "precision",
    "recall",
    "prec",
    "map",
    "ap",
    "ap50",
    "ap75",
    "iou",
    "miou",
    "dice",
    "psnr",
    "ssim",
    "lpips",
    "fid",
    "score",
    "reward",
    "rewards",
    "return",
    "returns",
    "rew",
    "norm",
    "gnorm",
    "lr",
    "mfu",
    "top1",
    "top5",
    "acc1",
    "acc5",
    "ndcg",
    "mrr",
    "hits",
    "pearson",
    "spearman",
    "corr",
    "bpc",
    "bpb",
    "bpd",
    "fitness",
    "objective",
    "obj",
    "cost",
    "likelihood",
    "logprob",
    "margin",
    "margins",
    "inertia",
    "merror",
    "mlogloss",
    "sharpe",
    "mcc",
    "kappa",
    "gini",
    "deviance",
    "residual",
    "advantage",
    "variance",
    "val",
    "fps",
    "sps",
    "wps",
    "tps",
    "ips",
    "throughput",
    "speed",
    "gradnorm",
    "regret",
    "penalty",
    "utilization",
    "util",
    "mem",
    "memory",
    "eer",
    "der",
    "snr",
    "损失",
    "准确率",
    "精度",
    "学习率",
];

/// Where the run is: `step` and `epoch` as one name each, others as they are.
const EPOCHS: &[&str] = &["epoch", "ep", "轮次"];
const STEPS: &[&str] = &["step", "iter", "iteration", "it", "global_step"];
const COUNTED: &[&str] =
    &["trial", "episode", "update", "round", "timestep", "total_timesteps", "num_updates", "batch"];

/// Never a metric, whatever stands behind it.
const NEVER: &[&str] = &[
    "line",
    "pid",
    "ppid",
    "tid",
    "port",
    "exitcode",
    "exit",
    "errno",
    "code",
    "id",
    "version",
    "status",
    "col",
    "column",
    "addr",
    "offset",
    "uid",
    "gid",
    "job",
    "jobid",
    "progress",
    "eta",
    "timestamp",
    "ts",
    "date",
    "created",
    "thread",
    "rank",
    "local_rank",
    "world_size",
    "python",
    "cuda",
    "gcc",
    "remaining",
    "signal",
    "device",
    "cudnn",
    "level",
    "http",
    "https",
    "localhost",
    "gmt",
    "utc",
    "dtype",
    "shape",
    "hostname",
    "host",
    "trace",
    "lineno",
    "levelno",
    "msecs",
    "process",
    "error_code",
    "size_mb",
    "size",
    "requires",
    "left",
    "chain",
    "fold",
    "worker",
    "node",
    "seed",
    "cpu",
    "gpu",
];

/// A name that ends with one of these is never a metric.
const NEVER_LAST: &[&str] =
    &["version", "id", "pid", "port", "line", "code", "exitcode", "size", "seed"];

/// May stand before a name and belongs to it.
const QUALIFIERS: &[&str] = &[
    "train",
    "training",
    "val",
    "valid",
    "validation",
    "test",
    "testing",
    "eval",
    "evaluation",
    "dev",
    "avg",
    "avg.",
    "average",
    "mean",
    "best",
    "final",
    "running",
    "total",
    "min",
    "max",
    "smoothed",
    "ema",
    "global",
    "current",
    "cur",
    "curr",
    "last",
    "mid",
    "student",
    "teacher",
    "generator",
    "discriminator",
    "gen",
    "disc",
    "policy",
    "value",
    "critic",
    "actor",
    "grad",
    "gradient",
    "learning",
    "holdout",
    "lm",
    "aux",
    "top",
    "median",
    "std",
    "batch",
    "time",
    "训练",
    "验证",
];

/// Words of a sentence: a name holds none of them.
const PROSE: &[&str] = &[
    "a",
    "an",
    "the",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "in",
    "at",
    "on",
    "to",
    "for",
    "from",
    "with",
    "and",
    "or",
    "by",
    "as",
    "than",
    "then",
    "that",
    "this",
    "after",
    "before",
    "until",
    "took",
    "takes",
    "reached",
    "reaches",
    "finished",
    "saved",
    "saving",
    "loaded",
    "loading",
    "using",
    "use",
    "set",
    "setting",
    "did",
    "does",
    "not",
    "no",
    "has",
    "have",
    "had",
    "will",
    "would",
    "should",
    "if",
    "when",
    "while",
    "because",
    "contains",
    "found",
    "got",
    "expected",
    "about",
    "around",
    "only",
    "above",
    "below",
    "over",
    "under",
    "exceeds",
    "exceeded",
    "increasing",
    "decreasing",
    "reducing",
    "improved",
    "stopping",
    "every",
    "between",
    "since",
    "down",
    "up",
    "next",
    "previous",
    "new",
    "decreased",
    "increased",
    "dropped",
];

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
    let has = |list: &[&str], word: &str| list.iter().any(|x| x.eq_ignore_ascii_case(word));
    if has(EPOCHS, name) {
        return Class::Epoch;
    }
    if has(STEPS, name) {
        return Class::Step;
    }
    if has(COUNTED, name) {
        return Class::Counted;
    }
    let last = name.rsplit([' ', '_', '/']).next().unwrap_or(name);
    let first = name.split([' ', '_', '/']).next().unwrap_or(name);
    let until = has(&["eta", "remaining"], first);
    if until || has(NEVER, name) || has(NEVER_LAST, last) || is_file(name) {
        return Class::Never;
    }
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    if words.any(is_measured) { Class::Measured } else { Class::Unknown }
}

fn is_measured(word: &str) -> bool {
    let ends = |tail: &str| {
        word.len() > tail.len()
            && word.is_char_boundary(word.len() - tail.len())
            && word[word.len() - tail.len()..].eq_ignore_ascii_case(tail)
    };
    MEASURED.iter().any(|x| x.eq_ignore_ascii_case(word))
        || ["loss", "acc", "accuracy", "norm", "score", "reward", "error"].iter().any(|t| ends(t))
        || (word.len() > 3 && word.get(..3).is_some_and(|w| w.eq_ignore_ascii_case("mAP")))
}

pub(super) fn is_qualifier(word: &str) -> bool {
    QUALIFIERS.iter().any(|x| x.eq_ignore_ascii_case(word))
}

pub(super) fn is_prose(word: &str) -> bool {
    PROSE.iter().any(|x| x.eq_ignore_ascii_case(word))
}

/// `number of skipped iterations`: joins the words of a name before a sign.
pub(super) fn is_joint(word: &str) -> bool {
    ["of", "per"].contains(&word)
}

/// A unit of time written as a word of its own after a number.
pub(super) fn is_time_unit(word: &str) -> bool {
    [
        "s",
        "ms",
        "us",
        "sec",
        "secs",
        "second",
        "seconds",
        "milliseconds",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "days",
    ]
    .contains(&word)
}

/// Words that tell which data a number is of: with a bare integer they name an epoch or nothing.
pub(super) fn is_part_of_data(word: &str) -> bool {
    ["train", "training", "val", "valid", "validation", "test", "eval", "dev"]
        .iter()
        .any(|x| x.eq_ignore_ascii_case(word))
}

/// Whether a name says which data it is of.
pub(super) fn says_data(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(is_part_of_data)
}

/// Words for data that is not trained on. What is measured there has another name than in training.
pub(super) fn is_held_out(word: &str) -> bool {
    ["val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev"]
        .iter()
        .any(|x| x.eq_ignore_ascii_case(word))
}

/// `Validation results - ...`, `Test set: ...`
pub(super) fn is_report(word: &str) -> bool {
    ["results", "result", "metrics", "set", "summary", "epoch", "step", "phase", "performance"]
        .iter()
        .any(|x| x.eq_ignore_ascii_case(word))
}

/// A unit written as a word of its own after a number: `0.3 images/s`, `12 sec`.
pub(super) fn is_unit(word: &str) -> bool {
    word.contains("/s")
        || [
            "s",
            "ms",
            "sec",
            "secs",
            "second",
            "seconds",
            "minutes",
            "min",
            "hours",
            "h",
            "MB",
            "GB",
            "MiB",
            "GiB",
            "KB",
            "GFLOPs",
            "TFLOPs",
            "epochs",
            "steps",
            "iterations",
            "samples",
            "tokens",
            "it",
            "reqs",
            "dB",
        ]
        .contains(&word)
}

/// `train.py`, `model.pt`: a place in a file, not a name.
fn is_file(name: &str) -> bool {
    let Some((_, extension)) = name.rsplit_once('.') else { return false };
    [
        "py",
        "cc",
        "cpp",
        "cu",
        "c",
        "h",
        "hpp",
        "rs",
        "go",
        "jl",
        "r",
        "R",
        "pt",
        "pth",
        "ckpt",
        "json",
        "yaml",
        "yml",
        "txt",
        "log",
        "csv",
        "so",
        "png",
        "npz",
        "bin",
        "safetensors",
        "ipynb",
        "sh",
        "java",
        "js",
        "ts",
        "keras",
        "h5",
        "pyx",
        "pkl",
    ]
    .contains(&extension)
}

/// Appends a name as it is reported: one word, blanks as `_`, quotes and empty brackets off.
/// `training's auc` is `training_auc`.
pub(super) fn append(raw: &str, out: &mut String) {
    let mut blank = false;
    let mut letters = raw.trim().chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\'' if letters.peek() == Some(&'s') => {
                letters.next();
            }
            '\'' | '"' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '*' => blank |= c == '(',
            c if c.is_whitespace() => blank = true,
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
