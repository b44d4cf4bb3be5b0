use std::os::unix::process::CommandExt;
use std::{env, process};

/// Has the program use one heap; to be called first, before there are threads.
///
/// glibc has a heap for each of many threads, and what one thread allocated and another freed, as the pages of a database are, stays in it:
/// under load the memory grows and grows. glibc is told to have one heap by the environment that a program begins with, so this one begins
/// once more, with the same process id and the same arguments, unless somebody has decided otherwise.
pub fn use_one_heap() {
    const SETTING: &str = "MALLOC_ARENA_MAX";
    if !cfg!(target_env = "gnu") || env::var_os(SETTING).is_some() {
        return;
    }
    let error = match env::current_exe() {
        Ok(program) => process::Command::new(program).args(env::args_os().skip(1)).env(SETTING, "1").exec(),
        Err(error) => error,
    };
    tracing::warn!("more memory than needed will be used: {error}");
}
