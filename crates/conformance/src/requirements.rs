//! The rows: one rule each, in our own words, from `docs/conformance/requirements.tsv`.

use std::collections::{BTreeMap, BTreeSet};

/// What we mean to do about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It binds us.
    Applies,
    /// It does not bind us, or we depart from it, for this reason.
    Exception(String),
    /// It is a SHOULD or a MAY that comes later, for this reason.
    Later(String),
}

/// One rule of one RFC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its id, such as `MUST-13` or `5961-3`.
    pub id: String,
    /// The RFC's number, whose page it stands on.
    pub rfc: String,
    /// Where in that RFC (or in which other one).
    pub section: String,
    /// How strongly the RFC asks; `(lc)` for lower case, `(text)` for an algorithm without a key word.
    pub level: String,
    /// What it asks, in our own words.
    pub summary: String,
    /// What we mean to do about it.
    pub stand: Stand,
}

impl Requirement {
    /// Whether the rule is a MUST, a MUST NOT or a REQUIRED, in whatever case.
    pub fn is_must(&self) -> bool {
        let level = self.level.to_ascii_lowercase();
        level.contains("must") || level.contains("required")
    }
}

/// Rows in the order of the file.
#[derive(Debug, Default)]
pub struct Requirements {
    rows: Vec<Requirement>,
    by_id: BTreeMap<String, usize>,
}

impl Requirements {
    /// Reads the table; says what is wrong with it, by line, if anything is.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut all = Self::default();
        let mut faults = Vec::new();
        for (n, line) in text.lines().enumerate().skip(1) {
            let mut fault = |what: &str| faults.push(format!("requirements.tsv:{}: {what}", n + 1));
            let cells: Vec<_> = line.split('\t').map(str::trim).collect();
            let [id, rfc, section, level, summary, status, reason] = cells[..] else {
                fault("a row has seven cells");
                continue;
            };
            if [id, rfc, section, level, summary].iter().any(|cell| cell.is_empty()) {
                fault("a cell is empty");
            }
            let stand = match (status, reason) {
                ("applies", "") => Stand::Applies,
                ("exception" | "later", "") => {
                    fault("an exception and a later rule give their reason");
                    continue;
                }
                ("exception", why) => Stand::Exception(why.to_owned()),
                ("later", why) => Stand::Later(why.to_owned()),
                _ => {
                    fault("the status is `applies`, or `exception` or `later` with a reason");
                    continue;
                }
            };
            let [id, rfc, section, level, summary] = [id, rfc, section, level, summary].map(str::to_owned);
            let row = Requirement { id, rfc, section, level, summary, stand };
            if row.is_must() && matches!(row.stand, Stand::Later(_)) {
                fault("a MUST is held or excepted; it cannot come later");
            }
            if all.by_id.insert(row.id.clone(), all.rows.len()).is_some() {
                fault("this id was there before");
            }
            all.rows.push(row);
        }
        if faults.is_empty() { Ok(all) } else { Err(faults) }
    }

    /// The row of this id.
    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.rows.get(*self.by_id.get(id)?)
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Requirement] {
        &self.rows
    }

    /// The RFCs, in the order of the file.
    pub fn rfcs(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.rows.iter().map(|r| r.rfc.as_str()).filter(|rfc| seen.insert(*rfc)).collect()
    }
}

/// Rules that are known to be open, each with a reason, from `docs/conformance/open.tsv`.
pub fn parse_open(text: &str) -> Result<BTreeMap<String, String>, Vec<String>> {
    let mut open = BTreeMap::new();
    let mut faults = Vec::new();
    for (n, line) in text.lines().enumerate().skip(1) {
        match line.split_once('\t').map(|(id, why)| (id.trim(), why.trim())) {
            Some((id, why)) if !id.is_empty() && !why.is_empty() => {
                if open.insert(id.to_owned(), why.to_owned()).is_some() {
                    faults.push(format!("open.tsv:{}: {id} was there before", n + 1));
                }
            }
            _ => faults.push(format!("open.tsv:{}: a row is an id, a tab and a reason", n + 1)),
        }
    }
    if faults.is_empty() { Ok(open) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "id\trfc\tsection\tlevel\tsummary\tstatus\treason\n";

    #[test]
    fn rows_keep_their_order_and_are_found_by_id() {
        let text = format!(
            "{HEAD}MUST-2\t9293\t3.1\tMUST\tsum\tapplies\t\n5961-8\t5961\t7\tSHOULD\tslow\tlater\twhy\n"
        );
        let all = Requirements::parse(&text).unwrap();
        assert_eq!(all.rfcs(), ["9293", "5961"]);
        assert!(all.get("MUST-2").unwrap().is_must());
        assert_eq!(all.get("5961-8").unwrap().stand, Stand::Later("why".into()));
    }

    #[test]
    fn a_table_with_a_slip_in_it_is_refused() {
        for bad in [
            "MUST-2\t9293\t3.1\tMUST\tsum\tapplies",
            "MUST-2\t9293\t3.1\tMUST\t\tapplies\t",
            "MUST-2\t9293\t3.1\tMUST\tsum\texception\t",
            "MUST-2\t9293\t3.1\tMUST\tsum\tlater\twhy",
            "8200-9\t8200\t4.5\tmust (lc)\tsum\tlater\twhy",
            "MUST-2\t9293\t3.1\tMUST\tsum\tdone\t",
            "MUST-2\t9293\t3.1\tMUST\tsum\tapplies\t\nMUST-2\t9293\t3.1\tMUST\tsum\tapplies\t",
        ] {
            assert!(Requirements::parse(&format!("{HEAD}{bad}\n")).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_binds_is_told_from_what_advises() {
        let must = |level: &str| {
            let row = format!("{HEAD}a-1\t1\t1\t{level}\tsum\tapplies\t\n");
            Requirements::parse(&row).unwrap().rows()[0].is_must()
        };
        assert!(
            ["MUST", "MUST NOT", "must (text)", "must not (lc)", "SHOULD / MUST", "REQUIRED"]
                .into_iter()
                .all(must)
        );
        assert!(
            !["SHOULD", "MAY", "RECOMMENDED", "informational", "should (text)", "note"].into_iter().any(must)
        );
    }

    #[test]
    fn an_open_rule_needs_a_reason() {
        assert!(parse_open("id\treason\nMUST-1\tbeing built\n").is_ok());
        assert!(parse_open("id\treason\nMUST-1\t\n").is_err());
        assert!(parse_open("id\treason\nMUST-1\n").is_err());
        assert!(parse_open("id\treason\nMUST-1\ta\nMUST-1\tb\n").is_err());
    }
}
