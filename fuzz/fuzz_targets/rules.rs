//! Any text as a rules file: it is compiled or refused in words, with and without colours.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use trainwatch::config;

fuzz_target!(|text: &str| {
    let env = |name: &str| (name == "TOKEN").then(|| "xoxb-secret".to_owned());
    if let Err(error) = config::compile("rules.yaml", text, Path::new("/nonexistent"), &env) {
        assert!(!error.render(false).is_empty());
        assert!(!error.render(true).is_empty());
    }
});
