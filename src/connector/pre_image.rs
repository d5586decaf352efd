//! What stood in the tenant before a row changed it, and whether the way back
//! is still open.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mapping::{Contract, ContractField, FieldKind};

use super::change::{Change, put, remove};
use super::found::{Difference, FoundRecord, differences};
use super::operation::Operation;

/// What one row, or all rows of one key, did to a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreImage {
    /// The row's number in its source.
    pub row: u64,
    /// The record's key.
    pub key: String,
    /// The platform's own id of the record; `None` where it isn't known.
    pub id: Option<String>,
    /// Whether the record wasn't there before. Its one change then has the
    /// place "" and the whole of what was sent.
    pub made: bool,
    /// Every place at which the record was to be changed.
    pub changes: Vec<PlaceChange>,
}

/// One place of a record, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceChange {
    /// The place, as a JSON pointer. It never leads into a list: lists are
    /// changed, and put back, as a whole.
    pub place: String,
    /// What stood there; `None` where nothing, or null, did.
    pub before: Option<Value>,
    /// What the row put there.
    pub after: Value,
}

/// Why a record isn't put back, as `_error` of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoError {
    /// Nothing bars its being put back; it was only to be told.
    ToPutBack,
    /// Nothing bars its deletion; it was only to be told.
    ToDelete,
    /// Somebody has changed, deleted or replaced it since the run.
    ChangedSince,
    /// It isn't known whether the run made it.
    NotSure,
    /// The run made it, and the connector can't delete.
    CantDelete,
    /// Its pre-image can't be used.
    Failed,
}

impl UndoError {
    /// The name that stands in the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ToPutBack => "to_put_back",
            Self::ToDelete => "to_delete",
            Self::ChangedSince => "changed_since",
            Self::NotSure => "not_sure",
            Self::CantDelete => "cant_delete",
            Self::Failed => "internal",
        }
    }
}

/// What is to be done about a record to have it as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum WayBack {
    /// Nothing: it is so already.
    IsBack,
    /// It is as the rows left it, so it is put back, or deleted.
    Open,
    /// Somebody has changed it since: these places are neither as the rows left
    /// them nor as they were before.
    Barred(Vec<Difference>),
}

impl PreImage {
    /// The column, and the field, of the key in rows that are pre-images.
    pub const KEY: &str = "key";
    /// The column, and the field, of the pre-image itself.
    pub const IMAGE: &str = "image";

    /// The fields of rows that are pre-images.
    #[must_use]
    pub fn contract() -> Contract {
        Contract {
            key: Self::KEY.to_owned(),
            fields: vec![ContractField::new(Self::IMAGE, FieldKind::Json)],
            ..Contract::default()
        }
    }

    /// The pre-image of a row that was mapped to that contract.
    #[must_use]
    pub fn of_row(row: &Value) -> Option<Self> {
        Self::deserialize(row.get(Self::IMAGE)?).ok()
    }

    /// Of a record that is about to become what a row asks for.
    #[must_use]
    pub fn of_change(row: u64, key: &str, found: &FoundRecord, wanted: &Value) -> Self {
        let mut changes = Vec::new();
        changed_places(
            wanted,
            Some(&found.record),
            &mut String::new(),
            &mut changes,
        );
        Self {
            row,
            key: key.to_owned(),
            id: Some(found.id.clone()),
            made: false,
            changes,
        }
    }

    /// Of a record that wasn't there and is about to be made.
    #[must_use]
    pub fn of_making(row: u64, key: &str, wanted: &Value) -> Self {
        let whole = PlaceChange {
            place: String::new(),
            before: None,
            after: wanted.clone(),
        };
        Self {
            row,
            key: key.to_owned(),
            id: None,
            made: true,
            changes: vec![whole],
        }
    }

    /// As one line of JSON, with its line break.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a pre-image is plain data");
        line.push(b'\n');
        line
    }

    /// What both did together, this one first.
    #[must_use]
    pub fn and_then(mut self, later: Self) -> Self {
        // The earlier record is gone, and what was done to it with it.
        let is_another = self.id.is_some() && later.id.is_some() && self.id != later.id;
        if later.made || is_another {
            return later;
        }
        if self.made && later.row == self.row {
            // It was found otherwise than this row was about to make it, so it
            // may be somebody else's.
            self.id = None;
        }
        for change in later.changes {
            if self.made {
                let Some(whole) = self.changes.first_mut() else {
                    return self;
                };
                put(&mut whole.after, &change.place, change.after);
                continue;
            }
            match self
                .changes
                .iter_mut()
                .find(|own| own.place == change.place)
            {
                Some(own) => {
                    // Where it wasn't as we had left it, or our change never
                    // got there, what was found last is what is put back.
                    if !is_equal(&own.after, change.before.as_ref()) {
                        own.before = change.before;
                    }
                    own.after = change.after;
                }
                None => self.changes.push(change),
            }
        }
        self.id = self.id.or(later.id.filter(|_| !self.made));
        self
    }

    /// Whether the record, as it is now, can be put back.
    #[must_use]
    pub fn way_back(&self, now: &Value) -> WayBack {
        if self.made {
            let whole = self.changes.first();
            let different = whole.map(|whole| differences(&whole.after, now));
            return match different.unwrap_or_default() {
                different if different.is_empty() => WayBack::Open,
                different => WayBack::Barred(different),
            };
        }
        let mut barred = Vec::new();
        let mut is_back = true;
        for change in &self.changes {
            let found = now.pointer(&change.place);
            if is_equal(change.before.as_ref().unwrap_or(&Value::Null), found) {
                continue;
            }
            is_back = false;
            if !is_equal(&change.after, found) {
                barred.push(Difference {
                    place: change.place.clone(),
                    wanted: change.after.clone(),
                    found: found.cloned(),
                });
            }
        }
        match (barred.is_empty(), is_back) {
            (false, _) => WayBack::Barred(barred),
            (true, true) => WayBack::IsBack,
            (true, false) => WayBack::Open,
        }
    }
}

impl Operation {
    /// Whether it leaves alone what a row doesn't name, so that single places
    /// of a record can be put back with it.
    #[must_use]
    pub fn changes_single_places(&self) -> bool {
        let spares_others = self.change.partial || self.change.merge;
        spares_others && self.repeatable && !self.is_batched()
    }

    /// The request that puts a record's places back. A place that wasn't there
    /// is left out where the whole record goes along, and sent as null where
    /// only the changes do.
    #[must_use]
    pub fn put_back(&self, key: &str, found: &FoundRecord, image: &PreImage) -> Change {
        let mut record = match self.change.merge {
            true => found.record.clone(),
            false => Value::Object(serde_json::Map::new()),
        };
        if self.contract.key_in_body {
            put(&mut record, &format!("/{}", self.contract.key), key.into());
        }
        for change in &image.changes {
            match (&change.before, self.change.merge) {
                (Some(before), _) => put(&mut record, &change.place, before.clone()),
                (None, true) => remove(&mut record, &change.place),
                (None, false) => put(&mut record, &change.place, Value::Null),
            }
        }
        self.change_into(key, found, record)
    }

    /// The request that deletes a record.
    #[must_use]
    pub fn delete(&self, key: &str, found: &FoundRecord) -> Change {
        Change {
            path: self.path_of(key, &found.id),
            body: Vec::new(),
        }
    }
}

fn changed_places(
    wanted: &Value,
    found: Option<&Value>,
    place: &mut String,
    changes: &mut Vec<PlaceChange>,
) {
    if let (Value::Object(members), Some(Value::Object(there))) = (wanted, found) {
        let length = place.len();
        for (name, member) in members {
            place.push('/');
            place.push_str(&name.replace('~', "~0").replace('/', "~1"));
            changed_places(member, there.get(name), place, changes);
            place.truncate(length);
        }
        return;
    }
    if !differences(wanted, found.unwrap_or(&Value::Null)).is_empty() {
        changes.push(PlaceChange {
            place: place.clone(),
            before: found.filter(|found| !found.is_null()).cloned(),
            after: wanted.clone(),
        });
    }
}

/// Whether neither has anything that the other hasn't.
fn is_equal(one: &Value, other: Option<&Value>) -> bool {
    let other = other.unwrap_or(&Value::Null);
    differences(one, other).is_empty() && differences(other, one).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(row: u64, wanted: &Value, record: &Value) -> PreImage {
        let found = FoundRecord::new("7".to_owned(), record.clone());
        PreImage::of_change(row, "c-7", &found, wanted)
    }

    #[test]
    fn only_the_places_that_a_row_changes_are_kept() {
        let record = json!({"name": "Ada", "tags": ["a", "b"], "at": {"city": "Bonn"}});
        let wanted = json!({"name": "Ada", "tags": ["a", "c"], "at": {"city": "Köln", "zip": "1"}});
        let kept = image(1, &wanted, &record);
        let places: Vec<&str> = kept
            .changes
            .iter()
            .map(|change| change.place.as_str())
            .collect();
        assert_eq!(places, ["/at/city", "/at/zip", "/tags"]);
        assert_eq!(kept.changes[1].before, None);
        assert_eq!(kept.changes[2].before, Some(json!(["a", "b"])));
        let line = kept.to_line();
        assert_eq!(
            serde_json::from_slice::<PreImage>(&line).expect("JSON"),
            kept
        );
    }

    #[test]
    fn what_somebody_changed_since_bars_the_way_back_and_other_places_do_not() {
        let kept = image(
            1,
            &json!({"name": "Ada"}),
            &json!({"name": "Eve", "city": "Bonn"}),
        );
        assert_eq!(kept.way_back(&json!({"name": "Eve"})), WayBack::IsBack);
        assert_eq!(
            kept.way_back(&json!({"name": "Ada", "city": "Rom"})),
            WayBack::Open
        );
        let barred = kept.way_back(&json!({"name": "Zoe"}));
        assert!(matches!(barred, WayBack::Barred(places) if places[0].place == "/name"));
    }

    #[test]
    fn the_rows_of_one_key_lead_back_to_what_was_before_the_first() {
        let first = image(1, &json!({"name": "B"}), &json!({"name": "A"}));
        let second = image(2, &json!({"name": "C", "city": "x"}), &json!({"name": "B"}));
        let both = first.clone().and_then(second);
        assert_eq!(both.changes[0].before, Some(json!("A")));
        assert_eq!(
            (&both.changes[0].after, both.changes.len()),
            (&json!("C"), 2)
        );
        // Somebody was there in between: what they wrote is what is put back.
        let amid = image(2, &json!({"name": "C"}), &json!({"name": "theirs"}));
        assert_eq!(
            first.and_then(amid).changes[0].before,
            Some(json!("theirs"))
        );
    }

    #[test]
    fn a_record_that_was_made_and_then_changed_is_still_one_that_was_made() {
        let mut made = PreImage::of_making(1, "c-7", &json!({"name": "A"}));
        made.id = Some("7".to_owned());
        // Found otherwise by the very row that was about to make it: maybe
        // somebody else has made it.
        let amid = image(1, &json!({"name": "A"}), &json!({"name": "theirs"}));
        assert_eq!(made.clone().and_then(amid).id, None);
        let both = made.and_then(image(2, &json!({"name": "B"}), &json!({"name": "A"})));
        assert_eq!((both.made, both.id.as_deref()), (true, Some("7")));
        assert_eq!(both.way_back(&json!({"name": "B", "id": 7})), WayBack::Open);
        assert!(matches!(
            both.way_back(&json!({"name": "A"})),
            WayBack::Barred(_)
        ));
    }
}
