//! Looking several records up with one request: what the reply says of each of
//! its keys.
//!
//! A record that is wrongly taken as absent is made twice, so a reply has to say
//! that a key has no record: by naming it, or by being whole. Anything else
//! leaves the key open, and it is asked again.

use serde_json::Value;

use super::class::ReplyClass;
use super::condition::Condition;
use super::found::{FoundPlaces, FoundProblem, FoundRecord};
use super::item_key::{Directory, ItemKey, MatchBy};
use super::look_up::{LookUpAnswer, LookUpMethod};
use super::look_up_keys::KeysForm;
use super::operation::Operation;
use super::reply::Parsed;
use super::results::ResultList;

/// Bytes of a reply with several records that are read; the transport reads less
/// than that anyway.
const MAX_RECORDS_BYTES: usize = 2 * 1024 * 1024;
/// How several records are looked up, compiled.
#[derive(Clone, Debug)]
pub(super) struct LookUpBatch {
    pub(super) max: usize,
    pub(super) method: LookUpMethod,
    /// Path and query, up to the keys.
    pub(super) path: Vec<u8>,
    pub(super) keys: KeysForm,
    /// Where the list of records stands.
    pub(super) records: String,
    /// What a record is matched with its key by.
    pub(super) match_by: MatchBy,
    pub(super) places: FoundPlaces,
    pub(super) complete: Vec<Condition>,
    pub(super) failures: Option<ResultList>,
    pub(super) too_many: Vec<Condition>,
}

/// What the reply to a look-up of several keys says.
#[derive(Clone, Debug, PartialEq)]
pub enum LookUpSplit {
    /// Of each key for itself, in the order in which they were asked for.
    Keys(Vec<KeyAnswer>),
    /// Of none of them: it is about the request. Never
    /// [`LookUpAnswer::Found`] or [`LookUpAnswer::Absent`].
    Whole(LookUpAnswer),
    /// There were too many keys.
    TooMany,
}

/// What the reply to a look-up of several keys says of one of them.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyAnswer {
    /// It has a record.
    Found(Box<FoundRecord>),
    /// It has records that can't be worked with.
    Problem(FoundProblem),
    /// It has none.
    Absent,
    /// The reply isn't whole, and the key isn't in it.
    LeftOut,
    /// What the reply says of it, or of others, doesn't fit together.
    Unclear,
}

impl KeyAnswer {
    /// Whether it has to be asked for again.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::LeftOut | Self::Unclear)
    }
}

impl Operation {
    /// What a reply says of each of the keys that were asked for. `header` gives
    /// a header's value by its name, in whatever letter case.
    #[must_use]
    pub fn split_look_up<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
        keys: &[&str],
    ) -> LookUpSplit {
        let mut parsed = Parsed::new(body, MAX_RECORDS_BYTES);
        let Some(batch) = self.look_up_batch() else {
            return LookUpSplit::Whole(self.unsure_look_up(status, header, &mut parsed));
        };
        let mut holds = |conditions: &[Condition]| {
            conditions
                .iter()
                .any(|condition| condition.holds(Some(status), &mut parsed))
        };
        if holds(&batch.too_many) {
            return LookUpSplit::TooMany;
        }
        let is_complete = holds(&batch.complete);
        let is_refused = self
            .replies
            .ruled(status, &mut parsed)
            .is_some_and(ReplyClass::is_about_the_request);
        if (200..300).contains(&status)
            && !is_refused
            && let Ok(reply) = parsed.json()
            && let Some(answers) = batch.read(reply, keys, is_complete)
        {
            return LookUpSplit::Keys(answers);
        }
        LookUpSplit::Whole(self.unsure_look_up(status, header, &mut parsed))
    }
}

impl LookUpBatch {
    /// What the reply says of each key; `None` where it has no list of records.
    fn read(&self, reply: &Value, keys: &[&str], is_complete: bool) -> Option<Vec<KeyAnswer>> {
        let records = match (reply.pointer(&self.records), &self.failures) {
            (Some(Value::Array(records)), _) => records.as_slice(),
            // Where all went wrong, there may be no list of what didn't.
            (None | Some(Value::Null), Some(failures)) if reply.pointer(&failures.at).is_some() => {
                &[]
            }
            _ => return None,
        };
        let items: Vec<ItemKey<'_>> = keys
            .iter()
            .map(|&key| ItemKey { key, tracker: 0 })
            .collect();
        let directory = Directory::new(&self.match_by, &items);
        let mut found: Vec<Vec<&Value>> = vec![Vec::new(); keys.len()];
        // A record that nobody asked for may be one that is spelled otherwise,
        // so that nothing is known of those that seem to be absent.
        let mut is_odd = false;
        for record in records {
            match directory.named_by(record).as_slice() {
                [Some(place)] => found[*place].push(record),
                _ => is_odd = true,
            }
        }
        let mut missing = vec![false; keys.len()];
        let mut failed = vec![false; keys.len()];
        if let Some(failures) = &self.failures {
            is_odd |= self.read_failures(failures, reply, &items, &mut missing, &mut failed)?;
        }
        let answers = found.iter().zip(missing.iter().zip(&failed));
        Some(
            answers
                .map(
                    |(found, (&missing, &failed))| match (found.is_empty(), missing) {
                        _ if failed => KeyAnswer::Unclear,
                        (false, false) => self.one_record(found),
                        (false, true) => KeyAnswer::Unclear,
                        (true, true) => KeyAnswer::Absent,
                        (true, false) if is_odd => KeyAnswer::Unclear,
                        (true, false) if is_complete => KeyAnswer::Absent,
                        (true, false) => KeyAnswer::LeftOut,
                    },
                )
                .collect(),
        )
    }

    /// Notes what the list of failures says of each key; whether something in it
    /// wasn't understood. `None` where the list isn't one.
    fn read_failures(
        &self,
        failures: &ResultList,
        reply: &Value,
        items: &[ItemKey<'_>],
        missing: &mut [bool],
        failed: &mut [bool],
    ) -> Option<bool> {
        let entries = match reply.pointer(&failures.at) {
            None | Some(Value::Null) => return Some(false),
            Some(Value::Array(entries)) => entries,
            Some(_) => return None,
        };
        let directory = Directory::new(&failures.match_by, items);
        let mut is_odd = false;
        for entry in entries {
            let is_missing = failures.read(entry).class == Some(ReplyClass::Missing);
            let places = directory.named_by(entry);
            is_odd |= places.is_empty();
            for place in places {
                match place {
                    Some(place) if is_missing => missing[place] = true,
                    Some(place) => failed[place] = true,
                    None => is_odd = true,
                }
            }
        }
        Some(is_odd)
    }

    /// The one record of a key, or why there is none to work with.
    fn one_record(&self, entries: &[&Value]) -> KeyAnswer {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.places.record_in(entry) {
                // A page may list a record twice that moved while it was made.
                Ok(record)
                    if records
                        .iter()
                        .any(|other: &FoundRecord| other.id == record.id) => {}
                Ok(record) => records.push(record),
                Err(problem) => return KeyAnswer::Problem(problem),
            }
        }
        match records.len() {
            1 => KeyAnswer::Found(Box::new(records.swap_remove(0))),
            _ => {
                let ids = records.into_iter().map(|record| record.id).collect();
                KeyAnswer::Problem(FoundProblem::Several { ids })
            }
        }
    }
}
