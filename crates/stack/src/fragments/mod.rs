//! Datagrams in pieces: cutting what we send, and putting together what arrives.

mod cut;
mod reassembly;

pub(crate) use cut::{cut, rope};
pub(crate) use reassembly::{Key, Outcome, Piece, Reassembly};
