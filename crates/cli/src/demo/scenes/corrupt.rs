//! A bit flips on the way.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use device::impair::Verdict;

pub(super) const SCENE: Scene = Scene {
    name: "corrupt",
    title: Text {
        en: "A bit flips on the way: dropped without a word, and sent again",
        ko: "오는 길에 비트 하나가 뒤집힌다: 말없이 버리고, 다시 보낸다",
    },
    about: Text {
        en: "A checksum covers the header, the data and both addresses. A segment whose sum is wrong could be anybody's, \
             so the receiver drops it silently: there is no negative acknowledgment in TCP, and no reset either. To the \
             sender a broken segment is a lost one, and its timer takes care of it.",
        ko: "체크섬은 헤더와 데이터와 두 주소를 모두 덮는다. 합이 틀린 세그먼트는 누구의 것인지도 알 수 없으므로 받는 쪽은 \
             말없이 버린다. TCP에는 부정 확인이 없고, 이런 일로 리셋하지도 않는다. 보낸 쪽에게 깨진 세그먼트는 사라진 \
             세그먼트이고, 타이머가 처리한다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server, there) = (stage.client(), stage.server(), stage.there());
    let (ours, theirs, _) = stage.connected();
    stage.judge(there, |number| if number == 1 { Verdict::Corrupt } else { Verdict::Pass });
    let data = [b'x'; 1400];
    stage.send(client, ours, &data);
    stage.run_ms(2_000);
    let whole = stage.receive(server, theirs) == data;
    stage.run_ms(100);

    stage.remark_drops(server);
    let again = stage.counted(client).tcp_retrans_segs;
    stage.remark(
        format!(
            "Retransmissions: {again}; the data arrived {}. A checksum of 16 bits finds every single \
             flipped bit, but not every error: those who must be sure check sums of their own, as demo transfer does \
             with SHA-256.",
            if whole { "whole" } else { "BROKEN" }
        ),
        format!(
            "세그먼트를 {again}번 다시 보냈고, {} 도착했다. 16비트 체크섬은 뒤집힌 비트 하나는 반드시 찾지만 모든 오류를 \
             찾지는 못한다. 꼭 확인해야 하는 이는 demo transfer가 SHA-256으로 하듯 스스로 확인한다.",
            if whole { "온전히" } else { "깨져서" }
        ),
    );
}
