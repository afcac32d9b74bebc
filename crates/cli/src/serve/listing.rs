//! What a directory shows.

use super::path::TEMPORARY;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// What stays as it is in a link (RFC 3986 §2.3).
const LINK: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Sorts first.
    pub(super) file: bool,
    pub(super) name: OsString,
    /// Octets, of a file.
    pub(super) len: u64,
}

/// A page of the directory that is asked for as `path` (decoded).
pub(super) fn page(path: &str, mut entries: Vec<Entry>) -> String {
    entries.retain(|entry| !entry.name.as_bytes().starts_with(TEMPORARY.as_bytes()));
    entries.sort();
    let title = escape(&format!("/{path}"));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font-family:system-ui;margin:2em}}td{{padding:0 2em 0 0}}td+td{{text-align:right}}</style>\n\
         <h1>{title}</h1>\n<table>\n"
    );
    if !path.is_empty() {
        page.push_str("<tr><td><a href=\"../\">../</a>\n");
    }
    for Entry { file, name, len } in entries {
        let slash = if file { "" } else { "/" };
        // A name that begins with something like "x:" would be read as a scheme: "./" forbids that.
        let link = format!("./{}{slash}", percent_encode(name.as_bytes(), LINK));
        let text = escape(&name.to_string_lossy());
        let size = if file { len.to_string() } else { String::new() };
        page.push_str(&format!("<tr><td><a href=\"{link}\">{text}{slash}</a><td>{size}\n"));
    }
    page.push_str("</table>\n</html>\n");
    page
}

/// A text as HTML shows it.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The path of a directory as a redirection names it, with the slash that was missing.
pub(super) fn location(path: &std::path::Path) -> String {
    let parts = path.iter().map(|part| percent_encode(part.as_bytes(), LINK).to_string());
    format!("/{}/", parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_directories_come_first() {
        let entry = |file, name: &str, len| Entry { file, name: name.into(), len };
        let page = page(
            "a&b/",
            vec![
                entry(true, "<script>alert('x')</script>", 7),
                entry(true, "javascript:alert(1)", 1),
                entry(false, "z dir", 0),
                entry(true, ".handfast-upload-17", 3),
            ],
        );
        assert!(page.contains("<h1>/a&amp;b/</h1>"), "{page}");
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{page}");
        assert!(page.contains("href=\"./javascript%3Aalert%281%29\""), "{page}");
        assert!(!page.contains("handfast-upload"), "{page}");
        assert!(page.find("z%20dir/").unwrap() < page.find("script").unwrap(), "{page}");
        assert!(page.contains("../"));
    }

    #[test]
    fn a_redirection_names_the_directory_with_its_slash() {
        assert_eq!(location(std::path::Path::new("a b/ü")), "/a%20b/%C3%BC/");
    }
}
