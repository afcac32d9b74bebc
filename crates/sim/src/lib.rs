//! Handfast: to be filled by its first slice.
