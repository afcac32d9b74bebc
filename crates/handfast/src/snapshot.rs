//! Looking at a running stack: its connections, its listeners, its counters.

use crate::{Stack, TcpInfo};
use driver::Snapshot;
use stack::{ConnectionInfo, ListCursor, ListenerInfo};
use std::net::SocketAddr;

/// Places of the connection table that are looked at while the stack is locked: less than a microsecond each.
const STEPS: usize = 64;

/// Every connection of a stack, one after the other. Made by [`Stack::connections`].
#[derive(Debug)]
pub struct Connections {
    stack: Stack,
    next: Option<ListCursor>,
    /// Of the last step, in reverse.
    found: Vec<ConnectionInfo>,
}

impl Iterator for Connections {
    type Item = ConnectionInfo;

    fn next(&mut self) -> Option<ConnectionInfo> {
        while self.found.is_empty() {
            let cursor = self.next?;
            let (stack, found) = (&self.stack, &mut self.found);
            self.next = stack.host(|host| host.tcp_list(cursor, STEPS, found));
            self.found.reverse();
        }
        self.found.pop()
    }
}

impl Stack {
    /// The connections, with their addresses, states, queues, round trips, windows and octets.
    ///
    /// The stack is locked for a few at a time, and goes on in between: polling 100,000 connections each second holds
    /// nobody up. A connection that is there all the while is seen once; what comes or goes meanwhile, perhaps.
    ///
    /// ```
    /// # use handfast::{Stack, State, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let listener = TcpListener::bind_on(&stack, "10.0.0.1:80").await?;
    /// let stream = TcpStream::connect_on(&stack, "10.0.0.1:80").await?;
    /// let ours = stack.connections().find(|info| Some(info.local) == stream.local_addr().ok());
    /// assert_eq!(ours.map(|info| info.state), Some(State::Established));
    /// assert_eq!(stack.connections().count(), 2); // both ends are here
    /// # Ok(())
    /// # }
    /// ```
    pub fn connections(&self) -> Connections {
        Connections { stack: self.clone(), next: Some(ListCursor::default()), found: Vec::new() }
    }

    /// The listeners, with their queues.
    pub fn listeners(&self) -> Vec<ListenerInfo> {
        self.host(stack::Host::tcp_list_listeners)
    }

    /// What has been counted since the stack began, and what it holds now. It takes as long at many connections as at
    /// one.
    ///
    /// ```
    /// # use handfast::{Stack, device::memory};
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build_on_thread()?;
    /// let now = stack.counters();
    /// assert_eq!((now.tcp.connections, now.host.tcp_active_opens), (0, 0));
    /// for (reason, packets) in now.host.drops() {
    ///     assert_eq!(packets, 0, "{reason}");
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn counters(&self) -> Snapshot {
        let inner = self.shared().lock();
        inner.driver.snapshot(inner.clock.now())
    }

    /// What the stack's clock shows: the instants of [`connections`](Self::connections) are on it.
    pub fn now(&self) -> env::Instant {
        self.shared().lock().clock.now()
    }
}

impl Stack {
    /// What up to `most` connections are doing, as [`TcpStream::info`](crate::TcpStream::info) tells it of one: our end, the
    /// other end, and the figures; those whose user has let go of them are among them. In the order of the connection table.
    ///
    /// The stack is locked for one at a time.
    ///
    /// ```
    /// # use handfast::{Stack, State, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let listener = TcpListener::bind_on(&stack, "10.0.0.1:80").await?;
    /// let stream = TcpStream::connect_on(&stack, "10.0.0.1:80").await?;
    /// let infos = stack.infos(10);
    /// assert!(infos.iter().all(|(.., info)| info.state == State::Established));
    /// assert_eq!((infos.len(), stack.infos(1).len()), (2, 1)); // both ends are here
    /// # Ok(())
    /// # }
    /// ```
    pub fn infos(&self, most: usize) -> Vec<(SocketAddr, SocketAddr, TcpInfo)> {
        let told = self.connections().take(most).filter_map(|one| {
            let mut inner = self.shared().lock();
            let status = inner.host().tcp_status(one.id)?;
            Some((one.local, one.remote, TcpInfo::of(status, one.remote, inner.clock.now())))
        });
        told.collect()
    }
}
