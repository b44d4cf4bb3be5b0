use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Done when the process is asked to stop: SIGTERM, or SIGINT as Ctrl-C sends it.
///
/// # Errors
/// When the operating system takes no handler.
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// The signals that ask a server to read its files again: SIGHUP.
///
/// # Errors
/// When the operating system takes no handler.
pub fn reload_signal() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
