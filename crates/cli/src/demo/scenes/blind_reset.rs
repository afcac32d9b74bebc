//! Somebody who sees nothing tries to cut the line.

use super::{Scene, Text};
use crate::demo::stage::{Stage, must};
use sim::forge;
use wire::tcp::{Flags, Header};
use wire::{Payload, SeqNum, WireWindow};

pub(super) const SCENE: Scene = Scene {
    name: "blind-reset",
    title: Text {
        en: "A forged RST: the stack asks back before it believes",
        ko: "위조한 RST: 믿기 전에 되묻는다",
    },
    about: Text {
        en: "An attacker elsewhere cannot see the packets, but can guess ports and numbers and write any sender into a \
             packet. If every RST whose number lies in the window ended a connection, a few thousand guesses would do. So a \
             RST must have exactly the next expected number; one that is only near is answered by a challenge ACK, and a \
             peer that really has gone will answer that with a RST which fits (RFC 5961).",
        ko: "다른 곳의 공격자는 패킷을 보지 못하지만, 포트와 번호를 짐작하고 보낸 이를 마음대로 적어 넣을 수 있다. 윈도 안의 \
             번호를 지닌 RST마다 연결이 끝난다면 수천 번의 짐작만으로 충분하다. 그래서 RST는 다음에 올 번호와 정확히 맞아야 \
             한다. 가깝기만 한 것에는 챌린지 ACK로 되묻고, 정말 사라진 상대라면 그것에 꼭 맞는 RST로 답할 것이다(RFC 5961).",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let (ours, theirs, _) = stage.connected();
    let (from, to) = must(stage.ends().ok_or("the client has sent a SYN"));
    let next = SeqNum::new(stage.first_number(0)) + 1;
    let forged = |flags, ahead: u32| {
        let header = Header { seq: next + ahead, flags, window: WireWindow::new(1024), ..Header::default() };
        forge::segment(from, to, &header, Payload::EMPTY)
    };
    stage.chapter("in the window, but not exact", "윈도 안이지만 정확하지 않다");
    stage.forge(server, forged(Flags::RST, 5_000), "forged: RST in the window");
    stage.run_ms(100);
    stage.chapter("outside the window", "윈도 밖이다");
    stage.forge(server, forged(Flags::RST, 2_000_000), "forged: RST outside the window");
    stage.run_ms(100);
    stage.chapter("a SYN in the middle of it all", "한창인데 SYN이 온다");
    stage.forge(server, forged(Flags::SYN, 7_000), "forged: SYN on an open connection");
    stage.run_ms(100);
    stage.chapter("and the connection lives", "그리고 연결은 살아 있다");
    stage.send(client, ours, b"I am fine.");
    stage.run_ms(100);
    stage.receive(server, theirs);
    stage.chapter("the one number that counts", "단 하나의 맞는 번호");
    let exact = Header { seq: next + 10, flags: Flags::RST, ..Header::default() };
    stage.forge(
        server,
        forge::segment(from, to, &exact, Payload::EMPTY),
        "forged: RST with the exact number",
    );
    stage.run_to_end(server, theirs);
    stage.run_ms(10);

    let challenges = stage.counted(server).tcp_challenge_acks;
    stage.remark(
        format!(
            "Three guesses, {challenges} challenge ACKs, no harm. Only the exact number ended it: one chance in four \
             thousand million, for each pair of ports. A limit on challenge ACKs, counted for each connection alone, keeps \
             them from being a weapon themselves."
        ),
        format!(
            "짐작은 세 번, 챌린지 ACK는 {challenges}번, 피해는 없었다. 정확한 번호만이 연결을 끝냈다. 포트 한 쌍마다 약 \
             43억 분의 1의 확률이다. 챌린지 ACK의 수는 연결마다 따로 제한되어, 그 자체가 무기가 되지 않는다."
        ),
    );
    stage.remark_drops(server);
}
