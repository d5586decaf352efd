//! From an operation's section to what a load runs on.

use std::collections::BTreeMap;

use crate::config::TimeSpan;
use crate::mapping::{Contract, ContractField};

use super::bind::values;
use super::error::ConnectorError;
use super::load::Connector;
use super::message::Pointers;
use super::operation::{Operation, PathPart, write_segment};
use super::operation_file::OperationSection;
use super::reply::{ReplyRule, ReplyRules};
use super::template::Part;
use super::url::HttpUrl;

/// How long a reply is waited for, where a connector doesn't say. A shorter
/// time would make unknown rows of slow ones.
const TIMEOUT: TimeSpan = TimeSpan::from_seconds(60);

impl Connector {
    /// The operation that a load uses, with its variables filled in.
    pub(super) fn operation(
        &self,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Operation, ConnectorError> {
        let name = self.default_operation();
        let section = &self
            .file
            .operations
            .get(name)
            .expect("examined when the file was loaded")
            .value;
        let (body_open, body_close) = envelope(section);
        let mut headers = Vec::with_capacity(section.headers.entries.len());
        for entry in &section.headers.entries {
            let value = self.fill(&entry.value.value, given)?;
            if value.bytes().any(|byte| byte < b' ' || byte == 0x7F) {
                return Err(ConnectorError::BadHeader {
                    header: entry.name.value.clone(),
                });
            }
            headers.push((entry.name.value.clone(), value));
        }
        Ok(Operation {
            name: name.into(),
            method: section.method,
            effect: section.effect,
            repeatable: section
                .repeatable
                .unwrap_or_else(|| section.method.is_repeatable_by_default()),
            timeout: section.timeout.unwrap_or(TIMEOUT).duration(),
            batch_cap: 1,
            headers,
            contract: contract(section),
            path: self.path(section, base_url, given)?,
            body_open,
            body_close,
            replies: self.reply_rules(section),
        })
    }

    fn path(
        &self,
        section: &OperationSection,
        base_url: &HttpUrl,
        given: &BTreeMap<String, String>,
    ) -> Result<Vec<PathPart>, ConnectorError> {
        let mut path = Vec::new();
        let mut fixed = base_url.path.clone().into_bytes();
        for part in section.path.value.parts() {
            match part {
                Part::Text(text) => fixed.extend_from_slice(text.as_bytes()),
                Part::Name(name) if *name == section.key.value => {
                    path.push(PathPart::Fixed(std::mem::take(&mut fixed)));
                    path.push(PathPart::Key);
                }
                Part::Name(name) => {
                    let value = given.get(name).ok_or_else(|| self.missing(name.clone()))?;
                    write_segment(value, &mut fixed);
                }
            }
        }
        if !fixed.is_empty() {
            path.push(PathPart::Fixed(fixed));
        }
        Ok(path)
    }

    fn reply_rules(&self, section: &OperationSection) -> ReplyRules {
        let errors = &section.errors;
        ReplyRules {
            rules: section
                .replies
                .iter()
                .map(|reply| {
                    let rule = &reply.value;
                    ReplyRule {
                        status: rule.status.clone(),
                        body_contains: rule.body_contains.clone(),
                        body_at: rule
                            .body_at
                            .as_ref()
                            .map(|place| (place.pointer.value.clone(), place.equals.clone())),
                        class: rule.class,
                    }
                })
                .collect(),
            pointers: Pointers::new(
                errors.fields.as_deref().map(values),
                errors.messages.as_deref().map(values),
            ),
            request_id_headers: values(&self.file.request_id.read),
        }
    }
}

fn contract(section: &OperationSection) -> Contract {
    Contract {
        key: section.key.value.clone(),
        key_max_length: section.key_max_length,
        key_in_body: section.body.includes_key,
        fields: section
            .fields
            .entries
            .iter()
            .map(|entry| {
                let field = &entry.value.value;
                ContractField {
                    name: entry.name.value.clone(),
                    kind: field.kind.into(),
                    max_length: field.max_length,
                    required: field.required,
                    forbids_control_characters: field.forbid_control_characters,
                }
            })
            .collect(),
        empty_cells: section.empty.into(),
    }
}

/// What stands before and after the record: `{"data":{"contact":` and `}}` for
/// `/data/contact`.
fn envelope(section: &OperationSection) -> (Vec<u8>, Vec<u8>) {
    let (mut open, mut close) = (Vec::new(), Vec::new());
    let Some(envelope) = &section.body.envelope else {
        return (open, close);
    };
    for step in envelope.value.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        open.push(b'{');
        open.extend_from_slice(serde_json::Value::String(name).to_string().as_bytes());
        open.push(b':');
        close.push(b'}');
    }
    (open, close)
}
