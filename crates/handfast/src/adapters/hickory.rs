//! Names looked up over the stack itself: hickory's `RuntimeProvider`, and a [`Resolve`] made of it.
//!
//! ```text
//!    TcpStream::connect("name:80") ─► the stack's Resolve ─► HickoryResolver ─► UDP to a name server
//!                                                                  └ answer truncated (TC) ─► TCP (RFC 7766 §5)
//! ```

use crate::handle::WeakStack;
use crate::{Resolve, Resolving, Stack, TcpStream, UdpSocket, both_families};
use hickory_net::NetError;
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioTime};
use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::proto::rr::RecordType;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

/// How long a connection to a name server may take to open, unless hickory says otherwise.
const CONNECT: Duration = Duration::from_secs(5);

/// What hickory opens, it opens on the stack. Tasks and time are tokio's.
///
/// It does not keep its stack alive.
#[derive(Clone)]
pub struct HickoryRuntime {
    stack: WeakStack,
    tasks: TokioHandle,
}

impl HickoryRuntime {
    /// For sockets on `stack`.
    pub fn new(stack: &Stack) -> Self {
        Self { stack: stack.downgrade(), tasks: TokioHandle::default() }
    }
}

impl std::fmt::Debug for HickoryRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HickoryRuntime").finish_non_exhaustive()
    }
}

impl RuntimeProvider for HickoryRuntime {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> Self::Handle {
        self.tasks.clone()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        bind: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        let stack = self.stack.upgrade();
        Box::pin(async move {
            let stack = stack?;
            let connect = async {
                match bind {
                    Some(local) => TcpStream::connect_from(&stack, local, server).await,
                    None => TcpStream::connect_on(&stack, server).await,
                }
            };
            let stream = tokio::time::timeout(timeout.unwrap_or(CONNECT), connect).await??;
            stream.set_nodelay(true)?;
            Ok(AsyncIoTokioAsStd(stream))
        })
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        _server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        let stack = self.stack.upgrade();
        Box::pin(async move { UdpSocket::bind_on(&stack?, local).await })
    }
}

impl DnsUdpSocket for UdpSocket {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buf = ReadBuf::new(buf);
        let from = ready!(Self::poll_recv_from(self, context, &mut buf))?;
        Poll::Ready(Ok((buf.filled().len(), from)))
    }

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        Self::poll_send_to(self, context, buf, target)
    }
}

/// Looks names up at name servers, over the stack: a cache, retries, UDP and then TCP, by hickory.
///
/// ```no_run
/// use handfast::{HickoryResolver, Stack, TcpStream};
/// # async fn example(stack: Stack) -> Result<(), Box<dyn std::error::Error>> {
/// stack.set_resolver(HickoryResolver::new(&stack, &["9.9.9.9:53".parse()?])?);
/// let stream = TcpStream::connect_on(&stack, "www.example.org:80").await?;
/// # Ok(())
/// # }
/// ```
///
/// A TCP connection to a name server may be kept for the next question, and the stack with it until it closes;
/// [`Stack::close`] ends both.
#[derive(Clone)]
pub struct HickoryResolver(Resolver<HickoryRuntime>);

impl HickoryResolver {
    /// Asks `servers`, each by UDP and, where that is not enough, by TCP at the same port.
    ///
    /// Neither this machine's configuration nor its hosts file is read: they are of another network.
    ///
    /// # Errors
    /// `InvalidInput`: no servers, or hickory refuses them.
    pub fn new(stack: &Stack, servers: &[SocketAddr]) -> io::Result<Self> {
        if servers.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name servers"));
        }
        let servers = servers.iter().map(|server| {
            let at = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let ways = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, ways)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = Resolver::builder_with_config(config, HickoryRuntime::new(stack));
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        Ok(Self(resolver))
    }

    /// hickory's own resolver, for records of other types.
    pub fn inner(&self) -> &Resolver<HickoryRuntime> {
        &self.0
    }

    async fn family(&self, name: &str, kind: RecordType) -> io::Result<Vec<IpAddr>> {
        let found = self.0.lookup(name, kind).await.map_err(failed)?;
        Ok(found.answers().iter().filter_map(|record| record.data.ip_addr()).collect())
    }
}

impl Resolve for HickoryResolver {
    // Not hickory's own `lookup_ip`: if both families fail it tells the first one's failure, so "no AAAA record" hides that
    // the question for A was refused; and it waits out every retry for a family that the name server is silent about.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(both_families(self.family(name, RecordType::AAAA), self.family(name, RecordType::A)))
    }
}

impl std::fmt::Debug for HickoryResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HickoryResolver").finish_non_exhaustive()
    }
}

fn failed(why: NetError) -> io::Error {
    let kind = match &why {
        why if why.is_nx_domain() || why.is_no_records_found() => io::ErrorKind::NotFound,
        NetError::Timeout => io::ErrorKind::TimedOut,
        NetError::Io(why) => why.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why)
}
