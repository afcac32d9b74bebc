//! The send half.
mod queue;
