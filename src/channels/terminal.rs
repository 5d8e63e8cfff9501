//! Standard error of the supervisor: a message as a framed block.
