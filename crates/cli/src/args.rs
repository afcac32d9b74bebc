//! What can be asked.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use crate::bench;
use crate::demo;
use crate::drill;
use crate::explain;
#[cfg(target_os = "linux")]
use crate::{http, nc, ping, resolve, serve};
use crate::{pages, replay, swarm};
use std::num::NonZeroU64;
use std::str::FromStr;
#[cfg(target_os = "linux")]
use std::time::Duration;

/// The transport layer in user space: TCP and UDP over IPv4 and IPv6, complete, deterministic, visible.
#[derive(Debug, Parser)]
#[command(name = "handfast", version, max_term_width = 100, after_help = format!("{EXAMPLES}\n\n{CODES}"))]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The exit codes of all commands.
pub(crate) const CODES: &str = "\
Exit codes:
    0  it worked
    1  something here failed: a file, an interface, a permission, a script of drill
    2  it was asked wrongly
    3  a name was not found: there is none, it has no such records, or there is nobody to ask
    4  no connection: refused, unreachable; a name server's port, too
    5  no answer in time; a name server's, too
    6  the connection broke
    7  the server answered with an error; a name server, too (REFUSED, SERVFAIL)
    8  what was checked does not hold: a replay that differs, a world of sim that failed
  130  it was interrupted (Ctrl-C, SIGTERM, SIGHUP), or had to cut connections off. Two are asked to end as they should and
       end with 0: serve with nothing cut off, and ping by Ctrl-C once an answer has come";

const EXAMPLES: &str = "\
Examples:
  handfast demo                 two hosts shake hands, talk and part, packet by packet
  handfast demo --list          every scene there is
  handfast demo lost-syn --lang ko
  handfast demo transfer --file README.md --loss 5% --delay 20ms
  handfast explain a.pcapng --summary
  handfast replay run.hfr --ladder
  handfast drill crates/sim/scripts
  handfast sim swarm --seeds 1000
  sudo handfast serve . &                                 a host of its own, with files
  sudo handfast get http://10.111.0.2/README.md --trace   and another one that fetches one, packet by packet";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Bench(bench::BenchArgs),
    Demo(demo::DemoArgs),
    Drill(drill::DrillArgs),
    Explain(explain::ExplainArgs),
    Replay(replay::ReplayArgs),
    Sim(swarm::SimArgs),
    #[cfg(target_os = "linux")]
    Serve(serve::ServeArgs),
    #[cfg(target_os = "linux")]
    Get(http::GetArgs),
    #[cfg(target_os = "linux")]
    Put(http::PutArgs),
    #[cfg(target_os = "linux")]
    Nc(nc::NcArgs),
    #[cfg(target_os = "linux")]
    Ping(ping::PingArgs),
    #[cfg(target_os = "linux")]
    Resolve(resolve::ResolveArgs),
    Completions(pages::CompletionsArgs),
    Man(pages::ManArgs),
}

impl Args {
    /// What the command line asks for.
    ///
    /// # Errors
    /// It is none of ours; or it asks for help, which is to be shown and is no fault.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        Self::try_parse().map_err(suggest)
    }
}

/// Whether `--json` is among the words of a command line. It has to be known of those that cannot be read, too.
pub(crate) fn asks_for_json(words: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
    words.into_iter().skip(1).take_while(|word| word != "--").any(|word| word == "--json")
}

/// What other programs, or people, call our commands. They are no names of ours: who uses one is told ours.
const KNOWN_AS: [(&str, &[&str]); 8] = [
    ("get", &["fetch", "download", "curl", "wget"]),
    ("put", &["upload", "send"]),
    ("nc", &["netcat", "ncat", "telnet", "connect", "listen"]),
    ("resolve", &["dig", "nslookup", "host", "lookup", "dns"]),
    ("serve", &["server", "http", "httpd"]),
    ("explain", &["pcap", "tshark", "wireshark", "tcpdump", "read"]),
    ("drill", &["packetdrill", "script"]),
    ("ping", &["ping6", "echo"]),
];

/// Suggests what was meant, where that is known better than by how alike words look.
fn suggest(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(said)) = error.get(ContextKind::InvalidSubcommand)
        && let Some((ours, _)) = KNOWN_AS.iter().find(|(_, theirs)| theirs.contains(&said.as_str()))
    {
        let ours = ContextValue::Strings(vec![(*ours).to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, ours);
    }
    error
}

/// One of these names: shells offer them, the help lists them.
pub(crate) fn one_of<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

/// A language to tell it in.
pub(crate) fn language() -> impl TypedValueParser<Value = trace::Lang> {
    one_of(["en", "ko"])
}

/// A seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// Seconds, and parts of one.
#[cfg(target_os = "linux")]
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "seconds, as in 1 or 0.2".to_owned())?;
    let range = "from 0.001 to 3600 seconds";
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(time))
        .ok_or_else(|| range.to_owned())
}

/// How many of something.
pub(crate) fn count(text: &str) -> Result<NonZeroU64, String> {
    text.parse().map_err(|_| format!("give a whole number from 1 to {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn what_others_call_our_commands_leads_to_ours() {
        for (theirs, ours) in [("fetch", "get"), ("dig", "resolve"), ("netcat", "nc"), ("serv", "serve")] {
            let why = Args::try_parse_from(["handfast", theirs]).map_err(suggest).unwrap_err().to_string();
            assert!(why.contains("similar") && why.contains(&format!("'{ours}'")), "{theirs}: {why}");
        }
        let commands = Args::command();
        for (ours, theirs) in KNOWN_AS {
            assert!(commands.get_subcommands().any(|command| command.get_name() == ours), "{ours}");
            assert!(!theirs.iter().any(|name| commands.find_subcommand(name).is_some()), "{ours}");
        }
    }

    #[test]
    fn json_is_asked_for_before_the_words_that_are_no_options() {
        let asks = |words: &[&str]| asks_for_json(words.iter().map(std::ffi::OsString::from));
        assert!(asks(&["handfast", "get", "--json"]) && asks(&["handfast", "--json", "--", "x"]));
        assert!(!asks(&["--json", "get"]) && !asks(&["handfast", "nc", "--", "--json"]));
    }
}
