//! What a platform keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::error_form::uuid;
use super::table::Table;

/// The records of a platform, by kind.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// Contacts, found by their external ids.
    pub(crate) contacts: Table,
    /// External organizations, found by their external ids.
    pub(crate) organizations: Table,
    /// Entity types or external sources, found by their names.
    pub(crate) definitions: Table,
    /// The entries of lists and address books, by list; found by their external ids.
    pub(crate) lists: BTreeMap<String, Table>,
    /// Jobs, by id.
    pub(crate) jobs: Table,
    /// Custom fields of customers, by customer.
    pub(crate) custom_fields: BTreeMap<String, Map<String, Value>>,
    ids: u64,
}

impl Books {
    /// A new id of the form of a UUID.
    pub(crate) fn new_id(&mut self, kind: &str) -> String {
        self.ids += 1;
        uuid(kind, &self.ids.to_le_bytes())
    }

    /// A new id of digits alone.
    pub(crate) fn new_number(&mut self) -> u64 {
        self.ids += 1;
        1_000_000 + self.ids
    }

    /// How many records each external id has, over contacts, organizations and lists.
    pub(crate) fn made(&self) -> BTreeMap<String, u64> {
        let mut made = self.contacts.made();
        for list in self.lists.values().chain([&self.organizations]) {
            for (name, count) in list.made() {
                *made.entry(name).or_default() += count;
            }
        }
        made
    }

    /// Every contact as the platform keeps it, in the order in which they were made: its fields and its id.
    /// Organizations follow.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let lists = self.lists.values().flat_map(|list| list.records());
        let organizations = self.organizations.records();
        let records = self
            .contacts
            .records()
            .iter()
            .chain(lists)
            .chain(organizations);
        let mut shown: Vec<Value> = records
            .map(|record| {
                let mut fields = record.fields.clone();
                fields.insert("id".to_owned(), Value::from(record.id.clone()));
                Value::Object(fields)
            })
            .collect();
        shown.extend(self.custom_fields.iter().map(|(customer, fields)| {
            let mut fields = fields.clone();
            fields.insert("id".to_owned(), Value::from(customer.clone()));
            Value::Object(fields)
        }));
        shown
    }

    /// The time that records had to be made by to be found now.
    pub(crate) fn known_until(now: Duration, delay: Duration) -> Duration {
        // Nothing is made before the scenario's start, so nothing is found that is too new.
        now.checked_sub(delay).unwrap_or(Duration::ZERO)
    }
}
