//! TODO(process)
