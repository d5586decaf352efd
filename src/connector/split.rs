//! What a batch's reply means for each of its records.

use super::batch::BatchForm;
use super::batch_file::{AbsentRule, OthersRule};
use super::class::ReplyClass;
use super::item_key::ItemKey;
use super::operation::Operation;
use super::reply::Parsed;
use super::results::{NoResults, Telling, Tellings};
use super::verdict::{ItemVerdict, Split};

/// Bytes of a batch's reply that are read. A thousand results with their
/// records echoed fit; the transport reads less than that anyway.
pub(super) const MAX_RESULTS_BYTES: usize = 2 * 1024 * 1024;

impl Operation {
    /// What a reply means for each record of its request: one verdict for every
    /// item, in their order, or one word for all of them. `header` gives a
    /// header's value by its name, in whatever letter case.
    ///
    /// A record is done only where the reply says so of this record, once and
    /// without contradiction, or where the connector says that records which
    /// the reply leaves out are done and there is nothing odd about the reply.
    #[must_use]
    pub fn split<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
        items: &[ItemKey<'_>],
    ) -> Split {
        let Some(batch) = &self.batch else {
            let mut why = self.classify(status, header, body);
            why.class = why.class.doubted(status, self.repeatable);
            return Split::Whole(why);
        };
        let mut parsed = Parsed::new(body, MAX_RESULTS_BYTES);
        if batch
            .too_many
            .iter()
            .any(|condition| condition.holds(Some(status), &mut parsed))
        {
            let rejected = ReplyClass::Rejected;
            let why = self.replies.explain(rejected, status, header, &mut parsed);
            return match items.len() {
                0 | 1 => Split::Whole(why),
                count => Split::ShrinkCap {
                    most: count / 2,
                    why,
                },
            };
        }
        let ruled = self.replies.ruled(status, &mut parsed);
        let class = ruled
            .unwrap_or_else(|| self.class_by_status(status))
            .doubted(status, self.repeatable);
        let form = &batch.results;
        // Of a job, the results come later.
        if self.job.is_none()
            && form.tells_records_apart()
            && form.of_status.contains(status)
            && !class.is_about_the_request()
        {
            let other_count = match self.read_results(&mut parsed, class, status, items) {
                Ok(Some((verdicts, true))) => return Split::NamesNone(verdicts),
                Ok(Some((verdicts, false))) => return Split::Items(verdicts),
                Err(NoResults::OtherCount(count)) => Some(count),
                Ok(None) | Err(NoResults::NoList) => None,
            };
            if claims_success(class) {
                let unknown = ReplyClass::Unknown;
                let mut why = self.replies.explain(unknown, status, header, &mut parsed);
                why.message = match other_count {
                    Some(count) => format!(
                        "the tenant took the batch, but its reply has {count} results of {} records, so their order proves nothing",
                        items.len()
                    ),
                    None => format!(
                        "the tenant took the batch, but its reply can't be split into results: {}",
                        why.message
                    ),
                };
                // A smaller batch may be told of in full; sent twice, it does no harm.
                return match other_count.is_some() && self.repeatable && items.len() > 1 {
                    true => Split::Halve(why),
                    false => Split::Whole(why),
                };
            }
        }
        let why = self.replies.explain(class, status, header, &mut parsed);
        let is_refusal = (400..500).contains(&status)
            && matches!(
                class,
                ReplyClass::Rejected | ReplyClass::Missing | ReplyClass::Conflict
            );
        // A batch that may be repeated can be halved whatever came of it.
        if is_refusal && items.len() > 1 && (batch.all_or_nothing || self.repeatable) {
            return Split::Halve(why);
        }
        Split::Whole(why)
    }

    /// A verdict for every record; `None` where the reply tells none apart.
    pub(super) fn verdicts(
        &self,
        reply: &mut Parsed<'_>,
        class: ReplyClass,
        status: u16,
        items: &[ItemKey<'_>],
    ) -> Option<Vec<ItemVerdict>> {
        let read = self.read_results(reply, class, status, items);
        read.ok().flatten().map(|(verdicts, _)| verdicts)
    }

    /// A verdict for every record, and whether the results name none of them;
    /// `None` where the reply contradicts itself.
    fn read_results(
        &self,
        reply: &mut Parsed<'_>,
        class: ReplyClass,
        status: u16,
        items: &[ItemKey<'_>],
    ) -> Result<Option<(Vec<ItemVerdict>, bool)>, NoResults> {
        let batch = self.batch.as_ref().ok_or(NoResults::NoList)?;
        if !batch.results.tells_records_apart() {
            return Err(NoResults::NoList);
        }
        let reply = reply.json().map_err(|_| NoResults::NoList)?;
        let tellings = batch.results.read(reply, items)?;
        let names_none = tellings.names_none();
        let verdicts = self.weigh(batch, class, status, tellings);
        Ok(verdicts.map(|verdicts| (verdicts, names_none)))
    }

    /// A verdict for every record; `None` where the reply contradicts itself.
    fn weigh(
        &self,
        batch: &BatchForm,
        class: ReplyClass,
        status: u16,
        tellings: Tellings,
    ) -> Option<Vec<ItemVerdict>> {
        let form = &batch.results;
        let mut told = tellings.of_items.iter().flatten();
        let nothing_failed = told.all(Telling::is_success);
        let mut told = tellings.of_items.iter().flatten();
        let none_is_done = !told.any(Telling::is_success);
        // What a reply leaves out is done only if the reply itself is a success.
        let is_success = matches!(class, ReplyClass::Done | ReplyClass::Unchanged)
            || (status == 207 && class == ReplyClass::Unknown);
        if nothing_failed && !is_success && none_is_done {
            // It was refused, and yet tells of no failure: it isn't about records.
            return None;
        }
        let rule = match form.error_indexes.as_ref().map(|(_, others)| others) {
            Some(OthersRule::Done) => AbsentRule::Done,
            Some(OthersRule::Untouched) if nothing_failed => AbsentRule::Done,
            Some(OthersRule::Untouched) => AbsentRule::Untouched,
            // Nothing of a refused batch was applied, whatever the reply names.
            None if batch.all_or_nothing && !is_success => AbsentRule::Untouched,
            None => form.absent,
        };
        let untold = match rule {
            _ if tellings.is_odd => Untold::Unknown,
            AbsentRule::Done if is_success => Untold::Done,
            AbsentRule::Rejected => Untold::Rejected,
            AbsentRule::Untouched if !nothing_failed && none_is_done => Untold::Untouched,
            AbsentRule::Done | AbsentRule::Unknown | AbsentRule::Untouched => Untold::Unknown,
        };
        let verdicts = tellings
            .of_items
            .into_iter()
            .map(|told| self.verdict(told, untold))
            .collect();
        Some(verdicts)
    }

    fn verdict(&self, mut told: Vec<Telling>, untold: Untold) -> ItemVerdict {
        match told.len() {
            0 => self.untold_verdict(untold),
            1 => self.told_verdict(told.swap_remove(0)),
            _ => self.verdict_of_many(told),
        }
    }

    fn told_verdict(&self, telling: Telling) -> ItemVerdict {
        let class = telling.class.unwrap_or(ReplyClass::Rejected);
        let status = telling.status;
        if telling.is_success() {
            let status_of_outcome = match telling.created {
                true => 201,
                false => status.unwrap_or(200),
            };
            return ItemVerdict {
                id: telling.id,
                status,
                outcome: self.outcome(class, status_of_outcome),
                ..ItemVerdict::bare(class)
            };
        }
        let error = match (status, class) {
            (Some(status), _) => format!("item_{status}"),
            (None, ReplyClass::Unknown) => "unclear_result".to_owned(),
            (None, class) => format!("item_{}", class.name()),
        };
        let message = match (telling.message.is_empty(), status) {
            (false, _) => telling.message,
            (true, Some(status)) => format!("status {status} of the record; no reason is named"),
            (true, None) if class == ReplyClass::Unknown => {
                "the record's result doesn't say what became of it".to_owned()
            }
            (true, None) => "the reply lists the record as failed and names no reason".to_owned(),
        };
        ItemVerdict {
            status,
            outcome: self.outcome(class, status.unwrap_or(0)),
            error,
            field: telling.field,
            message,
            ..ItemVerdict::bare(class)
        }
    }

    /// A record that is told of more than once. Several failures may be so many
    /// reasons, as long as they are of one class; anything else contradicts
    /// itself.
    fn verdict_of_many(&self, mut told: Vec<Telling>) -> ItemVerdict {
        let mut classes = told.iter().filter_map(|telling| telling.class);
        let first = classes.next();
        let is_one_class = classes.all(|class| Some(class) == first);
        if !is_one_class || told.iter().any(Telling::is_success) {
            return self.unclear(
                "unclear_result",
                "the reply tells of the record more than once, and not the same",
            );
        }
        // Which reason is shown must not hang on the order of the results.
        let rank = |telling: &Telling| {
            (
                telling.class.is_none(),
                telling.message.is_empty(),
                telling.field.is_empty(),
            )
        };
        told.sort_by(|one, other| (rank(one), one).cmp(&(rank(other), other)));
        self.told_verdict(told.swap_remove(0))
    }

    fn untold_verdict(&self, untold: Untold) -> ItemVerdict {
        match untold {
            Untold::Done => ItemVerdict {
                outcome: self.outcome(ReplyClass::Done, 200),
                ..ItemVerdict::bare(ReplyClass::Done)
            },
            Untold::Untouched => ItemVerdict {
                untouched: true,
                error: "untouched".to_owned(),
                message: "the batch was refused for another record".to_owned(),
                ..ItemVerdict::bare(ReplyClass::Retry)
            },
            Untold::Unknown => self.unclear(
                "no_result",
                "the tenant took the batch, and its reply has no result of this record that can be trusted",
            ),
            Untold::Rejected => ItemVerdict {
                outcome: self.outcome(ReplyClass::Rejected, 0),
                error: "no_result".to_owned(),
                message: "the reply has no result of this record, which the connector takes as a refusal"
                    .to_owned(),
                ..ItemVerdict::bare(ReplyClass::Rejected)
            },
        }
    }

    fn unclear(&self, error: &str, message: &str) -> ItemVerdict {
        ItemVerdict {
            outcome: self.outcome(ReplyClass::Unknown, 0),
            error: error.to_owned(),
            message: message.to_owned(),
            ..ItemVerdict::bare(ReplyClass::Unknown)
        }
    }
}

/// What becomes of a record that the reply doesn't tell of.
#[derive(Clone, Copy)]
enum Untold {
    Done,
    Untouched,
    Unknown,
    Rejected,
}

/// Whether a class leaves open that records were applied.
fn claims_success(class: ReplyClass) -> bool {
    matches!(
        class,
        ReplyClass::Done | ReplyClass::Unchanged | ReplyClass::Unknown
    )
}
