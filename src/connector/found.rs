//! A record as the platform has it, and how it differs from what a row asks
//! for.

use jiff::Timestamp;
use serde_json::Value;

use super::change::{lay_over, remove};
use super::message::id_text;
use super::operation::Operation;
use super::reply::Parsed;

/// Bytes of a look-up's reply that are read: one record, or a few.
pub(super) const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// Ids of records of one key that a message names. More of them would fill the
/// cell of a CSV file, and say no more.
const IDS_NAMED: usize = 10;

/// Where a look-up's reply has the record, and what is to be known of it.
#[derive(Clone, Debug)]
pub(super) struct FoundPlaces {
    /// The record itself.
    pub(super) record: String,
    /// The platform's own id of it; the first that finds one wins.
    pub(super) id: Vec<String>,
    /// Its version, which a change has to name.
    pub(super) version: Option<String>,
    /// A second record of the same key, which should not be there.
    pub(super) second: Option<String>,
    /// Places in the record that show a value in the platform's own spelling, and
    /// where it keeps what was sent.
    pub(super) sent_at: Vec<(String, String)>,
}

/// A record as the platform has it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRecord {
    /// The platform's own id of it.
    pub id: String,
    /// The record.
    pub record: Value,
    /// Its version, where a change has to name one.
    pub(super) version: Option<Value>,
}

/// Why a record that was found can't be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoundProblem {
    /// The reply isn't what the connector file says.
    #[error("the record was looked up, and the reply has nothing at {place}")]
    NotThere {
        /// The JSON pointer.
        place: String,
    },
    /// Several records have the key.
    #[error(
        "the tenant has more than one record of this key{}; merge them there, then load the row again",
        listed(ids)
    )]
    Several {
        /// Their ids, as far as the reply has them.
        ids: Vec<String>,
    },
}

/// The ids of records, in brackets.
fn listed(ids: &[String]) -> String {
    let shown = ids[..ids.len().min(IDS_NAMED)].join(", ");
    match ids.len().saturating_sub(IDS_NAMED) {
        0 if ids.is_empty() => String::new(),
        0 => format!(" ({shown})"),
        more => format!(" ({shown} and {more} more)"),
    }
}

/// One place at which a record isn't as a row asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The place in the record, as a JSON pointer.
    pub place: String,
    /// What the row asks for.
    pub wanted: Value,
    /// What stands there; `None` where nothing does.
    pub found: Option<Value>,
}

impl FoundPlaces {
    /// The record in a reply, or in an entry of a list of records.
    pub(super) fn record_in(&self, reply: &Value) -> Result<FoundRecord, FoundProblem> {
        let not_there = |place: &str| FoundProblem::NotThere {
            place: place.to_owned(),
        };
        let record = reply
            .pointer(&self.record)
            .filter(|record| record.is_object())
            .ok_or_else(|| not_there(&self.record))?;
        let id = self
            .id
            .iter()
            .find_map(|place| id_text(reply.pointer(place)?))
            .ok_or_else(|| not_there(self.id.first().map_or("", String::as_str)))?;
        let version = match &self.version {
            Some(place) => Some(
                reply
                    .pointer(place)
                    .filter(|version| version.is_number() || version.is_string())
                    .cloned()
                    .ok_or_else(|| not_there(place))?,
            ),
            None => None,
        };
        let mut record = record.clone();
        for (place, sent_at) in &self.sent_at {
            if let Some(sent) = record.pointer(sent_at).cloned()
                && let Some(shown) = record.pointer_mut(place)
            {
                *shown = sent;
            }
        }
        Ok(FoundRecord {
            id,
            record,
            version,
        })
    }

    /// The ids of all records in a reply that shows several: where the second
    /// one stands in a list, those of the whole list.
    fn ids_in(&self, reply: &Value) -> Vec<String> {
        let lists = self.second.as_ref().and_then(|second| {
            let list = second.strip_suffix("/1")?;
            let entries = reply.pointer(list)?.as_array()?;
            let first = format!("{list}/0/");
            let in_entry = |place: &String| Some(format!("/{}", place.strip_prefix(&first)?));
            let places: Vec<String> = self.id.iter().filter_map(in_entry).collect();
            let id_of = |entry: &Value| {
                let mut places = places.iter();
                places.find_map(|place| id_text(entry.pointer(place)?))
            };
            Some(entries.iter().filter_map(id_of).collect())
        });
        lists.unwrap_or_default()
    }
}

impl FoundRecord {
    /// A record without a version.
    #[must_use]
    pub fn new(id: String, record: Value) -> Self {
        Self {
            id,
            record,
            version: None,
        }
    }

    /// The record once a row is laid over it.
    #[must_use]
    pub fn with(mut self, row: &Value) -> Self {
        lay_over(&mut self.record, row);
        self
    }
}

impl Operation {
    /// Whether a look-up shows the record itself, and not only that it is there.
    #[must_use]
    pub fn shows_records(&self) -> bool {
        self.look_up
            .as_ref()
            .and_then(|look_up| look_up.places.as_ref())
            .is_some_and(|places| !places.id.is_empty())
    }

    /// Whether a change has to name the version that a look-up shows.
    #[must_use]
    pub fn needs_versions(&self) -> bool {
        self.look_up.as_ref().is_some_and(|look_up| {
            let batch = look_up.batch.as_ref().map(|batch| &batch.places);
            let mut places = look_up.places.iter().chain(batch);
            places.any(|places| places.version.is_some())
        })
    }

    /// The record in a look-up's reply that shows it.
    ///
    /// # Errors
    /// The reply has no record, or no id, where the connector file says; or it
    /// shows several records of the key.
    pub fn found_record(&self, body: &[u8]) -> Result<FoundRecord, FoundProblem> {
        let not_there = |place: &str| FoundProblem::NotThere {
            place: place.to_owned(),
        };
        let look_up = self.look_up.as_ref();
        let places = look_up
            .and_then(|look_up| look_up.places.as_ref())
            .ok_or_else(|| not_there("the place that the connector file doesn't name"))?;
        let mut parsed = Parsed::new(body, MAX_RECORD_BYTES);
        let reply = parsed.json().map_err(|_| not_there(&places.record))?;
        let is_there = |place: &String| reply.pointer(place).is_some_and(|value| !value.is_null());
        if places.second.as_ref().is_some_and(is_there) {
            return Err(FoundProblem::Several {
                ids: places.ids_in(reply),
            });
        }
        places.record_in(reply)
    }

    /// What a row asks of a record that is there: what is sent for it, without
    /// the envelope, and without the places that only a new record gets; `None`
    /// where `body` isn't what the mapper wrote.
    #[must_use]
    pub fn record_of(&self, body: &[u8]) -> Option<Value> {
        let sent: Value = serde_json::from_slice(body).ok()?;
        let mut record = sent.pointer(&self.envelope_pointer)?.clone();
        for place in &self.set_once {
            remove(&mut record, place);
        }
        Some(record)
    }
}

/// Every place at which `found` isn't as `wanted` asks for. What `wanted`
/// doesn't name may be anything: a row says nothing about it.
#[must_use]
pub fn differences(wanted: &Value, found: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(wanted, Some(found), &mut String::new(), &mut all);
    all
}

fn compare(
    wanted: &Value,
    found: Option<&Value>,
    place: &mut String,
    differences: &mut Vec<Difference>,
) {
    let length = place.len();
    match (wanted, found) {
        (Value::Object(members), Some(Value::Object(there))) => {
            for (name, member) in members {
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
                compare(member, there.get(name), place, differences);
                place.truncate(length);
            }
        }
        (Value::Array(items), Some(Value::Array(there))) if items.len() == there.len() => {
            for (index, (item, other)) in items.iter().zip(there).enumerate() {
                place.push('/');
                place.push_str(&index.to_string());
                compare(item, Some(other), place, differences);
                place.truncate(length);
            }
        }
        (wanted, found) if is_same(wanted, found) => {}
        (wanted, found) => differences.push(Difference {
            place: place.clone(),
            wanted: wanted.clone(),
            found: found.cloned(),
        }),
    }
}

/// Whether two values are the same, however they are spelled: platforms keep a
/// number as a decimal, a time in UTC, and leave out what is empty.
fn is_same(wanted: &Value, found: Option<&Value>) -> bool {
    let Some(found) = found.filter(|found| !is_empty(found)) else {
        return is_empty(wanted);
    };
    if wanted == found {
        return true;
    }
    match (wanted, found) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().is_some() && one.as_f64() == other.as_f64()
        }
        (Value::String(one), Value::String(other)) => {
            instant(one).is_some_and(|instant_of_one| Some(instant_of_one) == instant(other))
        }
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A time with its zone (RFC 3339), as the instant that it is.
fn instant(text: &str) -> Option<Timestamp> {
    let may_be = text.len() >= 20 && text.as_bytes()[0].is_ascii_digit();
    may_be.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(wanted: Value, found: Value) -> Vec<String> {
        differences(&wanted, &found)
            .into_iter()
            .map(|difference| difference.place)
            .collect()
    }

    #[test]
    fn what_a_row_does_not_name_may_be_anything() {
        let wanted = json!({"name": "Ada", "fields": {"tier": "Gold"}});
        let found = json!({"id": 7, "name": "Ada", "fields": {"tier": "Gold", "x": 1}});
        assert_eq!(places(wanted, found), [""; 0]);
    }

    #[test]
    fn each_difference_is_named_by_its_place() {
        let wanted = json!({"a/b": 1, "list": [{"v": "x"}, {"v": "y"}], "gone": "here"});
        let found = json!({"a/b": 2, "list": [{"v": "x"}, {"v": "z"}]});
        assert_eq!(places(wanted, found), ["/a~1b", "/gone", "/list/1/v"]);
        let wanted = json!({"list": ["a"]});
        let found = json!({"list": ["a", "b"]});
        assert_eq!(places(wanted, found), ["/list"]);
    }

    #[test]
    fn what_was_sent_counts_where_the_platform_shows_its_own_spelling() {
        let places = FoundPlaces {
            record: "/0".to_owned(),
            id: vec!["/0/id".to_owned()],
            version: None,
            second: None,
            sent_at: vec![("/phone/shown".to_owned(), "/phone/sent".to_owned())],
        };
        let shown = |phone: Value| {
            let reply = json!([{"id": 7, "phone": phone}]);
            places.record_in(&reply).expect("a record").record["phone"]["shown"].clone()
        };
        assert_eq!(
            shown(json!({"shown": "+1 (2) 3", "sent": "+123"})),
            json!("+123")
        );
        assert_eq!(shown(json!({"shown": "+123"})), json!("+123"));
        assert_eq!(shown(json!({"sent": "+123"})), Value::Null);
    }

    #[test]
    fn spelling_is_no_difference() {
        let wanted = json!({"n": 5, "t": "2023-10-27T14:30:00Z", "e": "", "z": null});
        let found = json!({"n": 5.0, "t": "2023-10-27T16:30:00.000+02:00", "z": ""});
        assert_eq!(places(wanted, found), [""; 0]);
        let wanted = json!({"n": "5", "t": "2023-10-27T14:30:01Z", "f": false});
        let found = json!({"n": 5, "t": "2023-10-27T14:30:00Z"});
        assert_eq!(places(wanted, found), ["/f", "/n", "/t"]);
    }
}
