//! What fetching has to say while the source is waited for: a run's notice, or a
//! line of its own where there is no run to tell it in.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::record::RunEvent;
use crate::source::Remark;
use crate::telemetry::EventSender;

use super::print;

/// Where remarks go; clones share it.
#[derive(Clone, Default)]
pub(super) struct SourceRemarks(Arc<Mutex<Option<EventSender>>>);

/// While it lives, remarks are notices of a run. A sender that outlived the run
/// would keep its telemetry waiting.
pub(super) struct InRun<'remarks>(&'remarks SourceRemarks);

impl SourceRemarks {
    /// Tells remarks as notices of a run, from now on.
    pub(super) fn in_run(&self, events: EventSender) -> InRun<'_> {
        *self.0.lock() = Some(events);
        InRun(self)
    }

    /// What fetching tells its remarks to.
    pub(super) fn listener(&self) -> Remark {
        let remarks = self.clone();
        Box::new(move |text| remarks.tell(text))
    }

    fn tell(&self, text: String) {
        match &*self.0.lock() {
            Some(events) => events.send(RunEvent::Notice(text)),
            None => print::remark(&format!("sluice: {text}")),
        }
    }
}

impl Drop for InRun<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}
