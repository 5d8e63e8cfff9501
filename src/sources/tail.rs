//! Follows log files: globs, files that come later, rotation by rename and by truncation.
