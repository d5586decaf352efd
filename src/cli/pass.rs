//! One pass of rows through the stages: a leg of a load, or one that only
//! compares. It begins with open books and ends with books to be closed.

use std::sync::Arc;

use crate::actors::{self, InputCounting, RunEnd, RunPlan, Selection};
use crate::auth::Credentials;
use crate::config::LimitProfileUse;
use crate::error::FatalError;
use crate::record::{OutcomeBatch, RunEvent};
use crate::store::{Journal, Ledger, LimitProfiles, RunDirectory};
use crate::telemetry::Consumer;
use crate::transport::Lanes;

use super::arguments::ShowingFlags;
use super::conclude::{HistoryKeeper, elapsed_of};
use super::known_limits::{KnownLimits, keep, starting_words};
use super::load::Prepared;
use super::pause_keeper::PauseKeeper;
use super::print;
use super::progress_file::ProgressFile;

/// A pass, ready to start. Whoever starts it holds the lock of the books.
pub(super) struct Pass<'pass> {
    /// What it does, in one line.
    pub(super) headline: String,
    /// Where its books are.
    pub(super) directory: &'pass RunDirectory,
    pub(super) journal: Box<dyn Journal>,
    /// The input's name, which rows are told apart by from those of others.
    pub(super) source: &'pass str,
    pub(super) credentials: Credentials,
    pub(super) selection: Selection,
    pub(super) counting: InputCounting,
}

impl Pass<'_> {
    /// Carries it out. `adapt` changes the plan for a pass that isn't a load.
    pub(super) fn carry_out(
        self,
        prepared: &Prepared,
        showing: &ShowingFlags,
        adapt: impl FnOnce(RunPlan<Lanes>) -> RunPlan<Lanes>,
    ) -> Result<(RunEnd, HistoryKeeper), FatalError> {
        let run_id = self.directory.run_id();
        let mut ledger = Ledger::open(
            self.directory.path(),
            self.journal,
            prepared.book_format(),
            self.selection.first_row(),
        )?;
        ledger.record(OutcomeBatch {
            calls: prepared.set_up.calls.clone(),
            ..OutcomeBatch::default()
        })?;
        ledger.note_tokens(prepared.set_up.tokens_minted);
        // The leg's number is part of every request id, so it is durable before
        // the first request.
        ledger.commit(elapsed_of(ledger.checkpoint()))?;
        let history = HistoryKeeper::default();
        let untold = Arc::default();
        let keeps_limits = prepared.settings.limit_profile != LimitProfileUse::Untouched;
        let pauses = keeps_limits.then(|| {
            let kept = LimitProfiles::of(&prepared.settings.run_dir);
            let key = prepared.limit_key(&self.credentials.client_id);
            Box::new(PauseKeeper::new(kept, key, &untold)) as Box<dyn Consumer>
        });
        let mut also: Vec<Box<dyn Consumer>> = vec![
            Box::new(history.clone()),
            Box::new(ProgressFile::new(self.directory.clone())),
        ];
        also.extend(pauses);
        let (events, telemetry) = print::start_telemetry(showing, also);
        events.send(RunEvent::Started {
            run_id: run_id.clone(),
            headline: self.headline,
            already_ended: ledger.counts().ended(),
        });
        for notice in &prepared.shape.notices {
            events.send(RunEvent::Notice(notice.clone()));
        }
        let settings = &prepared.settings;
        let known = KnownLimits::read(settings);
        let plan = prepared.run_plan(
            run_id,
            self.source,
            self.credentials,
            self.selection,
            &known,
            events.clone(),
        )?;
        let plan = adapt(plan);
        let starting = starting_words(&plan.known_limits, &plan.limit_key);
        for notice in [known.trouble.clone(), starting].into_iter().flatten() {
            events.send(RunEvent::Notice(notice));
        }
        let remarks = prepared.source_remarks.in_run(events);
        let end = actors::run(plan, Box::new(ledger), self.counting);
        drop(remarks);
        telemetry.finish();
        // A file that couldn't be read can't be added to; that was told.
        if let (Ok(end), None) = (&end, &known.trouble)
            && let Err(error) = keep(settings, &end.limits)
            && !showing.quiet
        {
            print::remark(&format!(
                "sluice: what was learnt of the tenant's limit isn't kept for the next run: {error}"
            ));
        }
        if let Some(error) = untold.lock().take()
            && !showing.quiet
        {
            print::remark(&format!(
                "sluice: a pause that the tenant asked for isn't kept for the next run: {error}"
            ));
        }
        Ok((end?, history))
    }
}
