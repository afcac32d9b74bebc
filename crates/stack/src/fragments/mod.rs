//! Datagrams in pieces: cutting and putting together.
