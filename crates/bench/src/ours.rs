//! Handfast, on any device.

use crate::stack::Stack;
use crate::{BenchError, Ends};
use device::Device;
use driver::Driver;
use env::Instant;
use stack::{
    Cidr, ConnectOptions, ConnectionId, Host, HostConfig, HostEvent, InterfaceConfig, ListenConfig,
    ListenerId, Medium,
};
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use tcp::{ReceiveError, SendError, SendFlags, State, TcpConfig};

/// A host of ours and its device.
pub(crate) struct Ours<D> {
    driver: Driver<D>,
    listener: Option<ListenerId>,
    local: IpAddr,
    remote: IpAddr,
}

fn refused(call: &'static str) -> impl FnOnce(&dyn Display) -> BenchError {
    move |why| BenchError::Refused { stack: "handfast", call, why: why.to_string() }
}

impl<D: Device> Ours<D> {
    /// A host at one of `ends`, with buffers of `buffer` octets each way.
    pub(crate) fn new(now: Instant, device: D, ends: Ends, buffer: usize) -> Result<Self, BenchError> {
        let octets = u32::try_from(buffer).unwrap_or(u32::MAX);
        let tcp = TcpConfig::default()
            .send_buffer(octets)
            .and_then(|tcp| tcp.receive_buffer(octets))
            .map_err(|why| refused("take such buffers")(&why))?;
        Self::with(now, device, ends, tcp)
    }

    /// A host at one of `ends`, with these settings.
    pub(crate) fn with(now: Instant, device: D, ends: Ends, tcp: TcpConfig) -> Result<Self, BenchError> {
        let config = HostConfig { tcp, memory: 1 << 30, ..HostConfig::default() };
        // Nobody attacks it here, and a run is to be like the next.
        let host = Host::new(config, [7; 32]).map_err(|why| refused("start")(&why))?;
        let mut driver = Driver::new(host);
        let prefix = if ends.local.is_ipv4() { 24 } else { 64 };
        let mtu = u16::try_from(device.capabilities().mtu).unwrap_or(u16::MAX);
        let mut interface = InterfaceConfig::new("link", Medium::Ip).mtu(mtu);
        interface.addresses.extend(Cidr::new(ends.local, prefix));
        driver.attach(now, device, interface).map_err(|why| refused("take the device")(&why))?;
        Ok(Self { driver, listener: None, local: ends.local, remote: ends.remote })
    }

    /// The host.
    pub(crate) fn host(&self) -> &Host {
        self.driver.host()
    }

    /// When it wants to be turned though nothing arrives.
    #[cfg(target_os = "linux")]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.driver.deadline()
    }

    fn broken(why: driver::DeviceError) -> BenchError {
        BenchError::System { doing: "use the device", why: why.into() }
    }
}

impl<D: Device> Stack for Ours<D> {
    type Id = ConnectionId;

    const NAME: &'static str = "handfast";

    fn listen(&mut self, now: Instant, port: u16, at_once: usize) -> Result<(), BenchError> {
        let config = ListenConfig { backlog: at_once, syn_queue: at_once, ..ListenConfig::default() };
        let local = SocketAddr::new(self.local, port);
        let listener = self.driver.host_mut().tcp_listen(now, local, config);
        self.listener = Some(listener.map_err(|why| refused("listen")(&why))?);
        Ok(())
    }

    fn accept(&mut self) -> Option<ConnectionId> {
        Some(self.driver.host_mut().tcp_accept(self.listener?)?.0)
    }

    fn connect(&mut self, now: Instant, port: u16) -> Result<ConnectionId, BenchError> {
        let options = ConnectOptions::to(SocketAddr::new(self.remote, port));
        self.driver.host_mut().tcp_connect(now, options).map_err(|why| refused("connect")(&why))
    }

    fn is_established(&self, id: ConnectionId) -> bool {
        self.driver.host().tcp_state(id) == State::Established
    }

    fn send(&mut self, now: Instant, id: ConnectionId, octets: &[u8]) -> Result<usize, BenchError> {
        match self.driver.host_mut().tcp_send_slice(now, id, octets, SendFlags::default()) {
            Ok(taken) => Ok(taken),
            Err(SendError::Full) => Ok(0),
            Err(why) => Err(refused("send")(&why)),
        }
    }

    fn receive(&mut self, now: Instant, id: ConnectionId, into: &mut [u8]) -> Result<usize, BenchError> {
        match self.driver.host_mut().tcp_receive_into(now, id, into) {
            Ok(count) => Ok(count),
            Err(ReceiveError::Empty | ReceiveError::Finished) => Ok(0),
            Err(why) => Err(refused("receive")(&why)),
        }
    }

    fn is_finished(&mut self, now: Instant, id: ConnectionId) -> bool {
        let mut octet = [0];
        self.driver.host_mut().tcp_receive_into(now, id, &mut octet) == Err(ReceiveError::Finished)
    }

    fn close(&mut self, now: Instant, id: ConnectionId) -> Result<(), BenchError> {
        self.driver.host_mut().tcp_close(now, id).map_err(|why| refused("close")(&why))
    }

    fn forget(&mut self, now: Instant, id: ConnectionId) {
        self.driver.host_mut().tcp_release(now, id);
    }

    fn turn(&mut self, now: Instant) -> Result<(), BenchError> {
        while self.driver.turn(now).map_err(Self::broken)?.more {}
        // A user is told what happened. Whom it concerns is known here without that.
        while let Some(event) = self.driver.poll_event() {
            std::hint::black_box::<HostEvent>(event);
        }
        Ok(())
    }

    fn flush(&mut self, now: Instant) -> Result<(), BenchError> {
        self.driver.flush(now).map(drop).map_err(Self::broken)
    }

    fn frames(&self) -> u64 {
        self.driver.devices().map(|(_, device)| device.counters().tx_frames).sum()
    }
}

#[cfg(target_os = "linux")]
impl<D: Device> crate::stack::Waits for Ours<D> {
    fn wait(&mut self, now: Instant, limit: Instant) -> Result<(), BenchError> {
        self.driver.wait(now, Some(limit)).map_err(BenchError::system("wait"))
    }
}
