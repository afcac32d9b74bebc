//! The same lossy link, twice.

use super::{PORT, Scene, Text};
use crate::demo::stage::{Stage, must};
use device::impair::Profile;
use env::{Duration, Instant};
use sim::PairConfig;
use stack::{UdpBind, UdpSend};
use std::collections::BTreeMap;
use trace::Lang;

pub(super) const SCENE: Scene = Scene {
    name: "tcp-vs-udp",
    title: Text {
        en: "TCP and UDP on the same lossy link", ko: "손실이 있는 같은 링크에서 TCP와 UDP"
    },
    about: Text {
        en: "Ten numbered messages, one every 20 ms, over a link that loses a quarter of what the client sends: first with \
             TCP, then with UDP. TCP delivers all of them, in order, and makes those behind a lost one wait for it. UDP \
             delivers what arrives, when it arrives. Neither is better: a file wants the one, a voice wants the other.",
        ko: "번호 붙은 메시지 열 개를 20 ms마다 하나씩, 클라이언트가 보내는 것의 4분의 1을 잃는 링크로 보낸다. 먼저 TCP로, \
             다음에 UDP로. TCP는 모두를 순서대로 전하고, 사라진 것 뒤의 것들을 기다리게 한다. UDP는 도착한 것을 도착한 때에 \
             전한다. 어느 쪽이 낫다고 할 수 없다. 파일은 앞의 것을, 목소리는 뒤의 것을 원한다.",
    },
    set,
    play,
};

/// Messages sent.
const MESSAGES: u64 = 10;
/// Time between them.
const PACE: Duration = Duration::from_millis(20);

fn lossy() -> PairConfig {
    let there = Profile { delay: Duration::from_millis(10), loss: 0.25, ..Profile::default() };
    PairConfig { there, ..PairConfig::default() }
}

fn set(lang: Lang, seed: u64) -> Stage {
    Stage::with(lang, seed, lossy())
}

fn play(stage: &mut Stage) {
    stage.settings.repeat = 20;
    let settings = stage.settings.clone();
    let tcp = by_tcp(stage);
    let again = stage.counted(stage.client()).tcp_retrans_segs;
    stage.next_ladder(lossy(), settings);
    let udp = by_udp(stage);

    let lang = stage.lang();
    let after = |at: Option<&Duration>| match at {
        Some(at) => lang.span(*at),
        None => lang.pick("never", "오지 않음").to_owned(),
    };
    let mut lines = vec![
        lang.pick(
            "    message    after sending it, it was read\n               with TCP         with UDP",
            "    메시지     보내고 나서 읽기까지\n               TCP              UDP",
        )
        .to_owned(),
    ];
    for message in 1..=MESSAGES {
        let (tcp, udp) = (after(tcp.get(&message)), after(udp.get(&message)));
        let pad = " ".repeat(17usize.saturating_sub(crate::demo::scene::width(&tcp)));
        lines.push(format!("    {message:>4}       {tcp}{pad}{udp}"));
    }
    lines.push(String::new());
    stage.table(lines);
    let (all, some) = (tcp.len(), udp.len());
    stage.remark(
        format!(
            "TCP delivered {all} of {MESSAGES} messages, retransmissions: {again}; UDP delivered {some}, each as \
             soon as it could. In TCP's stream there are no messages: the reader had to find their ends itself."
        ),
        format!(
            "TCP는 메시지 {MESSAGES}개 가운데 {all}개를 전했고 세그먼트 {again}개를 다시 보냈다. UDP는 {some}개를 저마다 될 \
             수 있는 대로 빨리 전했다. TCP의 스트림에는 메시지가 없다. 어디서 끝나는지는 읽는 쪽이 찾아야 했다."
        ),
    );
    let slowest = |times: &Times| times.values().max().copied();
    if slowest(&tcp) <= slowest(&udp) {
        stage.remark(
            "This time nothing was lost that TCP had to wait for, and both were equally fast. Try another --seed.",
            "이번에는 TCP가 기다려야 할 것이 사라지지 않아 둘의 빠르기가 같았다. 다른 --seed로 해 보라.",
        );
        return;
    }
    stage.remark(
        "That TCP took longer here is the price of its promise, paid only when something is lost; nothing follows from it \
         about speed. An application on UDP that sends much must slow down by itself when packets are lost (RFC 8085).",
        "여기서 TCP가 더 오래 걸린 것은 약속의 값이고, 무언가 사라질 때만 치른다. 속도에 대해 더 말해 주는 것은 없다. UDP로 \
         많이 보내는 응용 프로그램은 패킷이 사라지면 스스로 느려져야 한다(RFC 8085).",
    );
}

/// How long each message took until it was read, by number.
type Times = BTreeMap<u64, Duration>;

fn by_tcp(stage: &mut Stage) -> Times {
    let (client, server) = (stage.client(), stage.server());
    let listener = stage.listen(PORT);
    let ours = stage.connect(PORT);
    let mut theirs = None;
    let mut text = String::new();
    let mut sent: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut times = Times::new();
    let begin = stage.now() + Duration::from_millis(40);
    let wait = |stage: &mut Stage,
                until: Instant,
                text: &mut String,
                sent: &BTreeMap<u64, Instant>,
                times: &mut Times,
                theirs: &mut Option<stack::ConnectionId>| {
        while stage.now() < until {
            stage.run_ms(1);
            if theirs.is_none() {
                *theirs = stage.call(server, |host, _| host.tcp_accept(listener)).map(|(id, _)| id);
            }
            let Some(id) = *theirs else { continue };
            text.push_str(&String::from_utf8_lossy(&stage.receive(server, id)));
            while let Some(end) = text.find('\n') {
                let line: String = text.drain(..=end).collect();
                if let Ok(number) = line.trim().trim_start_matches("message ").parse::<u64>()
                    && let Some(at) = sent.get(&number)
                {
                    times.entry(number).or_insert(stage.now().since(*at));
                }
            }
        }
    };
    for number in 1..=MESSAGES {
        let at = begin + PACE * number as u32;
        wait(stage, at, &mut text, &sent, &mut times, &mut theirs);
        sent.insert(number, stage.now());
        stage.send(client, ours, format!("message {number}\n").as_bytes());
    }
    for _ in 0..1200 {
        if times.len() as u64 == MESSAGES {
            break;
        }
        let until = stage.now() + Duration::from_millis(100);
        wait(stage, until, &mut text, &sent, &mut times, &mut theirs);
    }
    stage.run_ms(100);
    times
}

fn by_udp(stage: &mut Stage) -> Times {
    let (client, server) = (stage.client(), stage.server());
    let bind = UdpBind { port: PORT, ..UdpBind::default() };
    let theirs = must(stage.call(server, |host, _| host.udp_bind(bind)));
    let ours = must(stage.call(client, |host, _| host.udp_open()));
    must(stage.call(client, |host, _| host.udp_connect(ours, sim::Pair::server_at(false, PORT))));
    let mut sent: BTreeMap<u64, Instant> = BTreeMap::new();
    let mut times = Times::new();
    for number in 1..=MESSAGES + 5 {
        if number <= MESSAGES {
            sent.insert(number, stage.now());
            let data = format!("message {number}").into_bytes();
            must(stage.call(client, |host, now| host.udp_send(now, ours, UdpSend::new(data))));
        }
        for _ in 0..PACE.as_millis() {
            stage.run_ms(1);
            while let Some(datagram) = stage.call(server, |host, _| host.udp_receive(theirs)) {
                let text = String::from_utf8_lossy(&datagram.data.to_vec()).into_owned();
                if let Ok(number) = text.trim_start_matches("message ").parse::<u64>()
                    && let Some(at) = sent.get(&number)
                {
                    times.insert(number, stage.now().since(*at));
                }
            }
        }
    }
    times
}
