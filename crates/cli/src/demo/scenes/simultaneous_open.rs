//! Both ask at once.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use sim::Pair;
use stack::ConnectOptions;

pub(super) const SCENE: Scene = Scene {
    name: "simultaneous-open",
    title: Text {
        en: "Both ask at once: one connection, no listener",
        ko: "둘이 동시에 청한다: 듣는 이 없이 연결 하나",
    },
    about: Text {
        en: "\"Client\" is only a name for whoever asks first. If both hosts ask at the same time, each from the port that \
             the other one asks for, their SYNs cross, and each takes the other's for the answer to its own. One \
             connection comes of it, not two (RFC 9293 §3.5, figure 7).\n\n\
             An arrow that fades leaves here and arrives further down.",
        ko: "\"클라이언트\"는 먼저 청하는 쪽의 이름일 뿐이다. 두 호스트가 동시에, 서로 상대가 찾는 포트에서 청하면 SYN이 \
             엇갈리고, 저마다 상대의 SYN을 자기 SYN의 답으로 받는다. 연결은 둘이 아니라 하나가 생긴다(RFC 9293 §3.5, \
             그림 7).\n\n\
             흐려지는 화살표는 여기서 떠나 더 아래에서 도착한다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    stage.settings.hosts = match stage.lang() {
        trace::Lang::En => ["one".to_owned(), "other".to_owned()],
        trace::Lang::Ko => ["한쪽".to_owned(), "다른 쪽".to_owned()],
    };
    let (left, right) = (Pair::client_at(false, 5000), Pair::server_at(false, 6000));
    let ours = stage.open(client, ConnectOptions { local: Some(left), ..ConnectOptions::to(right) });
    let theirs = stage.open(server, ConnectOptions { local: Some(right), ..ConnectOptions::to(left) });
    stage.run_ms(60);
    stage.send(client, ours, b"You too?");
    stage.run_ms(30);
    stage.receive(server, theirs);

    stage.remark(
        "Four segments instead of three, and both sides pass through SYN-RECEIVED. Each answers with SYN,ACK and its own \
         first number again, so that both numbers are told and confirmed as ever.",
        "세그먼트는 셋이 아니라 넷이고, 양쪽 모두 SYN-RECEIVED를 지난다. 저마다 자기 첫 번호를 다시 담아 SYN,ACK로 \
         답하므로, 두 번호는 언제나처럼 알려지고 확인된다.",
    );
}
