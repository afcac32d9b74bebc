//! One side ends it at once.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use sim::PairConfig;

pub(super) const SCENE: Scene = Scene {
    name: "abort",
    title: Text {
        en: "One side hangs up: the abrupt end", ko: "한쪽이 전화를 끊어 버린다: 갑작스러운 끝"
    },
    about: Text {
        en: "Beside the polite end there is a rude one. ABORT throws away what is still to be sent and to be read, sends \
             a RST, and nobody waits for anything: no ACK, no TIME-WAIT. The other side's user is told that the \
             connection was reset, so that it does not take the end for a proper one.",
        ko: "점잖은 끝 말고 거친 끝도 있다. ABORT는 아직 보낼 것과 읽을 것을 버리고 RST를 보내며, 아무도 아무것도 기다리지 \
             않는다. ACK도 TIME-WAIT도 없다. 상대의 사용자는 연결이 리셋되었다는 말을 듣는다. 제대로 끝난 것으로 알면 안 \
             되기 때문이다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let settings = stage.settings.clone();
    let (ours, theirs, _) = stage.connected();
    stage.abort(client, ours);
    stage.run_to_end(server, theirs);
    stage.run_ms(90);

    stage.next_ladder(PairConfig::default(), settings);
    let (again, theirs, _) = stage.connected();
    stage.send(server, theirs, b"Did you get this?");
    stage.run_ms(40);
    stage.says(client, "the user lets go without reading", "사용자가 읽지 않고 놓아 버린다");
    stage.call(client, |host, now| host.tcp_release(now, again));
    stage.run_to_end(server, theirs);
    stage.run_ms(10);

    stage.remark(
        "The second RST was not asked for by name: whoever lets go of a connection with data unread has lost that data, \
         and a FIN would hide it (RFC 9293 SHLD-3).",
        "두 번째 RST는 이름을 불러 청한 것이 아니다. 읽지 않은 데이터를 두고 연결을 놓으면 그 데이터는 잃은 것이고, FIN은 \
         그것을 숨기게 된다(RFC 9293 SHLD-3).",
    );
}
