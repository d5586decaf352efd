//! Ctrl-C, SIGTERM and a lost terminal end the run in good order; asking twice
//! ends it at once.

use actix::Recipient;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::ExitStatus;

use super::messages::{Abort, StopReason};

/// Listens until the run ends. `go_on` is the command that goes on with it.
pub(super) fn listen_for_signals(abort: Recipient<Abort>, go_on: String) {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else {
        // Without listeners the signals keep their default: they end the
        // process, and the journal makes that safe.
        return;
    };
    actix::spawn(async move {
        let mut asked = false;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            if asked {
                match go_on.as_str() {
                    "" => eprintln!("sluice: stopped at once"),
                    go_on => eprintln!(
                        "sluice: stopped at once; what was done is in the journal; to go on: {go_on}"
                    ),
                }
                std::process::exit(i32::from(ExitStatus::Killed.code()));
            }
            asked = true;
            abort.do_send(Abort(StopReason::Interrupted));
        }
    });
}
