//! The conditions of `when`: parse, and evaluate on the series.
#[derive(Clone, Debug)]
pub struct Expression {}
