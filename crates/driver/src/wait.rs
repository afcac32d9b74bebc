//! Waiting without holding the driver: descriptors of devices, a bell that others ring, and time.
//!
//! ```text
//!   device ─┐
//!   device ─┼─► epoll, edge-triggered ─► ppoll until the deadline, in nanoseconds ─► turn
//!   bell   ─┤                            or a runtime waits for the epoll itself
//!   alarm  ─┘
//! ```
//!
//! Edges, not levels: a device that has no room stays writable in the eyes of the system (an eventfd always is), and a
//! level would turn us for nothing until there is room. So a device must be read until it gives no more, which
//! [`Device::receive`](device::Device::receive) asks for anyhow.

use env::{Duration, Instant};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Rouses whoever waits in [`Waiter::wait`], from any thread; a clone rings the same bell.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// # Errors
    /// The system has no more descriptors.
    fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?)))
    }

    /// Ends a wait that is under way, or the next one.
    pub fn ring(&self) {
        // The one error that there can be: the counter is at its limit, and whoever waits is roused already.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}

/// Waits for devices, a [`Bell`] and time, and holds no driver meanwhile: on a thread with [`wait`](Self::wait), or under
/// a runtime, which waits until this, a descriptor itself, is readable.
///
/// ```
/// use handfast_driver::Waiter;
/// let mut waiter = Waiter::new([])?;
/// let bell = waiter.bell();
/// std::thread::spawn(move || bell.ring());
/// waiter.wait(&[], None)?; // until it rings
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Waiter {
    epoll: OwnedFd,
    /// Each with whether room is waited for, too.
    fds: Vec<(OwnedFd, bool)>,
    bell: Bell,
    /// A timer to the nanosecond, as runtimes' own are coarser; made when it is needed first.
    alarm: Option<OwnedFd>,
    /// When the alarm goes off, if it was set and has not yet.
    armed: Option<Instant>,
    /// Something beside devices, and whether it had news.
    watched: Option<OwnedFd>,
    news: bool,
}

/// Names the bell, the alarm and what else is watched among descriptors.
const BELL: u64 = u64::MAX;
const ALARM: u64 = u64::MAX - 1;
const WATCHED: u64 = u64::MAX - 2;

impl Waiter {
    /// Waits on `fds` from now on: duplicates of devices' descriptors, in the order of the devices.
    ///
    /// # Errors
    /// The system has no more descriptors, or one of these cannot be waited on.
    pub fn new(fds: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = Bell::new()?;
        epoll::add(&epoll, &*bell.0, EventData::new_u64(BELL), interest(false))?;
        let fds: Vec<_> = fds.into_iter().map(|fd| (fd, false)).collect();
        for (index, (fd, _)) in fds.iter().enumerate() {
            epoll::add(&epoll, fd, EventData::new_u64(index as u64), interest(false))?;
        }
        Ok(Self { epoll, fds, bell, alarm: None, armed: None, watched: None, news: false })
    }

    /// Ends waits for `fd`, too: [`news`](Self::news) says so then.
    ///
    /// # Errors
    /// It cannot be waited on.
    pub fn watch(&mut self, fd: OwnedFd) -> io::Result<()> {
        epoll::add(&self.epoll, &fd, EventData::new_u64(WATCHED), interest(false))?;
        self.watched = Some(fd);
        Ok(())
    }

    /// Whether what is [watched](Self::watch) had news since this was asked last.
    pub fn news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// What rouses it.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until a device has something new, or its room is new where `blocked` says that frames wait for it; until
    /// the bell rings; at most for `limit`. It may end for nothing.
    ///
    /// # Errors
    /// The system refuses to wait.
    pub fn wait(&mut self, blocked: &[bool], limit: Option<Duration>) -> io::Result<()> {
        self.want_room(blocked)?;
        // Epoll's own wait counts in milliseconds on older kernels.
        match poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], limit.map(timespec).as_ref()) {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => self.take(),
            Err(why) => Err(why.into()),
        }
    }

    /// For a runtime: from now on this is readable when [`wait`](Self::wait) would end, or once `due` has come. The alarm
    /// may go off early after `due` was put off: setting it costs more than a turn too many now and then.
    ///
    /// # Errors
    /// The system refuses, or has no more descriptors.
    pub fn prepare(&mut self, now: Instant, due: Option<Instant>, blocked: &[bool]) -> io::Result<()> {
        self.want_room(blocked)?;
        let early_enough = match (self.armed, due) {
            (None, None) => true,
            (Some(armed), Some(due)) => armed <= due,
            _ => false,
        };
        if early_enough {
            return Ok(());
        }
        if self.alarm.is_none() {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let alarm = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            epoll::add(&self.epoll, &alarm, EventData::new_u64(ALARM), interest(false))?;
            self.alarm = Some(alarm);
        }
        if let Some(alarm) = &self.alarm {
            // Zero would mean never.
            let wait = due.map_or(Duration::ZERO, |due| due.since(now).max(Duration::from_nanos(1)));
            let once = Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(wait) };
            timerfd_settime(alarm, TimerfdTimerFlags::empty(), &once)?;
            self.armed = due;
        }
        Ok(())
    }

    /// For a runtime: takes note of why this was readable, before the driver is turned.
    ///
    /// # Errors
    /// The system refuses.
    pub fn take(&mut self) -> io::Result<()> {
        // More than fit are there the next time.
        let mut events = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 16];
        match epoll::wait(&self.epoll, &mut events[..], Some(&timespec(Duration::ZERO))) {
            Ok(count) => {
                for event in events.iter().take(count) {
                    match event.data.u64() {
                        ALARM => self.armed = None,
                        WATCHED => self.news = true,
                        _ => {}
                    }
                }
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    fn want_room(&mut self, blocked: &[bool]) -> io::Result<()> {
        for (index, (fd, writable)) in self.fds.iter_mut().enumerate() {
            let wanted = blocked.get(index).copied().unwrap_or(false);
            if *writable != wanted {
                epoll::modify(&self.epoll, fd, EventData::new_u64(index as u64), interest(wanted))?;
                *writable = wanted;
            }
        }
        Ok(())
    }
}

impl AsFd for Waiter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl AsRawFd for Waiter {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

fn interest(writable: bool) -> EventFlags {
    let always = EventFlags::IN | EventFlags::ERR | EventFlags::ET;
    if writable { always | EventFlags::OUT } else { always }
}

/// A wait as the system wants it.
pub(crate) fn timespec(wait: Duration) -> Timespec {
    // A wait of centuries may as well be one of decades.
    let tv_sec = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).min(1 << 30);
    Timespec { tv_sec, tv_nsec: i64::from(wait.subsec_nanos()) as _ }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::{Device, memory};

    const NOT_LONG: Option<Duration> = Some(Duration::from_millis(5));

    /// Whether a wait ends before its time: something is there.
    fn roused(waiter: &mut Waiter, blocked: &[bool]) -> bool {
        let ready = |waiter: &Waiter| {
            poll(&mut [PollFd::new(&waiter.epoll, PollFlags::IN)], Some(&timespec(Duration::ZERO))).unwrap()
                > 0
        };
        let before = ready(waiter);
        waiter.wait(blocked, NOT_LONG).unwrap();
        before
    }

    #[test]
    fn a_bell_that_rang_before_ends_the_next_wait_and_no_other() {
        let mut waiter = Waiter::new([]).unwrap();
        assert!(!roused(&mut waiter, &[]));
        let bell = waiter.bell();
        bell.ring();
        bell.ring();
        assert!(roused(&mut waiter, &[]));
        assert!(!roused(&mut waiter, &[]), "nobody rang again");
        bell.ring();
        assert!(roused(&mut waiter, &[]));
    }

    #[test]
    fn a_device_that_stays_as_it_is_rouses_nobody() {
        let (mut left, mut right) =
            memory::wired(memory::Config { queue: 1, ..memory::Config::default() }).unwrap();
        let fd = left.fd().unwrap().try_clone_to_owned().unwrap();
        let mut waiter = Waiter::new([fd]).unwrap();
        let frame = || wire::Frame { body: vec![0x45; 20].into(), ..wire::Frame::default() };
        let now = env::Instant::from_secs(1);
        right.transmit(now, &mut [frame()].into()).unwrap();
        assert!(roused(&mut waiter, &[false]));
        assert!(!roused(&mut waiter, &[false]), "it was told once");
        left.receive(now, &mut Vec::new()).unwrap();
        // No room: its descriptor is writable all the same, and says so once.
        let mut frames = [frame(), frame()].into();
        left.transmit(now, &mut frames).unwrap();
        assert_eq!(frames.len(), 1);
        while roused(&mut waiter, &[true]) {}
        right.receive(now, &mut Vec::new()).unwrap();
        assert!(roused(&mut waiter, &[true]), "there is room again");
    }

    #[test]
    fn an_alarm_goes_off_once_is_put_off_lazily_and_can_be_called_off() {
        let now = Instant::from_secs(9);
        let soon = Some(now + Duration::from_micros(50));
        let mut waiter = Waiter::new([]).unwrap();
        let readable = |waiter: &Waiter, limit: Option<Duration>| {
            poll(&mut [PollFd::new(&waiter.epoll, PollFlags::IN)], limit.map(timespec).as_ref()).unwrap() > 0
        };
        waiter.prepare(now, soon, &[]).unwrap();
        assert!(readable(&waiter, None));
        waiter.take().unwrap();
        assert!(!readable(&waiter, NOT_LONG) && waiter.armed.is_none());
        waiter.prepare(now, Some(now), &[]).unwrap();
        assert!(readable(&waiter, None), "what is due goes off at once");
        waiter.take().unwrap();
        waiter.prepare(now, Some(now + Duration::from_secs(60)), &[]).unwrap();
        waiter.prepare(now, Some(now + Duration::from_secs(90)), &[]).unwrap();
        assert_eq!(waiter.armed, Some(now + Duration::from_secs(60)), "it goes off early then");
        waiter.prepare(now, soon, &[]).unwrap();
        assert_eq!(waiter.armed, soon);
        waiter.prepare(now, None, &[]).unwrap();
        waiter.take().unwrap();
        assert!(!readable(&waiter, NOT_LONG));
    }
}
