//! One side has forgotten everything.

use super::{PORT, Scene, Text};
use crate::demo::stage::Stage;
use sim::{Fault, Pair, PairConfig};
use stack::ConnectOptions;

pub(super) const SCENE: Scene = Scene {
    name: "half-open",
    title: Text {
        en: "One side loses power: a connection that only the other remembers",
        ko: "한쪽의 전원이 나간다: 다른 쪽만 기억하는 연결",
    },
    about: Text {
        en: "A host loses power and comes back. It knows nothing of its connections, and the other side knows nothing of \
             the loss: TCP does not look whether anybody is still there. As soon as either of them speaks, it comes \
             out.\n\n\
             First: the server has forgotten, and the client speaks. Then: the client has forgotten, and opens a \
             connection between the very same ports.",
        ko: "호스트의 전원이 나갔다가 돌아온다. 그 호스트는 연결에 대해 아무것도 모르고, 상대는 그 일을 모른다. TCP는 상대가 \
             아직 있는지 살피지 않기 때문이다. 어느 쪽이든 말을 꺼내면 드러난다.\n\n\
             먼저 서버가 잊고 클라이언트가 말한다. 다음에는 클라이언트가 잊고, 바로 그 포트들 사이에 연결을 연다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let (ours, _, _) = stage.connected();
    let settings = stage.settings.clone();
    restart(stage, server);
    stage.run_ms(960);
    stage.send(client, ours, b"Still there?");
    stage.run_to_end(client, ours);
    stage.run_ms(10);

    stage.next_ladder(PairConfig::default(), settings);
    stage.listen(PORT);
    let options = ConnectOptions {
        local: Some(Pair::client_at(false, 50_000)),
        ..ConnectOptions::to(Pair::server_at(false, PORT))
    };
    stage.open(client, options.clone());
    stage.run_ms(40);
    restart(stage, client);
    stage.run_ms(960);
    stage.open(client, options);
    stage.run_ms(2_000);

    stage.remark(
        "In the first case the server's host answered data for nobody with a RST, whose number it took from the ACK of \
         that data: the client could believe it.",
        "첫째 경우, 서버의 호스트는 받을 이 없는 데이터에 RST로 답했다. RST의 번호는 그 데이터의 ACK에서 가져온 것이어서 \
         클라이언트가 믿을 수 있다.",
    );
    stage.remark(
        "In the second case the server did not give up an open connection for a SYN that anybody might have forged: its \
         challenge ACK asked back (RFC 5961 §4). The client, in SYN-SENT, knew nothing of such numbers and said so with \
         a RST; only then did the server forget the old connection, and the next SYN found it listening.",
        "둘째 경우, 서버는 누구나 지어낼 수 있는 SYN 하나 때문에 열린 연결을 버리지 않았다. 챌린지 ACK로 되물었다(RFC 5961 \
         §4). SYN-SENT에 있던 클라이언트는 그런 번호를 모른다고 RST로 답했고, 그제야 서버는 옛 연결을 잊었다. 다음 SYN은 \
         듣고 있는 서버를 만났다.",
    );
}

fn restart(stage: &mut Stage, host: sim::HostId) {
    stage.says(host, "power lost: all is forgotten", "전원이 나갔다: 모두 잊었다");
    stage.world().apply(Fault::Restart(host));
    stage.run_ms(1);
}
