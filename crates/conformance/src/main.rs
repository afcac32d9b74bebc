//! `cargo run -p handfast-conformance`: how the rules stand; with `--write`, the pages anew; with
//! `--tests FILE`, whether the tests in that list (`cargo test -- --list --format terse`) hold all tagged ones.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use handfast_conformance::pages::{Counts, pages};
use handfast_conformance::report::{DIRECTORY, Report};
use handfast_conformance::{readme, workspace_root};

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let (write, tests) = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, None),
        ["--write"] => (true, None),
        ["--tests", list] => (false, Some(list)),
        _ => {
            eprintln!("usage: handfast-conformance [--write | --tests FILE]");
            return ExitCode::from(2);
        }
    };
    match run(&workspace_root(), write, tests.map(Path::new)) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            eprintln!("{} faults", faults.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, write: bool, tests: Option<&Path>) -> io::Result<Vec<String>> {
    let mut report = Report::of_workspace(root)?;
    if write {
        shrink_open_list(root, &mut report)?;
        write_pages(root, &report)?;
        write_readme(root, &report)?;
    }
    println!(
        "{:>5} {:>6} {:>5} {:>5} {:>7} {:>7} {:>11} {:>6}",
        "RFC", "MUSTs", "held", "open", "others", "tested", "exceptions", "later"
    );
    let rfcs = report.requirements.rfcs();
    for (shown, rfc) in rfcs.iter().map(|&rfc| (rfc, Some(rfc))).chain([("all", None)]) {
        let Counts { musts, held, open, others, tested, exceptions, later } = Counts::of(&report, rfc);
        println!(
            "{shown:>5} {musts:>6} {held:>5} {open:>5} {others:>7} {tested:>7} {exceptions:>11} {later:>6}"
        );
    }
    let mut faults = report.faults();
    if let Some(list) = tests {
        let list = fs::read_to_string(list)?;
        faults.extend(
            report
                .missing(&list)
                .into_iter()
                .map(|p| format!("{}: no test program has {}", p.file, p.symbol)),
        );
    }
    Ok(faults)
}

/// Takes out of the open list what is open no more. Nothing is ever put in by itself.
fn shrink_open_list(root: &Path, report: &mut Report) -> io::Result<()> {
    let closed: Vec<_> = report.closed().into_iter().map(str::to_owned).collect();
    let path = root.join(DIRECTORY).join("open.tsv");
    let text = fs::read_to_string(&path)?;
    let gone = |line: &str| line.split('\t').next().is_some_and(|id| closed.iter().any(|c| c == id.trim()));
    let kept: String = text.lines().filter(|line| !gone(line)).flat_map(|line| [line, "\n"]).collect();
    if kept != text {
        fs::write(&path, kept)?;
    }
    closed.iter().for_each(|id| {
        println!("open no more: {id}");
        report.open.remove(id);
    });
    Ok(())
}

/// Renews the README's line.
fn write_readme(root: &Path, report: &Report) -> io::Result<()> {
    let path = root.join(readme::FILE);
    let old = fs::read_to_string(&path)?;
    let gate = fs::read_to_string(root.join(readme::GATE))?;
    let new = readme::renewed(&old, report, &gate).map_err(io::Error::other)?;
    if new == old { Ok(()) } else { fs::write(path, new) }
}

/// Writes the pages that changed, and removes those of RFCs that have no rows any more.
fn write_pages(root: &Path, report: &Report) -> io::Result<()> {
    let dir = root.join(DIRECTORY);
    let pages = pages(report);
    for entry in fs::read_dir(&dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && !pages.contains_key(&name) {
            fs::remove_file(dir.join(name))?;
        }
    }
    for (name, text) in pages {
        let path = dir.join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(path, text)?;
        }
    }
    Ok(())
}
