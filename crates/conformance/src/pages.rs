//! The pages: one an RFC, and a table of all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::{Evidence, Place, Report, Standing};
use crate::requirements::{Requirement, Stand};

/// Every page by its file name in `docs/conformance`.
pub fn pages(report: &Report) -> BTreeMap<String, String> {
    let rfcs = report.requirements.rfcs();
    let mut pages: BTreeMap<_, _> =
        rfcs.iter().map(|rfc| (format!("rfc{rfc}.md"), page(report, rfc))).collect();
    pages.insert("README.md".to_owned(), summary(report));
    pages
}

/// What an RFC is about, in a few words.
fn subject(rfc: &str) -> &'static str {
    match rfc {
        "768" => "UDP",
        "791" => "IPv4, with the host rules of RFC 1122 §3.2.1 and §3.3",
        "792" => "ICMP, with the host rules of RFC 1122 §3.2.2",
        "826" => "ARP",
        "1071" => "the Internet checksum",
        "1122" => "hosts: UDP, §4.1",
        "1191" => "path MTU discovery, IPv4",
        "1337" => "TIME-WAIT assassination",
        "2018" => "selective acknowledgments",
        "2883" => "D-SACK",
        "3042" => "limited transmit",
        "4291" => "IPv6 addresses",
        "4443" => "ICMPv6",
        "4821" => "packetization-layer path MTU discovery",
        "4861" => "neighbour discovery",
        "4862" => "stateless address autoconfiguration",
        "4987" => "SYN floods",
        "5095" => "routing header type 0",
        "5482" => "the user timeout",
        "5681" => "congestion control",
        "5682" => "F-RTO: timeouts that were mistakes",
        "5722" => "overlapping fragments",
        "5927" => "ICMP attacks on TCP",
        "5961" => "blind in-window attacks",
        "6056" => "ephemeral ports",
        "6069" => "long disruptions of connectivity",
        "6093" => "the urgent mechanism",
        "6191" => "TIME-WAIT and timestamps",
        "6298" => "the retransmission timer",
        "6335" => "port ranges",
        "6528" => "initial sequence numbers",
        "6582" => "NewReno",
        "6633" => "Source Quench, deprecated",
        "6675" => "loss recovery with SACK",
        "6691" => "options and MSS",
        "6928" => "initial window",
        "6935" => "zero UDP checksums in IPv6",
        "6946" => "atomic fragments",
        "6980" => "neighbour discovery in fragments",
        "7323" => "window scale and timestamps",
        "7413" => "Fast Open",
        "7661" => "congestion window validation",
        "8085" => "UDP: how to use it",
        "8200" => "IPv6",
        "8201" => "path MTU discovery, IPv6",
        "8257" => "DCTCP",
        "8511" => "ABE: a gentler answer to marks",
        "3168" => "explicit congestion notification",
        "8985" => "RACK-TLP: loss detection by time",
        "8899" => "path MTU discovery for datagrams; what of it holds for TCP",
        "9293" => "TCP",
        "9331" => "L4S: what a sender owes",
        "9937" => "proportional rate reduction",
        "9768" => "accurate ECN",
        "9406" => "HyStart++",
        "9438" => "CUBIC",
        _ => "",
    }
}

fn page(report: &Report, rfc: &str) -> String {
    let mut out = format!("# RFC {rfc}: {}\n\n", subject(rfc));
    out.push_str(
        "Written by `cargo run -p handfast-conformance -- --write`; edit `requirements.tsv`, the code or the \
         tests. The words are ours: the RFC has the last one.\n\n\
         | rule | § | level | what it asks | status | code | tests |\n|---|---|---|---|---|---|---|\n",
    );
    for row in report.requirements.rows().iter().filter(|row| row.rfc == rfc) {
        let Evidence { code, tests } = report.evidence(&row.id);
        let Requirement { id, section, level, summary, .. } = row;
        let status = status(report, row);
        let cells = [id, section, level, summary, &status, &places(&code), &places(&tests)];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

fn status(report: &Report, row: &Requirement) -> String {
    let (word, why) = match (&row.stand, report.open.get(&row.id)) {
        (Stand::Exception(why), _) => ("**exception**", why.as_str()),
        (Stand::Later(why), _) => ("later", why.as_str()),
        (Stand::Applies, Some(why)) => ("**open**", why.as_str()),
        (Stand::Applies, None) => match report.standing(row) {
            Standing::Held => ("cited and tested", ""),
            Standing::NoTest => ("in code, no test of its own", ""),
            Standing::NoCode => ("tested, not cited in code", ""),
            _ => ("not claimed", ""),
        },
    };
    if why.is_empty() { word.to_owned() } else { format!("{word}: {why}") }
}

fn places<'a>(places: impl IntoIterator<Item = &'a Place>) -> String {
    let links = places.into_iter().map(|p| format!("[`{}`](../../{})", p.symbol, p.file));
    links.collect::<Vec<_>>().join("<br>")
}

/// How many rules of some kind stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// MUST, MUST NOT and REQUIRED, but exceptions.
    pub musts: usize,
    /// Of these: held.
    pub held: usize,
    /// Of these: on the open list.
    pub open: usize,
    /// Weaker rules, but exceptions and later ones.
    pub others: usize,
    /// Of these: covered by a test.
    pub tested: usize,
    /// Exceptions with a reason.
    pub exceptions: usize,
    /// Weaker rules that come later.
    pub later: usize,
}

impl Counts {
    /// Counts the rules of one RFC, or of all.
    pub fn of(report: &Report, rfc: Option<&str>) -> Self {
        let mut counts = Self::default();
        for row in report.requirements.rows().iter().filter(|row| rfc.is_none_or(|rfc| row.rfc == rfc)) {
            let standing = report.standing(row);
            match (standing, row.is_must()) {
                (Standing::Exception, _) => counts.exceptions += 1,
                (Standing::Later, _) => counts.later += 1,
                (_, true) => {
                    counts.musts += 1;
                    counts.held += usize::from(standing == Standing::Held);
                    counts.open += usize::from(report.open.contains_key(&row.id));
                }
                (_, false) => {
                    counts.others += 1;
                    counts.tested += usize::from(!report.evidence(&row.id).tests.is_empty());
                }
            }
        }
        counts
    }

    fn cells(self) -> String {
        let Self { musts, held, open, others, tested, exceptions, later } = self;
        format!("{musts} | {held} | {open} | {others} | {tested} | {exceptions} | {later}")
    }
}

fn summary(report: &Report) -> String {
    let mut out = String::from(
        "# Conformance\n\nWhich rule of which RFC Handfast holds, where, and which test proves it. One row a rule, \
         in our own words; the labels of RFC 9293 are its own (`MUST-1` …), and `NNNN-n` are ours. `(lc)`: the \
         RFC writes it in lower case; `(text)`: an algorithm without a key word.\n\n\
         A rule is *cited and tested* when code names it and a test carries its tag (`/// Covers: RFC 9293 MUST-13`). \
         That a tag is deserved no program can see: whoever reads the test judges it. A MUST that is neither \
         cited and tested, nor excepted with a reason, nor on the list of [open ones](open.tsv) fails the \
         tests, and that list can only shrink. The pages are written by \
         `cargo run -p handfast-conformance -- --write` from [`requirements.tsv`](requirements.tsv) and the \
         sources.\n\n\
         | RFC | about | MUSTs | cited and tested | open | others | tested | exceptions | later |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for rfc in report.requirements.rfcs() {
        let cells = Counts::of(report, Some(rfc)).cells();
        let _ = writeln!(out, "| [{rfc}](rfc{rfc}.md) | {} | {cells} |", subject(rfc));
    }
    let _ = writeln!(out, "| all | | {} |", Counts::of(report, None).cells());
    out
}
