//! Names by hickory over handfast (feature `hickory`): with a [`HickoryResolver`], `connect("name:port")` asks name servers
//! over the stack, by UDP and then, where the answer does not fit, by TCP.
//!
//! The name server here is a small one of our own, on the other stack: codecs by hickory, sockets by handfast.

use anyhow::{Context as _, Result};
use handfast::{HickoryResolver, Stack, TcpListener, TcpStream, UdpSocket, lookup_host_on};
use handfast_examples::{SERVER, two};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How often the name server was asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) udp: AtomicU64,
    pub(crate) tcp: AtomicU64,
}

/// The answer to a question: one name has an address, one has a hundred, others are none.
fn answer(question: &[u8], room: usize) -> Result<Vec<u8>> {
    let question = Message::from_vec(question)?;
    let mut response = question.clone().into_response();
    let query = question.queries.first().context("no question")?;
    let addresses: Vec<Ipv4Addr> = match query.name().to_ascii().as_str() {
        "www.handfast.example." => vec![SERVER],
        "many.handfast.example." => (0..100).map(|n| Ipv4Addr::new(10, 9, 8, n)).collect(),
        _ => {
            response.metadata.response_code = ResponseCode::NXDomain;
            Vec::new()
        }
    };
    if query.query_type() == RecordType::A {
        let record = |&address| Record::from_rdata(query.name().clone(), 60, RData::A(A(address)));
        response.add_answers(addresses.iter().map(record));
    }
    let octets = response.to_vec()?;
    if octets.len() <= room {
        return Ok(octets);
    }
    Ok(response.truncate().to_vec()?) // TC (RFC 1035 §4.1.1): ask again by TCP.
}

async fn by_udp(socket: UdpSocket, asked: Arc<Asked>) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let (count, from) = socket.recv_from(&mut buffer).await?;
        asked.udp.fetch_add(1, Ordering::Relaxed);
        socket.send_to(&answer(&buffer[..count], 512)?, from).await?;
    }
}

async fn by_tcp(listener: TcpListener, asked: Arc<Asked>) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        // One client at a time, until it closes: it is an example.
        while let Ok(count) = stream.read_u16().await {
            let mut question = vec![0; count.into()];
            stream.read_exact(&mut question).await?;
            asked.tcp.fetch_add(1, Ordering::Relaxed);
            let octets = answer(&question, usize::from(u16::MAX))?;
            stream.write_u16(octets.len().try_into()?).await?;
            stream.write_all(&octets).await?;
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Found {
    /// Whom `connect("www.handfast.example:80")` reached.
    pub(crate) connected: IpAddr,
    /// How many addresses the other name has.
    pub(crate) many: usize,
    /// What a name that is none gives.
    pub(crate) none: std::io::ErrorKind,
    pub(crate) asked: Arc<Asked>,
}

/// A name server on one stack; on the other, names.
pub(crate) async fn run(server: &Stack, client: &Stack) -> Result<Found> {
    let asked = Arc::new(Asked::default());
    let udp = UdpSocket::bind_on(server, (SERVER, 53)).await?;
    let tcp = TcpListener::bind_on(server, (SERVER, 53)).await?;
    let served =
        [tokio::spawn(by_udp(udp, Arc::clone(&asked))), tokio::spawn(by_tcp(tcp, Arc::clone(&asked)))];
    let web = TcpListener::bind_on(server, (SERVER, 80)).await?;

    client.set_resolver(HickoryResolver::new(client, &[(SERVER, 53).into()])?);
    let stream = TcpStream::connect_on(client, "www.handfast.example:80").await?;
    let connected = stream.peer_addr()?.ip();
    let many = lookup_host_on(client, ("many.handfast.example", 80)).await?.count();
    let none = match lookup_host_on(client, "nobody.handfast.example:80").await {
        Ok(_) => anyhow::bail!("there is no such name"),
        Err(why) => why.kind(),
    };
    served.iter().for_each(tokio::task::JoinHandle::abort);
    drop(web);
    Ok(Found { connected, many, none, asked })
}

#[tokio::main]
async fn main() -> Result<()> {
    let (server, client) = two()?;
    let Found { connected, many, none, asked } = run(&server, &client).await?;
    println!("www.handfast.example:80 is at {connected}, and many.handfast.example at {many} addresses;");
    println!("nobody.handfast.example: {none}.");
    let (udp, tcp) = (asked.udp.load(Ordering::Relaxed), asked.tcp.load(Ordering::Relaxed));
    println!("The name server was asked {udp} times by UDP, and {tcp} times by TCP.");
    Ok(())
}
