//! Which stack a socket opens on when its caller names none.
//!
//! ```text
//!    TcpStream::connect(…) ─► this thread entered a stack? ─► the innermost
//!                                     └ no ─► one is installed for the process? ─► that one
//!                                                    └ no ─► an error that says what to do
//! ```

use crate::Stack;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{PoisonError, RwLock};

thread_local! {
    /// The innermost last; each under the number of its guard, as guards may go in any order.
    static ENTERED: RefCell<(u64, Vec<(u64, Stack)>)> = const { RefCell::new((0, Vec::new())) };
}

static INSTALLED: RwLock<Option<Stack>> = RwLock::new(None);

/// While it lives, its thread's current stack is the one it was made from. See [`Stack::enter`].
#[derive(Debug)]
#[must_use = "the stack is left as soon as this is dropped"]
pub struct Entered {
    number: u64,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // A thread that ends has left all its stacks. What is taken out is dropped after the borrow.
        let _left = ENTERED.try_with(|entered| {
            let stacks = &mut entered.borrow_mut().1;
            let at = stacks.iter().rposition(|(number, _)| *number == self.number)?;
            Some(stacks.remove(at))
        });
    }
}

impl Stack {
    /// Makes this stack the current one of this thread until the guard is dropped: what tokio's names open without
    /// naming a stack, is opened on it. Guards may nest; the innermost counts.
    ///
    /// A task may move between threads: there, use [`scope`](Self::scope) or [`install`](Self::install).
    pub fn enter(&self) -> Entered {
        let number = ENTERED.with_borrow_mut(|(last, stacks)| {
            *last += 1;
            stacks.push((*last, self.clone()));
            *last
        });
        Entered { number, _thread: PhantomData }
    }

    /// Runs `future` with this stack as the current one, whichever threads it runs on. Tasks that it spawns have a scope
    /// of their own, or none.
    ///
    /// ```
    /// use handfast::net::{TcpListener, TcpStream}; // tokio::net, by another name
    /// # use handfast::{Stack, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap()).build()?;
    /// stack
    ///     .scope(async {
    ///         let listener = TcpListener::bind("127.0.0.1:80").await?;
    ///         let (near, far) = tokio::join!(TcpStream::connect("localhost:80"), listener.accept());
    ///         assert_eq!(near?.local_addr()?, far?.1);
    ///         Ok(())
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let _entered = self.enter();
            future.as_mut().poll(context)
        })
        .await
    }

    /// Makes this stack the current one of the whole process, where no other one is entered. Gives the one that was.
    ///
    /// It stays alive until [`uninstall`](Self::uninstall), or another takes its place.
    pub fn install(&self) -> Option<Stack> {
        INSTALLED.write().unwrap_or_else(PoisonError::into_inner).replace(self.clone())
    }

    /// Ends [`install`](Self::install), and gives the stack that was.
    pub fn uninstall() -> Option<Stack> {
        INSTALLED.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The current stack: the innermost that this thread has [entered](Self::enter), or the
    /// [installed](Self::install) one.
    ///
    /// # Errors
    /// `NotConnected`: there is none.
    pub fn current() -> io::Result<Stack> {
        let entered = ENTERED.try_with(|entered| entered.borrow().1.last().map(|(_, stack)| stack.clone()));
        entered
            .ok()
            .flatten()
            .or_else(|| INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone())
            .ok_or_else(|| {
                let what =
                    "there is no current stack: call install(), enter() or scope() of a handfast::Stack";
                io::Error::new(io::ErrorKind::NotConnected, what)
            })
    }
}
