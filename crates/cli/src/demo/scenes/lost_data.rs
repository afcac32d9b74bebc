//! One of a burst of segments is lost.

use super::{Scene, Text};
use crate::demo::stage::Stage;

pub(super) const SCENE: Scene = Scene {
    name: "lost-data",
    title: Text {
        en: "A segment is lost among others: found by what came after it",
        ko: "여럿 가운데 하나가 사라진다: 뒤에 온 것이 알려 준다",
    },
    about: Text {
        en: "The client sends many segments at once, and one is lost. Those behind it arrive, and each makes the server \
             say again: this is what I still miss. The third such duplicate ACK is proof enough: the client sends the \
             missing segment at once, without waiting for its timer (fast retransmit, RFC 5681), and halves what it \
             dares to have in flight, for loss means that the path is full.\n\n\
             SACK names what has arrived beyond the gap.",
        ko: "클라이언트가 세그먼트 여럿을 한꺼번에 보내고 하나가 사라진다. 그 뒤의 것들은 도착하고, 그때마다 서버는 다시 \
             말한다. 아직 이것이 없다고. 이런 중복 ACK가 셋이면 증거로 넉넉하다. 클라이언트는 타이머를 기다리지 않고 빠진 \
             세그먼트를 바로 보내고(빠른 재전송, RFC 5681), 한꺼번에 띄워 둘 양을 반으로 줄인다. 손실은 길이 꽉 찼다는 \
             뜻이기 때문이다.\n\n\
             SACK은 빈 곳 너머에 도착한 것을 알린다.",
    },
    set: Stage::new,
    play,
};

fn play(stage: &mut Stage) {
    let (client, server, there) = (stage.client(), stage.server(), stage.there());
    let (ours, theirs, _) = stage.connected();
    stage.settings.repeat = 12;
    stage.judge(there, |number| super::drop_if(number == 3));
    let data: Vec<u8> = (0..14_480u32).map(|n| (n % 251) as u8).collect();
    stage.send(client, ours, &data);
    stage.run_ms(200);
    let whole = stage.receive(server, theirs) == data;
    stage.run_ms(100);

    let counters = stage.counted(client);
    let (again, out) = (counters.tcp_retrans_segs, counters.tcp_out_segs);
    let verdict = if whole { ("equal", "같다") } else { ("NOT EQUAL", "다르다") };
    stage.remark(
        format!(
            "What the server's user read is {} to what the client's user wrote: {} octets. {again} segment was sent \
             again, beside {out} others, and no timer had to expire.",
            verdict.0,
            data.len()
        ),
        format!(
            "서버의 사용자가 읽은 것은 클라이언트의 사용자가 쓴 것과 {}. {}옥텟이다. 세그먼트 {out}개 말고 {again}개를 \
             다시 보냈고, 타이머는 한 번도 만료되지 않았다.",
            verdict.1,
            data.len()
        ),
    );
    stage.remark(
        "cwnd bounds what may be in flight, ssthresh is where slow start ends. Flow control (win) protects the \
         receiver; congestion control (cwnd) protects the path.",
        "cwnd는 한꺼번에 띄워 둘 양의 한계이고, ssthresh는 느린 시작이 끝나는 곳이다. 흐름 제어(win)는 받는 쪽을, 혼잡 \
         제어(cwnd)는 길을 지킨다.",
    );
}
