//! Parses, runs the verb, turns the result into an exit.

fn main() {}
