//! What a source file holds: tests with their tags, rules cited in code, and modules declared.
//!
//! ```text
//!   comment ──► Covers: …  ─► waits for the test that follows; anything else that follows is a fault
//!          └──► MUST-13    ─► in a body: the function or type around it
//!                             between items: the item that follows, or the one that ends on this line
//! ```

use crate::lexer::{Doc, Kind, Token, tokens};
use crate::tags::{self, Tag};

/// A test that carries a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its path inside the file, such as `tests::a_sentence`; a macro's ends in `!`.
    pub symbol: String,
    /// The line of its name.
    pub line: usize,
    /// The rules that it covers.
    pub tags: Vec<Tag>,
}

/// A rule (or what may be one) named in a comment in code that is no test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// What is around it or follows it, such as `Nagle::may_send`; empty for the file itself.
    pub symbol: String,
    /// The line of the comment.
    pub line: usize,
    /// The name as written.
    pub id: String,
}

/// A `mod name;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Inline modules around it, outermost first.
    pub within: Vec<String>,
    /// Its name.
    pub name: String,
    /// Whether it is compiled for tests only.
    pub test: bool,
    /// The value of its `#[path]`.
    pub path: Option<String>,
}

/// All that one file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Tests with tags.
    pub tests: Vec<Test>,
    /// Rules named in code.
    pub citations: Vec<Citation>,
    /// Modules in files of their own.
    pub modules: Vec<Module>,
    /// Tags that prove nothing: line and what is wrong.
    pub faults: Vec<(usize, String)>,
}

/// Reads one file; `test` says that all of it is compiled for tests only.
pub fn scan(source: &str, test: bool) -> Scan {
    let mut scanner = Scanner::new(tokens(source), test);
    while scanner.step() {}
    scanner.orphan_tags("stands at the end of a file, above nothing");
    scanner.flush_citations();
    scanner.out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Holds items: a module, an impl, a trait.
    Items,
    /// Is one item: a function, a type, a constant, a macro.
    Body,
    /// Any other brace.
    Block,
}

struct Open {
    scope: Scope,
    name: Option<String>,
    test: bool,
    function: bool,
    module: bool,
}

/// An item whose brace has not come yet.
struct Waiting {
    open: Open,
    parens: usize,
}

/// What attributes and comments have said about the item to come.
#[derive(Default)]
struct Ahead {
    is_test: bool,
    cfg_test: bool,
    ignored: bool,
    path: Option<String>,
    covers: Vec<Tag>,
    covers_line: Option<usize>,
    goes_on: bool,
    citations: Vec<Citation>,
}

struct Scanner {
    tokens: Vec<Token>,
    at: usize,
    file_is_test: bool,
    opens: Vec<Open>,
    parens: usize,
    waiting: Option<Waiting>,
    ahead: Ahead,
    /// The line of the last token that is no comment.
    last_line: usize,
    /// The item that was named last.
    last_item: String,
    out: Scan,
}

const MODIFIERS: [&str; 12] =
    ["pub", "crate", "super", "self", "in", "async", "unsafe", "extern", "const", "mut", "static", "default"];

impl Scanner {
    fn new(tokens: Vec<Token>, test: bool) -> Self {
        Self {
            tokens,
            at: 0,
            file_is_test: test,
            opens: Vec::new(),
            parens: 0,
            waiting: None,
            ahead: Ahead::default(),
            last_line: 0,
            last_item: String::new(),
            out: Scan::default(),
        }
    }

    fn in_test(&self) -> bool {
        self.file_is_test || self.ahead.cfg_test || self.ahead.is_test || self.opens.iter().any(|o| o.test)
    }

    fn in_function(&self) -> bool {
        self.opens.iter().any(|o| o.function)
    }

    /// Whether we stand where items stand, rather than inside one.
    fn among_items(&self) -> bool {
        self.opens.iter().rev().find(|o| o.scope != Scope::Block).is_none_or(|o| o.scope == Scope::Items)
    }

    fn symbol(&self, last: Option<&str>) -> String {
        let names = self.opens.iter().filter_map(|o| o.name.as_deref()).chain(last);
        names.collect::<Vec<_>>().join("::")
    }

    /// The n-th token from here that is no comment.
    fn code(&self, n: usize) -> Option<&Kind> {
        let rest = self.tokens.get(self.at..)?.iter().map(|t| &t.kind);
        rest.filter(|k| !matches!(k, Kind::Comment { .. })).nth(n)
    }

    fn word_at(&self, n: usize) -> Option<String> {
        match self.code(n) {
            Some(Kind::Word(w)) => Some(w.clone()),
            _ => None,
        }
    }

    fn is_punct(&self, n: usize, c: char) -> bool {
        self.code(n) == Some(&Kind::Punct(c))
    }

    fn step(&mut self) -> bool {
        let Some(Token { kind, line }) = self.tokens.get(self.at).cloned() else { return false };
        match kind {
            Kind::Comment { text, doc } => {
                self.comment(&text, doc, line);
                self.at += 1;
                return true;
            }
            Kind::Punct('#') if self.is_punct(1, '[') => self.attribute(1),
            Kind::Punct('#') if self.is_punct(1, '!') && self.is_punct(2, '[') => self.attribute(2),
            Kind::Punct(c) => self.punct(c),
            Kind::Word(word) => self.word(&word, line),
            Kind::Text(_) => {}
        }
        self.last_line = self.tokens.get(self.at).map_or(line, |t| t.line);
        self.at += 1;
        true
    }

    fn comment(&mut self, text: &str, doc: Doc, line: usize) {
        let list = match tags::covers(text) {
            Some(list) => Some(list),
            None if self.ahead.goes_on => Some(text),
            None => None,
        };
        if let Some(list) = list {
            if doc == Doc::Inner {
                return self.fault(line, "a tag stands above one test, not inside of something");
            }
            self.ahead.covers_line.get_or_insert(line);
            self.ahead.goes_on = tags::goes_on(list);
            if list.is_empty() {
                return;
            }
            return match tags::list(list) {
                Ok(found) => self.ahead.covers.extend(found),
                Err(piece) => self.fault(line, &format!("`{piece}` is not a list of rules")),
            };
        }
        let trailing = line == self.last_line;
        let symbol = match (doc, self.among_items()) {
            (Doc::Inner, _) | (_, false) => Some(self.symbol(None)),
            (_, true) if trailing => Some(self.last_item.clone()),
            (_, true) => None,
        };
        for id in tags::citations(text) {
            let mut citation = Citation { symbol: String::new(), line, id: id.to_owned() };
            match &symbol {
                Some(_) if self.in_test() => {}
                Some(symbol) => {
                    citation.symbol.clone_from(symbol);
                    self.out.citations.push(citation);
                }
                None => self.ahead.citations.push(citation),
            }
        }
    }

    /// Reads `#[…]`; leaves `at` on its last bracket.
    fn attribute(&mut self, bracket: usize) {
        let inner = bracket == 2;
        let mut depth = 0;
        let mut words = Vec::new();
        let mut head = None;
        let mut text = None;
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::Punct('[') => depth += 1,
                Kind::Punct(']') => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                Kind::Punct('(' | '=') => head = head.or(Some(words.len())),
                Kind::Word(w) => words.push(w.clone()),
                Kind::Text(t) => text = Some(t.clone()),
                _ => {}
            }
            self.at += 1;
        }
        let has = |word: &str| words.iter().any(|w| w == word);
        let first = words.first().map_or("", String::as_str);
        let name = words[..head.unwrap_or(words.len())].last().map_or("", String::as_str);
        let cfg_test = first == "cfg" && has("test") && !has("not") && !has("any");
        if inner {
            if cfg_test && self.opens.is_empty() {
                self.file_is_test = true;
            } else if cfg_test && let Some(open) = self.opens.last_mut() {
                open.test = true;
            }
            return;
        }
        self.ahead.cfg_test |= cfg_test;
        self.ahead.is_test |= matches!(name, "test" | "rstest" | "test_case");
        self.ahead.ignored |= first == "ignore" || (first == "cfg_attr" && has("ignore"));
        if first == "path" {
            self.ahead.path = text;
        }
    }

    fn punct(&mut self, c: char) {
        match c {
            '(' | '[' => self.parens += 1,
            ')' | ']' => self.parens = self.parens.saturating_sub(1),
            '{' => {
                let named = self.waiting.take_if(|w| w.parens == self.parens);
                let test = self.ahead.cfg_test || self.ahead.is_test;
                let block = Open { scope: Scope::Block, name: None, test, function: false, module: false };
                if named.is_none() {
                    self.orphan_tags("stands above no test");
                    self.ahead =
                        Ahead { citations: std::mem::take(&mut self.ahead.citations), ..Ahead::default() };
                }
                self.opens.push(named.map_or(block, |w| w.open));
            }
            '}' => {
                self.end_of_item();
                self.opens.pop();
            }
            ';' => {
                self.waiting.take_if(|w| w.parens == self.parens);
                self.end_of_item();
            }
            _ => {}
        }
    }

    /// Nothing of what was said ahead can belong to anything any more.
    fn end_of_item(&mut self) {
        self.orphan_tags("stands above no test");
        self.flush_citations();
        self.ahead = Ahead::default();
    }

    fn orphan_tags(&mut self, why: &str) {
        if let Some(line) = self.ahead.covers_line.take() {
            self.ahead.covers.clear();
            self.fault(line, &format!("this tag {why}"));
        }
    }

    fn flush_citations(&mut self) {
        let symbol = self.symbol(None);
        self.give_citations(&symbol);
    }

    fn give_citations(&mut self, symbol: &str) {
        let test = self.in_test();
        for mut citation in std::mem::take(&mut self.ahead.citations) {
            if !test {
                symbol.clone_into(&mut citation.symbol);
                self.out.citations.push(citation);
            }
        }
    }

    fn fault(&mut self, line: usize, what: &str) {
        self.out.faults.push((line, what.to_owned()));
    }

    fn word(&mut self, word: &str, line: usize) {
        self.ahead.goes_on = false;
        let next = self.word_at(1);
        let item_position = self.parens == 0 && (self.among_items() || self.in_function());
        match (word, next) {
            ("fn", Some(name)) => self.function(name, line),
            ("mod", Some(name)) if item_position => self.module(name),
            ("struct" | "enum" | "type", Some(name)) if item_position => self.item(Scope::Body, name),
            ("trait", Some(name)) if item_position => self.item(Scope::Items, name),
            ("const" | "static", Some(name)) if item_position && self.is_punct(2, ':') => {
                self.item(Scope::Body, name);
            }
            ("static", Some(m)) if item_position && m == "mut" => {
                self.item(Scope::Body, self.word_at(2).unwrap_or(m));
            }
            ("macro_rules", _) if self.is_punct(1, '!') => {
                let name = self.word_at(2).unwrap_or_default();
                self.item(Scope::Body, format!("{name}!"));
            }
            ("impl", _) if item_position && self.waiting.is_none() => {
                let name = self.impl_name();
                self.item(Scope::Items, name);
            }
            _ if self.ahead.covers_line.is_some() && !MODIFIERS.contains(&word) => {
                self.tagged_word(word, line)
            }
            _ => {}
        }
    }

    /// A tag, and then neither a function nor any other item: a macro call that makes tests, or a row in
    /// one that names a test.
    fn tagged_word(&mut self, word: &str, line: usize) {
        let call = self.is_punct(1, '!') && !self.is_punct(2, '=');
        let in_macro = self.parens > 0 || self.opens.last().is_some_and(|o| o.scope == Scope::Block);
        let row = in_macro && (self.is_punct(1, ':') || (self.is_punct(1, '=') && self.is_punct(2, '>')));
        if !self.in_function() && self.in_test() && (call || row) {
            let name = if call { format!("{word}!") } else { word.to_owned() };
            self.tag_test(&name, line);
        }
    }

    fn tag_test(&mut self, name: &str, line: usize) {
        self.ahead.covers_line = None;
        let tags = std::mem::take(&mut self.ahead.covers);
        if !tags.is_empty() {
            self.out.tests.push(Test { symbol: self.symbol(Some(name)), line, tags });
        }
    }

    fn function(&mut self, name: String, line: usize) {
        if let Some(tag) = self.ahead.covers_line {
            match (self.ahead.is_test, self.ahead.ignored) {
                (true, false) => self.tag_test(&name, line),
                (true, true) => self.fault(tag, &format!("`{name}` is ignored, so it proves nothing")),
                (false, _) => self.fault(tag, &format!("`{name}` is not a test")),
            }
            self.ahead.covers_line = None;
            self.ahead.covers.clear();
        }
        self.item(Scope::Body, name);
        if let Some(waiting) = &mut self.waiting {
            waiting.open.function = true;
        }
    }

    fn module(&mut self, name: String) {
        if self.is_punct(2, ';') {
            let within = self.opens.iter().filter(|o| o.module).filter_map(|o| o.name.clone()).collect();
            let module =
                Module { within, name: name.clone(), test: self.in_test(), path: self.ahead.path.take() };
            self.out.modules.push(module);
        }
        self.item(Scope::Items, name);
        if let Some(waiting) = &mut self.waiting {
            waiting.open.module = true;
        }
    }

    /// An item begins: it takes what was said ahead of it.
    fn item(&mut self, scope: Scope, name: String) {
        self.orphan_tags(&format!("stands above `{name}`, which is not a test"));
        let symbol = self.symbol(Some(&name));
        self.give_citations(&symbol);
        let test = self.ahead.cfg_test || self.ahead.is_test;
        self.ahead = Ahead::default();
        self.last_item = symbol;
        let open = Open { scope, name: Some(name), test, function: false, module: false };
        self.waiting = Some(Waiting { open, parens: self.parens });
    }

    /// The type that an `impl` is for: the last word of its path.
    fn impl_name(&self) -> String {
        let mut name = String::new();
        let mut depth = 0_i32;
        let mut before = ' ';
        for n in 1.. {
            let kind = self.code(n);
            match kind {
                None | Some(Kind::Punct('{' | ';')) => break,
                Some(Kind::Punct('<')) => depth += 1,
                Some(Kind::Punct('>')) if before != '-' => depth -= 1,
                Some(Kind::Word(w)) if depth == 0 && w == "where" => break,
                Some(Kind::Word(w)) if depth == 0 && w != "for" => w.clone_into(&mut name),
                _ => {}
            }
            before = if let Some(Kind::Punct(c)) = kind { *c } else { ' ' };
        }
        name
    }
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
