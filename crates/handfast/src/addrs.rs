//! Where to: addresses, and names that stand for them.
//!
//! ```text
//!    "name:80", ("name", 80), SocketAddr, (IpAddr, u16), &[SocketAddr] … ─► ToSocketAddrs ─► addresses, tried in order
//!                 └ an address in writing ─► itself
//!                 └ localhost (RFC 6761 §6.3) ─► ::1, 127.0.0.1
//!                 └ any other name ─► the stack's Resolve, never the system's: that one asks another network
//! ```

use crate::Stack;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::pin::Pin;

/// What [`Resolve::resolve`] gives.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a name.
///
/// A stack has none until [`Stack::set_resolver`] gives it one; feature `hickory` has one that asks name servers over
/// the stack itself. Until then names give `Unsupported`, and say so: the system's resolver is never asked in its place, for
/// it answers for another network. One of your own may put two families together by
/// [`both_families`](crate::both_families).
pub trait Resolve: Send + Sync {
    /// The addresses of `name`, the preferred first.
    ///
    /// # Errors
    /// `NotFound` when there is no such name, and others.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

mod sealed {
    pub trait Sealed {}
}

/// What names an end of a connection: an address, several, or a name and a port. The types are those that implement
/// tokio's trait of the same name.
///
/// Where several addresses are given, or found, they are tried in their order until one works.
pub trait ToSocketAddrs: sealed::Sealed {
    /// The addresses, on `stack`.
    #[doc(hidden)]
    fn addrs(&self, stack: &Stack) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// The addresses of a name and port, of the current stack.
///
/// ```
/// # use handfast::{Stack, lookup_host, device::memory};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let (device, _other_end) = memory::wired(memory::Config::default())?;
/// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap()).build()?;
/// let found = stack.scope(lookup_host("localhost:80")).await?.collect::<Vec<_>>();
/// assert_eq!(found, ["[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap()]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `NotFound`: no such name. `Unsupported`: a name, but the stack has no resolver ([`Stack::set_resolver`]); `localhost` needs
/// none. `InvalidInput`: no port. `NotConnected`: there is no current stack. What a resolver says.
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>> {
    lookup_host_on(&Stack::current()?, host).await
}

/// The same on `stack`.
///
/// # Errors
/// As [`lookup_host`].
pub async fn lookup_host_on<T: ToSocketAddrs>(
    stack: &Stack,
    host: T,
) -> io::Result<impl Iterator<Item = SocketAddr> + use<T>> {
    Ok(host.addrs(stack).await?.into_iter())
}

/// Tries the addresses in their order, and gives the first success or the last failure.
pub(crate) async fn each_addr<R, F: Future<Output = io::Result<R>>>(
    stack: &Stack,
    addr: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> F,
) -> io::Result<R> {
    let mut failed = None;
    for addr in addr.addrs(stack).await? {
        match attempt(addr).await {
            Ok(done) => return Ok(done),
            Err(why) => failed = Some(why),
        }
    }
    Err(failed
        .unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address")))
}

/// The addresses of a name.
async fn named(stack: &Stack, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let with_port = |ip| SocketAddr::new(ip, port);
    if let Ok(ip) = name.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![with_port(ip)]);
    }
    let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if bare == "localhost" || bare.ends_with(".localhost") {
        let loopback: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        return Ok(loopback.map(with_port).into());
    }
    let Some(resolver) = stack.resolver() else {
        let text = format!(
            "cannot look up \"{name}\": this stack has no resolver; give it one by Stack::set_resolver, \
             for instance HickoryResolver (feature \"hickory\"), or connect to an address"
        );
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    };
    let found: Vec<_> = resolver.resolve(name).await?.into_iter().map(with_port).collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("\"{name}\" has no address")));
    }
    Ok(found)
}

/// Those that are addresses already.
macro_rules! addresses {
    ($($type:ty),*) => {$(
        impl sealed::Sealed for $type {}
        impl ToSocketAddrs for $type {
            async fn addrs(&self, _: &Stack) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}
addresses!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl sealed::Sealed for [SocketAddr] {}
impl ToSocketAddrs for [SocketAddr] {
    async fn addrs(&self, _: &Stack) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl sealed::Sealed for str {}
impl ToSocketAddrs for str {
    async fn addrs(&self, stack: &Stack) -> io::Result<Vec<SocketAddr>> {
        if let Ok(addr) = self.parse() {
            return Ok(vec![addr]);
        }
        let parts = self.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
        let Some((name, port)) = parts else {
            let text = format!("\"{self}\" is no address and port, and no name and port");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        named(stack, name, port).await
    }
}

impl sealed::Sealed for (&str, u16) {}
impl ToSocketAddrs for (&str, u16) {
    async fn addrs(&self, stack: &Stack) -> io::Result<Vec<SocketAddr>> {
        named(stack, self.0, self.1).await
    }
}

impl sealed::Sealed for (String, u16) {}
impl ToSocketAddrs for (String, u16) {
    async fn addrs(&self, stack: &Stack) -> io::Result<Vec<SocketAddr>> {
        named(stack, &self.0, self.1).await
    }
}

impl sealed::Sealed for String {}
impl ToSocketAddrs for String {
    fn addrs(&self, stack: &Stack) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.as_str().addrs(stack)
    }
}

impl<T: ToSocketAddrs + ?Sized> sealed::Sealed for &T {}
impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn addrs(&self, stack: &Stack) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        (**self).addrs(stack)
    }
}
