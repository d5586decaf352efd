//! The contacts that clients have made, by id and by external id.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value};

/// A contact that a client has made.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) external_id: Option<String>,
    pub(crate) fields: Map<String, Value>,
    made_at: Duration,
}

impl Record {
    /// As a reply shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = self.fields.clone();
        shown.insert("id".to_owned(), Value::from(self.id.clone()));
        if let Some(external_id) = &self.external_id {
            shown.insert("externalId".to_owned(), Value::from(external_id.clone()));
        }
        Value::Object(shown)
    }
}

/// All of them, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Records {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    by_external_id: HashMap<String, Vec<usize>>,
    by_idempotency_key: HashMap<String, usize>,
    /// Ids of contacts that were removed, whether a client had made them or not.
    removed: HashSet<String>,
    replays: u64,
}

impl Records {
    /// Makes a contact; an external id may stand in several.
    pub(crate) fn make(
        &mut self,
        now: Duration,
        external_id: Option<String>,
        fields: Map<String, Value>,
        idempotency_key: Option<String>,
    ) -> &Record {
        let place = self.records.len();
        let id = format!("r{:08}", place + 1);
        self.by_id.insert(id.clone(), place);
        if let Some(external_id) = &external_id {
            self.by_external_id
                .entry(external_id.clone())
                .or_default()
                .push(place);
        }
        if let Some(key) = idempotency_key {
            self.by_idempotency_key.insert(key, place);
        }
        self.records.push(Record {
            id,
            external_id,
            fields,
            made_at: now,
        });
        &self.records[place]
    }

    /// What a request with that idempotency key made before.
    pub(crate) fn replay(&mut self, idempotency_key: &str) -> Option<Record> {
        let place = *self.by_idempotency_key.get(idempotency_key)?;
        self.replays += 1;
        Some(self.records[place].clone())
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<&Record> {
        self.by_id.get(id).map(|place| &self.records[*place])
    }

    /// Removes a contact.
    pub(crate) fn remove(&mut self, id: &str) {
        self.removed.insert(id.to_owned());
        let Some(place) = self.by_id.remove(id) else {
            return;
        };
        let external_id = self.records[place].external_id.clone().unwrap_or_default();
        if let Some(places) = self.by_external_id.get_mut(&external_id) {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.by_external_id.remove(&external_id);
            }
        }
    }

    pub(crate) fn is_removed(&self, id: &str) -> bool {
        self.removed.contains(id)
    }

    pub(crate) fn has_removed_some(&self) -> bool {
        !self.removed.is_empty()
    }

    fn there(&self) -> impl Iterator<Item = &Record> {
        let is_there = |record: &&Record| !self.removed.contains(&record.id);
        self.records.iter().filter(is_there)
    }

    pub(crate) fn has_external_id(&self, external_id: &str) -> bool {
        self.by_external_id.contains_key(external_id)
    }

    /// Those of an external id that were made by `until`.
    pub(crate) fn found(&self, external_id: &str, until: Duration) -> Vec<Value> {
        let places = self.by_external_id.get(external_id);
        places
            .into_iter()
            .flatten()
            .map(|place| &self.records[*place])
            .filter(|record| record.made_at <= until)
            .map(Record::to_json)
            .collect()
    }

    /// A page of all that were made by `until`, and how many there are.
    pub(crate) fn page(&self, offset: usize, limit: usize, until: Duration) -> (Vec<Value>, usize) {
        let made = self
            .there()
            .take_while(|record| record.made_at <= until)
            .collect::<Vec<_>>();
        let total = made.len();
        let from = offset.min(total);
        let to = offset.saturating_add(limit).min(total);
        let page = made[from..to].iter().map(|record| record.to_json());
        (page.collect(), total)
    }

    /// Replaces the fields of the first with that external id.
    pub(crate) fn replace_by_external_id(
        &mut self,
        external_id: &str,
        fields: Map<String, Value>,
    ) -> Option<Record> {
        let place = *self.by_external_id.get(external_id)?.first()?;
        self.records[place].fields = fields;
        Some(self.records[place].clone())
    }

    /// Replaces the fields of the one with that id.
    pub(crate) fn replace_by_id(&mut self, id: &str, fields: Map<String, Value>) -> Option<Record> {
        let place = *self.by_id.get(id)?;
        self.records[place].fields = fields;
        Some(self.records[place].clone())
    }

    /// How many contacts each external id has; those without one stand under the empty text.
    pub(crate) fn made(&self) -> BTreeMap<String, u64> {
        let mut made = BTreeMap::new();
        for record in &self.records {
            let external_id = record.external_id.clone().unwrap_or_default();
            *made.entry(external_id).or_default() += 1;
        }
        made
    }

    /// All of them, in the order in which they were made.
    pub(crate) fn shown(&self) -> Vec<Value> {
        self.there().map(Record::to_json).collect()
    }

    /// Requests that an idempotency key answered from before.
    pub(crate) fn replays(&self) -> u64 {
        self.replays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_may_have_several_and_a_key_only_one() {
        let mut records = Records::default();
        let now = Duration::from_secs(5);
        let made = records.make(now, Some("x".to_owned()), Map::new(), Some("k".to_owned()));
        let id = made.id.clone();
        assert_eq!(records.replay("k").map(|record| record.id), Some(id));
        assert_eq!(
            (records.replays(), records.replay("other").is_none()),
            (1, true)
        );
        records.make(now, Some("x".to_owned()), Map::new(), None);
        assert_eq!(records.made()["x"], 2);
        assert_eq!(records.found("x", now).len(), 2);
        assert_eq!(records.found("x", Duration::from_secs(4)).len(), 0);
        assert_eq!(records.page(1, 5, now).1, 2);
        let first = records.shown()[0]["id"].as_str().map(str::to_owned);
        records.remove(&first.expect("an id"));
        assert_eq!(records.found("x", now).len(), 1);
        assert_eq!(records.page(0, 5, now).1, 1);
    }
}
