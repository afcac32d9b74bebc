//! Where a scene is played: two hosts and a link, and everything that is seen of them.

use super::capture::Joiner;
use bytes::Bytes;
use device::impair::Verdict;
use env::{Duration, Instant};
use sim::{Happened, HostId, LinkId, Pair, PairConfig, World};
use stack::{
    ConnectOptions, ConnectionId, Counters, Host, HostEvent, InterfaceId, ListenConfig, ListenerId, Trace,
    UdpId, UdpSend,
};
use std::net::SocketAddr;
use tcp::{ReceiveError, SendFlags};
use trace::{Entry, Lang, Settings};
use wire::{Frame, Payload};

/// Two hosts, a link, and what is seen.
pub(super) struct Stage {
    lang: Lang,
    seed: u64,
    pair: Pair,
    origin: Instant,
    entries: Vec<Entry>,
    packets: Vec<Captured>,
    joiner: Joiner,
    /// Where one ladder ends and the next begins.
    cuts: Vec<Cut>,
    remarks: Vec<Remark>,
    /// What the hosts' users were told.
    events: Vec<(HostId, HostEvent)>,
    /// How ladders look, where a scene wants it otherwise.
    pub(super) settings: Settings,
}

/// Something said after the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remark {
    /// A sentence or two.
    Words(String),
    /// Lines that stand as they are.
    Table(Vec<String>),
}

/// A ladder of its own begins here.
struct Cut {
    entry: usize,
    origin: Instant,
    settings: Settings,
}

/// A packet as it left, for a capture.
pub(super) struct Captured {
    pub(super) at: Instant,
    /// Who sent it: 0 the client, 1 the server, 2 somebody else.
    pub(super) from: usize,
    pub(super) octets: Bytes,
    pub(super) comments: Vec<String>,
}

/// The server's port in most scenes.
pub(super) const PORT: u16 = 80;

impl Stage {
    /// Two hosts on a link with 10 ms of delay each way.
    pub(super) fn new(lang: Lang, seed: u64) -> Self {
        Self::with(lang, seed, PairConfig::default())
    }

    /// Two hosts as `config` has them.
    pub(super) fn with(lang: Lang, seed: u64, config: PairConfig) -> Self {
        let mut pair = Pair::with(seed, config);
        pair.world.watch(true);
        let origin = pair.world.now();
        let hosts = [lang.pick("client", "클라이언트").to_owned(), lang.pick("server", "서버").to_owned()];
        Self {
            lang,
            seed,
            pair,
            origin,
            entries: Vec::new(),
            packets: Vec::new(),
            joiner: Joiner::default(),
            cuts: Vec::new(),
            remarks: Vec::new(),
            events: Vec::new(),
            settings: Settings { lang, hosts, ..Settings::default() },
        }
    }

    pub(super) fn lang(&self) -> Lang {
        self.lang
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn names(&self) -> &[String; 2] {
        &self.settings.hosts
    }

    pub(super) fn client(&self) -> HostId {
        self.pair.client
    }

    pub(super) fn server(&self) -> HostId {
        self.pair.server
    }

    /// From client to server.
    pub(super) fn there(&self) -> LinkId {
        self.pair.there
    }

    /// From server to client.
    pub(super) fn back(&self) -> LinkId {
        self.pair.there.back()
    }

    pub(super) fn world(&mut self) -> &mut World {
        &mut self.pair.world
    }

    pub(super) fn now(&self) -> Instant {
        self.pair.world.now()
    }

    // ---- telling --------------------------------------------------------------------------------------------

    /// A closing remark, in each language.
    pub(super) fn remark(&mut self, en: impl Into<String>, ko: impl Into<String>) {
        self.remarks.push(Remark::Words(match self.lang {
            Lang::En => en.into(),
            Lang::Ko => ko.into(),
        }));
    }

    /// A table after the ladder.
    pub(super) fn table(&mut self, lines: Vec<String>) {
        self.remarks.push(Remark::Table(lines));
    }

    /// What a host has dropped, by the counters' names, as a remark.
    pub(super) fn remark_drops(&mut self, host: HostId) {
        let drops: Vec<String> = (self.counted(host).drops())
            .filter(|(_, count)| *count > 0)
            .map(|(why, count)| format!("{} = {count}", why.name()))
            .collect();
        let name = self.names()[host.index().min(1)].clone();
        let drops = drops.join(", ");
        if drops.is_empty() {
            self.remark(format!("The {name} dropped nothing."), format!("{name}는 아무것도 버리지 않았다."));
        } else {
            self.remark(
                format!("What the {name} dropped, by its counters: {drops}."),
                format!("{name}가 버린 것, 카운터로: {drops}."),
            );
        }
    }

    /// A heading inside the ladder.
    pub(super) fn chapter(&mut self, en: &str, ko: &str) {
        let text = self.lang.pick(en, ko).to_owned();
        self.said(None, text);
    }

    /// What a user does, said beside what follows from it.
    pub(super) fn says(&mut self, host: HostId, en: &str, ko: &str) {
        let text = self.lang.pick(en, ko).to_owned();
        self.said(Some(host.index()), text);
    }

    fn said(&mut self, host: Option<usize>, text: String) {
        self.absorb();
        self.entries.push(Entry::Said { at: self.now(), host, text });
    }

    // ---- calls ----------------------------------------------------------------------------------------------

    /// Any call to a host.
    pub(super) fn call<R>(&mut self, host: HostId, call: impl FnOnce(&mut Host, Instant) -> R) -> R {
        let result = self.pair.world.call(host, call);
        self.absorb();
        result
    }

    /// The server's listener.
    pub(super) fn listen(&mut self, port: u16) -> ListenerId {
        self.listen_with(port, ListenConfig::default())
    }

    pub(super) fn listen_with(&mut self, port: u16, config: ListenConfig) -> ListenerId {
        let at = Pair::server_at(false, port);
        let server = self.server();
        must(self.call(server, |host, now| host.tcp_listen(now, at, config)))
    }

    /// The client opens a connection to the server.
    pub(super) fn connect(&mut self, port: u16) -> ConnectionId {
        let client = self.client();
        self.open(client, ConnectOptions::to(Pair::server_at(false, port)))
    }

    /// A host opens a connection.
    pub(super) fn open(&mut self, host: HostId, options: ConnectOptions) -> ConnectionId {
        must(self.call(host, |host, now| host.tcp_connect(now, options)))
    }

    /// The connection that the server has waiting.
    pub(super) fn accept(&mut self, listener: ListenerId) -> ConnectionId {
        let server = self.server();
        let (id, _) = must(self.call(server, |host, _| host.tcp_accept(listener)).ok_or("nothing to accept"));
        id
    }

    /// SEND; the words stand beside the first packet that follows.
    pub(super) fn send(&mut self, host: HostId, id: ConnectionId, data: &[u8]) -> usize {
        let octets = data.len();
        let text = match (std::str::from_utf8(data), self.lang) {
            (Ok(words), _) if octets <= 24 => format!("SEND \"{}\"", words.trim_end()),
            (_, Lang::En) => format!("SEND {octets} octets"),
            (_, Lang::Ko) => format!("SEND {octets}옥텟"),
        };
        self.said(Some(host.index()), text);
        let data = Payload::copy_of(data);
        must(self.call(host, |host, now| host.tcp_send(now, id, data, SendFlags::default())))
    }

    /// Sends a datagram to `to`, or to the peer of a connected socket.
    pub(super) fn send_to(&mut self, host: HostId, id: UdpId, to: Option<SocketAddr>, words: &'static str) {
        self.said(Some(host.index()), format!("SEND \"{words}\""));
        let send = UdpSend { to, ..UdpSend::new(words.as_bytes()) };
        must(self.call(host, |host, now| host.udp_send(now, id, send)));
    }

    /// RECEIVE: everything that is there.
    pub(super) fn receive(&mut self, host: HostId, id: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            match self.call(host, |host, now| host.tcp_receive(now, id, usize::MAX)) {
                Ok(received) => all.extend_from_slice(&received.data),
                Err(ReceiveError::Empty | ReceiveError::Finished | ReceiveError::Closed(_)) => return all,
                Err(_) => return all,
            }
        }
    }

    /// CLOSE.
    pub(super) fn close(&mut self, host: HostId, id: ConnectionId) {
        must(self.call(host, |host, now| host.tcp_close(now, id)));
    }

    /// ABORT.
    pub(super) fn abort(&mut self, host: HostId, id: ConnectionId) {
        self.call(host, |host, now| host.tcp_abort(now, id));
    }

    /// Lets time go on until a connection has ended, and says beside the ladder what its user is told.
    pub(super) fn run_to_end(&mut self, host: HostId, id: ConnectionId) {
        let mut end = None;
        for _ in 0..1_000_000 {
            end = self.events.iter().find_map(|(at, event)| match event {
                HostEvent::TcpClosed(of, Some(error)) if *at == host && *of == id => Some(*error),
                _ => None,
            });
            if end.is_some() || self.pair.world.step().is_none() {
                break;
            }
            self.absorb();
        }
        let error = must(end.ok_or("the connection did not end"));
        let what = self.lang.ended(error);
        let text = match self.lang {
            Lang::En => format!("the user is told: {what}"),
            Lang::Ko => format!("사용자가 듣는 말: {what}"),
        };
        self.said(Some(host.index()), text);
    }

    /// Client and server connected to each other, and the listener.
    pub(super) fn connected(&mut self) -> (ConnectionId, ConnectionId, ListenerId) {
        self.connected_from(None)
    }

    /// The same, from a port of the client's.
    pub(super) fn connected_from(&mut self, port: Option<u16>) -> (ConnectionId, ConnectionId, ListenerId) {
        let listener = self.listen(PORT);
        let local = port.map(|port| Pair::client_at(false, port));
        let options = ConnectOptions { local, ..ConnectOptions::to(Pair::server_at(false, PORT)) };
        let client = self.open(self.client(), options);
        self.run(Duration::from_millis(40));
        let server = self.accept(listener);
        (client, server, listener)
    }

    // ---- the link -------------------------------------------------------------------------------------------

    /// What becomes of the nth packet, from 1, of one direction from now on.
    pub(super) fn judge(&mut self, link: LinkId, verdict: impl Fn(u64) -> Verdict + Send + Sync + 'static) {
        let before = self.pair.world.link(link).counters().offered;
        self.pair.world.judge(link, move |_, number| verdict(number - before));
    }

    /// Loses the next packet of one direction.
    pub(super) fn lose_next(&mut self, link: LinkId) {
        self.judge(link, |number| if number == 1 { Verdict::Drop } else { Verdict::Pass });
    }

    /// A packet that neither host sent arrives at `host`.
    pub(super) fn forge(&mut self, host: HostId, frame: Frame, comment: &str) {
        self.absorb();
        let interface = self.interface(host);
        let octets = frame.contiguous();
        let comments = vec![comment.to_owned()];
        self.packets.push(Captured { at: self.now(), from: 2, octets, comments });
        self.pair.world.inject(host, interface, frame);
        self.absorb();
    }

    fn interface(&self, host: HostId) -> InterfaceId {
        must(self.pair.world.interfaces(host).first().copied().ok_or("a host has an interface"))
    }

    // ---- time -----------------------------------------------------------------------------------------------

    /// Lets time go on.
    pub(super) fn run(&mut self, lasts: Duration) {
        self.pair.world.run_for(lasts);
        self.absorb();
    }

    pub(super) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// What comes now is drawn on a ladder of its own, from time zero, on `pair`.
    pub(super) fn next_ladder(&mut self, config: PairConfig, settings: Settings) {
        self.absorb();
        let mut pair = Pair::with(self.seed, config);
        pair.world.watch(true);
        let cut = Cut {
            entry: self.entries.len(),
            origin: std::mem::replace(&mut self.origin, pair.world.now()),
            settings: std::mem::replace(&mut self.settings, settings),
        };
        self.cuts.push(cut);
        self.events.clear();
        self.pair = pair;
    }

    /// The scene is over.
    pub(super) fn curtain(&mut self) {
        self.absorb();
    }

    /// Takes what the world has logged.
    fn absorb(&mut self) {
        for logged in self.pair.world.take_log() {
            self.packets.extend(self.joiner.take(&logged, self.lang));
            match logged.what {
                Happened::Host(host, what) => self.entries.push(Entry::Host { host: host.index(), what }),
                Happened::Link(link, event) => {
                    let Some(from) = self.pair.world.link_from(link) else { continue };
                    self.entries.push(Entry::Link { from: from.index(), event });
                }
                _ => {}
            }
        }
        for host in [self.pair.client, self.pair.server] {
            while let Some(event) = self.pair.world.poll_event(host) {
                self.events.push((host, event));
            }
        }
    }

    // ---- what was seen --------------------------------------------------------------------------------------

    pub(super) fn packets(&self) -> &[Captured] {
        &self.packets
    }

    pub(super) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// What each host has counted.
    pub(super) fn counters(&self) -> [(&str, &Counters); 2] {
        let of = |host| self.pair.world.host(host).counters();
        let [client, server] = self.names();
        [(client.as_str(), of(self.client())), (server.as_str(), of(self.server()))]
    }

    /// Every ladder shows what the sender reckons.
    pub(super) fn show_estimates(&mut self) {
        self.settings.estimates = true;
        self.cuts.iter_mut().for_each(|cut| cut.settings.estimates = true);
    }

    pub(super) fn counted(&self, host: HostId) -> &Counters {
        self.pair.world.host(host).counters()
    }

    /// Each ladder's looks and entries.
    pub(super) fn ladders(&self, width: usize, colour: bool) -> Vec<(Settings, Vec<Entry>)> {
        let mut ladders = Vec::new();
        let mut from = 0;
        let cuts = self.cuts.iter().map(|cut| (cut.entry, cut.origin, &cut.settings));
        for (until, origin, settings) in cuts.chain([(self.entries.len(), self.origin, &self.settings)]) {
            let settings = Settings { width, colour, origin, ..settings.clone() };
            ladders.push((settings, self.entries.get(from..until).unwrap_or_default().to_vec()));
            from = until;
        }
        ladders
    }

    /// The congestion window of a host as it is told on the ladder that is being drawn: what it changed for, and octets.
    pub(super) fn windows(&self, host: HostId) -> Vec<(tcp::Trigger, u32)> {
        let from = self.cuts.last().map_or(0, |cut| cut.entry);
        let entries = self.entries.get(from..).unwrap_or_default().iter();
        let window = entries.filter_map(|entry| match entry {
            Entry::Host {
                host: of,
                what: Trace::Tcp { note: tcp::Note::Window { trigger, cwnd, .. }, .. },
            } => (*of == host.index()).then_some((*trigger, *cwnd)),
            _ => None,
        });
        window.collect()
    }

    /// The first number (ISS) that a side has chosen: its newest SYN's.
    pub(super) fn first_number(&self, side: usize) -> u32 {
        let syn = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Host { host, what: Trace::Sent { packet, .. } } if *host == side => {
                match &packet.content {
                    stack::trace::Content::Tcp { header, .. }
                        if header.flags.contains(wire::tcp::Flags::SYN) =>
                    {
                        Some(header.seq.raw())
                    }
                    _ => None,
                }
            }
            _ => None,
        });
        syn.unwrap_or(0)
    }

    /// The sockets of the first TCP or UDP packet that the client sent.
    pub(super) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Host { host: 0, what: Trace::Sent { packet, .. } } => match &packet.content {
                stack::trace::Content::Tcp { src_port, dst_port, .. }
                | stack::trace::Content::Udp { src_port, dst_port, .. } => {
                    Some(((packet.src, *src_port).into(), (packet.dst, *dst_port).into()))
                }
                _ => None,
            },
            _ => None,
        })
    }
}

/// A scene's script cannot fail: each is played by tests, in every language.
#[track_caller]
pub(super) fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("a scene went off its script: {error:?}"),
    }
}
