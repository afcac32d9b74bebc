//! Sources in a few lines each, and what must and must not be found in them.

use super::*;

fn tests(source: &str) -> Vec<(String, Vec<String>)> {
    let scan = scan(source, false);
    assert_eq!(scan.faults, [], "{source}");
    scan.tests.into_iter().map(|t| (t.symbol, t.tags.into_iter().map(|t| t.id).collect())).collect()
}

fn one(symbol: &str, ids: &[&str]) -> Vec<(String, Vec<String>)> {
    vec![(symbol.to_owned(), ids.iter().map(|&i| i.to_owned()).collect())]
}

fn faults(source: &str) -> Vec<usize> {
    let scan = scan(source, false);
    assert_eq!(scan.tests, [], "{source}");
    scan.faults.into_iter().map(|(line, _)| line).collect()
}

fn citations(source: &str) -> Vec<(String, String)> {
    scan(source, false).citations.into_iter().map(|c| (c.symbol, c.id)).collect()
}

fn cited(symbol: &str, id: &str) -> Vec<(String, String)> {
    vec![(symbol.to_owned(), id.to_owned())]
}

#[test]
fn a_tag_belongs_to_the_test_below_it_past_other_attributes() {
    let plain = "mod a { #[cfg(test)] mod tests {\n/// Covers: RFC 9293 MUST-1, MUST-2\n#[test]\n#[should_panic]\nfn x() {} } }";
    assert_eq!(tests(plain), one("a::tests::x", &["MUST-1", "MUST-2"]));
    let after = "#[test]\n/// Why.\n/// Covers: RFC 768 768-1\n#[cfg(unix)]\npub(crate) async fn x() {}";
    assert_eq!(tests(after), one("x", &["768-1"]));
    assert_eq!(tests("/// Covers: a-1\n#[tokio::test(flavor = \"x\")]\nasync fn x() {}"), one("x", &["a-1"]));
}

#[test]
fn a_tag_may_go_on_in_the_next_line() {
    let source =
        "/// Covers: RFC 9293 MUST-1,\n/// MUST-2;\n/// RFC 5961 5961-3\n/// More words.\n#[test]\nfn x() {}";
    assert_eq!(tests(source), one("x", &["MUST-1", "MUST-2", "5961-3"]));
}

#[test]
fn tests_that_macros_make_are_named_by_call_or_by_row() {
    let call = "#[cfg(test)] mod tests {\n// Covers: a-1\ncases! { x, y }\n}";
    assert_eq!(tests(call), one("tests::cases!", &["a-1"]));
    let row = "#[cfg(test)] mod tests {\ncases! {\n// Covers: a-1\nx: 1,\ny: 2,\n}\n}";
    assert_eq!(tests(row), one("tests::x", &["a-1"]));
    let inside = "#[cfg(test)] mod tests { proptest! {\n/// Covers: a-1\n#[test]\nfn x(n in 0..3) { } } }";
    assert_eq!(tests(inside), one("tests::x", &["a-1"]));
}

#[test]
fn a_tag_that_no_test_follows_is_a_fault() {
    assert_eq!(faults("/// Covers: a-1\nfn x() {}"), [1]);
    assert_eq!(faults("#[cfg(test)] mod tests {\n/// Covers: a-1\nfn helper() {}\n}"), [2]);
    assert_eq!(faults("/// Covers: a-1\nstruct X;\n#[test]\nfn x() {}"), [1]);
    assert_eq!(faults("mod a {\n// Covers: a-1\n}"), [2]);
    assert_eq!(faults("// Covers: a-1"), [1]);
    assert_eq!(faults("#[test]\nfn x() {\n// Covers: a-1\nlet y = 1; }"), [3]);
    assert_eq!(faults("// Covers: a-1\nuse x;\n#[test]\nfn x() {}"), [1]);
    assert_eq!(faults("//! Covers: a-1\n#[test]\nfn x() {}"), [1]);
}

#[test]
fn an_ignored_test_and_a_macro_outside_of_tests_prove_nothing() {
    assert_eq!(faults("/// Covers: a-1\n#[test]\n#[ignore = \"slow\"]\nfn x() {}"), [1]);
    assert_eq!(faults("/// Covers: a-1\n#[cfg_attr(slow, ignore)]\n#[test]\nfn x() {}"), [1]);
    assert_eq!(faults("// Covers: a-1\ncases! { x: 1 }"), [1]);
}

#[test]
fn a_tag_with_no_sense_in_it_is_a_fault_and_one_in_a_string_is_nothing() {
    assert_eq!(faults("/// Covers: many things\n#[test]\nfn x() {}"), [1]);
    assert_eq!(faults("/// Covers:\n#[test]\nfn x() {}"), [] as [usize; 0]);
    assert_eq!(faults("const X: &str = \"/// Covers: a-1\";"), [] as [usize; 0]);
}

#[test]
fn a_citation_in_a_body_names_the_body() {
    let source = "impl<T: Fn() -> u8> Machine<T> for Nagle<T> where T: Copy {\nfn may_send(&self) -> bool {\n// RFC 9293 MUST-17\nif a { /* MUST-38 */ } } }";
    let all = citations(source);
    assert_eq!(all[0], ("Nagle::may_send".to_owned(), "MUST-17".to_owned()));
    assert_eq!(all[1], ("Nagle::may_send".to_owned(), "MUST-38".to_owned()));
    assert_eq!(citations("enum E {\n/// 5961-2\nA,\n}"), cited("E", "5961-2"));
}

#[test]
fn a_citation_between_items_names_the_next_one_or_the_one_on_its_line() {
    assert_eq!(citations("/// MUST-40\n#[inline]\npub const X: u8 = 1;"), cited("X", "MUST-40"));
    assert_eq!(citations("const X: u8 = 1; // MUST-40\nconst Y: u8 = 2;"), cited("X", "MUST-40"));
    assert_eq!(citations("//! MUST-40\nconst Y: u8 = 2;"), cited("", "MUST-40"));
    assert_eq!(citations("mod a {\n//! MUST-40\n}"), cited("a", "MUST-40"));
    assert_eq!(citations("trait A {\n/// MUST-40\nfn b(&self);\n}"), cited("A::b", "MUST-40"));
    assert_eq!(citations("// MUST-40\nuse a::b;\nfn c() {}"), cited("", "MUST-40"));
}

#[test]
fn what_tests_say_is_no_code_place() {
    for source in [
        "#[cfg(test)]\nmod tests {\n// MUST-1\nfn x() { /* MUST-2 */ } }",
        "#[test]\nfn x() {\n// MUST-1\n}",
        "/// MUST-1\n#[test]\nfn x() {}",
        "#[cfg(all(test, unix))]\nimpl A {\n// MUST-1\nfn x() {} }",
        "#![cfg(test)]\nfn x() { /* MUST-2 */ }",
        "#[cfg(test)]\nthread_local! {\n/* MUST-1 */\n}",
    ] {
        assert_eq!(citations(source), [], "{source}");
    }
    assert_eq!(citations("#[cfg(not(test))]\nmod a {\n// MUST-1\nfn x() {} }"), cited("a::x", "MUST-1"));
    let both = "#[cfg(test)] use a;\nfn x() {\n// MUST-1\n}";
    assert_eq!(citations(both), cited("x", "MUST-1"));
}

#[test]
fn modules_in_files_of_their_own_are_found_with_where_and_why() {
    let scan = scan("pub mod a;\nmod b { #[cfg(test)] #[path = \"c_tests.rs\"] mod c; }\nmod d {}", false);
    let module = |within: &[&str], name: &str, test, path: Option<&str>| Module {
        within: within.iter().map(|&s| s.to_owned()).collect(),
        name: name.to_owned(),
        test,
        path: path.map(str::to_owned),
    };
    assert_eq!(scan.modules, [module(&[], "a", false, None), module(&["b"], "c", true, Some("c_tests.rs"))]);
}
