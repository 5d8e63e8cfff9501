//! Lines of many programs, and the metrics that they hold.
