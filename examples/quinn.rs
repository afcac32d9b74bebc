//! QUIC by quinn over handfast's UDP (feature `quinn`): what a client sends is checked at the server, octet for octet.
//!
//! Trains go down whole (GSO) and come up whole (GRO): the last line says how many datagrams a frame had.
//!
//! `cargo run --release -p handfast-examples --example quinn -- 1024` moves 1 GiB.

use anyhow::{Context as _, Result, ensure};
use handfast::{QuinnRuntime, Stack, UdpSocket};
use handfast_examples::certificate::{NAME, configs};
use handfast_examples::{SERVER, two};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, EndpointConfig, ServerConfig};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Instant;

/// Octets of one write.
const PIECE: usize = 1 << 20;

/// How a run went.
#[derive(Debug)]
pub(crate) struct Moved {
    /// SHA-256 of what the client sent, and of what the server got.
    pub(crate) sums: [Vec<u8>; 2],
    /// UDP datagrams that the client sent, and frames that carried them.
    pub(crate) sent: (u64, u64),
    /// UDP datagrams that the server received, and frames that carried them.
    pub(crate) received: (u64, u64),
}

/// Moves `octets` from the client to the server.
pub(crate) async fn run(server: &Stack, client: &Stack, octets: u64) -> Result<Moved> {
    let (server_tls, client_tls) = configs(&["handfast"])?;
    let server_config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server_tls)?));
    let client_config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(client_tls)?));

    let socket = UdpSocket::bind_on(server, (SERVER, 443)).await?;
    let far = QuinnRuntime::endpoint(socket, EndpointConfig::default(), Some(server_config))?;
    let served = tokio::spawn(async move {
        let connection = far.accept().await.context("nobody came")?.await?;
        let (mut answer, mut question) = connection.accept_bi().await?;
        let mut sum = Sha256::new();
        while let Some(chunk) = question.read_chunk(usize::MAX, true).await? {
            sum.update(&chunk.bytes);
        }
        answer.write_all(&sum.finalize()).await?;
        answer.finish()?;
        connection.closed().await;
        anyhow::Ok(())
    });

    let socket = UdpSocket::bind_on(client, "0.0.0.0:0").await?;
    let near = QuinnRuntime::endpoint(socket, EndpointConfig::default(), None)?;
    let connection = near.connect_with(client_config, (SERVER, 443).into(), NAME)?.await?;
    let (mut question, mut answer) = connection.open_bi().await?;
    let (mut random, mut piece) = (env::Rng::seeded(octets), vec![0; PIECE]);
    let (mut sum, mut left) = (Sha256::new(), octets);
    while left > 0 {
        let count = left.min(PIECE as u64) as usize;
        random.fill(&mut piece[..count]);
        sum.update(&piece[..count]);
        question.write_all(&piece[..count]).await?;
        left -= count as u64;
    }
    question.finish()?;
    let theirs = answer.read_to_end(32).await?;
    connection.close(0u32.into(), b"thanks");
    near.wait_idle().await;
    served.await??;

    let (near, far) = (client.counters(), server.counters());
    Ok(Moved {
        sums: [sum.finalize().to_vec(), theirs],
        sent: (
            near.host.udp_out_datagrams,
            near.devices.iter().map(|device| device.counters.tx_frames).sum(),
        ),
        received: (
            far.host.udp_in_datagrams,
            far.devices.iter().map(|device| device.counters.rx_frames).sum(),
        ),
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let mebibytes = std::env::args().nth(1).map_or(Ok(64), |text| text.parse::<u64>());
    let mebibytes = mebibytes.context("usage: [MEBIBYTES]")?;
    let (server, client) = two()?;
    let start = Instant::now();
    let moved = run(&server, &client, mebibytes << 20).await?;
    let seconds = start.elapsed().as_secs_f64();
    let [ours, theirs] = &moved.sums;
    ensure!(ours == theirs, "what arrived is not what was sent");
    let gigabits = (mebibytes << 20) as f64 * 8e-9 / seconds;
    println!("{mebibytes} MiB in {seconds:.2} s: {gigabits:.2} Gbit/s, SHA-256 equal");
    for (what, (datagrams, frames)) in [("sent", moved.sent), ("received", moved.received)] {
        let train = datagrams as f64 / frames as f64;
        println!("{what}: {datagrams} datagrams in {frames} frames, {train:.1} a train");
    }
    Ok(())
}
