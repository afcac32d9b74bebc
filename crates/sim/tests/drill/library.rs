//! The scripts, read; and one of them played.

use handfast_sim::Instant;
use handfast_sim::packetdrill::Ours;
use handfast_sim::packetdrill::find::scripts_below;
use handfast_sim::packetdrill::play::{Rules, play};
use handfast_sim::packetdrill::report::Verdict;
use handfast_sim::packetdrill::script::{customary, parse};
use handfast_sim::packetdrill::subject::IpVersion;
use std::fs;
use std::path::{Path, PathBuf};
use tcp::TcpConfig;

/// One script.
pub(crate) struct Written {
    /// Where it stands, below the directory of scripts.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// How a script is played.
#[derive(Clone, Copy, Default)]
pub(crate) struct Way {
    pub(crate) rules: Rules,
    /// What the host's own clock shows when it begins, unless it is the usual.
    pub(crate) start: Option<Instant>,
    /// What is changed in the host's settings.
    pub(crate) change: Option<fn(TcpConfig) -> TcpConfig>,
}

impl Written {
    /// Plays it. `Ok(false)`: it doesn't apply.
    ///
    /// # Errors
    /// What is not as it says.
    pub(crate) fn play(&self, way: &Way) -> Result<bool, String> {
        let version = way.rules.version;
        let definitions = customary(version == IpVersion::V6, version != IpVersion::V4);
        let script = parse(&self.text, &definitions).map_err(|why| why.message.clone())?;
        let mut host = Ours::new(0);
        if let Some(start) = way.start {
            host = host.starting(start);
        }
        if let Some(change) = way.change {
            host = host.changed(change);
        }
        match play(&script, &mut host, &way.rules).verdict {
            Verdict::Passed => Ok(true),
            Verdict::Failed(why) => {
                Err(format!("{}: {} ({})", why.at.line, why.what, why.actual.unwrap_or_default()))
            }
            Verdict::Skipped { because, .. } => {
                // An option of the script's own says for what it is; anything else is a script that nobody reads.
                let meant = self.only().is_some_and(|only| because == format!("it is for {only} only"));
                if meant { Ok(false) } else { Err(format!("skipped: {because}")) }
            }
        }
    }

    /// The version that it says it is for.
    fn only(&self) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix("--ip_version="))
    }

    /// Whether it is meant to hold strictly: unless it says why not, in a line `// loose: …`.
    pub(crate) fn is_strict(&self) -> bool {
        let why = self.text.lines().find_map(|line| line.strip_prefix("// loose:"));
        why.is_none_or(|why| why.trim().is_empty())
    }

    /// Whether it has TCP in it: what sockets mapped into IPv6 are played for.
    pub(crate) fn is_tcp(&self) -> bool {
        self.text.contains("IPPROTO_TCP")
    }
}

/// All scripts, in the order of their names.
pub(crate) fn all() -> Vec<Written> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        Written { name, text: fs::read_to_string(&path).unwrap() }
    };
    scripts_below(&root).unwrap().into_iter().map(read).collect()
}
