//! Any octets, read as a capture and told in every way; the fuzz target `explain` has the same body.

use explain::{Explainer, Flow, Follow, Limits, Reader};
use trace::{Lang, Settings};

/// Octets of text that a packet may give at most, whatever is in it.
const MOST_TEXT: usize = 1 << 14;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Came {
    /// Packets that were read.
    pub(crate) packets: u64,
    /// Packets of flows.
    pub(crate) told: u64,
    /// The file was broken.
    pub(crate) broken: bool,
}

/// Reads and tells; what must hold is asserted.
pub(crate) fn explain(octets: &[u8]) -> Came {
    let mut came = Came::default();
    let Ok(mut reader) = Reader::new(octets) else { return came };
    // So few that flows have to go.
    let limits = Limits { flows: 3, outstanding: 24, outstanding_each: 8, kept: 40 };
    let mut explainer = Explainer::new(limits);
    let (mut follow, mut origin) = (None, None);
    let mut ended = Vec::new();
    loop {
        let captured = match reader.read() {
            Ok(Some(captured)) => captured,
            Ok(None) => break,
            Err(broken) => {
                assert!(broken.offset <= octets.len() as u64, "{broken}");
                assert!(!broken.to_string().is_empty());
                came.broken = true;
                break;
            }
        };
        came.packets += 1;
        assert_eq!(captured.number, came.packets);
        assert!(captured.octets.len() <= captured.original && captured.octets.len() <= octets.len());
        let origin = *origin.get_or_insert(captured.at);
        let told = explainer.push(&captured);
        while let Some(flow) = explainer.poll_ended() {
            ended.push(flow);
        }
        let Some(told) = told else { continue };
        came.told += 1;
        let line = explain::json::packet(&told, origin, lang(told.number));
        assert!(line.len() < MOST_TEXT && !line.contains('\n'), "{line}");
        if let Some(flow) = explainer.flow(&told) {
            let follow =
                follow.get_or_insert_with(|| Follow::new(Settings { origin, ..Settings::default() }));
            check(&follow.push(&told, flow));
        }
        explainer.keep(told);
    }
    assert_eq!(reader.packets(), came.packets);
    assert!(reader.position() <= octets.len() as u64);
    assert!(matches!(reader.read(), Ok(None)), "nothing comes after the end");
    check(&follow.map(|mut follow| follow.finish()).unwrap_or_default());
    ended.extend(explainer.finish());
    let counts = *explainer.counts();
    assert_eq!(ended.len() as u64, counts.flows, "each flow ends once");
    assert_eq!((counts.packets, counts.in_flows), (came.packets, came.told));
    ended.iter().for_each(|flow| self::flow(flow, origin.unwrap_or_default()));
    came
}

fn flow(flow: &Flow, origin: env::Instant) {
    let lang = lang(flow.number());
    let settings = Settings { lang, origin, ..Settings::default() };
    check(&explain::ladder(flow, &settings));
    check(&explain::row(Some(flow), lang));
    check(&explain::json::flow(flow, origin, lang));
}

/// Each language in turn.
fn lang(number: u64) -> Lang {
    if number.is_multiple_of(2) { Lang::Ko } else { Lang::En }
}

/// What strangers wrote moves no cursor.
fn check(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}
