//! BBR over a path of one bottleneck, and under samples that nobody could have made.

#[expect(dead_code, reason = "more tests are to come")]
mod path;
mod steady;
