//! Transcripts of two connections, section by section of RFC 9293.

mod closing;
mod data;
mod opening;
mod pair;
