//! What `--record` writes: all that goes into the stack, for `handfast replay`.

use super::{NetArgs, Say};
use anyhow::{Context as _, anyhow};
use handfast::{RecordOptions, Recorder};
use record::Watch;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The stack lets go of its recording so soon after its end, as a rule much sooner.
const PATIENCE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(10);

/// A recording under way.
pub(super) struct Journal {
    path: PathBuf,
    watch: Watch,
}

impl Journal {
    /// Makes the file, if one is asked for. When it fails later, that is said at once, and the command goes on.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn begin(args: &NetArgs) -> anyhow::Result<Option<(Recorder, Self)>> {
        let Some(path) = args.record.clone() else { return Ok(None) };
        let name = path.display().to_string();
        let options = RecordOptions {
            payload: args.record_payload,
            about: about(std::env::args_os()),
            on_failure: Some(Box::new(move |why| {
                crate::out::complain(&format!("recording to {name} has ended: {why}; the rest goes on"));
            })),
            ..RecordOptions::default()
        };
        let recorder = Recorder::create(&path, options)
            .with_context(|| format!("cannot record to {}", path.display()))?;
        let watch = recorder.watch();
        Ok(Some((recorder, Self { path, watch })))
    }

    /// The end; the stack must be gone, or going. Says what was recorded.
    ///
    /// # Errors
    /// The recording is not whole.
    pub(super) async fn end(self, say: Say) -> anyhow::Result<()> {
        let mut waited = Duration::ZERO;
        // Not on the thread: the stack's task may be one of this thread.
        while !self.watch.wait(Duration::ZERO) && waited < PATIENCE {
            tokio::time::sleep(TICK).await;
            waited += TICK;
        }
        let (path, progress) = (self.path.display(), self.watch.progress());
        if let Some(why) = progress.failure {
            return Err(anyhow!(
                "the recording {path} ended after {} inputs: {why}; what is there can be replayed",
                progress.inputs
            ));
        }
        if !self.watch.wait(Duration::ZERO) {
            return Err(anyhow!("the recording {path} has no end: something still uses the stack"));
        }
        say.line_or_not(
            || {
                serde_json::json!({
                    "event": "recorded", "file": path.to_string(), "inputs": progress.inputs,
                    "frames": progress.frames, "octets": progress.octets,
                })
            },
            &format!(
                "recorded {} inputs and {} frames in {} octets: handfast replay {path}",
                progress.inputs, progress.frames, progress.octets
            ),
        );
        Ok(())
    }
}

/// What a recording says that it is of: the command, and nothing that was given to it, for that may be secret (a header, a
/// URL) and a recording is made to be handed on.
fn about(mut line: impl Iterator<Item = OsString>) -> String {
    let command = line.nth(1).unwrap_or_default();
    format!("handfast {}", command.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn a_recording_names_the_command_and_keeps_what_was_given_to_it_secret() {
        let line =
            ["/usr/bin/handfast", "get", "-H", "Authorization: Bearer s3cret", "http://a.example/?key=k3y"];
        let line = line.into_iter().map(OsString::from).chain([OsString::from_vec(vec![0xff])]);
        assert_eq!(about(line), "handfast get");
    }
}
