//! From a batch's sections to what a load runs on.

use std::collections::BTreeMap;

use crate::config::Located;

use super::batch::{BatchForm, TrackerMember, quoted};
use super::batch_file::{FailuresSection, RecordsForm, ResultsSection};
use super::compile::{objects_around, pointer_names, pointers};
use super::condition::Condition;
use super::error::ConnectorError;
use super::item_key::{MatchBy, NameForm};
use super::load::Connector;
use super::operation_file::OperationSection;
use super::places::Places;
use super::reply::ReplyRule;
use super::results::{ResultList, ResultsForm};
use super::rule_file::{ConditionSection, ItemReplySection};
use super::status::StatusSet;

/// The status that says that a body is too large (RFC 9110, section 15.5.14).
const CONTENT_TOO_LARGE: u16 = 413;

/// The most records of one request.
pub(super) fn batch_cap(section: &OperationSection) -> usize {
    let cap = section.batch.as_ref().map_or(1, |batch| batch.value.max(1));
    usize::try_from(cap).unwrap_or(usize::MAX)
}

/// What stands before the first record, and after the last one.
fn around_records(
    section: &OperationSection,
    records: &str,
    given: &BTreeMap<String, String>,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (mut open, mut close) = objects_around(records);
    for entry in &section.body.beside_records.entries {
        let value = entry.value.value.json(given)?;
        for name in pointer_names(&entry.name.value) {
            close.insert(0, b',');
            let member = [&quoted(&name)[..], b":", value.as_bytes()].concat();
            close.splice(1..1, member);
        }
    }
    let (first, last) = match section.body.records_as {
        RecordsForm::List => (b'[', b']'),
        RecordsForm::CsvInBase64 => (b'"', b'"'),
    };
    open.push(first);
    close.insert(0, last);
    Ok((open, close))
}

pub(super) fn compiled(conditions: &[Located<ConditionSection>]) -> Vec<Condition> {
    conditions
        .iter()
        .map(|condition| Condition::new(&condition.value.conditions()))
        .collect()
}

fn results_form(section: &ResultsSection, operation: &OperationSection) -> ResultsForm {
    let may_repeat = may_repeat(operation);
    let mut lists = Vec::new();
    if let Some(at) = &section.at
        && let Some(match_by) = match_by(
            &section.key,
            &section.tracker,
            &section.index,
            goes_by_order(section),
        )
    {
        lists.push(ResultList {
            at: at.value.clone(),
            must_be_there: true,
            match_by,
            status: text(&section.status),
            rules: item_rules(&section.replies),
            pointers: pointers(&section.errors),
            id: text(&section.id),
            created: section
                .created
                .as_ref()
                .map(|place| (place.pointer.value.clone(), place.equals.clone())),
            may_repeat,
            holds_failures: false,
        });
    }
    // Where successes are listed as well, a reply without failures may leave
    // their list out; where nothing else is listed, that would prove too much.
    let must_be_there = section.at.is_none() && section.error_indexes.is_none();
    lists.extend(
        section
            .failures
            .as_ref()
            .and_then(|failures| failure_list(failures, must_be_there, may_repeat)),
    );
    ResultsForm {
        of_status: section
            .of_status
            .clone()
            .unwrap_or_else(StatusSet::successes),
        lists,
        error_indexes: section
            .error_indexes
            .as_ref()
            .zip(section.others.as_ref())
            .map(|(pointer, others)| (pointer.value.clone(), others.value)),
        absent: section
            .absent
            .as_ref()
            .map(|absent| absent.value)
            .unwrap_or_default(),
        error_count: text(&section.error_count),
    }
}

pub(super) fn failure_list(
    section: &FailuresSection,
    must_be_there: bool,
    may_repeat: bool,
) -> Option<ResultList> {
    Some(ResultList {
        at: section.at.value.clone(),
        must_be_there,
        match_by: match_by(&section.key, &section.tracker, &section.index, false)?,
        status: text(&section.status),
        rules: item_rules(&section.replies),
        pointers: pointers(&section.errors),
        id: None,
        created: None,
        may_repeat,
        holds_failures: true,
    })
}

/// Whether the same request may be sent twice. A job is asked about instead.
pub(super) fn may_repeat(section: &OperationSection) -> bool {
    match &section.repeatable {
        _ if section.job.is_some() => false,
        Some(repeatable) => repeatable.value,
        None => section.method.is_repeatable_by_default(),
    }
}

pub(super) fn text(located: &Option<Located<String>>) -> Option<String> {
    located.as_ref().map(|located| located.value.clone())
}

/// Whether results are matched with records by their order.
pub(super) fn goes_by_order(section: &ResultsSection) -> bool {
    section
        .in_order
        .as_ref()
        .is_some_and(|in_order| in_order.value)
}

fn match_by(
    key: &Option<Located<Places>>,
    tracker: &Option<Located<Places>>,
    index: &Option<Located<Places>>,
    in_order: bool,
) -> Option<MatchBy> {
    if in_order {
        return Some(MatchBy {
            form: NameForm::Order,
            pointers: Vec::new(),
        });
    }
    let (form, places) = match (key, tracker, index) {
        (Some(places), ..) => (NameForm::Key, places),
        (_, Some(places), _) => (NameForm::Tracker, places),
        (.., places) => (NameForm::Index, places.as_ref()?),
    };
    Some(MatchBy {
        form,
        pointers: places.value.pointers.clone(),
    })
}

fn item_rules(rules: &[Located<ItemReplySection>]) -> Vec<ReplyRule> {
    rules
        .iter()
        .map(|rule| ReplyRule {
            condition: Condition::new(&rule.value.conditions()),
            class: rule.value.class,
        })
        .collect()
}

impl Connector {
    /// How records travel together; `None` where they don't.
    pub(super) fn batch_form(
        &self,
        section: &OperationSection,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<BatchForm>, ConnectorError> {
        let (Some(records), Some(results)) = (&section.body.records, &section.results) else {
            return Ok(None);
        };
        let results = &results.value;
        let (open, close) =
            around_records(section, &records.value, given).map_err(|name| self.missing(name))?;
        let tracker = section.body.tracker.as_ref().and_then(|tracker| {
            let name = pointer_names(&tracker.value).next()?;
            Some(TrackerMember::new(&name, section.body.tracker_as))
        });
        Ok(Some(BatchForm {
            open,
            close,
            tracker,
            csv_begins_with: match section.body.records_as {
                RecordsForm::List => None,
                RecordsForm::CsvInBase64 => Some(section.key.value.clone()),
            },
            all_or_nothing: results.all_or_nothing,
            too_many: match &results.too_many {
                Some(conditions) => compiled(conditions),
                None => vec![Condition::of_status(CONTENT_TOO_LARGE)],
            },
            results: results_form(results, section),
        }))
    }
}
