//! What a transfer came to, for people and for programs.

use super::{End, Transfer, TransferArgs};
use device::impair::{LinkCounters, Lost};
use sim::HostId;
use trace::Lang;

impl Transfer {
    fn again(&self, host: HostId) -> (u64, u64) {
        let counters = self.pair.world.host(host).counters();
        (counters.tcp_out_segs, counters.tcp_retrans_segs)
    }

    pub(super) fn links(&self) -> [LinkCounters; 2] {
        [self.pair.there, self.pair.there.back()].map(|link| self.pair.world.link(link).counters())
    }

    /// Bits of the file a second.
    fn goodput(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        if seconds > 0.0 { self.received.octets as f64 * 8.0 / seconds } else { 0.0 }
    }

    fn drops(&self) -> Vec<(&'static str, u64)> {
        let counters = self.pair.world.host(self.pair.server).counters();
        counters.drops().filter(|(_, count)| *count > 0).map(|(why, count)| (why.name(), count)).collect()
    }

    pub(super) fn text(&self, args: &TransferArgs, end: &End, lang: Lang) -> String {
        let ((sent, first), (received, second)) = (self.sent.finish(), self.received.finish());
        let equal = (sent, &first) == (received, &second);
        let (out, again) = self.again(self.pair.client);
        let share = if out + again > 0 { again as f64 * 100.0 / (out + again) as f64 } else { 0.0 };
        let took = lang.span(self.took);
        let rate = bits(self.goodput());
        let name = crate::clean::line(&args.file.display().to_string());
        let profile = args.profile();
        let mut text = match lang {
            Lang::En => format!("{name} over a link of {profile}, both ways\n\n"),
            Lang::Ko => format!("{name}, 양방향 링크 {profile}\n\n"),
        };
        let mut line = |en: &str, ko: &str, value: String| {
            let label = lang.pick(en, ko);
            let pad = " ".repeat(12usize.saturating_sub(crate::demo::scene::width(label)));
            text.push_str(&format!("  {label}{pad}{value}\n"));
        };
        let octets = |count: u64| match lang {
            Lang::En => format!("{count} octets"),
            Lang::Ko => format!("{count}옥텟"),
        };
        line("sent", "보냄", format!("{}, SHA-256 {first}", octets(sent)));
        line("received", "받음", format!("{}, SHA-256 {second}", octets(received)));
        let verdict = match (*end, equal) {
            (End::Whole, true) => {
                lang.pick("equal: every octet, once, in order", "같다: 모든 옥텟이 한 번씩, 순서대로")
            }
            (End::Whole, false) => lang.pick("NOT EQUAL", "다르다"),
            (End::Shrunk(first), _) => &match lang {
                Lang::En => format!("NOT WHOLE: the file shrank while it was read, from {first} octets"),
                Lang::Ko => format!("온전하지 않다: 읽는 동안 파일이 줄었다. 처음에는 {first}옥텟이었다"),
            },
            (End::Interrupted, _) => lang.pick("interrupted", "중단되었다"),
            (End::Stuck, _) => {
                lang.pick("STUCK: nothing happens any more", "멈췄다: 아무 일도 일어나지 않는다")
            }
            (End::Dead(error), _) => &lang.ended(error),
        };
        line("result", "결과", verdict.to_owned());
        line(
            "time",
            "시간",
            match lang {
                Lang::En => format!("{took} of the hosts' time, goodput {rate}"),
                Lang::Ko => format!("호스트의 시간으로 {took}, 실효 전송률 {rate}"),
            },
        );
        line(
            "segments",
            "세그먼트",
            match lang {
                Lang::En => {
                    format!("{} by the client, {again} of them sent again ({share:.1} %)", out + again)
                }
                Lang::Ko => {
                    format!("클라이언트가 {}개, 그 가운데 다시 보낸 것 {again}개({share:.1} %)", out + again)
                }
            },
        );
        for (n, link) in self.links().into_iter().enumerate() {
            let (en, ko) = [("link there", "가는 링크"), ("link back", "오는 링크")][n.min(1)];
            let (offered, lost) = (link.offered, link.lost());
            let (held, twice, flipped) = (link.reordered, link.duplicated, link.corrupted);
            line(
                en,
                ko,
                match lang {
                    Lang::En => format!(
                        "{offered} packets: {lost} lost, {held} held back, {twice} doubled, {flipped} with a bit flipped"
                    ),
                    Lang::Ko => format!(
                        "패킷 {offered}개: 사라짐 {lost}, 붙들림 {held}, 복제됨 {twice}, 비트 뒤집힘 {flipped}"
                    ),
                },
            );
        }
        let drops: Vec<String> =
            self.drops().iter().map(|(name, count)| format!("{name} = {count}")).collect();
        if !drops.is_empty() {
            line(
                "dropped",
                "버림",
                match lang {
                    Lang::En => format!("by the server: {}", drops.join(", ")),
                    Lang::Ko => format!("서버가: {}", drops.join(", ")),
                },
            );
        }
        text
    }

    pub(super) fn json(&self, args: &TransferArgs, end: &End, seed: u64) -> serde_json::Value {
        let ((sent, first), (received, second)) = (self.sent.finish(), self.received.finish());
        let (out, again) = self.again(self.pair.client);
        let links = self.links().map(|link| {
            serde_json::json!({
                "packets": link.offered, "lost": link.lost(), "queue_full": link.lost_by(Lost::QueueFull),
                "reordered": link.reordered, "duplicated": link.duplicated, "corrupted": link.corrupted,
            })
        });
        let drops: serde_json::Map<_, _> =
            self.drops().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        serde_json::json!({
            "event": "transfer", "seed": seed, "link": args.profile().to_string(),
            "result": end.name(), "equal": (sent, &first) == (received, &second),
            "sent": { "octets": sent, "sha256": first },
            "received": { "octets": received, "sha256": second },
            "nanoseconds": u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX),
            "goodput": self.goodput().round(),
            "segments": out + again, "retransmitted": again,
            "there": links[0], "back": links[1], "dropped": drops,
        })
    }
}

impl End {
    /// What programs know it by.
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Shrunk(_) => "file_shrank",
            Self::Stuck => "stuck",
            Self::Interrupted => "interrupted",
            Self::Dead(error) => trace::json::ended(error),
        }
    }
}

/// A rate as people say it.
fn bits(rate: f64) -> String {
    let (value, unit) = match rate {
        r if r >= 1e9 => (r / 1e9, "Gbit/s"),
        r if r >= 1e6 => (r / 1e6, "Mbit/s"),
        r if r >= 1e3 => (r / 1e3, "kbit/s"),
        r => (r, "bit/s"),
    };
    format!("{value:.1} {unit}")
}
