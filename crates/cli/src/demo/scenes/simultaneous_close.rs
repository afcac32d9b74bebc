//! Both close at once.

use super::{Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "simultaneous-close",
    title: Text {
        en: "Both close at once: the state CLOSING", ko: "둘이 동시에 닫는다: CLOSING이라는 상태"
    },
    about: Text {
        en: "Both users close at the same moment, and the FINs cross. Each side gets a FIN while its own is not yet \
             acknowledged: that is CLOSING, a state that nobody sees otherwise. Neither was first, so both wait in \
             TIME-WAIT (RFC 9293 §3.6, figure 13).",
        ko: "두 사용자가 같은 순간에 닫아 FIN이 엇갈린다. 저마다 자기 FIN이 확인되기 전에 상대의 FIN을 받는다. 이것이 \
             CLOSING이고, 다른 데서는 볼 수 없는 상태다. 먼저 닫은 쪽이 없으므로 둘 다 TIME-WAIT에서 기다린다(RFC 9293 \
             §3.6, 그림 13).",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let (ours, theirs, _) = stage.connected();
    stage.close(client, ours);
    stage.close(server, theirs);
    stage.run_ms(61_000);

    stage.remark(
        "The ways through the states: ESTABLISHED, FIN-WAIT-1, CLOSING, TIME-WAIT, CLOSED, on both sides. In the usual \
         close only the side that closes first takes FIN-WAIT-1, FIN-WAIT-2 and TIME-WAIT; the other one takes \
         CLOSE-WAIT and LAST-ACK.",
        "양쪽 모두 ESTABLISHED, FIN-WAIT-1, CLOSING, TIME-WAIT, CLOSED를 지난다. 보통의 닫기에서는 먼저 닫는 쪽만 \
         FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT를 지나고, 다른 쪽은 CLOSE-WAIT와 LAST-ACK를 지난다.",
    );
}
