//! What TIME-WAIT is for.

use super::{Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "lost-last-ack",
    title: Text {
        en: "The last ACK is lost: what TIME-WAIT is for",
        ko: "마지막 ACK가 사라진다: TIME-WAIT는 왜 있는가",
    },
    about: Text {
        en: "Nobody acknowledges the last ACK, so whoever sends it cannot know that it arrived. If it is lost, the other \
             side sends its FIN again, and somebody must still be there to answer. That is why the side that closed \
             first waits in TIME-WAIT. (Not because data might still come: the FIN came in order, so all data was in.)",
        ko: "마지막 ACK는 아무도 확인해 주지 않으므로, 보낸 쪽은 그것이 도착했는지 알 수 없다. 사라졌다면 상대는 FIN을 다시 \
             보내고, 누군가 남아서 답해야 한다. 그래서 먼저 닫은 쪽이 TIME-WAIT에서 기다린다. (데이터가 더 올지 몰라서가 \
             아니다. FIN이 순서대로 왔으므로 데이터는 이미 다 왔다.)",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server, there) = (stage.client(), stage.server(), stage.there());
    let (ours, theirs, _) = stage.connected();
    stage.close(client, ours);
    stage.run_ms(30);
    stage.lose_next(there);
    stage.close(server, theirs);
    stage.run_ms(70_000);

    stage.remark(
        "Without TIME-WAIT the second FIN would have met nobody, and its answer would have been a RST: an error at the \
         end of a conversation in which nothing went wrong. The server had to wait in LAST-ACK until the ACK came.",
        "TIME-WAIT가 없었다면 두 번째 FIN은 아무도 만나지 못했을 것이고, 그 답은 RST였을 것이다. 아무 탈 없던 대화의 끝이 \
         오류가 된다. 서버는 ACK가 올 때까지 LAST-ACK에서 기다려야 했다.",
    );
    stage.remark(
        "The repeated FIN started the two lifetimes anew. In that time old copies of segments die out as well, so that \
         none can turn up in a later connection between the same two ports.",
        "다시 온 FIN은 두 수명을 처음부터 다시 세게 했다. 그동안 세그먼트의 낡은 사본들도 사라져서, 같은 두 포트 사이의 \
         다음 연결에 나타날 수 없게 된다.",
    );
}
