//! From a batch's and a look-up's sections to what a load runs on.

use std::collections::BTreeMap;

use crate::config::{Located, TimeSpan};

use super::batch::{BatchForm, TrackerMember};
use super::batch_file::{FailuresSection, ResultsSection};
use super::compile::{TIMEOUT, objects_around, pointer_names, pointers};
use super::condition::Condition;
use super::error::ConnectorError;
use super::found::FoundPlaces;
use super::item_key::{MatchBy, NameForm};
use super::load::Connector;
use super::look_up::{LookUp, TextPart};
use super::operation_file::OperationSection;
use super::places::Places;
use super::reply::ReplyRule;
use super::results::{ResultList, ResultsForm};
use super::rule_file::{ConditionSection, ItemReplySection};
use super::status::StatusSet;
use super::template::{Part, Template};
use super::url::HttpUrl;

/// How long a search may not know a new record, where a connector doesn't say.
/// Shorter would make second records on platforms that index late; longer keeps
/// the few rows in doubt waiting.
const BELIEVED_AFTER: TimeSpan = TimeSpan::from_seconds(5);

/// The status that says that a body is too large (RFC 9110, section 15.5.14).
const CONTENT_TOO_LARGE: u16 = 413;

/// The most records of one request.
pub(super) fn batch_cap(section: &OperationSection) -> usize {
    let cap = section.batch.as_ref().map_or(1, |batch| batch.value.max(1));
    usize::try_from(cap).unwrap_or(usize::MAX)
}

/// How records travel together; `None` where they don't.
pub(super) fn batch_form(section: &OperationSection) -> Option<BatchForm> {
    let records = section.body.records.as_ref()?;
    let results = &section.results.as_ref()?.value;
    let (mut open, mut close) = objects_around(&records.value);
    open.push(b'[');
    close.insert(0, b']');
    let tracker = section.body.tracker.as_ref().and_then(|tracker| {
        let name = pointer_names(&tracker.value).next()?;
        Some(TrackerMember::new(&name, section.body.tracker_as))
    });
    Some(BatchForm {
        open,
        close,
        tracker,
        all_or_nothing: results.all_or_nothing,
        too_many: match &results.too_many {
            Some(conditions) => compiled(conditions),
            None => vec![Condition::of_status(CONTENT_TOO_LARGE)],
        },
        results: results_form(results, section),
    })
}

fn compiled(conditions: &[Located<ConditionSection>]) -> Vec<Condition> {
    conditions
        .iter()
        .map(|condition| Condition::new(&condition.value.conditions()))
        .collect()
}

fn results_form(section: &ResultsSection, operation: &OperationSection) -> ResultsForm {
    let may_repeat = may_repeat(operation);
    let mut lists = Vec::new();
    if let Some(at) = &section.at
        && let Some(match_by) = match_by(&section.key, &section.tracker, &section.index)
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

fn failure_list(
    section: &FailuresSection,
    must_be_there: bool,
    may_repeat: bool,
) -> Option<ResultList> {
    Some(ResultList {
        at: section.at.value.clone(),
        must_be_there,
        match_by: match_by(&section.key, &section.tracker, &section.index)?,
        status: text(&section.status),
        rules: item_rules(&section.replies),
        pointers: pointers(&section.errors),
        id: None,
        created: None,
        may_repeat,
        holds_failures: true,
    })
}

/// Whether the same request may be sent twice.
pub(super) fn may_repeat(section: &OperationSection) -> bool {
    match &section.repeatable {
        Some(repeatable) => repeatable.value,
        None => section.method.is_repeatable_by_default(),
    }
}

fn text(located: &Option<Located<String>>) -> Option<String> {
    located.as_ref().map(|located| located.value.clone())
}

fn match_by(
    key: &Option<Located<Places>>,
    tracker: &Option<Located<Places>>,
    index: &Option<Located<Places>>,
) -> Option<MatchBy> {
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
    /// How a record is looked up; `None` where the operation doesn't say.
    pub(super) fn look_up(
        &self,
        operation: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<LookUp>, ConnectorError> {
        let Some(section) = operation.look_up.as_ref().map(|section| &section.value) else {
            return Ok(None);
        };
        let mut body = Vec::with_capacity(section.body.entries.len());
        for entry in &section.body.entries {
            let value = self.text_parts(&entry.value.value, &operation.key.value, given)?;
            let name = &entry.name.value;
            let place = match name.starts_with('/') {
                true => name.clone(),
                false => format!("/{}", name.replace('~', "~0")),
            };
            body.push((place, value));
        }
        let id = match &section.id {
            Some(places) => places.value.pointers.clone(),
            None => Vec::new(),
        };
        Ok(Some(LookUp {
            method: section.method,
            path: self.path(&section.path.value, operation, base_url, given)?,
            body,
            found: compiled(&section.found),
            absent: compiled(&section.absent),
            same: section
                .same
                .entries
                .iter()
                .map(|entry| (entry.name.value.clone(), entry.value.value.clone()))
                .collect(),
            places: section.record.as_ref().map(|record| FoundPlaces {
                record: record.value.clone(),
                id: id.clone(),
                version: text(&section.version),
                second: text(&section.second),
            }),
            id,
            timeout: section
                .timeout
                .or(operation.timeout)
                .unwrap_or(TIMEOUT)
                .duration(),
            believed_after: section.believed_after.unwrap_or(BELIEVED_AFTER).duration(),
        }))
    }

    fn text_parts(
        &self,
        template: &Template,
        key: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<TextPart>, ConnectorError> {
        template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(TextPart::Fixed(text.clone())),
                Part::Name(name) if name == key => Ok(TextPart::Key),
                Part::Name(name) => match given.get(name) {
                    Some(value) => Ok(TextPart::Fixed(value.clone())),
                    None => Err(self.missing(name.clone())),
                },
            })
            .collect()
    }
}
