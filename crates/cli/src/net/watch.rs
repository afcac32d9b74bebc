//! What `--pcap` and `--trace` see.
//!
//! ```text
//!   host ─ Trace ─► observer ─┬─► why, and what congestion control did, by frame ─► comments of the capture
//!                             └─► a queue ─► thread ─► the ladder, or JSON: on standard output, or error
//!   device ─ frames ─► Tap ─► Recorder ─► the file: flushed twice a second, and its first error kept
//! ```

use super::{NetArgs, Say};
use anyhow::{Context as _, anyhow};
use device::Device;
use device::pcapng::{Tap, Way, Writer};
use driver::{Clock, Observer};
use handfast::StackBuilder;
use stack::Trace;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use trace::{Comments, Entry, Lang, Live, Settings};

/// Events that wait to be drawn; what a slow terminal leaves behind beyond that is not drawn.
const BACKLOG: usize = 65_536;
/// Frames whose reason is remembered until the device has taken them.
const REASONS: usize = 8_192;
/// So often the capture is handed to the system.
const FLUSH: Duration = Duration::from_millis(500);

/// What is recorded and drawn.
pub(super) struct Recording {
    pcap: Option<(PathBuf, Recorder)>,
    trace: bool,
    say: Say,
    clock: Clock,
    drawing: Option<Drawing>,
}

/// The thread that draws. It ends by an order, for a socket that is still there keeps the stack's observer.
struct Drawing {
    thread: thread::JoinHandle<()>,
    orders: SyncSender<Order>,
}

/// What the thread that draws is told: what there is to draw, or nothing when that is the end.
type Order = Option<Trace>;

/// The capture's file, and why it ended early.
#[derive(Clone)]
struct Recorder(Arc<Mutex<Capture>>);

struct Capture {
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Capture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands what was recorded so far to the system; says why the recording has ended, if it has.
    fn hand_over(&self) -> Option<String> {
        let mut capture = self.lock();
        if capture.failed.is_none() {
            let flushed = capture.file.flush();
            // Kept, and told below.
            let _ = capture.note(flushed);
        }
        capture.failed.as_ref().map(ToString::to_string)
    }
}

impl Capture {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|why| {
            let again = io::Error::new(why.kind(), why.to_string());
            self.failed.get_or_insert(why);
            again
        })
    }
}

impl Write for Recorder {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut capture = self.lock();
        let result = capture.file.write(octets);
        capture.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut capture = self.lock();
        let result = capture.file.flush();
        capture.note(result)
    }
}

impl Recording {
    /// Makes the file, before anything else is there that would have to be taken away again.
    pub(super) fn begin(args: &NetArgs, say: Say, clock: Clock) -> anyhow::Result<Self> {
        let pcap = match &args.pcap {
            None => None,
            Some(path) => {
                let file =
                    File::create(path).with_context(|| format!("cannot record to {}", path.display()))?;
                let capture = Capture { file: BufWriter::with_capacity(256 << 10, file), failed: None };
                Some((path.clone(), Recorder(Arc::new(Mutex::new(capture)))))
            }
        };
        Ok(Self { pcap, trace: args.trace, say, clock, drawing: None })
    }

    /// Has the stack carried by `device` and seen by who watches.
    pub(super) fn attach(
        &mut self,
        builder: StackBuilder,
        device: impl Device + Send + 'static,
        name: &str,
    ) -> anyhow::Result<StackBuilder> {
        let drawn = self.trace.then(|| {
            let (sender, receiver) = sync_channel(BACKLOG);
            let (settings, say) = (settings(self.clock, self.say), self.say);
            let thread = thread::spawn(move || draw(settings, say, &receiver));
            self.drawing = Some(Drawing { thread, orders: sender.clone() });
            sender
        });
        let Some((path, recorder)) = &self.pcap else {
            return Ok(match drawn {
                Some(drawn) => builder.device(device).observe(observer(None, Some(drawn))),
                None => builder.device(device),
            });
        };
        let tap =
            Writer::new(recorder.clone(), self.clock.epoch()).and_then(|file| Tap::new(device, name, file));
        let mut tap = tap.with_context(|| format!("cannot record to {}", path.display()))?;
        let reasons = Reasons::default();
        let known = reasons.clone();
        tap.set_comment(move |way, frame| match way {
            Way::Out => known.lock().get(&frame.id).cloned(),
            Way::In => None,
        });
        Ok(builder.device(tap).observe(observer(Some(reasons), drawn)))
    }

    /// Hands the capture to the system now and then. When that fails it says so, and the rest goes on without it.
    pub(super) async fn watch(&self) -> Infallible {
        let Some((path, recorder)) = &self.pcap else { return std::future::pending().await };
        loop {
            tokio::time::sleep(FLUSH).await;
            if let Some(why) = recorder.hand_over() {
                let path = path.display();
                crate::out::complain(&format!("recording to {path} has ended: {why}; the rest goes on"));
                return std::future::pending().await;
            }
        }
    }

    /// The end of both, once the stack is closed: all of it is drawn.
    ///
    /// # Errors
    /// The capture is not complete.
    pub(super) fn end(self) -> anyhow::Result<()> {
        if let Some(drawing) = self.drawing {
            // Whoever draws no more has ended already. A panic in it was shown.
            let _ = drawing.orders.send(None);
            let _ = drawing.thread.join();
        }
        let Some((path, recorder)) = self.pcap else { return Ok(()) };
        match recorder.hand_over() {
            Some(why) => Err(anyhow!("the capture {} is not complete: {why}", path.display())),
            None => Ok(()),
        }
    }
}

/// Why frames were sent, by their numbers.
#[derive(Clone, Default)]
struct Reasons(Arc<Mutex<HashMap<u64, String>>>);

impl Reasons {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn observer(reasons: Option<Reasons>, drawn: Option<SyncSender<Order>>) -> Observer {
    let mut comments = Comments::default();
    Box::new(move |what| {
        if let Some(reasons) = &reasons {
            let said = comments.take(0, &what, Lang::En);
            if let (Trace::Sent { frame, .. }, false) = (&what, said.is_empty()) {
                let mut reasons = reasons.lock();
                if reasons.len() >= REASONS {
                    reasons.clear(); // What is old was written long ago.
                }
                reasons.insert(*frame, said.join("; "));
            }
        }
        if let Some(drawn) = &drawn {
            // A terminal that cannot follow sees less; nobody waits for it.
            let _ = drawn.try_send(Some(what));
        }
    })
}

fn settings(clock: Clock, say: Say) -> Settings {
    Settings {
        hosts: ["network".into(), "handfast".into()],
        width: say.columns(),
        colour: say.may_colour(),
        origin: clock.now(),
        ..Settings::default()
    }
}

/// Draws what comes, until nothing can come any more or nobody looks.
fn draw(settings: Settings, say: Say, events: &Receiver<Order>) {
    if say.json {
        return list(&settings, say, events);
    }
    let mut live = Live::new(settings);
    loop {
        let text = match events.recv_timeout(Duration::from_millis(100)) {
            Ok(Some(event)) => live.push(&event),
            // Nothing more belongs to the last row.
            Err(RecvTimeoutError::Timeout) => {
                let text = live.flush();
                if text.is_empty() {
                    match events.recv() {
                        Ok(Some(event)) => live.push(&event),
                        Ok(None) | Err(_) => return,
                    }
                } else {
                    text
                }
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => {
                let _ = say.write(&live.flush());
                return;
            }
        };
        if say.write(&text).is_err() {
            return;
        }
    }
}

/// The same for programs: a JSON object each.
fn list(settings: &Settings, say: Say, events: &Receiver<Order>) {
    for order in events {
        let Some(what) = order else { return };
        let entry = Entry::Host { host: 1, what };
        let line = trace::json::line(&entry, &settings.hosts, settings.origin, settings.lang);
        if say.write(&format!("{line}\n")).is_err() {
            return;
        }
    }
}
