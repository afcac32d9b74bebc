//! The handle that everything else is opened with.

use crate::shared::{Gone, Inner, Shared, Wakes};
use crate::{Resolve, StackBuilder};
use env::Duration;
use stack::Host;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::task::JoinHandle;

/// A host of its own, in this process: see the crate's front page. A clone is the same stack.
///
/// It lives for as long as a handle or one of its sockets does, and then until its last connection is over: what was
/// written is delivered though nobody waits for it. [`close`](Self::close) ends it sooner, and says how that went.
#[derive(Clone)]
pub struct Stack(Arc<Handle>);

/// What all clones and sockets share; the last one to go abandons the stack.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
    resolver: Mutex<Option<Arc<dyn Resolve>>>,
}

/// How [`Stack::close`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Connections that were not over in time, and were reset.
    pub aborted: usize,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, task: JoinHandle<()>) -> Self {
        Self { shared, task: Mutex::new(Some(task)), resolver: Mutex::new(None) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.shared.task.notify_one();
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

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Has names looked up by `resolver` from now on. Names are never looked up by the system: it asks another network.
    pub fn set_resolver(&self, resolver: impl Resolve + 'static) {
        *self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(resolver));
    }

    pub(crate) fn resolver(&self) -> Option<Arc<dyn Resolve>> {
        self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let key = self.shared().lock().new_key();
        poll_fn(|context| {
            let inner: &mut Inner = &mut self.shared().lock();
            if let Err(gone) = inner.check() {
                return Poll::Ready(Err(gone));
            }
            if inner.is_quiet() {
                return Poll::Ready(Ok(()));
            }
            inner.wait_for_quiet(key, context.waker());
            Poll::Pending
        })
        .await
    }

    /// Ends the stack: waits for at most `grace` until all connections are over, resets those that are not, and lets the
    /// device go. Sockets that are still there get errors from then on.
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
        // Time over, or the device broke: either way there is nothing more to wait for.
        let _: Result<_, _> = tokio::time::timeout(grace, self.quiet()).await;
        let aborted = self.shared().call(|inner, now| {
            let left: Vec<_> = inner.host().tcp_connections().collect();
            left.iter().for_each(|&id| inner.host().tcp_abort(now, id));
            left.len()
        });
        let mut wakes = Wakes::default();
        self.shared().lock().fail(Gone::Closed, &mut wakes);
        self.shared().task.notify_one();
        wakes.wake();
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends by itself, and has nothing to say.
            let _: Result<(), _> = task.await;
        }
        Closed { aborted }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}
