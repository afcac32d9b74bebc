//! An ACK that waits for company.

use super::{Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "delayed-ack",
    title: Text {
        en: "An ACK waits a little: perhaps something goes the same way",
        ko: "ACK는 잠깐 기다린다. 같은 길로 갈 것이 생길지도 모른다",
    },
    about: Text {
        en: "An ACK of its own costs a segment and says little. At the start of a connection each segment is answered at \
             once, so that the sender learns fast. After that an ACK waits for 40 ms at most: if the user answers in \
             the meantime, it rides with the answer (RFC 9293 §3.8.6.3). Two full segments are never kept waiting.",
        ko: "홀로 가는 ACK는 세그먼트 하나를 쓰고도 하는 말이 적다. 연결이 시작될 때는 보내는 쪽이 빨리 배우도록 세그먼트마다 \
             바로 답한다. 그 뒤로 ACK는 길어야 40 ms를 기다린다. 그사이 사용자가 답하면 ACK는 그 답에 실려 간다(RFC 9293 \
             §3.8.6.3). 꽉 찬 세그먼트 둘은 결코 기다리게 하지 않는다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let (ours, theirs, _) = stage.connected();
    // As many as are acknowledged at once.
    stage.send(client, ours, &[b'a'; 16 * 1448]);
    stage.run_ms(200);
    stage.receive(server, theirs);
    stage.run_ms(100);
    stage.says(client, "SEND: the user writes a word", "SEND: 사용자가 한마디 쓴다");
    stage.send(client, ours, b"Are you there?");
    stage.run_ms(100);
    stage.says(client, "SEND: the user writes another", "SEND: 사용자가 또 한마디 쓴다");
    stage.send(client, ours, b"Say something!");
    stage.run_ms(30);
    let mut words = stage.receive(server, theirs);
    stage.says(server, "SEND: this time the user answers", "SEND: 이번에는 사용자가 답한다");
    stage.send(server, theirs, b"Yes, here I am.");
    stage.run_ms(200);

    words.extend(stage.receive(server, theirs));
    let octets = words.len();
    stage.remark(
        format!(
            "Both words arrived ({octets} octets). The first was acknowledged by a segment without data, 40 ms after it \
             came; the second by the answer itself, for nothing."
        ),
        format!(
            "두 마디가 모두 도착했다({octets}옥텟). 첫마디는 도착하고 40 ms 뒤에 데이터 없는 세그먼트로, 둘째 마디는 답 자체로 \
             확인되었다. 따로 든 것은 없다."
        ),
    );
}
