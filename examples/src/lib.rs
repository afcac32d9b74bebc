//! What the examples share: where they run, certificates, and real servers in a network namespace.
//!
//! ```text
//!    cargo run --example NAME               client stack ── memory ── server stack         says what it did, ends
//!    cargo run --example NAME -- --tun hf0  this machine's kernel ── TUN ── server stack   serves until Ctrl-C
//! ```
//!
//! Each example is one file that reads from top to bottom. Its test, in `tests/`, runs the same functions.

pub mod certificate;
pub mod namespace;

use anyhow::{Context as _, Result, bail};
use handfast::Stack;
use handfast::device::{Capabilities, memory};
use std::net::Ipv4Addr;

/// The kernel's address on a TUN.
pub const KERNEL: Ipv4Addr = Ipv4Addr::new(10, 111, 0, 1);
/// The server's.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 111, 0, 2);
/// The client's, when it is a stack of its own.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 111, 0, 3);

/// Where an example runs.
#[derive(Debug)]
pub enum Place {
    /// Two stacks in this process.
    Memory {
        /// At [`SERVER`].
        server: Stack,
        /// At [`CLIENT`].
        client: Stack,
    },
    /// A stack at [`SERVER`], and this machine's kernel at [`KERNEL`].
    Tun {
        /// The stack.
        server: Stack,
    },
}

impl Place {
    /// As the command line says: nothing, or `--tun NAME`.
    ///
    /// # Errors
    /// Another command line; no TUN.
    pub fn from_args() -> Result<Self> {
        let args: Vec<_> = std::env::args().skip(1).collect();
        match &*args.iter().map(String::as_str).collect::<Vec<_>>() {
            [] => {
                let (server, client) = two()?;
                Ok(Self::Memory { server, client })
            }
            ["--tun", name] => Ok(Self::Tun { server: on_tun(name)? }),
            _ => bail!("usage: [--tun NAME]; without, two stacks in memory talk to each other"),
        }
    }
}

/// A server's stack at [`SERVER`] and a client's at [`CLIENT`], joined by memory that carries trains whole.
///
/// # Errors
/// No descriptors left.
pub fn two() -> Result<(Stack, Stack)> {
    let capabilities = Capabilities { segmentation: true, checksum: true, ..Capabilities::default() };
    let (left, right) = memory::wired(memory::Config { capabilities, ..memory::Config::default() })?;
    let server = Stack::builder().device(left).address("10.111.0.2/24".parse()?).build()?;
    let client = Stack::builder().device(right).address("10.111.0.3/24".parse()?).build()?;
    Ok((server, client))
}

/// A stack at [`SERVER`] on the TUN `name`, with the kernel at [`KERNEL`].
///
/// # Errors
/// No TUN: the right to make one is missing, mostly.
pub fn on_tun(name: &str) -> Result<Stack> {
    Stack::builder()
        .tun(name)
        .host_address("10.111.0.1/24".parse()?)
        .address("10.111.0.2/24".parse()?)
        .build()
        .with_context(|| format!("no TUN {name}"))
}

/// Says how to try what is being served, and waits for Ctrl-C.
///
/// # Errors
/// The signal cannot be waited for.
pub async fn until_ctrl_c(try_this: &str) -> Result<()> {
    println!("Serving. Try: {try_this}\nCtrl-C ends it.");
    Ok(tokio::signal::ctrl_c().await?)
}
