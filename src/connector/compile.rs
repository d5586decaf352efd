//! From an operation's section to what a load runs on.

use std::collections::BTreeMap;

use crate::config::TimeSpan;

use super::batch::quoted;
use super::bind::values;
use super::change::ChangeForm;
use super::check_upsert::{FOUND_ID, names_id};
use super::compile_batch::{batch_cap, may_repeat};
use super::contract::{contract, replaces};
use super::error::ConnectorError;
use super::load::Connector;
use super::message::Pointers;
use super::operation::{Operation, PathPart, write_segment};
use super::operation_file::OperationSection;
use super::reply::{ReplyRule, ReplyRules};
use super::rule_file::ErrorsSection;
use super::template::{Part, Template};
use super::url::HttpUrl;

/// How long a reply is waited for, where a connector doesn't say. A shorter
/// time would make unknown rows of slow ones.
pub(super) const TIMEOUT: TimeSpan = TimeSpan::from_seconds(60);

impl Connector {
    /// An operation as the file has it.
    pub(super) fn section(&self, name: &str) -> &OperationSection {
        let found = self.file.operations.get(name);
        &found.expect("examined when the file was loaded").value
    }

    /// An operation, with its variables filled in.
    pub(super) fn operation(
        &self,
        name: &str,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Operation, ConnectorError> {
        let section = self.section(name);
        let (body_open, body_close) = envelope(section);
        Ok(Operation {
            name: name.into(),
            method: section.method,
            effect: section.effect,
            repeatable: may_repeat(section),
            timeout: section.timeout.unwrap_or(TIMEOUT).duration(),
            batch_cap: batch_cap(section),
            headers: self.filled_headers(&section.headers, given)?,
            look_up_headers: self.look_up_headers(section, given)?,
            contract: contract(&self.file, section, given).map_err(|name| self.missing(name))?,
            path: self.target(section, base_url, given)?,
            body_open,
            body_close,
            replies: self.reply_rules(section),
            batch: self.batch_form(section, given)?,
            job: self.job(section, base_url, given)?,
            look_up: self.look_up(section, base_url, given)?,
            idempotency_header: section
                .idempotency_key
                .as_ref()
                .map(|key| key.header.value.clone()),
            envelope_pointer: section
                .body
                .envelope
                .as_ref()
                .map(|envelope| envelope.value.clone())
                .unwrap_or_default(),
            set_once: values(&section.body.set_once),
            id_pointer: section.id.as_ref().map(|id| id.value.clone()),
            change: change_form(section),
        })
    }

    /// Path and query of an operation.
    fn target(
        &self,
        section: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<PathPart>, ConnectorError> {
        let mut target = self.path(&section.path.value, section, base_url, given)?;
        let mut query = Vec::new();
        for entry in &section.query.entries {
            query.push(if query.is_empty() { b'?' } else { b'&' });
            write_segment(&entry.name.value, &mut query);
            query.push(b'=');
            write_segment(&self.fill(&entry.value.value, given)?, &mut query);
        }
        if !query.is_empty() {
            target.push(PathPart::Fixed(query));
        }
        Ok(target)
    }

    pub(super) fn path(
        &self,
        template: &Template,
        section: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<PathPart>, ConnectorError> {
        let mut path = Vec::new();
        let mut fixed = base_url.path.clone().into_bytes();
        for part in template.parts() {
            match part {
                Part::Text(text) => fixed.extend_from_slice(text.as_bytes()),
                Part::Name(name, escape) if *name == section.key.value => {
                    path.push(PathPart::Fixed(std::mem::take(&mut fixed)));
                    path.push(PathPart::Key(*escape));
                }
                Part::Name(name, _) if name == FOUND_ID && names_id(&self.file, section) => {
                    path.push(PathPart::Fixed(std::mem::take(&mut fixed)));
                    path.push(PathPart::Id);
                }
                Part::Name(name, escape) => {
                    let value = given.get(name).ok_or_else(|| self.missing(name.clone()))?;
                    write_segment(&escape.of(value), &mut fixed);
                }
            }
        }
        if !fixed.is_empty() {
            path.push(PathPart::Fixed(fixed));
        }
        Ok(path)
    }

    fn reply_rules(&self, section: &OperationSection) -> ReplyRules {
        ReplyRules {
            rules: section
                .replies
                .iter()
                .map(|reply| ReplyRule::new(&reply.value))
                .collect(),
            pointers: pointers(&section.errors),
            request_id_headers: values(&self.file.request_id.read),
        }
    }
}

fn change_form(section: &OperationSection) -> ChangeForm {
    let body = &section.body;
    ChangeForm {
        merge: body.merge,
        partial: !replaces(section),
        drop: values(&body.drop),
        version: body.version.as_ref().map(|place| place.value.clone()),
    }
}

/// Where an error's reason stands.
pub(super) fn pointers(errors: &ErrorsSection) -> Pointers {
    Pointers::new(
        errors.fields.as_deref().map(values),
        errors.messages.as_deref().map(values),
        values(&errors.fields_of),
    )
}

/// What stands before and after the record: `{"data":{"contact":` and `}}` for
/// `/data/contact`.
fn envelope(section: &OperationSection) -> (Vec<u8>, Vec<u8>) {
    let pointer = section.body.envelope.as_ref();
    objects_around(pointer.map_or("", |envelope| &envelope.value))
}

/// The objects that lead to the place of a pointer.
pub(super) fn objects_around(pointer: &str) -> (Vec<u8>, Vec<u8>) {
    let (mut open, mut close) = (Vec::new(), Vec::new());
    for name in pointer_names(pointer) {
        open.push(b'{');
        open.extend(quoted(&name));
        open.push(b':');
        close.push(b'}');
    }
    (open, close)
}

/// The names of a pointer, without their escapes (RFC 6901, section 4).
pub(super) fn pointer_names(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
}
