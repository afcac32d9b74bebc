//! A question to a name server (RFC 1035), over our own sockets: UDP first, TCP when the answer is cut short.
//!
//! Only who was asked is heard: the socket is connected, the number is random, the question has to be ours.

use super::{Exit, Failure};
use handfast::{Stack, TcpStream, UdpSocket};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What fits every path without being fragmented.
const UDP_ANSWER: u16 = 1232;

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Over TCP at once.
    pub(crate) tcp: bool,
    /// For how long to wait for each answer.
    pub(crate) wait: Duration,
    /// How often to ask over UDP.
    pub(crate) tries: u32,
}

impl Default for How {
    fn default() -> Self {
        Self { tcp: false, wait: Duration::from_secs(2), tries: 3 }
    }
}

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    /// Octets.
    pub(crate) size: usize,
    pub(crate) tcp: bool,
    pub(crate) took: Duration,
}

/// Asks `server`.
///
/// # Errors
/// `TimedOut`: no answer. `InvalidData`: it cannot be read. `InvalidInput`: nothing can be asked like this. What sockets
/// say.
pub(crate) async fn ask(
    stack: &Stack,
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    how: How,
) -> io::Result<Answer> {
    let seed = driver::seed()?;
    let mut question =
        Message::new(u16::from_ne_bytes([seed[0], seed[1]]), MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_ANSWER);
    question.set_edns(edns);
    let octets = question.to_vec().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    let began = Instant::now();
    if !how.tcp {
        let (message, size) = over_udp(stack, server, &question, &octets, how).await?;
        if !message.metadata.truncation {
            return Ok(Answer { message, size, tcp: false, took: began.elapsed() });
        }
    }
    let asked = tokio::time::timeout(how.wait * how.tries, over_tcp(stack, server, &octets));
    let answer = asked.await.map_err(|_| no_answer(server))??;
    let message = read(&answer, &question)?.ok_or_else(|| bad("an answer to another question"))?;
    Ok(Answer { message, size: answer.len(), tcp: true, took: began.elapsed() })
}

/// A server answered that it will not or cannot.
#[derive(Debug)]
struct Said {
    server: SocketAddr,
    code: ResponseCode,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the name server {} said: {}", self.server, self.code)
    }
}

impl std::error::Error for Said {}

/// What a `server`'s code comes to, other than NOERROR.
pub(super) fn refusal(server: SocketAddr, code: ResponseCode) -> io::Error {
    match code {
        ResponseCode::NXDomain => io::Error::new(io::ErrorKind::NotFound, "there is no such name"),
        code => io::Error::other(Said { server, code }),
    }
}

/// An error of a question, met while `doing` something, with the exit code that all commands end with then.
pub(crate) fn failure(doing: &str, why: &io::Error) -> anyhow::Error {
    if why.kind() == io::ErrorKind::InvalidData || why.get_ref().is_some_and(|why| why.is::<Said>()) {
        return Failure::error(Exit::Status, format!("{doing}: {why}"));
    }
    Failure::connecting(doing, why)
}

async fn over_udp(
    stack: &Stack,
    server: SocketAddr,
    question: &Message,
    octets: &[u8],
    how: How,
) -> io::Result<(Message, usize)> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind_on(stack, (any, 0)).await?;
    socket.connect(server).await?;
    let mut buffer = vec![0; 65_535];
    let mut unreadable = None;
    for _ in 0..how.tries {
        socket.send(octets).await?;
        let heard = tokio::time::timeout(how.wait, async {
            loop {
                let count = socket.recv(&mut buffer).await?;
                match read(&buffer[..count], question) {
                    Ok(Some(message)) => return Ok((message, count)),
                    // Not for us, or late: somebody else's guess is no answer.
                    Ok(None) => {}
                    Err(why) => unreadable = Some(why),
                }
            }
        });
        if let Ok(answer) = heard.await {
            return answer;
        }
    }
    Err(unreadable.unwrap_or_else(|| no_answer(server)))
}

async fn over_tcp(stack: &Stack, server: SocketAddr, octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_on(stack, server).await?;
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), octets].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// The answer to `question`, if it is one.
fn read(octets: &[u8], question: &Message) -> io::Result<Option<Message>> {
    let message = Message::from_vec(octets).map_err(|why| bad(&why.to_string()))?;
    let ours = message.metadata.id == question.metadata.id
        && message.metadata.message_type == MessageType::Response
        && (message.queries == question.queries || message.queries.is_empty());
    Ok(ours.then_some(message))
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the name server's answer cannot be read: {why}"))
}

fn no_answer(server: SocketAddr) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the name server {server} does not answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_was_not_found() {
        let server: SocketAddr = "10.0.0.53:53".parse().unwrap();
        for (why, exit) in [
            (refusal(server, ResponseCode::NXDomain), 3),
            (io::ErrorKind::ConnectionRefused.into(), 4),
            (io::ErrorKind::HostUnreachable.into(), 4),
            (no_answer(server), 5),
            (refusal(server, ResponseCode::Refused), 7),
            (refusal(server, ResponseCode::ServFail), 7),
            (bad("cut"), 7),
        ] {
            let failed = failure("doing", &why);
            assert_eq!(failed.downcast_ref::<Failure>().map(|failed| failed.exit as u8), Some(exit), "{why}");
        }
    }
}
