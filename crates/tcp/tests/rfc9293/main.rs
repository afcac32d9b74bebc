//! Transcripts of two connections, section by section of RFC 9293.

mod asked_for;
mod blind;
mod buffers;
mod closing;
mod congestion;
mod data;
mod figures;
mod habits;
mod held;
mod lone;
mod marks;
mod opening;
mod paced;
mod pair;
mod path_mtu;

mod random;
mod recovery;
mod timestamps;
mod undo;
mod windows;
