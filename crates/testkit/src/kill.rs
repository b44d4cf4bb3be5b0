//! kill -9 of a program at any step that it takes on the disk or the network.

use std::fs;
use std::path::{Path, PathBuf};

use crate::programs::run;

/// What is preloaded into a program, so that one of its steps is the last one.
#[derive(Clone, Debug)]
pub struct Kill {
    preloaded: PathBuf,
}

impl Kill {
    /// Compiles it in that folder.
    pub fn new(folder: &Path) -> Self {
        fs::write(folder.join("kill.c"), include_str!("kill.c")).expect("writable");
        run("cc", "-shared -fPIC -O1 -o kill.so kill.c -ldl", folder).success();
        Self { preloaded: folder.join("kill.so") }
    }

    /// The environment of a program that is killed at that step, counted from 1 and from when the file `armed` is there.
    pub fn environment(&self, armed: &Path, step: u32) -> [(&'static str, String); 3] {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        [("LD_PRELOAD", text(&self.preloaded)), ("KILL_ARMED", text(armed)), ("KILL_AT", step.to_string())]
    }
}
