//! The peer is gone, and nobody says so.

use super::{Scene, Text};
use crate::demo::stage::Stage;
use env::Duration;
use sim::PairConfig;
use stack::HostConfig;
use tcp::TcpConfig;
use trace::Lang;

pub(super) const SCENE: Scene = Scene {
    name: "silence",
    title: Text {
        en: "The link is cut: how long to go on trying",
        ko: "링크가 끊겼다: 언제까지 다시 해 볼 것인가",
    },
    about: Text {
        en: "Somebody pulls the cable. No packet says so; the client's data is simply never acknowledged. It is sent \
             again after ever longer waits, each twice the one before, so that a network in trouble is not made worse. \
             At last the user timeout ends it (100 s here; five minutes unless asked otherwise).",
        ko: "누군가 케이블을 뽑는다. 아무 패킷도 그렇다고 알려 주지 않는다. 클라이언트의 데이터가 그저 확인되지 않을 뿐이다. \
             데이터는 매번 두 배로 길어지는 기다림 끝에 다시 나간다. 어려운 네트워크를 더 어렵게 하지 않기 위해서다. 마침내 \
             사용자 타임아웃이 끝낸다(여기서는 100초, 따로 말하지 않으면 5분).",
    },
    set,
    play,
};

fn set(lang: Lang, seed: u64) -> Stage {
    let tcp = TcpConfig::default().user_timeout(Duration::from_secs(100));
    let client = HostConfig { tcp, ..HostConfig::default() };
    Stage::with(lang, seed, PairConfig { client, ..PairConfig::default() })
}

fn play(stage: &mut Stage) {
    let (client, there) = (stage.client(), stage.there());
    let (ours, _, _) = stage.connected();
    stage.settings.repeat = 20;
    let from = stage.now();
    stage.world().link_mut(there).cut(from, from + Duration::from_secs(3600));
    stage.world().link_mut(there.back()).cut(from, from + Duration::from_secs(3600));
    stage.says(client, "the cable is pulled", "케이블이 뽑혔다");
    stage.run_ms(10);
    stage.send(client, ours, b"Hello?");
    stage.run_to_end(client, ours);

    let again = stage.counted(client).tcp_retrans_segs;
    stage.remark(
        format!(
            "The segment was sent again {again} times. The server still believes in the connection: it has nothing to \
             send, and so nothing to wait for. Only keep-alive probes would tell it, and they are off unless asked for \
             (MUST-25)."
        ),
        format!(
            "세그먼트를 {again}번 다시 보냈다. 서버는 아직도 연결이 있다고 믿는다. 보낼 것이 없으니 기다릴 것도 없기 \
             때문이다. 킵얼라이브 탐침만이 알려 줄 수 있는데, 따로 청하지 않으면 꺼져 있다(MUST-25)."
        ),
    );
    stage.remark(
        "An ICMP \"host unreachable\" would not have ended it sooner: it is a hint, which anybody can forge, and the \
         user is told of it, but the connection goes on trying (MUST-54, MUST-56).",
        "ICMP의 \"호스트에 닿을 수 없음\"이 왔어도 더 빨리 끝나지는 않았다. 그것은 누구나 지어낼 수 있는 귀띔이어서, \
         사용자에게 알리기는 하지만 연결은 계속해 본다(MUST-54, MUST-56).",
    );
}
