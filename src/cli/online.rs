//! `sluice plan --online`: what the tenant has of the rows that a run would
//! send, by look-ups alone.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;

use crate::actors::{Selection, StopReason};
use crate::auth::Credentials;
use crate::config::Settings;
use crate::connector::Effect;
use crate::error::{ExitStatus, FatalError, FatalKind, printable};
use crate::record::{Counts, RowRanges};
use crate::report::{counted as number_of, thousands, write_counts};
use crate::source::csv::Input;
use crate::store::{RunDirectory, SqliteJournal};

use super::arguments::ShowingFlags;
use super::compare::{Choice, MismatchReason, Mismatches, check_can_compare, comparing, counted};
use super::credentials::{client_id_offline, read_credentials};
use super::known_limits::{KnownLimits, forecast};
use super::load::Prepared;
use super::pass::Pass;
use super::plan::{Asking, Sendable};
use super::plan_text::Plan;
use super::set_up;
use super::staging::PrivateFolder;

/// Rows that are looked up where the user doesn't say how many: enough to see
/// what a load would do, few enough for the slowest tenant.
const LOOKED_UP: u64 = 200;

/// What the tenant has of the rows.
#[derive(Debug, Default, Serialize)]
pub(super) struct OnlinePlan {
    /// Rows that were looked up, or whose records can't be there as long as
    /// something isn't that a load makes first; the sum of the next six.
    pub(super) looked_up: u64,
    /// Their records aren't there, and would be made.
    pub(super) created: u64,
    /// Their records are there, and differ.
    pub(super) updated: u64,
    /// Their records are as the rows ask for.
    pub(super) unchanged: u64,
    /// Their keys have several records, or one where a run would make one.
    pub(super) conflict: u64,
    /// Their records aren't there, and nothing would make them.
    pub(super) missing: u64,
    /// The look-up gave no answer that could be used.
    pub(super) failed: u64,
    /// Rows that were to be looked up, and were not.
    pub(super) not_reached: u64,
    /// Different keys among the rows that would be sent, looked up or not.
    pub(super) keys: u64,
    /// Updated rows, by each place that would change.
    pub(super) places: BTreeMap<String, u64>,
    /// Why rows are in conflict, missing or failed, with the first of each.
    pub(super) reasons: BTreeMap<String, MismatchReason>,
    /// Look-ups that were sent for it.
    pub(super) requests: u64,
}

/// How the tenant's being asked has ended.
pub(super) struct Answered {
    pub(super) status: ExitStatus,
    pub(super) failure: Option<FatalError>,
}

impl Default for Answered {
    fn default() -> Self {
        Self {
            status: ExitStatus::Done,
            failure: None,
        }
    }
}

/// A plan's question to the tenant, ready to be asked.
pub(super) struct Question {
    asking: Asking,
    credentials: Credentials,
    /// What a load would set up before its first row.
    not_there_yet: Vec<String>,
}

impl Question {
    /// `None` where nothing is to be asked. With it come the settings with what
    /// only the tenant can tell.
    pub(super) fn prepare(
        settings: Settings,
        asking: Asking,
    ) -> Result<(Settings, Option<Self>), FatalError> {
        if asking == Asking::Nothing {
            return Ok((settings, None));
        }
        let credentials = read_credentials(&settings)?;
        let (settings, not_there_yet) = set_up::looked_up(&settings, &credentials)?;
        let question = Self {
            asking,
            credentials,
            not_there_yet,
        };
        Ok((settings, Some(question)))
    }

    /// Refuses a plan whose rows can't be looked up, before they are read.
    pub(super) fn check(&self, prepared: &mut Prepared) -> Result<(), FatalError> {
        check_can_compare(prepared)?;
        let notices = self
            .not_there_yet
            .iter()
            .map(|name| format!("`{name}` isn't there yet; a load makes it"));
        prepared.shape.notices.extend(notices);
        if matches!(prepared.csv.input, Input::Stdin) {
            return Err(FatalError::usage(
                "the rows of standard input can be read only once, and --online reads them twice",
            )
            .with_hint("Write them to a file, and plan that."));
        }
        Ok(())
    }

    /// Looks rows up, and adds what the tenant says to the plan.
    pub(super) fn ask(
        self,
        prepared: &Prepared,
        sendable: &Sendable,
        plan: &mut Plan,
        showing: &ShowingFlags,
    ) -> Result<Answered, FatalError> {
        if !self.not_there_yet.is_empty() {
            return Ok(Self::without_records(prepared, sendable, plan));
        }
        let is_bounded = self.asking == Asking::AboutAll || prepared.settings.limit.is_some();
        let most = match is_bounded {
            true => u64::MAX,
            false => LOOKED_UP,
        };
        let (rows, choice) = first_rows(sendable, most);
        let scratch = PrivateFolder::create()?;
        let books = RunDirectory::make_side_books(&scratch.path().join("books"))?;
        let pass = Pass {
            headline: format!(
                "look {} up: {}",
                number_of(rows, "row"),
                prepared.headline()
            ),
            directory: &books,
            journal: Box::new(SqliteJournal::open(&books.journal_path())?),
            source: "",
            credentials: self.credentials,
            selection: Selection::default(),
            counting: counted(rows),
        };
        let name = format!("plan-{}", jiff::Timestamp::now().as_millisecond());
        let (mut end, _) = pass.carry_out(prepared, showing, |plan| {
            comparing(plan, prepared, &name, Some(choice))
        })?;
        let Some(mut ledger) = end.ledger.take() else {
            return Err(FatalError::new(FatalKind::Internal, "the recorder failed"));
        };
        ledger.commit_with_reserve(end.elapsed)?;
        let mut counts: Counts = ledger.counts();
        counts.settle(rows);
        let mismatches = Mismatches::count(&books.path().join("rejected.csv"))?;
        let mut online = OnlinePlan {
            looked_up: counts.ended(),
            unchanged: counts.unchanged,
            not_reached: counts.not_reached,
            keys: sendable.keys(),
            requests: ledger.requests().sent,
            ..OnlinePlan::default()
        };
        online.sort_out(
            prepared,
            counts.rejected,
            ledger.checkpoint().missing,
            mismatches,
        );
        let mut answered = Answered::default();
        if online.conflict + online.missing + online.failed > 0 {
            answered.status = ExitStatus::SomeRejected;
        }
        if let Some(stop) = end.stop
            && (online.not_reached > 0 || matches!(stop, StopReason::Fatal(_)))
        {
            answered.status = answered.status.worst_of(stop.exit_status());
            if let StopReason::Fatal(error) = stop {
                answered.failure = Some(error);
            }
        }
        online.forecast(prepared, plan);
        plan.online = Some(online);
        Ok(answered)
    }

    /// What records belong to isn't there yet, so none of them is, and there is
    /// nobody to ask.
    fn without_records(prepared: &Prepared, sendable: &Sendable, plan: &mut Plan) -> Answered {
        let keys = sendable.keys();
        let mut online = OnlinePlan {
            looked_up: keys,
            keys,
            ..OnlinePlan::default()
        };
        online.sort_out(prepared, keys, keys, Mismatches::default());
        online.forecast(prepared, plan);
        let status = match online.missing {
            0 => ExitStatus::Done,
            _ => ExitStatus::SomeRejected,
        };
        plan.online = Some(online);
        Answered {
            status,
            failure: None,
        }
    }
}

/// The first rows of those that would be sent, at most so many; how many they
/// are, and which.
fn first_rows(sendable: &Sendable, most: u64) -> (u64, Choice) {
    let is_repeated = |row: &u64| sendable.repeated.binary_search(row).is_ok();
    let accepted = sendable.accepted.iter();
    let wanted = accepted.flat_map(|(first, last)| first..=last);
    let wanted = wanted.filter(|row| !is_repeated(row));
    let mut chosen = RowRanges::default();
    for row in wanted.take(usize::try_from(most).unwrap_or(usize::MAX)) {
        chosen.insert(row);
    }
    let rows = chosen.rows();
    (rows, Arc::new(move |row| chosen.contains(row.0)))
}

impl OnlinePlan {
    /// What a run would make of the rows that aren't as they should be.
    fn sort_out(
        &mut self,
        prepared: &Prepared,
        rejected: u64,
        absent: u64,
        mismatches: Mismatches,
    ) {
        let different = mismatches.of("differs");
        let several = mismatches.of("several_records");
        self.failed = rejected - absent - different - several;
        self.conflict = several;
        let bound = &prepared.bound;
        self.reasons = mismatches.errors;
        self.reasons.retain(|error, _| match error.as_str() {
            "differs" => bound.operation.effect == Effect::Created && bound.update.is_none(),
            "not_found" => bound.operation.effect == Effect::Updated && bound.update.is_none(),
            _ => true,
        });
        match (bound.operation.effect, &bound.update) {
            (Effect::Updated, None) => {
                self.updated = different;
                self.missing = absent;
            }
            // A second record of the key, or a refusal.
            (Effect::Created, None) => {
                self.created = absent;
                self.conflict += different + self.unchanged;
                self.unchanged = 0;
                return;
            }
            (Effect::Upserted, _) | (_, Some(_)) => {
                self.updated = different;
                self.created = absent;
            }
        }
        self.places = mismatches.places;
    }

    /// Where rows are looked up before they are sent, what was found says how
    /// many requests the load takes.
    fn forecast(&self, prepared: &Prepared, plan: &mut Plan) {
        let (Some(update), true) = (&prepared.bound.update, self.looked_up > 0) else {
            return;
        };
        let calls = |rows: u64, most: usize| rows.div_ceil(most.max(1) as u64);
        let writes = calls(self.created, prepared.bound.operation.batch_cap)
            + calls(self.updated, update.batch_cap);
        // Precise enough: a load has far fewer than 2^52 rows.
        let share = plan.to_send as f64 / self.looked_up as f64;
        let look_ups = calls(plan.to_send, prepared.bound.operation.look_up_cap());
        let requests = look_ups + (writes as f64 * share).round() as u64;
        let settings = &prepared.settings;
        let client = client_id_offline(settings);
        let key = prepared.limit_key(client.as_deref().unwrap_or_default());
        (plan.forecast, plan.forecast_from) = forecast(
            requests,
            &KnownLimits::read(settings).profiles,
            (&key.tenant, client.as_deref(), &key.endpoint),
            settings,
        );
    }

    /// The part of the plan's text that is about it.
    pub(super) fn write_text(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\nwhat the tenant has ({})", self.part())?;
        let lines = [
            ("to create", self.created, true),
            ("to update", self.updated, true),
            ("unchanged", self.unchanged, true),
            ("conflict", self.conflict, false),
            ("missing", self.missing, false),
            ("failed", self.failed, false),
        ];
        write_counts(out, 12, &lines)?;
        for (rule, reason) in &self.reasons {
            writeln!(out, "  {rule}: {}", number_of(reason.rows, "row"))?;
            for told in &reason.first {
                writeln!(out, "    line {}: {}", told.line, printable(&told.message))?;
            }
            let others = reason.rows - reason.first.len() as u64;
            if others > 0 {
                writeln!(out, "    … and {} more", thousands(others))?;
            }
        }
        for (place, rows) in &self.places {
            writeln!(out, "  {place} would change in {}", number_of(*rows, "row"))?;
        }
        if self.not_reached > 0 {
            writeln!(
                out,
                "  {} not looked up: it was stopped before",
                number_of(self.not_reached, "row")
            )?;
        }
        Ok(())
    }

    fn part(&self) -> String {
        if self.requests == 0 && self.looked_up > 0 {
            return "nothing was looked up: what a load makes first isn't there yet, and so no record is".to_owned();
        }
        let looked_up = number_of(self.looked_up, "row");
        match self.looked_up + self.not_reached < self.keys {
            true => format!(
                "looked up: {looked_up}, of {} different keys; --all looks up every one",
                thousands(self.keys)
            ),
            false => format!("looked up: {looked_up}, each key once"),
        }
    }
}
