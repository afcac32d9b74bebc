//! `handfast completions` and `handfast man`: made from the same description as the help.

use crate::Done;
use crate::args::Args as Command;
use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Args, CommandFactory as _, ValueHint};
use clap_complete::Shell;
use std::io::Write as _;
use std::path::PathBuf;

/// Print what a shell needs to complete the commands and their options
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  handfast completions bash > ~/.local/share/bash-completion/completions/handfast
  handfast completions zsh > ~/.zfunc/_handfast
  handfast completions fish > ~/.config/fish/completions/handfast.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the manual pages
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  handfast man | man -l -              the first page
  handfast man ~/.local/share/man/man1      one file for each command")]
pub(crate) struct ManArgs {
    /// Where to, a file for each command; without it, the first page is printed
    dir: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Done> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut hinted(Command::command()), "handfast", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(Done::Well)
}

/// What is no path and no name of a list is not to be completed: a shell would offer files for a number.
fn hinted(command: clap::Command) -> clap::Command {
    let no_path = |arg: Arg| match arg.get_value_hint() {
        // Several of a list, with commas between: the command itself says which are none.
        ValueHint::Unknown if arg.get_id() == "controller" => {
            let names = sim::paths::CONTROLLERS.iter().map(|known| known.name()).chain(["all"]);
            arg.value_parser(PossibleValuesParser::new(names)).value_hint(ValueHint::Other)
        }
        ValueHint::Unknown if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    };
    command.mut_args(no_path).mut_subcommands(hinted)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Done> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Command::command()).render(&mut page)?;
        std::io::stdout().write_all(&page)?;
        return Ok(Done::Well);
    };
    let cannot = || format!("cannot write to {}", dir.display());
    std::fs::create_dir_all(dir).with_context(cannot)?;
    clap_mangen::generate_to(Command::command(), dir).with_context(cannot)?;
    writeln!(std::io::stdout(), "the manual pages are in {}", dir.display())?;
    Ok(Done::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every option with a value, with what a shell can make of it.
    fn options(command: &clap::Command, found: &mut Vec<(String, ValueHint, Vec<String>)>) {
        for arg in command.get_opts().filter(|arg| arg.get_num_args().is_some_and(|n| n.takes_values())) {
            let name = format!("{} --{}", command.get_name(), arg.get_long().unwrap_or_default());
            let values = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            found.push((name, arg.get_value_hint(), values));
        }
        command.get_subcommands().for_each(|command| options(command, found));
    }

    #[test]
    fn shells_offer_files_where_a_file_is_wanted_and_names_where_there_is_a_list() {
        let mut command = hinted(Command::command());
        command.build();
        let mut found = Vec::new();
        options(&command, &mut found);
        let of = |name: &str| {
            found.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("no {name}"))
        };
        assert_eq!(of("get --congestion").2, ["newreno", "cubic", "bbr", "dctcp"]);
        assert_eq!(
            of("get --ecn").2,
            ["off", "accept", "classic", "accurate", "accept-classic", "only-classic"]
        );
        for command in ["paths", "plot"] {
            assert_eq!(
                of(&format!("{command} --controller")).2.last().map(String::as_str),
                Some("all"),
                "{command}"
            );
        }
        for command in ["demo", "transfer", "explain", "replay"] {
            assert_eq!(of(&format!("{command} --lang")).2, ["en", "ko"], "{command}");
        }
        for file in ["get --output", "serve --pcap", "nc --record", "transfer --file"] {
            assert_eq!(of(file).1, ValueHint::AnyPath, "{file}");
        }
        for number in ["ping --count", "get --mtu", "serve --port", "nc --tun"] {
            assert_eq!(of(number).1, ValueHint::Other, "{number}");
        }
        assert!(found.iter().all(|(_, hint, _)| *hint != ValueHint::Unknown));
    }
}
