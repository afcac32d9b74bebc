//! `handfast completions` and `handfast man`: made from the same description as the help.

use crate::Done;
use crate::args::Args as Command;
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
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
    clap_complete::generate(args.shell, &mut Command::command(), "handfast", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(Done::Well)
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
