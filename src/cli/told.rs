//! What a command that works beside a run has found, before it is told: by
//! itself, or as one of a run's parts.

use serde::Serialize;

use crate::error::{ExitStatus, FatalError};

use super::arguments::OutputForm;
use super::print;

/// A result.
pub(super) struct Told<Data> {
    pub(super) status: ExitStatus,
    /// For machines.
    pub(super) data: Data,
    /// For people.
    pub(super) text: String,
    /// What failed, where something did.
    pub(super) failure: Option<FatalError>,
    /// What can be done next.
    pub(super) remark: Option<String>,
}

impl<Data: Serialize> Told<Data> {
    /// Tells it.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub(super) fn tell(self, form: OutputForm) -> Result<ExitStatus, FatalError> {
        print::report(form, &self.data, || self.text)?;
        if let Some(error) = &self.failure {
            print::failure(error);
        }
        if let Some(remark) = &self.remark {
            print::remark(remark);
        }
        Ok(self.status)
    }
}
