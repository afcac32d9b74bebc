//! `handfast resolve`: asks a name server, and shows what it says.

use crate::net::dns::{self, Answer, How};
use crate::net::{self, Exit, Failure, Net, NetArgs, Prepared, Role, server};
use crate::{Done, Usage, clean};
use clap::Args;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Ask a name server, as dig does, by a stack of our own
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{}", net::ABOUT, crate::args::CODES))]
pub(crate) struct ResolveArgs {
    /// NAME [TYPE] [@SERVER[:PORT]]; the type is A and AAAA if none is given; the server is that of --dns, or on a --bridge
    /// without --addr those that the network tells of (DHCP, router advertisements)
    #[arg(required = true, value_name = "WHAT")]
    words: Vec<String>,
    /// The name of an address
    #[arg(short = 'x', long)]
    reverse: bool,
    /// Only what the records hold
    #[arg(short, long)]
    short: bool,
    /// Over TCP at once; otherwise only if the answer does not fit a datagram
    #[arg(long)]
    tcp: bool,
    /// Wait so many seconds for each answer
    #[arg(short, long, value_name = "SECONDS", default_value = "2", value_parser = crate::args::seconds)]
    wait: Duration,
    /// Ask so often
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    tries: u32,
    #[command(flatten)]
    net: NetArgs,
}

const EXAMPLES: &str = "\
Examples:
  sudo handfast resolve www.example @10.0.0.53
  sudo handfast resolve example MX --dns 10.0.0.53 --short
  sudo handfast resolve -x 192.0.2.1 --dns 10.0.0.53
  sudo handfast resolve example TXT @10.0.0.53:5353 --json | jq .answers

Where several types are asked for, as A and AAAA are without one, the exit code is 0 if there is a record of any: what \
became of each is said.";

/// What is asked.
struct Question {
    name: Name,
    kinds: Vec<RecordType>,
    server: Option<SocketAddr>,
}

fn read(args: &ResolveArgs) -> Result<Question, Usage> {
    let (mut text, mut kinds, mut asked) = (None, Vec::new(), None);
    for word in &args.words {
        if let Some(at) = word.strip_prefix('@') {
            asked = Some(server(at).map_err(|why| Usage(format!("@{at}: {why}")))?);
        } else if text.is_none() {
            text = Some(word);
        } else {
            let kind = word.to_ascii_uppercase().parse::<RecordType>();
            kinds.push(kind.map_err(|_| Usage(format!("{word} is no type of record, as A or MX is")))?);
        }
    }
    let text = text.ok_or_else(|| Usage("what name?".into()))?;
    let name = if args.reverse {
        let address: IpAddr =
            text.parse().map_err(|_| Usage(format!("{text} is no address, which -x wants")))?;
        if kinds.is_empty() {
            kinds.push(RecordType::PTR);
        }
        Name::from(address)
    } else {
        name(text)?
    };
    if kinds.is_empty() {
        kinds = vec![RecordType::A, RecordType::AAAA];
    }
    Ok(Question { name, kinds, server: asked })
}

/// A name, with what is wrong with it if it is none.
fn name(text: &str) -> Result<Name, Usage> {
    let labels = || text.strip_suffix('.').unwrap_or(text).split('.');
    if text != "." && labels().any(str::is_empty) {
        return Err(Usage(format!(
            "{text:?} is no name: there is nothing between two of its dots, or before the first"
        )));
    }
    if let Some(long) = labels().find(|label| label.len() > 63) {
        return Err(Usage(format!("{text} is no name: {long} has more than 63 octets (RFC 1035 §2.3.4)")));
    }
    let mut name = Name::from_utf8(text).map_err(|why| Usage(format!("{text} is no name: {why}")))?;
    name.set_fqdn(true);
    Ok(name)
}

pub(crate) fn run(args: ResolveArgs) -> anyhow::Result<Done> {
    let question = read(&args)?;
    if question.server.is_none() && args.net.dns.is_empty() && !args.net.configures_itself() {
        return Err(Usage(
            "whom to ask? Give @SERVER or --dns SERVER: the system's is in another network. (On a --bridge without --addr \
             the network's own are asked.)"
                .into(),
        )
        .into());
    }
    Prepared::new(args.net.clone(), Role::Any, false)?.run(async |net| {
        tokio::select! {
            done = ask(net, &args, &question) => done,
            () = net.interrupted() => Ok(Done::Interrupted),
        }
    })
}

async fn ask(net: &Net, args: &ResolveArgs, question: &Question) -> anyhow::Result<Done> {
    let how = How { tcp: args.tcp, wait: args.wait, tries: args.tries };
    let servers = question.server.map_or_else(|| net.servers(), |server| vec![server]);
    let (mut found, mut last, mut failed) = (0, None, None);
    for &kind in &question.kinds {
        let mut answered = Err(Failure::error(
            Exit::Name,
            "nobody to ask: the network told of no name server; give @SERVER or --dns SERVER",
        ));
        for &server in &servers {
            answered = match dns::ask(&net.stack, server, &question.name, kind, how).await {
                Ok(answer) => Ok((server, answer)),
                Err(why) => Err(dns::failure(&format!("cannot ask {server}"), &why)),
            };
            if answered.is_ok() {
                break;
            }
        }
        // One type's failure must not hide the other's answer.
        let (server, answer) = match answered {
            Ok(answered) => answered,
            Err(why) => {
                failed = Some(why);
                continue;
            }
        };
        found += answer.message.answers.len();
        tell(net, args, &question.name, kind, server, &answer)?;
        let code = answer.message.metadata.response_code;
        last = last.filter(|&last| weight(last) >= weight(code)).or(Some(code));
    }
    match last {
        _ if found > 0 => Ok(Done::Well),
        _ if failed.is_some() => Err(failed.unwrap_or_else(|| Failure::error(Exit::Name, "nobody to ask"))),
        Some(ResponseCode::NoError) => {
            Err(Failure::error(Exit::Name, format!("{} has no record of this type", question.name)))
        }
        Some(ResponseCode::NXDomain) => {
            Err(Failure::error(Exit::Name, format!("there is no name {}", question.name)))
        }
        code => {
            let said = code.map_or_else(String::new, |code| code.to_string());
            Err(Failure::error(Exit::Status, format!("{}: the server said: {said}", question.name)))
        }
    }
}

/// How much a code says about a name: "none of this type" less than "no such name", and that less than a refusal of the
/// other type, after which nobody knows.
fn weight(code: ResponseCode) -> u8 {
    match code {
        ResponseCode::NoError => 0,
        ResponseCode::NXDomain => 1,
        _ => 2,
    }
}

fn tell(
    net: &Net,
    args: &ResolveArgs,
    name: &Name,
    kind: RecordType,
    server: SocketAddr,
    answer: &Answer,
) -> anyhow::Result<()> {
    let message = &answer.message;
    let about = &message.metadata;
    let over = if answer.tcp { "TCP" } else { "UDP" };
    let json = || {
        let list = |records: &[Record]| records.iter().map(record).collect::<Vec<_>>();
        json!({
            "event": "answer", "name": name.to_string(), "type": kind.to_string(), "server": server.to_string(),
            "status": about.response_code.to_string(), "authoritative": about.authoritative,
            "recursion_available": about.recursion_available, "over": over, "octets": answer.size,
            "seconds": answer.took.as_secs_f64(), "answers": list(&message.answers),
            "authorities": list(&message.authorities), "additionals": list(&message.additionals),
        })
    };
    let mut lines = Vec::new();
    if !args.short {
        lines.push(format!(
            "; {name} {kind}, asked {server} over {over}: {}, {} octets in {:.1} ms{}",
            about.response_code,
            answer.size,
            answer.took.as_secs_f64() * 1e3,
            if about.authoritative { ", with authority" } else { "" }
        ));
        lines.extend(message.answers.iter().map(words));
        if message.answers.is_empty() {
            lines.extend(message.authorities.iter().map(words));
        }
    } else {
        lines.extend(message.answers.iter().map(|record| clean::line(&record.data.to_string())));
    }
    if net.say.json || !lines.is_empty() {
        net.conclude(json, &lines.join("\n"))?;
    }
    Ok(())
}

fn words(record: &Record) -> String {
    let name = record.name.to_string();
    clean::line(&format!(
        "{name:<30} {:>7} {:<6} {}",
        record.ttl,
        record.record_type().to_string(),
        record.data
    ))
}

fn record(record: &Record) -> Value {
    json!({ "name": record.name.to_string(), "ttl": record.ttl, "type": record.record_type().to_string(),
        "data": record.data.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        resolve: ResolveArgs,
    }

    fn question(words: &[&str]) -> Result<(String, String, Option<SocketAddr>), String> {
        let command = Command::try_parse_from(["test"].iter().chain(words)).map_err(|why| why.to_string())?;
        let question = read(&command.resolve).map_err(|why| why.to_string())?;
        let kinds = question.kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        Ok((question.name.to_string(), kinds, question.server))
    }

    #[test]
    fn a_question_is_a_name_types_and_a_server() {
        let at = |text: &str| Some(text.parse().unwrap());
        let asked = |name: &str, kinds: &str, server| Ok((name.to_owned(), kinds.to_owned(), server));
        assert_eq!(question(&["www.example"]), asked("www.example.", "A AAAA", None));
        assert_eq!(question(&["@10.0.0.1", "example.", "mx"]), asked("example.", "MX", at("10.0.0.1:53")));
        assert_eq!(question(&["-x", "192.0.2.1"]), asked("1.2.0.192.in-addr.arpa.", "PTR", None));
        for (bad, part) in [
            (&["a", "banana"][..], "no type"),
            (&["a", "@b"], "@b"),
            (&["@10.0.0.1"], "what name"),
            (&["-x", "name"], "no address"),
            (&["a..b"], "nothing between two of its dots"),
            (&[".a"], "nothing between two of its dots"),
            (&[""], "no name"),
            (&[&"a".repeat(64)], "63 octets"),
        ] {
            let why = question(bad).unwrap_err();
            assert!(why.contains(part), "{bad:?}: {why}");
        }
    }
}
