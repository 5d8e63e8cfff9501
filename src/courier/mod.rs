//! TODO(courier)
