//! The handle that everything else is opened with.

use crate::shared::{Inner, Shared};
use crate::{Resolve, StackBuilder, autoconf};
use env::Duration;
use stack::{Cidr, Host};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// A host of its own, in this process: see the crate's front page. A clone is the same stack.
///
/// It lives for as long as a handle or one of its sockets does, and then until its last connection is over: what was
/// written is delivered though nobody waits for it. [`close`](Self::close) ends it sooner, and says how that went.
#[derive(Clone)]
pub struct Stack(Arc<Handle>);

/// What all clones and sockets share; the last one to go abandons the stack.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    resolver: Mutex<Option<Arc<dyn Resolve>>>,
}

/// How [`Stack::close`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Connections that were not over in time, and were reset.
    pub aborted: usize,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, resolver: Mutex::new(None) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.shared.rouse();
    }
}

/// See [`Stack::downgrade`].
#[cfg(feature = "hickory")]
#[derive(Clone)]
pub(crate) struct WeakStack(std::sync::Weak<Handle>);

#[cfg(feature = "hickory")]
impl WeakStack {
    /// The stack, while it lives.
    pub(crate) fn upgrade(&self) -> io::Result<Stack> {
        self.0.upgrade().map(Stack).ok_or_else(|| crate::shared::Gone::Closed.error())
    }
}

impl Stack {
    /// How to make one.
    ///
    /// ```
    /// use handfast::{Stack, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// let stack = Stack::builder().device(device).address("fd00::1/64".parse()?).mtu(1280).build()?;
    /// assert!(Stack::builder().build().is_err(), "a stack needs a device");
    /// # drop(stack);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> StackBuilder {
        StackBuilder::default()
    }

    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(handle))
    }

    /// A handle that does not keep the stack: for what the stack itself holds.
    #[cfg(feature = "hickory")]
    pub(crate) fn downgrade(&self) -> WeakStack {
        WeakStack(Arc::downgrade(&self.0))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    #[cfg(test)]
    pub(crate) fn shared_arc(&self) -> Arc<Shared> {
        Arc::clone(&self.0.shared)
    }

    /// Has names looked up by `resolver` from now on. Names are never looked up by the system: it asks another network.
    pub fn set_resolver(&self, resolver: impl Resolve + 'static) {
        *self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(resolver));
    }

    pub(crate) fn resolver(&self) -> Option<Arc<dyn Resolve>> {
        self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name servers that the stack was [given](StackBuilder::name_server), and after them those that it was told of
    /// while [configuring itself](StackBuilder::autoconfigure).
    pub fn name_servers(&self) -> Vec<IpAddr> {
        let inner = self.shared().lock();
        let mut all = inner.name_servers.clone();
        let told = inner.driver.host().advertised_name_servers().map(IpAddr::V6);
        for server in inner.autoconf.name_servers().chain(told) {
            if !all.contains(&server) {
                all.push(server);
            }
        }
        all
    }

    /// The addresses of the stack that can be used now and beyond a link: no loopback or link-local ones, none that is
    /// still probed for, none whose lifetime is over.
    pub fn addresses(&self) -> Vec<Cidr> {
        self.host(autoconf::addresses)
    }

    /// Waits until the stack has an [address](Self::addresses); needed where it [configures
    /// itself](StackBuilder::autoconfigure).
    ///
    /// # Errors
    /// The stack was closed, or its device broke.
    pub async fn configured(&self) -> io::Result<Vec<Cidr>> {
        let waiting = Waiting::new(self.shared());
        poll_fn(|context| {
            let inner: &mut Inner = &mut self.shared().lock();
            if let Err(gone) = inner.check() {
                return Poll::Ready(Err(gone));
            }
            let addresses = autoconf::addresses(inner.driver.host());
            if !addresses.is_empty() {
                return Poll::Ready(Ok(addresses));
            }
            inner.wait_for_address(waiting.key, context.waker());
            Poll::Pending
        })
        .await
    }

    /// Looks at the host: counters, memory, routes, connections. It is locked meanwhile.
    ///
    /// ```
    /// # use handfast::{Stack, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// assert_eq!(stack.host(|host| host.tcp_counts().connections), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn host<R>(&self, look: impl FnOnce(&Host) -> R) -> R {
        self.shared().look(look)
    }

    /// Waits until every connection is over, those included that were dropped and still deliver what was written.
    ///
    /// # Errors
    /// The stack was closed, or its device broke.
    pub async fn quiet(&self) -> io::Result<()> {
        let waiting = Waiting::new(self.shared());
        poll_fn(|context| {
            let inner: &mut Inner = &mut self.shared().lock();
            if let Err(gone) = inner.check() {
                return Poll::Ready(Err(gone));
            }
            if inner.is_quiet() {
                return Poll::Ready(Ok(()));
            }
            inner.wait_for_quiet(waiting.key, context.waker());
            Poll::Pending
        })
        .await
    }

    /// Ends the stack: waits for at most `grace` until all connections are over, resets those that are not, and lets the
    /// devices go. Sockets that are still there get errors from then on.
    ///
    /// To drop the future is to wait no longer: the stack ends all the same. No timer of a runtime is needed.
    ///
    /// ```
    /// # use handfast::{Stack, device::memory};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let closed = stack.close(Duration::from_secs(1)).await;
    /// assert_eq!(closed.aborted, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(self, grace: Duration) -> Closed {
        self.begin_close(grace);
        let waiting = Waiting::new(self.shared());
        poll_fn(|context| self.poll_closed(waiting.key, context)).await
    }

    /// The same for programs without a runtime: waits on this thread.
    pub fn blocking_close(self, grace: Duration) -> Closed {
        self.begin_close(grace);
        let waiting = Waiting::new(self.shared());
        crate::park::block_on(poll_fn(|context| self.poll_closed(waiting.key, context)))
    }

    /// The end comes at the latest after `grace`, whoever waits for it: the stack itself keeps the time.
    fn begin_close(&self, grace: Duration) {
        let mut inner = self.shared().lock();
        let by = inner.clock.now() + grace;
        inner.closing = Some(inner.closing.map_or(by, |sooner| sooner.min(by)));
        drop(inner);
        self.shared().rouse();
    }

    fn poll_closed(&self, key: u64, context: &Context<'_>) -> Poll<Closed> {
        let mut inner = self.shared().lock();
        if inner.over {
            return Poll::Ready(Closed { aborted: inner.aborted });
        }
        inner.wait_for_end(key, context.waker());
        Poll::Pending
    }

    /// Resets every connection at once, and says how many there were: RST to each peer, and what was not delivered is
    /// lost (RFC 9293 §3.10.5). Listeners and the stack go on.
    pub fn reset_all(&self) -> usize {
        self.shared().call(|inner, now| inner.abort_all(now))
    }
}

/// A place among those who wait for the end, given up when its future is dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    key: u64,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self { shared, key: shared.lock().new_key() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.lock().forget_end(self.key);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}
