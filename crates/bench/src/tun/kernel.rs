//! The kernel's end of a stream: plain sockets.

use super::{Direction, Ended, PORT};
use crate::BenchError;
use env::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// Octets in one write and one read of a stream.
const CHUNK: usize = 256 << 10;

/// Longer than any run takes: a run that hangs is to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for one connection at `local`, and streams as [`super::end::run`] does.
pub(super) fn serve(
    local: IpAddr,
    direction: Direction,
    lasting: Duration,
    ready: impl FnOnce(),
) -> Result<Ended, BenchError> {
    let system = BenchError::system;
    let listener = TcpListener::bind(SocketAddr::new(local, PORT)).map_err(system("listen"))?;
    ready();
    let (stream, _) = listener.accept().map_err(system("accept"))?;
    stream_over(stream, direction == Direction::FromStack, lasting).map_err(system("stream"))
}

/// Connects to the stack at `remote`, and streams the other way.
pub(super) fn connect(remote: IpAddr, direction: Direction, lasting: Duration) -> Result<Ended, BenchError> {
    let system = BenchError::system;
    let to = SocketAddr::new(remote, PORT);
    let stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(system("connect to the stack"))?;
    stream_over(stream, direction == Direction::FromKernel, lasting).map_err(system("stream"))
}

fn stream_over(mut stream: TcpStream, sends: bool, lasting: Duration) -> io::Result<Ended> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let congestion = rustix::net::sockopt::tcp_congestion(&stream).ok();
    let spent = super::cpu();
    let began = Instant::now();
    let mut buffer = vec![b'h'; CHUNK];
    if sends {
        while began.elapsed() < lasting {
            stream.write_all(&buffer)?;
        }
        stream.shutdown(Shutdown::Write)?;
    }
    let mut octets = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            count => octets += count as u64,
        }
    }
    Ok(Ended { octets, time: began.elapsed(), cpu: super::cpu().saturating_sub(spent), congestion })
}
