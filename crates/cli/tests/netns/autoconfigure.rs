//! A stack on a TAP that configures itself: by a DHCP server and router advertisements of a program that others use.

use crate::support::{TempDir, in_namespace, succeed};
use handfast::{Stack, TcpStream};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// The server, which ends with the test.
pub(crate) struct Dnsmasq(Child);

impl Dnsmasq {
    pub(crate) fn start(dir: &TempDir, interface: &str) -> Self {
        let child = Command::new("dnsmasq")
            .args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=0"])
            .args(["--user=root", "--leasefile-ro", "--dhcp-authoritative", "--enable-ra"])
            .arg(format!("--interface={interface}"))
            .arg(format!("--pid-file={}", dir.path("dnsmasq.pid").display()))
            .args(["--dhcp-range=10.77.0.50,10.77.0.60,255.255.255.0,2m", "--ra-param=*,4,600"])
            .args(["--dhcp-range=fd00:77::,ra-only,64,10m"])
            .args(["--dhcp-option=option:dns-server,10.77.0.53", "--dhcp-option=option:mtu,1400"])
            .args(["--dhcp-option=option6:dns-server,[fd00:77::53]"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// Waits for something that happens by itself; far longer than it takes, and then it has failed.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let poll = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), poll).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[test]
fn a_stack_on_a_bridge_configures_itself() {
    in_namespace("autoconfigure::a_stack_on_a_bridge_configures_itself", &["dnsmasq", "ip"], || {
        let dir = TempDir::new();
        // The kernel is a host on the bridge, as the stack is, behind its TAP.
        for line in [
            "link add br0 type bridge",
            "addr add 10.77.0.1/24 dev br0",
            "addr add fd00:77::1/64 dev br0 nodad",
            "tuntap add hf0 mode tap",
            "link set hf0 master br0 up",
            "link set br0 up",
        ] {
            succeed("ip", line.split(' '));
        }
        let _server = Dnsmasq::start(&dir, "br0");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = Stack::builder().tap("hf0").autoconfigure().build().unwrap();
            let both = async {
                loop {
                    let found = stack.configured().await.unwrap();
                    if found.len() >= 2 {
                        return found;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let limit = Duration::from_secs(60);
            let found = tokio::time::timeout(limit, both).await.expect("no two addresses");
            let (v4, v6): (Vec<handfast::Cidr>, Vec<_>) =
                found.iter().copied().partition(|cidr: &handfast::Cidr| cidr.address().is_ipv4());
            let lent: handfast::Cidr = "10.77.0.1/24".parse().unwrap();
            assert!(lent.contains(v4[0].address()) && v4[0].prefix() == 24, "{found:?}");
            let formed: handfast::Cidr = "fd00:77::/64".parse().unwrap();
            assert!(formed.contains(v6[0].address()), "{found:?}");
            assert!(
                stack.name_servers().contains(&"10.77.0.53".parse().unwrap()),
                "{:?}",
                stack.name_servers()
            );
            assert!(
                stack.name_servers().contains(&"fd00:77::53".parse().unwrap()),
                "{:?}",
                stack.name_servers()
            );
            let route = stack.host(|host| host.route("192.0.2.1".parse().unwrap(), None)).unwrap();
            assert_eq!((route.next_hop, route.link_mtu), ("10.77.0.1".parse().unwrap(), 1400));
            // What was lent is the lower bound still when somebody sets the interface down and up, or changes its own.
            let wire = route.interface;
            let mtu = || stack.host(|host| host.interface_mtu(wire));
            let up = || stack.host(|host| host.interface_up(wire));
            let mut netlink = device::netlink::Netlink::open().unwrap();
            netlink.set_down("hf0").unwrap();
            until("the link is down", || up() == Some(false)).await;
            netlink.set_up("hf0").unwrap();
            until("the link is up", || up() == Some(true)).await;
            assert_eq!(mtu(), Some(1400));
            for (own, counts) in [(1350, 1350), (1500, 1400)] {
                netlink.set_mtu("hf0", own).unwrap();
                until("the lower MTU counts", || mtu() == Some(counts)).await;
            }
            for address in ["10.77.0.1:0", "[fd00:77::1]:0"] {
                let listener = TcpListener::bind(address).unwrap();
                let at = listener.local_addr().unwrap();
                let kernel = std::thread::spawn(move || {
                    let (mut stream, peer) = listener.accept().unwrap();
                    stream.write_all(b"welcome").unwrap();
                    drop(stream.shutdown(std::net::Shutdown::Write));
                    stream.read_to_end(&mut Vec::new()).unwrap();
                    peer.ip()
                });
                let mut stream = TcpStream::connect_on(&stack, at).await.unwrap();
                let mut said = String::new();
                stream.read_to_string(&mut said).await.unwrap();
                drop(stream);
                assert_eq!(said, "welcome");
                let from = kernel.join().unwrap();
                assert!(found.iter().any(|cidr| cidr.address() == from), "{from} of {found:?}");
            }
            stack.close(Duration::from_secs(5)).await;
        });
    });
}
