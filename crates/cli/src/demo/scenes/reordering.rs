//! A segment that is late looks lost, and the reduction is undone.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use device::impair::Verdict;
use env::Duration;
use sim::PairConfig;
use stack::HostConfig;
use tcp::{TcpConfig, Trigger};
use trace::Lang;

pub(super) const SCENE: Scene = Scene {
    name: "reordering",
    title: Text {
        en: "A segment is late, and not lost: the mistake is undone",
        ko: "늦었을 뿐 사라지지 않았다: 실수를 되돌린다",
    },
    about: Text {
        en: "The network changes the order: a segment is held back on its way, and those behind it overtake it. To the \
             client that looks just like a loss, for what was sent later arrived sooner (RACK, RFC 8985). So it sends the \
             segment again and lowers its congestion window (cwnd), and for nothing, as the next ACK shows: the path was not \
             full. A sender that left it at that would crawl along any path that reorders.\n\n\
             Here the proof is looked for, and the window put back. With timestamps an ACK says which of the two copies it \
             answers (Eifel, RFC 3522 and 4015). Without them the server tells that a segment came twice (D-SACK, RFC 2883), \
             which takes until the needless copy has arrived. And a path that was seen to reorder is given time: the same \
             delay, once more, is no loss any longer.",
        ko: "네트워크가 순서를 바꾼다. 세그먼트 하나가 길에서 붙들리고, 뒤의 것들이 앞지른다. 클라이언트에게는 꼭 손실처럼 \
             보인다. 나중에 보낸 것이 먼저 도착했기 때문이다(RACK, RFC 8985). 그래서 그 세그먼트를 다시 보내고 혼잡 \
             윈도(cwnd)를 줄인다. 그런데 다음 ACK가 보여 주듯 헛일이었다. 길은 꽉 차 있지 않았다. 여기서 그치는 송신자는 \
             순서를 바꾸는 길에서 언제나 기어간다.\n\n\
             여기서는 증거를 찾아 윈도를 되돌린다. 타임스탬프가 있으면 ACK가 두 사본 가운데 어느 것에 답하는지 \
             알려 준다(Eifel, RFC 3522와 4015). 없으면 서버가 같은 세그먼트가 두 번 왔다고 알리는데(D-SACK, RFC 2883), 쓸데없는 \
             사본이 도착할 때까지 걸린다. 그리고 순서를 바꾸는 것을 본 길에는 시간을 준다. 똑같이 늦어도 다음번에는 손실로 \
             보지 않는다.",
    },
    set: Stage::new,
    play,
};

/// How long the segment is held back: less than the segments behind it take to be acknowledged.
const LATE: Duration = Duration::from_millis(4);
/// What the client writes at a time: a whole first window.
const OCTETS: u32 = 14_480;

fn play(stage: &mut Stage) {
    let lang = stage.lang();
    stage.settings.repeat = 12;
    let settings = stage.settings.clone();
    let (same, port) = stage_of(stage, "timestamps: Eifel", "타임스탬프가 있을 때: Eifel", None);
    let tcp = TcpConfig::default().timestamps(false);
    let client = HostConfig { tcp, ..HostConfig::default() };
    // Later, and from another port: in a capture the runs are two connections, one after the other.
    let start = stage.now();
    stage.next_ladder(PairConfig { client, start, ..PairConfig::default() }, settings);
    let (again, _) = stage_of(
        stage,
        "no timestamps: D-SACK",
        "타임스탬프가 없을 때: D-SACK",
        Some(port.checked_add(1).unwrap_or(1024)),
    );

    let verdict = |same: bool| match (same, lang) {
        (true, Lang::En) => "equal",
        (false, Lang::En) => "NOT EQUAL",
        (true, Lang::Ko) => "같다",
        (false, Lang::Ko) => "다르다",
    };
    let [first, second] = [same, again].map(verdict);
    stage.remark(
        format!("cwnd before the mistake and after its undoing: {first} with timestamps, {second} without."),
        format!("실수하기 전과 되돌린 뒤의 cwnd: 타임스탬프가 있을 때 {first}, 없을 때 {second}."),
    );
    stage.remark(
        "What was sent again for nothing cannot be taken back; the server drops it. The second time nothing is sent again: \
         the client waits a quarter of a round trip longer before it believes in a loss.",
        "쓸데없이 다시 보낸 것은 되돌릴 수 없고, 서버가 버린다. 두 번째에는 아무것도 다시 보내지 않는다. 클라이언트가 손실이라고 \
         믿기 전에 왕복 시간의 4분의 1을 더 기다리기 때문이다.",
    );
}

/// One lateness on a connection from a port of the client's, or from any and then the same lateness once more; whether
/// the window is in the end what it had been, and the port.
fn stage_of(stage: &mut Stage, en: &str, ko: &str, port: Option<u16>) -> (bool, u16) {
    stage.chapter(en, ko);
    let (client, server, there) = (stage.client(), stage.server(), stage.there());
    let (ours, theirs, _) = stage.connected_from(port);
    let ends = stage.world().host(client).tcp_addrs(ours);
    let ours_at = ends.map_or(0, |(local, _)| local.port());
    stage.judge(there, |number| if number == 3 { Verdict::Delay(LATE) } else { Verdict::Pass });
    let data: Vec<u8> = (0..OCTETS).map(|n| (n % 251) as u8).collect();
    stage.send(client, ours, &data);
    stage.run_ms(100);
    let windows = stage.windows(client);
    let cut = windows.iter().position(|(trigger, _)| *trigger == Trigger::Loss);
    let undone = windows.iter().find(|(trigger, _)| matches!(trigger, Trigger::Undone(_)));
    let before = cut.and_then(|at| windows.get(at.checked_sub(1)?));
    let same = before.zip(undone).is_some_and(|((_, before), (_, after))| before == after);
    let mut read = stage.receive(server, theirs);
    let mut whole = read == data;
    if port.is_none() {
        stage.chapter("the same once more", "똑같은 일이 한 번 더");
        let again = stage.counted(client).tcp_retrans_segs;
        stage.judge(there, |number| if number == 3 { Verdict::Delay(LATE) } else { Verdict::Pass });
        stage.send(client, ours, &data);
        stage.run_ms(100);
        whole &= stage.counted(client).tcp_retrans_segs == again;
        read = stage.receive(server, theirs);
        whole &= read == data;
    }
    (same && whole, ours_at)
}
