//! TLS by tokio-rustls over handfast: an echo of what is said, and both ends close as TLS wants it (RFC 8446 §6.1).

use anyhow::{Context as _, Result, ensure};
use handfast::{Stack, TcpListener, TcpStream};
use handfast_examples::certificate::{NAME, configs};
use handfast_examples::{SERVER, two};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What was said, and how.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) version: String,
    pub(crate) cipher: String,
    pub(crate) echo: Vec<u8>,
}

/// Sends `words` and gives what came back.
pub(crate) async fn run(server: &Stack, client: &Stack, words: &[u8]) -> Result<Said> {
    let (server_tls, client_tls) = configs(&[])?;
    let listener = TcpListener::bind_on(server, (SERVER, 443)).await?;
    let acceptor = TlsAcceptor::from(Arc::new(server_tls));
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let (mut read, mut write) = tokio::io::split(acceptor.accept(stream).await?);
        tokio::io::copy(&mut read, &mut write).await?; // until the client's close_notify
        write.shutdown().await
    });

    let stream = TcpStream::connect_on(client, (SERVER, 443)).await?;
    let name = ServerName::try_from(NAME)?;
    let stream = TlsConnector::from(Arc::new(client_tls)).connect(name, stream).await?;
    let (_, session) = stream.get_ref();
    let version = format!("{:?}", session.protocol_version().context("no version")?);
    let cipher = format!("{:?}", session.negotiated_cipher_suite().context("no cipher")?.suite());

    let (mut read, mut write) = tokio::io::split(stream);
    let all = async {
        write.write_all(words).await?;
        write.shutdown().await
    };
    let mut echo = Vec::new();
    // The end without the server's close_notify would be an error: somebody cut the connection.
    let (sent, received) = tokio::join!(all, read.read_to_end(&mut echo));
    sent?;
    received?;
    served.await??;
    Ok(Said { version, cipher, echo })
}

#[tokio::main]
async fn main() -> Result<()> {
    let (server, client) = two()?;
    let words = b"Nobody on the way reads this.".repeat(100_000);
    let Said { version, cipher, echo } = run(&server, &client, &words).await?;
    ensure!(echo == words, "the echo is not what was said");
    println!("{} octets there and back, {version} with {cipher}", echo.len());
    Ok(())
}
