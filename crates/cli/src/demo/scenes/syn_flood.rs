//! Many ask, and none of them means it.

use super::{PORT, Scene, Text};
use crate::demo::stage::Stage;
use env::Rng;
use sim::{Pair, forge};
use stack::ListenConfig;
use std::net::{Ipv4Addr, SocketAddr};
use wire::tcp::{Flags, Header, Options};
use wire::{Payload, SeqNum, WireWindow};

pub(super) const SCENE: Scene = Scene {
    name: "syn-flood",
    title: Text {
        en: "A flood of SYNs: cookies instead of memory",
        ko: "SYN의 홍수: 기억하는 대신 쿠키를 준다",
    },
    about: Text {
        en: "Somebody sends SYNs from made-up addresses and never answers. The server remembers each for a while, and when \
             its queue is full (4 here, 256 otherwise) it could only turn everybody away. Instead it remembers nothing any \
             more: it answers with a first number that *is* the memory, a keyed hash of addresses, ports and time. Whoever \
             really is there brings the number back in the ACK, and the server knows its own handwriting (RFC 4987 §3.6).",
        ko: "누군가 위조한 주소로 SYN을 보내고는 답하지 않는다. 서버는 그것을 얼마 동안 기억하는데, 대기열이 꽉 차면(여기서는 \
             4, 보통은 256) 모두를 돌려보낼 수밖에 없다. 그 대신 서버는 더는 아무것도 기억하지 않고, 그 자체가 기억인 첫 \
             번호로 답한다. 주소와 포트와 시각을 열쇠로 해시한 값이다. 정말 거기 있는 이는 ACK에 그 번호를 다시 가져오고, \
             서버는 자기 글씨를 알아본다(RFC 4987 §3.6).",
    },
    set: Stage::new,
    play,
};

/// SYNs in the flood.
const FLOOD: u32 = 100;

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    stage.settings.repeat = 2;
    let listener =
        stage.listen_with(PORT, ListenConfig { syn_queue: 4, retransmissions: 0, ..ListenConfig::default() });
    let to = Pair::server_at(false, PORT);
    let mut rng = Rng::seeded(stage.seed());
    stage.chapter("the flood", "홍수");
    for _ in 0..FLOOD {
        // Addresses that nobody has.
        let host = 100 + rng.below(100) as u8;
        let from = SocketAddr::new(Ipv4Addr::new(10, 0, 0, host).into(), 1024 + rng.below(60_000) as u16);
        let header = Header {
            seq: SeqNum::new(rng.next_u32()),
            flags: Flags::SYN,
            window: WireWindow::new(65_535),
            options: Options { mss: Some(1460), ..Options::NONE },
            ..Header::default()
        };
        stage.forge(server, forge::segment(from, to, &header, Payload::EMPTY), "flood");
        stage.run_ms(1);
    }
    stage.run_ms(20);
    stage.chapter("somebody real", "진짜 손님");
    let ours = stage.connect(PORT);
    stage.run_ms(40);
    let theirs = stage.accept(listener);
    stage.send(client, ours, b"Anybody in there?");
    stage.run_ms(30);
    let heard = stage.receive(server, theirs);

    let counters = stage.counted(server);
    let (sent, accepted) = (counters.tcp_cookies_sent, counters.tcp_cookies_accepted);
    let heard = String::from_utf8_lossy(&heard).into_owned();
    stage.remark(
        format!(
            "{FLOOD} forged SYNs, 4 of them remembered, {sent} cookies sent, {accepted} of them brought back: the real \
             client was served, and the server heard \"{heard}\"."
        ),
        format!(
            "위조한 SYN {FLOOD}개, 그 가운데 기억한 것 4개, 보낸 쿠키 {sent}개, 되돌아온 것 {accepted}개. 진짜 손님은 \
             대접을 받았고, 서버는 \"{heard}\"라는 말을 들었다."
        ),
    );
    stage.remark(
        "What the queue would have kept must fit into the number and the timestamps: the segment size comes from a short \
         list, and options are remembered only if the client echoes them.",
        "대기열이 간직했을 것은 번호와 타임스탬프 안에 들어가야 한다. 그래서 세그먼트 크기는 짧은 목록에서 고르고, 옵션은 \
         클라이언트가 되돌려 줄 때에만 기억된다.",
    );
}
