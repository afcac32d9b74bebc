//! `handfast nc`: standard input to a connection, and a connection to standard output.
//!
//! ```text
//!   standard input ─ thread ─► chunks ─► TcpStream, UdpSocket ─► chunks ─ thread ─► standard output
//!                                         │ both ways at once: neither waits for the other
//!                     end of input ─ -N ──► FIN              FIN of the peer ─► the end, once our input has ended
//! ```

mod link;
mod scan;

use crate::body::chunks;
use crate::net::{self, Exit, Failure, Net, NetArgs, Prepared, Role};
use crate::sink::Sink;
use crate::{Done, Usage};
use bytes::Bytes;
use clap::Args;
use handfast::{ListenConfig, TcpListener, UdpSocket};
use link::Totals;
use serde_json::json;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Connect standard input and output to a port, or listen at one
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}", net::ABOUT, crate::args::CODES))]
pub(crate) struct NcArgs {
    /// HOST PORT; with -l [ADDRESS] PORT; with -z HOST PORTS, as in 20-25,80
    #[arg(required = true, num_args = 1..=2, value_name = "WHERE")]
    place: Vec<String>,
    /// Wait for a connection instead of making one
    #[arg(short, long)]
    listen: bool,
    /// With -l: once it has ended, wait for the next
    #[arg(short, long, requires = "listen", conflicts_with = "udp")]
    keep: bool,
    /// UDP
    #[arg(short, long)]
    udp: bool,
    /// When the input ends, send FIN and go on listening (a half-close); over UDP, end
    #[arg(short = 'N', long)]
    half_close: bool,
    /// Only see which ports are open
    #[arg(short = 'z', long, conflicts_with = "listen")]
    scan: bool,
    /// Wait at most so long for a connection, and end when nothing passes for so long
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    wait: Option<u32>,
    /// Our port
    #[arg(short = 'p', long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "listen")]
    source_port: Option<u16>,
    /// Say what happens
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    net: NetArgs,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast nc -l 9000                        it says where it is, then prints what comes
  echo hello | sudo handfast nc -N 10.111.1.2 9000    and that from another terminal
  sudo handfast nc -N 10.111.0.2 8 < file         `handfast serve --tcp-digest 8` answers after our FIN
  sudo handfast nc -u -w 1 10.111.0.2 7           datagrams: a line each; ends when nothing comes for a second
  sudo handfast nc -z -v 10.111.1.1 20-25,80      which ports of this machine are open
  sudo handfast nc -l -k 9000 --trace > all       every packet of every connection

Without -N the input's end is not told to the peer, and the command ends when the peer closes. When the peer closes \
first, what is left of the input is still sent, unless it comes from a terminal.";

/// What was asked for.
enum Place {
    Listen { address: Option<IpAddr>, port: u16 },
    Connect { host: String, port: u16 },
    Scan { host: String, ports: Vec<u16> },
}

fn place(args: &NcArgs) -> Result<Place, Usage> {
    let port = |text: &str| {
        let port = text.parse::<u16>().ok().filter(|port| *port > 0);
        port.ok_or_else(|| Usage(format!("{text} is no port: 1 to 65535")))
    };
    match (&args.place[..], args.listen) {
        ([at], true) => Ok(Place::Listen { address: None, port: port(at)? }),
        ([address, at], true) => {
            let address = address.parse().map_err(|_| Usage(format!("{address} is no address of ours")))?;
            Ok(Place::Listen { address: Some(address), port: port(at)? })
        }
        ([host, ports], false) if args.scan => {
            Ok(Place::Scan { host: host.clone(), ports: scan::ports(ports).map_err(Usage)? })
        }
        ([host, at], false) => Ok(Place::Connect { host: host.clone(), port: port(at)? }),
        _ => Err(Usage("which port? Give HOST PORT, or -l PORT".into())),
    }
}

pub(crate) fn run(args: NcArgs) -> anyhow::Result<Done> {
    let place = place(&args)?;
    // What is scanned is told on standard output; otherwise data is there.
    let aside = !args.scan;
    let prepared = Prepared::new(args.net.clone(), Role::Any, aside)?;
    // Whoever comes may use whichever address is there already.
    let prepared = if args.listen { prepared.first_will_do() } else { prepared };
    prepared.run(async |net| {
        let work = async {
            match place {
                Place::Scan { host, ports } => scan::run(net, &args, &host, &ports).await,
                Place::Connect { host, port } => Nc::new(net, &args).connect(&host, port).await,
                Place::Listen { address, port } => Nc::new(net, &args).listen(address, port).await,
            }
        };
        tokio::select! {
            done = work => done,
            () = net.interrupted() => Ok(Done::Interrupted),
        }
    })
}

/// What all its connections share.
struct Nc<'a> {
    net: &'a Net,
    args: &'a NcArgs,
    input: Receiver<io::Result<Bytes>>,
    output: Sink,
}

impl<'a> Nc<'a> {
    fn new(net: &'a Net, args: &'a NcArgs) -> Self {
        Self { net, args, input: chunks(io::stdin()), output: Sink::stdout() }
    }

    fn limit(&self) -> Duration {
        self.args.wait.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.into()))
    }

    async fn connect(mut self, host: &str, port: u16) -> anyhow::Result<Done> {
        let found = self.net.find(host, port).await?;
        let Some(&first) = found.first() else {
            return Err(Failure::error(Exit::Name, format!("{host} has no address")));
        };
        let totals = Totals::default();
        if self.args.udp {
            let socket = self.bind(first.ip(), self.args.source_port.unwrap_or(0)).await?;
            socket.connect(first).await.map_err(|why| Failure::connecting("cannot send", &why))?;
            self.told("sending to", first, socket.local_addr().ok());
            self.datagrams(&socket, None, &totals).await?;
        } else {
            let connecting = match self.args.source_port {
                Some(own) => tokio::time::timeout(self.limit(), self.open_at_port(own, first)).await,
                None => tokio::time::timeout(self.limit(), self.net.connect(host, port)).await,
            };
            let stream = connecting.map_err(|_| {
                Failure::error(
                    Exit::TimedOut,
                    format!("{first} does not answer in {} s", self.limit().as_secs()),
                )
            })??;
            self.told("connected to", stream.peer_addr().unwrap_or(first), stream.local_addr().ok());
            self.stream(stream, &totals).await?;
        }
        self.end(&totals).await
    }

    async fn open_at_port(&self, port: u16, to: SocketAddr) -> anyhow::Result<handfast::TcpStream> {
        let local = SocketAddr::new(any(to.ip()), port);
        let stream = handfast::TcpStream::connect_from(&self.net.stack, local, to).await;
        stream.map_err(|why| Failure::connecting(&format!("cannot connect to {to} from port {port}"), &why))
    }

    async fn bind(&self, like: IpAddr, port: u16) -> anyhow::Result<UdpSocket> {
        let bound = UdpSocket::bind_on(&self.net.stack, (any(like), port)).await;
        bound.map_err(|why| anyhow::anyhow!("cannot use UDP port {port}: {why}"))
    }

    async fn listen(mut self, address: Option<IpAddr>, port: u16) -> anyhow::Result<Done> {
        let totals = Totals::default();
        if self.args.udp {
            let at = address.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
            let bound = UdpSocket::bind_on(&self.net.stack, (at, port)).await;
            let socket = bound.map_err(|why| anyhow::anyhow!("cannot use {at} UDP port {port}: {why}"))?;
            self.announce(&self.listening_at(address), port, "UDP");
            let first = socket.datagram().await.map_err(|why| Failure::broken("cannot receive", &why))?;
            // As it is on the wire: a socket of both IP versions sees IPv4 as IPv6.
            self.told(
                "datagrams from",
                SocketAddr::new(first.from.ip().to_canonical(), first.from.port()),
                None,
            );
            socket.connect(first.from).await.map_err(|why| Failure::connecting("cannot answer", &why))?;
            self.datagrams(&socket, Some(first.data.contiguous().to_vec()), &totals).await?;
            return self.end(&totals).await;
        }
        let listener = self.listener(address, port).await?;
        loop {
            let accepted = tokio::time::timeout(self.limit(), listener.accept()).await.map_err(|_| {
                Failure::error(Exit::TimedOut, format!("nobody came in {} s", self.limit().as_secs()))
            })?;
            let (stream, peer) = accepted.map_err(|why| Failure::broken("cannot accept", &why))?;
            self.told("connection from", peer, stream.local_addr().ok());
            match self.stream(stream, &totals).await {
                Ok(()) => {}
                // One that broke is not the end of those to come.
                Err(why) if self.args.keep && why.is::<Failure>() => crate::out::complain(&why.to_string()),
                Err(why) => return Err(why),
            }
            if !self.args.keep {
                return self.end(&totals).await;
            }
        }
    }

    async fn listener(&self, address: Option<IpAddr>, port: u16) -> anyhow::Result<TcpListener> {
        let config = ListenConfig { dual_stack: address.is_none(), ..ListenConfig::default() };
        let at = SocketAddr::new(address.unwrap_or(Ipv6Addr::UNSPECIFIED.into()), port);
        let listener = TcpListener::bind_with(&self.net.stack, at, config).await;
        let listener = listener.map_err(|why| anyhow::anyhow!("cannot listen at port {port}: {why}"))?;
        self.announce(&self.listening_at(address), port, "TCP");
        Ok(listener)
    }

    /// The address that was asked for, or all of ours.
    fn listening_at(&self, address: Option<IpAddr>) -> Vec<IpAddr> {
        match address {
            Some(address) => vec![address],
            None => self.net.pairs.iter().map(|pair| pair.ours.address()).collect(),
        }
    }

    /// Where we are has to be known to somebody.
    fn announce(&self, ours: &[IpAddr], port: u16, what: &str) {
        let at: Vec<_> = ours.iter().map(|&address| SocketAddr::new(address, port).to_string()).collect();
        let json = || json!({ "event": "listening", "at": at, "over": what, "interface": self.net.name });
        let words = format!("listening at {} ({what}, {})", at.join(" and "), self.net.name);
        self.net.say.line_or_not(json, &words);
    }

    /// What happens, for those who want to know.
    fn told(&self, what: &str, peer: SocketAddr, local: Option<SocketAddr>) {
        if self.args.verbose || self.net.say.json {
            let from = local.map(|local| local.to_string());
            let json = || json!({ "event": what, "peer": peer.to_string(), "local": from });
            let words = from.as_ref().map_or_else(String::new, |from| format!(", we are {from}"));
            self.net.say.line_or_not(json, &format!("{what} {peer}{words}"));
        }
    }

    async fn end(self, totals: &Totals) -> anyhow::Result<Done> {
        self.output.end().await?;
        if self.args.verbose || self.net.say.json {
            let (sent, received) = (totals.sent.get(), totals.received.get());
            let json = || json!({ "event": "end", "sent": sent, "received": received });
            // Nobody reading is no reason to fail: all was carried.
            let _ = self.net.conclude(json, &format!("{sent} octets sent, {received} received"));
        }
        Ok(Done::Well)
    }
}

/// The unspecified address of the same IP version.
fn any(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        nc: NcArgs,
    }

    fn asked(arguments: &[&str]) -> Result<String, String> {
        let command =
            Command::try_parse_from(["test"].iter().chain(arguments)).map_err(|why| why.to_string())?;
        Ok(match place(&command.nc).map_err(|why| why.to_string())? {
            Place::Listen { address, port } => format!("listen {address:?} {port}"),
            Place::Connect { host, port } => format!("connect {host} {port}"),
            Place::Scan { host, ports } => format!("scan {host} {ports:?}"),
        })
    }

    #[test]
    fn where_to_is_read_as_nc_reads_it() {
        assert_eq!(asked(&["a.example", "80"]).unwrap(), "connect a.example 80");
        assert_eq!(asked(&["-l", "80"]).unwrap(), "listen None 80");
        assert_eq!(asked(&["-l", "10.0.0.1", "80"]).unwrap(), "listen Some(10.0.0.1) 80");
        assert_eq!(asked(&["-z", "h", "20-22,80"]).unwrap(), "scan h [20, 21, 22, 80]");
        for (bad, part) in [
            (&["h"][..], "which port"),
            (&["h", "0"], "no port"),
            (&["h", "65536"], "no port"),
            (&["-l", "name", "80"], "no address"),
            (&["-k", "h", "80"], "--listen"),
            (&["-z", "h", "30-20"], "30-20"),
            (&["-z", "-l", "80"], "cannot be used"),
            (&[], "WHERE"),
        ] {
            let why = asked(bad).unwrap_err();
            assert!(why.contains(part), "{bad:?}: {why}");
        }
    }
}
