//! Ctrl-C, SIGTERM and a lost terminal end a probe with what was found;
//! asking twice ends it at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::ExitStatus;

/// Listens until the probe ends.
pub(super) fn listen_for_signals(interrupt: watch::Sender<bool>) {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut interrupted), Ok(mut terminated), Ok(mut hung_up)) = signals else {
        // Without listeners the signals keep their default, and a probe leaves
        // nothing half done.
        return;
    };
    tokio::task::spawn_local(async move {
        loop {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
                _ = hung_up.recv() => {}
            }
            if interrupt.send_replace(true) {
                std::process::exit(i32::from(ExitStatus::Killed.code()));
            }
        }
    });
}
