//! One kind of work a fixed number of times, for tools that count instructions:
//!
//! ```sh
//! cargo build --release -p handfast-bench --example work
//! valgrind --tool=callgrind target/release/examples/work ours round_trip 10000
//! ```

use bench::memory::{Which, work};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let which = match args.next().as_deref() {
        Some("ours") => Which::Ours,
        Some("theirs") => Which::Theirs,
        _ => return Err("ours or theirs, a row, how often".into()),
    };
    let row = args.next().unwrap_or_else(|| "round_trip".to_owned());
    let count = args.next().map_or(Ok(10_000), |count| count.parse())?;
    let began = std::time::Instant::now();
    work(which, &row, count)?;
    println!("{row} {count}: {} ns each", began.elapsed().as_nanos() / u128::from(count.max(1)));
    Ok(())
}
