//! A Redis client over handfast, and Debian's redis-server over the kernel: they meet at a TUN, in a network namespace that
//! is gone afterwards. Needs root and `redis-server`.

use anyhow::{Context as _, Result};
use handfast::{Stack, TcpStream};
use handfast_examples::namespace::{Server, inside, program};
use handfast_examples::{KERNEL, on_tun};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, AsyncConnectionConfig, RedisConnectionInfo};
use std::process::Command;

/// What was kept, and what came of many increments at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) greeting: String,
    pub(crate) octets: usize,
    pub(crate) count: i64,
}

async fn talk(stack: &Stack) -> Result<Kept> {
    let stream = TcpStream::connect_on(stack, (KERNEL, 6379)).await?;
    stream.set_nodelay(true)?;
    let (info, config) = (RedisConnectionInfo::default(), AsyncConnectionConfig::default());
    let (mut redis, connection) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
    let connection = tokio::spawn(connection);

    redis.set::<_, _, ()>("greeting", "hello over handfast").await?;
    let large: Vec<u8> = (0..4u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    redis.set::<_, _, ()>("large", &large).await?;
    let back: Vec<u8> = redis.get("large").await?;
    anyhow::ensure!(back == large, "what came back is not what was kept");

    // Many questions on the way at once, on the one connection.
    let increments = (0..1000).map(|_| {
        let mut redis = redis.clone();
        tokio::spawn(async move { redis.incr::<_, _, i64>("count", 1).await })
    });
    for increment in increments.collect::<Vec<_>>() {
        increment.await??;
    }
    let kept =
        Kept { greeting: redis.get("greeting").await?, octets: back.len(), count: redis.get("count").await? };
    drop(redis);
    connection.await?;
    Ok(kept)
}

/// Starts the server in this namespace, and talks to it.
pub(crate) async fn run() -> Result<Kept> {
    let stack = on_tun("hf0")?;
    let at = [KERNEL.to_string(), "6379".to_owned()];
    let mut command = Command::new(program("redis-server").context("redis-server is not installed")?);
    command.args(["--bind", &at[0], "--port", &at[1], "--protected-mode", "no"]);
    command.args(["--save", "", "--appendonly", "no"]);
    let _server = Server::start(&mut command, "Ready to accept connections")?;
    talk(&stack).await
}

#[tokio::main]
async fn main() -> Result<()> {
    if inside(&[])? {
        let Kept { greeting, octets, count } = run().await?;
        println!("redis-server kept {greeting:?} and {octets} octets, and counted to {count}");
    }
    Ok(())
}
