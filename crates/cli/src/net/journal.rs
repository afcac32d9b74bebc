//! What `--record` writes: all that goes into the stack, for `handfast replay`.

use super::{NetArgs, Say};
use anyhow::{Context as _, anyhow};
use handfast::{RecordOptions, Recorder};
use record::Watch;
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
            about: std::env::args().collect::<Vec<_>>().join(" "),
            on_failure: Some(Box::new(move |why| {
                anstream::eprintln!("handfast: recording to {name} has ended: {why}; the rest goes on");
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
