//! Rules joined with what the sources say of them, and what is wrong with the result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use crate::files::{Source, walk};
use crate::requirements::{Requirement, Requirements, Stand, parse_open};
use crate::scripts::{self, Script};
use crate::tags::{Tag, is_label};

/// Where the rows, the open list and the pages live, from the workspace's root.
pub const DIRECTORY: &str = "docs/conformance";

/// This crate: its examples of tags are no tags.
const SELF: &str = "conformance";

/// Crates that watch the protocol and do not make it: their comments are no code place.
const OBSERVERS: [&str; 3] = ["cli", "sim", "trace"];

/// A function, type or test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its path with module, such as `tcp::sender::Nagle::may_send`.
    pub symbol: String,
    /// Its file, from the workspace's root.
    pub file: String,
}

/// What the sources say of one rule.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Code that cites it.
    pub code: BTreeSet<Place>,
    /// Tests that carry its tag.
    pub tests: BTreeSet<Place>,
}

/// How a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Cited in code and covered by a test.
    Held,
    /// Cited in code, without a test.
    NoTest,
    /// Covered by a test, cited nowhere.
    NoCode,
    /// Neither.
    Untouched,
    /// Excepted for a reason.
    Exception,
    /// A SHOULD or a MAY that comes later.
    Later,
}

/// Everything known about the project's rules.
#[derive(Debug)]
pub struct Report {
    /// The rows.
    pub requirements: Requirements,
    /// Rules known to be open, with reasons.
    pub open: BTreeMap<String, String>,
    /// What was found, by id.
    pub evidence: BTreeMap<String, Evidence>,
    /// How many scripts there are.
    pub scripts: usize,
    /// Tags and citations that are wrong, as `file:line: what`.
    pub slips: Vec<String>,
}

impl Report {
    /// Reads the tables and the sources of the workspace at `root`.
    ///
    /// A table with a fault in it is an error whose text is the list of faults.
    pub fn of_workspace(root: &Path) -> io::Result<Self> {
        let bad = |faults: Vec<String>| io::Error::new(io::ErrorKind::InvalidData, faults.join("\n"));
        let dir = root.join(DIRECTORY);
        let requirements =
            Requirements::parse(&fs::read_to_string(dir.join("requirements.tsv"))?).map_err(bad)?;
        let open = parse_open(&fs::read_to_string(dir.join("open.tsv"))?).map_err(bad)?;
        let (sources, strays) = walk(root, &[SELF])?;
        let mut report = Self::new(requirements, open, &sources);
        for script in scripts::read(root)? {
            report.add_script(&script);
        }
        report.slips.extend(strays.into_iter().map(|f| format!("{f}: holds tags, but no crate compiles it")));
        Ok(report)
    }

    /// Joins rows and sources.
    pub fn new(requirements: Requirements, open: BTreeMap<String, String>, sources: &[Source]) -> Self {
        let mut report =
            Self { requirements, open, evidence: BTreeMap::new(), scripts: 0, slips: Vec::new() };
        for source in sources {
            report.add(source);
        }
        report
    }

    fn add(&mut self, source: &Source) {
        let Source { file, krate, module, scan } = source;
        let place = |symbol: &str| {
            let symbol = if symbol.is_empty() { module.clone() } else { format!("{module}::{symbol}") };
            Place { symbol, file: file.clone() }
        };
        self.slips.extend(scan.faults.iter().map(|(line, what)| format!("{file}:{line}: {what}")));
        for test in &scan.tests {
            for tag in &test.tags {
                self.prove(tag, place(&test.symbol), &format!("{file}:{}", test.line));
            }
        }
        for citation in &scan.citations {
            let known = self.requirements.get(&citation.id).is_some();
            if !known && is_label(&citation.id) {
                self.slips.push(format!("{file}:{}: {} is no rule that we know", citation.line, citation.id));
            } else if known && !OBSERVERS.contains(&krate.as_str()) {
                let evidence = self.evidence.entry(citation.id.clone()).or_default();
                evidence.code.insert(place(&citation.symbol));
            }
        }
    }

    /// A script counts as a test: one of `sim` plays them all.
    fn add_script(&mut self, script: &Script) {
        self.scripts += 1;
        match &script.tags {
            Ok(tags) => {
                for tag in tags {
                    let place = Place {
                        symbol: format!("sim/scripts::{}", script.name()),
                        file: script.file.clone(),
                    };
                    self.prove(tag, place, &script.file);
                }
            }
            Err(why) => self.slips.push(format!("{}: {why}", script.file)),
        }
    }

    /// Takes a tag at `at` as evidence, or says what is wrong with it.
    fn prove(&mut self, tag: &Tag, place: Place, at: &str) {
        let slip = |what: &str| format!("{at}: {} {what}", tag.id);
        let Some(row) = self.requirements.get(&tag.id) else {
            return self.slips.push(slip("is no rule that we know; see docs/conformance/requirements.tsv"));
        };
        // An id with a number of its own may also be named under that RFC; and what another RFC (1122, mostly) asks of a
        // protocol stands in that protocol's rows, with the place where it is asked.
        let asked_by = |rfc: &str| row.section.contains(&format!("{rfc} §"));
        let named = |rfc: &str| rfc == row.rfc || row.id.split('-').next() == Some(rfc) || asked_by(rfc);
        if tag.rfc.as_deref().is_some_and(|rfc| !named(rfc)) {
            return self.slips.push(slip(&format!("is a rule of RFC {}", row.rfc)));
        }
        self.evidence.entry(tag.id.clone()).or_default().tests.insert(place);
    }

    /// Rules that apply, and those of them that tests cover.
    pub fn covered(&self) -> (usize, usize) {
        let apply = self.requirements.rows().iter().filter(|row| matches!(row.stand, Stand::Applies));
        let (mut all, mut tested) = (0, 0);
        for row in apply {
            all += 1;
            tested += usize::from(self.evidence.get(&row.id).is_some_and(|found| !found.tests.is_empty()));
        }
        (all, tested)
    }

    /// What was found for a rule.
    pub fn evidence(&self, id: &str) -> Evidence {
        self.evidence.get(id).cloned().unwrap_or_default()
    }

    /// How a rule stands.
    pub fn standing(&self, row: &Requirement) -> Standing {
        let Evidence { code, tests } = self.evidence(&row.id);
        match (&row.stand, code.is_empty(), tests.is_empty()) {
            (Stand::Exception(_), ..) => Standing::Exception,
            (Stand::Later(_), ..) => Standing::Later,
            (Stand::Applies, false, false) => Standing::Held,
            (Stand::Applies, false, true) => Standing::NoTest,
            (Stand::Applies, true, false) => Standing::NoCode,
            (Stand::Applies, true, true) => Standing::Untouched,
        }
    }

    /// Ids of the open list that may leave it: held by now, or nothing that must be held.
    pub fn closed(&self) -> Vec<&str> {
        let binding = |id: &str| {
            let row = self.requirements.get(id).filter(|row| row.is_must())?;
            Some(self.standing(row)).filter(|s| !matches!(s, Standing::Held | Standing::Exception))
        };
        self.open.keys().map(String::as_str).filter(|id| binding(id).is_none()).collect()
    }

    /// Tagged tests that are not among those that the test programs say they have, one `path: test` a line
    /// (`cargo test -- --list --format terse`). A test that a macro call makes is known by its module only.
    pub fn missing(&self, listed: &str) -> Vec<&Place> {
        let listed: BTreeSet<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let exists = |place: &Place| {
            let path = place.symbol.split_once("::").map_or("", |(_, path)| path);
            let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
            let made = |test: &&str| test.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"));
            listed.contains(path) || name.ends_with('!') && (module.is_empty() || listed.iter().any(made))
        };
        // Scripts are no programs: a test of their own plays whatever is there.
        let programs = |place: &&Place| !place.file.starts_with(scripts::DIRECTORY);
        let tests: BTreeSet<_> = self.evidence.values().flat_map(|e| &e.tests).filter(programs).collect();
        tests.into_iter().filter(|place| !exists(place)).collect()
    }

    /// Everything that makes the gate fail, but for pages that are out of date.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.slips.clone();
        for row in self.requirements.rows().iter().filter(|row| row.is_must()) {
            let lacks = match self.standing(row) {
                Standing::NoTest => "no test carries its tag",
                Standing::NoCode => "no code cites it",
                Standing::Untouched => "no code cites it and no test carries its tag",
                _ => continue,
            };
            if !self.open.contains_key(&row.id) {
                faults.push(format!("RFC {} {} ({}): {lacks}", row.rfc, row.id, row.level));
            }
        }
        let closed = self.closed().into_iter();
        faults.extend(
            closed.map(|id| format!("open.tsv: {id} is open no more (or never was): take its row out")),
        );
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::scan;

    const ROWS: &str = "id\trfc\tsection\tlevel\tsummary\tstatus\treason
MUST-1\t9293\t3.1\tMUST\tone\tapplies\t
MUST-51\t9293\t3.9\tMUST\ttwo\texception\twhy
SHLD-1\t9293\t3.4\tSHOULD\tthree\tapplies\t
791-3\t791\t6864\tMUST NOT\tfour\tapplies\t
";
    const CODE: &str = "/// MUST-1, 791-3\nfn f() {}\n";
    const TEST: &str = "/// Covers: RFC 9293 MUST-1; RFC 791 791-3\n#[test]\nfn t() {}";

    fn report(krate: &str, source: &str, open: &[&str]) -> Report {
        let open = open.iter().map(|&id| (id.to_owned(), "why".to_owned())).collect();
        let [file, krate, module] = ["f.rs", krate, krate].map(str::to_owned);
        let source = Source { file, krate, module, scan: scan(source, false) };
        Report::new(Requirements::parse(ROWS).unwrap(), open, &[source])
    }

    fn faults(source: &str, open: &[&str]) -> usize {
        report("tcp", source, open).faults().len()
    }

    #[test]
    fn a_must_needs_code_and_a_test_or_a_place_on_the_open_list() {
        assert_eq!(faults(&[CODE, TEST].concat(), &[]), 0);
        assert_eq!(faults("", &["MUST-1", "791-3"]), 0);
        assert_eq!(faults("", &[]), 2);
        assert_eq!(faults(CODE, &[]), 2);
        assert_eq!(faults(TEST, &[]), 2);
    }

    #[test]
    fn the_open_list_can_only_shrink() {
        let both = [CODE, TEST].concat();
        assert_eq!(faults(&both, &["MUST-1"]), 1, "held");
        assert_eq!(faults(&both, &["MUST-51"]), 1, "excepted");
        assert_eq!(faults(&both, &["SHLD-1"]), 1, "no MUST");
        assert_eq!(faults(&both, &["MUST-99"]), 1, "unknown");
        assert_eq!(report("tcp", CODE, &["MUST-1", "791-3"]).closed(), [] as [&str; 0]);
    }

    #[test]
    fn a_tag_with_an_unknown_id_or_the_wrong_rfc_is_a_fault() {
        let both = [CODE, TEST].concat();
        assert_eq!(faults(&format!("{both}\n/// Covers: RFC 9293 MUST-99\n#[test]\nfn u() {{}}"), &[]), 1);
        assert_eq!(faults(&format!("{both}\n/// Covers: RFC 768 MUST-1\n#[test]\nfn u() {{}}"), &[]), 1);
        assert_eq!(faults(&format!("{both}\n// see MUST-99\nfn u() {{}}"), &[]), 1);
    }

    #[test]
    fn a_tagged_test_that_no_program_runs_is_missing() {
        let source =
            format!("{CODE}mod a {{ {TEST} }}\n#[cfg(test)] mod b {{\n// Covers: MUST-1\ncases! {{}} }}");
        let report = report("tcp", &source, &[]);
        let missing =
            |listed| report.missing(listed).into_iter().map(|p| p.symbol.as_str()).collect::<Vec<_>>();
        assert_eq!(missing("a::t: test\nb::x: test\n"), [] as [&str; 0]);
        assert_eq!(missing("a::t2: test\na::t: benchmark\nbb::x: test\n"), ["tcp::a::t", "tcp::b::cases!"]);
    }

    #[test]
    fn those_who_only_watch_are_no_code_place_but_their_tests_count() {
        let report = report("sim", &[CODE, TEST].concat(), &[]);
        let row = report.requirements.get("MUST-1").unwrap();
        assert_eq!(report.standing(row), Standing::NoCode);
        assert_eq!(report.evidence("MUST-1").tests.first().unwrap().symbol, "sim::t");
    }
}
