//! Records of a platform, in the order in which they were made.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// What clients know it by: names that it is found with.
    pub(crate) names: Vec<String>,
    pub(crate) fields: Map<String, Value>,
    pub(crate) made_at: Duration,
    pub(crate) changed_at: Duration,
    pub(crate) version: u64,
}

/// The records, found by id or by any of their names.
#[derive(Debug, Default)]
pub(crate) struct Table {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
    /// How many of each first name were made and are gone.
    removed: BTreeMap<String, u64>,
}

impl Table {
    /// Makes a record. Its id must be new.
    pub(crate) fn make(
        &mut self,
        id: String,
        names: Vec<String>,
        fields: Map<String, Value>,
        now: Duration,
    ) -> &Record {
        let place = self.records.len();
        self.by_id.insert(id.clone(), place);
        self.index(place, &names);
        self.records.push(Record {
            id,
            names,
            fields,
            made_at: now,
            changed_at: now,
            version: 1,
        });
        &self.records[place]
    }

    /// Replaces a record's fields and names.
    pub(crate) fn replace(
        &mut self,
        id: &str,
        names: Vec<String>,
        fields: Map<String, Value>,
        now: Duration,
    ) -> Option<&Record> {
        let place = *self.by_id.get(id)?;
        for name in std::mem::take(&mut self.records[place].names) {
            if let Some(places) = self.by_name.get_mut(&name) {
                places.retain(|other| *other != place);
            }
        }
        self.index(place, &names);
        let record = &mut self.records[place];
        record.names = names;
        record.fields = fields;
        record.changed_at = now;
        record.version += 1;
        Some(record)
    }

    /// Takes a record away; whether it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let Some(place) = self.by_id.remove(id) else {
            return false;
        };
        let gone = self.records.remove(place);
        let name = gone.names.first().cloned().unwrap_or_default();
        *self.removed.entry(name).or_default() += 1;
        // Those behind it have moved up.
        for later in self.by_id.values_mut().filter(|later| **later > place) {
            *later -= 1;
        }
        for places in self.by_name.values_mut() {
            places.retain(|other| *other != place);
            for later in places.iter_mut().filter(|later| **later > place) {
                *later -= 1;
            }
        }
        true
    }

    fn index(&mut self, place: usize, names: &[String]) {
        for name in names {
            let places = self.by_name.entry(name.clone()).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<&Record> {
        self.by_id.get(id).map(|place| &self.records[*place])
    }

    /// Those of a name, the oldest first.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Record> {
        let places = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| &self.records[*place])
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many records were made by `until`: the first so many.
    pub(crate) fn made_by(&self, until: Duration) -> usize {
        self.records
            .partition_point(|record| record.made_at <= until)
    }

    /// How many records were made of each first name; those without one stand under the empty text.
    pub(crate) fn made(&self) -> BTreeMap<String, u64> {
        let mut made = self.removed.clone();
        for record in &self.records {
            let name = record.names.first().cloned().unwrap_or_default();
            *made.entry(name).or_default() += 1;
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_by_each_of_its_names_and_by_none_that_it_has_lost() {
        let now = Duration::from_secs(1);
        let mut table = Table::default();
        let names = vec!["a".to_owned(), "b".to_owned()];
        table.make("1".to_owned(), names, Map::new(), now);
        assert_eq!(table.named("a").count() + table.named("b").count(), 2);
        let replaced = table.replace("1", vec!["b".to_owned()], Map::new(), now);
        assert_eq!(replaced.map(|record| record.version), Some(2));
        assert_eq!((table.named("a").count(), table.named("b").count()), (0, 1));
        assert_eq!(table.made_by(Duration::ZERO), 0);
        assert!(table.replace("2", Vec::new(), Map::new(), now).is_none());
    }
}
