//! Judges made-up lines by twenty rules, and does nothing else: for counting instructions.
//!
//!     scan TIMES
//!
//! It judges a megabyte that often: the difference of two runs leaves out the start, the making of the
//! lines and that of the patterns. It prints what vectors the search may use, since a count holds
//! only among equals. See `benches/count`.

mod lines;

use std::path::Path;

use trainwatch::config;
use trainwatch::engine::{Engine, Input, SourceId};
use trainwatch::time::Timestamp;

const BLOCK: usize = 64 << 10;

fn main() {
    let times = std::env::args().skip(1).find_map(|word| word.parse::<usize>().ok()).unwrap_or(1);
    let text = lines::log(1_000_000);
    let rules = include_str!("rules-20.yaml");
    let Ok(config) = config::compile("rules-20.yaml", rules, Path::new(""), &|_| None) else {
        std::process::exit(1);
    };
    let (now, source) = (Timestamp::default(), SourceId(0));
    let mut engine = Engine::new(config.rules, now, false);
    let mut effects = Vec::new();
    engine.handle(now, Input::Opened { source, name: "stdout" }, &mut effects);
    for bytes in (0..times).flat_map(|_| text.chunks(BLOCK)) {
        engine.handle(now, Input::Chunk { source, bytes }, &mut effects);
    }
    #[expect(clippy::print_stdout, reason = "its result")]
    {
        println!("{} {} alerts", vectors(), effects.len());
    }
}

fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return if std::is_x86_feature_detected!("avx2") { "x86_64-avx2" } else { "x86_64" };
    #[cfg(not(target_arch = "x86_64"))]
    return std::env::consts::ARCH;
}
