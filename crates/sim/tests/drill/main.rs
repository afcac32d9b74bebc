//! Our own scripts: all of them, in every way that they are to hold; and that they would tell a broken stack.
//!
//! ```text
//!   crates/sim/scripts ─► library ─┬─► ways:   each address family, strictly, where numbers and clocks wrap: all pass
//!                                  └─► faults: a stack with one fault: at least two fail
//! ```

mod faults;
mod library;
mod ways;
