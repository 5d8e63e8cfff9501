//! Any bytes as a checkpoint's file: what is taken for one is written and read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainwatch::sources::tail::checkpoint::{Decoded, decode};

fuzz_target!(|bytes: &[u8]| {
    if let Decoded::Checkpoint(checkpoint) = decode(bytes) {
        let again = checkpoint.encode().expect("it was read from as few bytes");
        assert_eq!(decode(&again), Decoded::Checkpoint(checkpoint));
    }
});
