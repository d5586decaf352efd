//! From a look-up's sections to what a load runs on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::{Located, NameMap, TimeSpan};

use super::compile::TIMEOUT;
use super::compile_batch::{compiled, failure_list, text};
use super::condition::Condition;
use super::error::ConnectorError;
use super::escape::Escape;
use super::found::FoundPlaces;
use super::item_key::{MatchBy, NameForm};
use super::load::Connector;
use super::look_up::{LookUp, TextPart};
use super::look_up_batch::LookUpBatch;
use super::look_up_batch_file::LookUpBatchSection;
use super::look_up_file::LookUpSection;
use super::look_up_keys::{KeyTree, KeysForm};
use super::operation::{PathPart, write_segment};
use super::operation_file::OperationSection;
use super::template::{Part, Template};
use super::url::HttpUrl;

/// How long a search may not know a new record, where a connector doesn't say.
/// Shorter would make second records on platforms that index late; longer keeps
/// the few rows in doubt waiting.
const BELIEVED_AFTER: TimeSpan = TimeSpan::from_seconds(5);
/// The statuses that say that a body, or an address, is too long (RFC 9110,
/// sections 15.5.14 and 15.5.15).
const TOO_MANY: [u16; 2] = [413, 414];

/// Names with what stands behind them.
fn pairs(section: &NameMap<Located<String>>) -> Vec<(String, String)> {
    let entries = section.entries.iter();
    entries
        .map(|entry| (entry.name.value.clone(), entry.value.value.clone()))
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
            path: self.look_up_path(section, operation, base_url, given)?,
            body,
            found: compiled(&section.found),
            absent: compiled(&section.absent),
            same: pairs(&section.same),
            places: section.record.as_ref().map(|record| FoundPlaces {
                record: record.value.clone(),
                id: id.clone(),
                version: text(&section.version),
                second: text(&section.second),
                sent_at: pairs(&section.sent_at),
            }),
            id,
            batch: match &section.batch {
                Some(batch) => {
                    Some(self.look_up_batch(&batch.value, operation, base_url, given)?)
                }
                None => None,
            },
            timeout: section
                .timeout
                .or(operation.timeout)
                .unwrap_or(TIMEOUT)
                .duration(),
            believed_after: section.believed_after.unwrap_or(BELIEVED_AFTER).duration(),
        }))
    }

    /// Path and query of a look-up.
    fn look_up_path(
        &self,
        section: &LookUpSection,
        operation: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<PathPart>, ConnectorError> {
        let path = &section.path.value;
        let mut target = self.path(path, operation, base_url, given)?;
        let mut fixed = Vec::new();
        let mut separator = match path.asks() {
            true => b'&',
            false => b'?',
        };
        for entry in &section.query.entries {
            fixed.push(separator);
            write_segment(&entry.name.value, &mut fixed);
            fixed.push(b'=');
            for part in self.text_parts(&entry.value.value, &operation.key.value, given)? {
                match part {
                    TextPart::Fixed(text) => write_segment(&text, &mut fixed),
                    TextPart::Key(escape) => {
                        target.push(PathPart::Fixed(std::mem::take(&mut fixed)));
                        target.push(PathPart::Key(escape));
                    }
                }
            }
            separator = b'&';
        }
        if !fixed.is_empty() {
            target.push(PathPart::Fixed(fixed));
        }
        Ok(target)
    }

    /// Headers of an operation's look-ups.
    pub(super) fn look_up_headers(
        &self,
        operation: &OperationSection,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, String)>, ConnectorError> {
        let look_up = operation.look_up.as_ref();
        let own = look_up.and_then(|section| section.value.headers.as_ref());
        self.filled_headers(own.unwrap_or(&operation.headers), given)
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
                Part::Name(name, escape) if name == key => Ok(TextPart::Key(*escape)),
                Part::Name(name, escape) => match given.get(name) {
                    Some(value) => Ok(TextPart::Fixed(escape.of(value).into_owned())),
                    None => Err(self.missing(name.clone())),
                },
            })
            .collect()
    }

    fn look_up_batch(
        &self,
        section: &LookUpBatchSection,
        operation: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<LookUpBatch, ConnectorError> {
        let mut path = Vec::new();
        for part in self.path(&section.path.value, operation, base_url, given)? {
            match part {
                PathPart::Fixed(bytes) => path.extend(bytes),
                PathPart::Key(_) | PathPart::Id => unreachable!("refused when the file was read"),
            }
        }
        let keys = &section.keys.value;
        let form = match &keys.parameter {
            Some(parameter) => {
                let mut name = Vec::new();
                write_segment(&parameter.value, &mut name);
                name.push(b'=');
                KeysForm::Query {
                    name,
                    separator: text(&keys.separator),
                }
            }
            None => {
                let mut around = section
                    .body
                    .as_ref()
                    .map_or(Value::Null, |body| body.value.clone());
                self.fill_texts(&mut around, given)?;
                let each = match &keys.each {
                    Some(each) => self.key_tree(&each.value, &operation.key.value, given)?,
                    None => KeyTree::Text(vec![TextPart::Key(Escape::None)]),
                };
                KeysForm::Body {
                    around,
                    at: text(&keys.at).unwrap_or_default(),
                    each,
                }
            }
        };
        Ok(LookUpBatch {
            max: usize::try_from(section.max.value.max(1)).unwrap_or(usize::MAX),
            method: section.method,
            path,
            keys: form,
            records: section.records.value.clone(),
            match_by: MatchBy {
                form: NameForm::Key,
                pointers: vec![self.fill(&section.key.value, given)?],
            },
            places: FoundPlaces {
                record: text(&section.record).unwrap_or_default(),
                id: section.id.value.pointers.clone(),
                version: text(&section.version),
                second: None,
                sent_at: (operation.look_up.as_ref())
                    .map(|look_up| pairs(&look_up.value.sent_at))
                    .unwrap_or_default(),
            },
            complete: compiled(&section.complete),
            failures: section
                .failures
                .as_ref()
                .and_then(|failures| failure_list(&failures.value, false, true)),
            too_many: match &section.too_many {
                Some(conditions) => compiled(conditions),
                None => TOO_MANY.map(Condition::of_status).to_vec(),
            },
        })
    }

    /// What stands in a list for a key, with the variables filled in.
    fn key_tree(
        &self,
        each: &Value,
        key: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<KeyTree, ConnectorError> {
        Ok(match each {
            Value::String(text) => match Template::parse(text) {
                Ok(template) => KeyTree::Text(self.text_parts(&template, key, given)?),
                Err(_) => KeyTree::Fixed(each.clone()),
            },
            Value::Array(items) => {
                let items = items.iter().map(|item| self.key_tree(item, key, given));
                KeyTree::List(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let mut filled = Vec::with_capacity(members.len());
                for (name, member) in members {
                    filled.push((name.clone(), self.key_tree(member, key, given)?));
                }
                KeyTree::Object(filled)
            }
            fixed => KeyTree::Fixed(fixed.clone()),
        })
    }
}
