//! TODO(commands)
