//! Small services beside the files: echo (RFC 862, over UDP and TCP), and a digest that answers after the asker's FIN.

use super::{ServeArgs, listen, taken, trouble};
use crate::net::{Net, Say};
use anyhow::Context as _;
use handfast::{TcpListener, TcpStream, UdpSend, UdpSocket};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::AbortHandle;

/// What runs.
pub(super) struct Services(Vec<AbortHandle>);

impl Services {
    /// Ends them: their ports close, and their connections.
    pub(super) fn abort(self) {
        self.0.into_iter().for_each(|service| service.abort());
    }
}

/// Starts what was asked for.
pub(super) async fn start(net: &Net, args: &ServeArgs) -> anyhow::Result<Services> {
    let stack = &net.stack;
    let mut running = Vec::new();
    for &port in &args.udp_echo {
        // Every address of both IP versions, those too that are still to come.
        let local = SocketAddr::from(([0u16; 8], port));
        let socket = UdpSocket::bind_on(stack, local).await.with_context(|| taken("UDP port", port))?;
        running.push(tokio::task::spawn_local(echo_datagrams(socket)).abort_handle());
    }
    for (&port, digests) in (args.tcp_echo.iter().map(|port| (port, false)))
        .chain(args.tcp_digest.iter().map(|port| (port, true)))
    {
        let listener = listen(stack, args, port).await.with_context(|| taken("port", port))?;
        running.push(tokio::task::spawn_local(accept(listener, digests, net.say)).abort_handle());
    }
    Ok(Services(running))
}

async fn echo_datagrams(socket: UdpSocket) {
    // The stack's end is the end.
    while let Ok(datagram) = socket.datagram().await {
        if let Some(to) = datagram.reply_to() {
            // An answer comes from where the question went; what went to everybody has no answer, for that is no source.
            let answer = UdpSend { from: Some(datagram.to.ip()), ..UdpSend::to(datagram.data, to) };
            // What cannot be sent back is lost, as datagrams are.
            let _ = socket.send_datagram(answer).await;
        }
    }
}

async fn accept(listener: TcpListener, digests: bool, say: Say) {
    while let Ok((stream, peer)) = listener.accept().await {
        tokio::task::spawn_local(async move {
            let said = if digests { digest(stream).await } else { echo(stream).await };
            if let Err(why) = said {
                trouble(say, &peer.to_string(), &why.to_string());
            }
        });
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    tokio::io::copy(&mut read, &mut write).await?;
    stream.shutdown().await
}

async fn digest(mut stream: TcpStream) -> io::Result<()> {
    let mut sum = Sha256::new();
    let mut octets = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            count => {
                sum.update(&buffer[..count]);
                octets += count as u64;
            }
        }
    }
    let mut line = String::new();
    for octet in sum.finalize() {
        let _ = write!(line, "{octet:02x}");
    }
    stream.write_all(format!("{octets} octets, SHA-256 {line}\n").as_bytes()).await?;
    stream.shutdown().await
}
