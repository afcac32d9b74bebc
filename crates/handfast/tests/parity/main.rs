//! Every public method and trait of tokio's TCP and UDP sockets, ours beside it, each omission with a reason.
//!
//! ```text
//!   methods! { TcpStream { has { sync ttl(…) -> …; } … } } ─┬─► compiles with tokio's types
//!                                                           ├─► compiles with ours
//!   tokio's source, as cargo has it ─► its public methods ──┴─► each is listed, or left out for a reason
//! ```
//!
//! A tokio with a new method fails here. The page `docs/tokio-parity.md` is made of the same lists: after a change, run this
//! test with `HANDFAST_WRITE=1`.

mod source;
mod tcp;
mod udp;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

/// What one type of tokio's has, as listed here.
pub struct Listed {
    /// Its name.
    pub name: &'static str,
    /// Its methods that ours has, and how they look.
    pub methods: &'static [(&'static str, &'static str)],
    /// Its methods and traits that ours has not, and why.
    pub left_out: &'static [(&'static str, &'static str)],
    /// The traits that both have.
    pub traits: &'static [&'static str],
    /// What ours has beyond.
    pub beyond: &'static str,
}

/// Types, each with its methods: all are called once on tokio's and once on ours, so that the compiler compares.
#[macro_export]
macro_rules! methods {
    (
        tokio { $($theirs:item)* } ours { $($ours:item)* }
        $($type:ident {
            has { $($kind:ident $method:ident($($arg:ident: $of:ty),*) -> $gives:ty;)* }
            traits { $($trait_name:literal: $($bound:path),+;)* }
            left out { $($missing:literal: $why:literal;)* }
            beyond { $beyond:literal }
        })*
    ) => {
        #[allow(dead_code, deprecated, drop_bounds, unused_imports, clippy::all)]
        mod tokios { use super::*; $($theirs)* $($crate::calls!($type; $($kind $method($($arg: $of),*) -> $gives;)* [$($($bound),+;)*]);)* }
        #[allow(dead_code, deprecated, drop_bounds, unused_imports, clippy::all)]
        mod ours { use super::*; $($ours)* $($crate::calls!($type; $($kind $method($($arg: $of),*) -> $gives;)* [$($($bound),+;)*]);)* }
        pub(crate) const LISTED: &[$crate::Listed] = &[$($crate::Listed {
            name: stringify!($type),
            methods: &[$((
                stringify!($method),
                concat!(stringify!($kind), " ", stringify!($method), "(", $(stringify!($of), ", ",)* ") -> ", stringify!($gives)),
            )),*],
            left_out: &[$(($missing, $why)),*],
            traits: &[$($trait_name),*],
            beyond: $beyond,
        }),*];
    };
}

/// The calls of one type.
#[macro_export]
macro_rules! calls {
    ($type:ident; $($kind:ident $method:ident($($arg:ident: $of:ty),*) -> $gives:ty;)* [$($($bound:path),+;)*]) => {
        const _: () = {
            $($crate::call!($type $kind $method($($arg: $of),*) -> $gives);)*
            fn has<T: Send + Sync + Unpin $($(+ $bound)+)*>() {}
            fn traits() { has::<$type>() }
        };
    };
}

/// One call.
#[macro_export]
macro_rules! call {
    ($type:ident sync $method:ident($($arg:ident: $of:ty),*) -> $gives:ty) => {
        fn $method<'a>($($arg: $of),*) -> $gives { <$type>::$method($($arg),*) }
    };
    // The future goes between threads, as tokio's does.
    ($type:ident waits $method:ident($($arg:ident: $of:ty),*) -> $gives:ty) => {
        fn $method<'a>($($arg: $of),*) -> Pin<Box<dyn Future<Output = $gives> + Send + 'a>> {
            Box::pin(<$type>::$method($($arg),*))
        }
    };
}

/// Each type, with the folder of tokio's that it is in.
fn every() -> impl Iterator<Item = (&'static str, &'static Listed)> {
    let groups = [("src/net/tcp", tcp::LISTED), ("src/net", udp::LISTED)];
    groups.into_iter().flat_map(|(folder, types)| types.iter().map(move |listed| (folder, listed)))
}

#[test]
fn every_method_and_trait_of_tokios_is_here_or_left_out_for_a_reason() {
    let tokio = source::of("tokio");
    for (folder, listed) in every() {
        let found = source::public(&tokio.join(folder), listed.name);
        assert!(found.methods.len() > 4, "{}: the search found only {:?}", listed.name, found.methods);
        let here: BTreeSet<_> = (listed.methods.iter().map(|(name, _)| (*name).to_owned()))
            .chain(listed.traits.iter().map(|name| (*name).to_owned()))
            .collect();
        let left_out: BTreeSet<_> = listed.left_out.iter().map(|(name, _)| (*name).to_owned()).collect();
        let tokios: BTreeSet<_> = found.methods.union(&found.traits).cloned().collect();
        let both: Vec<_> = here.intersection(&left_out).collect();
        assert!(both.is_empty(), "{}: had and left out: {both:?}", listed.name);
        let listed_names: BTreeSet<_> = here.union(&left_out).cloned().collect();
        let missing: Vec<_> = tokios.difference(&listed_names).collect();
        assert!(missing.is_empty(), "tokio's {} has {missing:?}, and nobody says what ours has", listed.name);
        let gone: Vec<_> = listed_names.difference(&tokios).collect();
        assert!(gone.is_empty(), "tokio's {} has no {gone:?} any more", listed.name);
    }
}

#[test]
fn the_page_says_what_is_so() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tokio-parity.md");
    let text = page_text();
    if env::var_os("HANDFAST_WRITE").is_some() {
        fs::write(&page, text).unwrap();
        return;
    }
    let there = fs::read_to_string(&page).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).find(|(there, made)| there != made);
    assert_eq!(differs, None, "docs/tokio-parity.md is old: run this test with HANDFAST_WRITE=1");
    assert_eq!(there.len(), text.len(), "docs/tokio-parity.md is old: run this test with HANDFAST_WRITE=1");
}

fn page_text() -> String {
    let mut text = String::from(INTRODUCTION);
    for (_, listed) in every() {
        text += &format!("\n## `{}`\n\n", listed.name);
        let methods: Vec<_> = listed.methods.iter().map(|(name, _)| format!("`{name}`")).collect();
        text += &format!("{} methods as tokio's: {}.\n", methods.len(), methods.join(", "));
        text += &format!("\nTraits: `{}`, and `Send`, `Sync`, `Unpin`.\n", listed.traits.join("`, `"));
        if !listed.beyond.is_empty() {
            text += &format!("\nBeyond: {}.\n", listed.beyond);
        }
        if !listed.left_out.is_empty() {
            text += "\n| left out | because |\n|---|---|\n";
            for (name, why) in listed.left_out {
                text += &format!("| `{name}` | {why} |\n");
            }
        }
    }
    text + tcp::DIFFERENCES + udp::DIFFERENCES
}

const INTRODUCTION: &str = "\
# Beside tokio's sockets

`handfast::net` has tokio's names with tokio's signatures. Two tests hold that: `tests/parity` in `crates/handfast` compiles
each call below with tokio's types and with ours, and reads tokio's source for methods that are not listed here;
`tests/tokio_promises` runs the same bodies on both and compares what they see. This page is made by the first of them.

Every constructor that opens something on the current stack has a twin that names its stack: `connect_on`, `bind_on`,
`new_v4_on`, `new_v6_on`.
";
