//! The receiver has no more room.

use super::{Scene, Text};
use crate::demo::stage::{Stage, must};
use sim::PairConfig;
use stack::HostConfig;
use tcp::TcpConfig;
use trace::Lang;

pub(super) const SCENE: Scene = Scene {
    name: "zero-window",
    title: Text {
        en: "The receiver is full: the window closes, and opens again",
        ko: "받는 쪽이 꽉 찼다: 윈도가 닫혔다가 다시 열린다",
    },
    about: Text {
        en: "Each segment says how much room its sender has: the window. Here the server has 4 KiB, and its user does not \
             read. The client fills the window and must stop. But if the news that there is room again were lost, both \
             would wait for ever; so the client probes now and then, ever more rarely, with one octet (RFC 9293 \
             §3.8.6.1).",
        ko: "세그먼트마다 보내는 쪽에 남은 자리가 적혀 있다. 이것이 윈도다. 여기서 서버의 자리는 4 KiB이고, 서버의 사용자는 \
             읽지 않는다. 클라이언트는 윈도를 채우고 멈춰야 한다. 그런데 자리가 다시 났다는 소식이 사라지면 둘 다 영원히 \
             기다리게 된다. 그래서 클라이언트는 이따금, 점점 드물게, 한 옥텟으로 살펴본다(RFC 9293 §3.8.6.1).",
    },
    set,
    play,
};

fn set(lang: Lang, seed: u64) -> Stage {
    let tcp = must(TcpConfig::default().receive_buffer(4096));
    let server = HostConfig { tcp, ..HostConfig::default() };
    Stage::with(lang, seed, PairConfig { server, ..PairConfig::default() })
}

fn play(stage: &mut Stage) {
    let (client, server) = (stage.client(), stage.server());
    let (ours, theirs, _) = stage.connected();
    stage.settings.repeat = 9;
    let data = [b'w'; 6000];
    stage.send(client, ours, &data);
    stage.run_ms(4_000);
    stage.says(server, "RECEIVE: the user reads at last", "RECEIVE: 사용자가 드디어 읽는다");
    let mut all = stage.receive(server, theirs);
    stage.run_ms(1_000);
    all.extend(stage.receive(server, theirs));
    stage.run_ms(100);

    let equal = all == data;
    stage.remark(
        format!(
            "All {} octets arrived{}. A probe that finds the window shut is answered with an ACK that says so; the wait \
             between probes doubles.",
            all.len(),
            if equal { ", unchanged" } else { ", but CHANGED" }
        ),
        format!(
            "{}옥텟이 모두 {} 도착했다. 닫힌 윈도를 만난 탐침에는 그렇다고 말하는 ACK가 온다. 탐침 사이의 기다림은 두 \
             배씩 늘어난다.",
            all.len(),
            if equal { "그대로" } else { "바뀌어서" }
        ),
    );
    stage.remark(
        "A receiver may keep its window shut for as long as it likes: as long as it answers, the connection lives \
         (MUST-37).",
        "받는 쪽은 원하는 만큼 윈도를 닫아 둘 수 있다. 대답하는 한 연결은 살아 있다(MUST-37).",
    );
}
