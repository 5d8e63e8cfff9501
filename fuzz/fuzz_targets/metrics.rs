//! Any lines: what is found has a name and stands in the line, and nothing takes for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainwatch::engine::metrics::Metrics;
use trainwatch::engine::splitter::Splitter;

fuzz_target!(|input: &[u8]| {
    let mut splitter = Splitter::default();
    let mut metrics = Metrics::default();
    let mut each = |line: trainwatch::engine::splitter::Line<'_>| {
        metrics.scan(&line, &mut |found| {
            assert!(!found.name.is_empty());
            assert!(!found.text.is_empty());
        });
    };
    splitter.push(input, &mut each);
    splitter.close(&mut each);
});
