//! Outbound contact lists: contacts with columns, made or changed by their id.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::clock::iso_time;
use super::super::error_form::Flaw;
use super::super::table::Record;
use crate::tenant::world::World;

/// The most contacts of one request.
const CAP: usize = 1000;
/// The longest value of a column, in characters.
const LONGEST_VALUE: usize = 512;
/// The most columns of a list.
const COLUMNS_CAP: usize = 50;

/// Adds contacts to a list, or changes those whose ids it has: all of them, or none.
pub(super) fn add(
    world: &World,
    books: &mut Books,
    call: &Call,
    body: Value,
) -> Result<Value, Flaw> {
    let list_id = list_id(call);
    let Value::Array(contacts) = body else {
        return Err(Flaw::new(400, "bad.request", "the body must be a list"));
    };
    if contacts.is_empty() || contacts.len() > CAP {
        let message = format!("1 to {CAP} contacts can be added at once");
        return Err(Flaw::new(400, "too.many.contacts.added", message));
    }
    for contact in &contacts {
        check(list_id, contact)?;
    }
    let requeues = call.parameter("doNotQueue") != Some("true");
    let now = world.moment().now;
    let mut shown = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let id = match contact["id"].as_str() {
            Some(id) => id.to_owned(),
            None => books.new_id("list contact"),
        };
        let Value::Object(mut fields) = contact else {
            continue;
        };
        fields.remove("id");
        fields.insert("contactListId".to_owned(), Value::from(list_id));
        fields.entry("callable").or_insert(Value::Bool(true));
        let list = books.lists.entry(list_id.to_owned()).or_default();
        let is_there = list.with_id(&id).is_some();
        if is_there && requeues {
            // What a campaign would dial again: a load must not cause it.
            world.ledger.note(|counters| counters.requeued += 1);
        }
        let names = vec![id.clone()];
        let record = match is_there {
            true => list.replace(&id, names, fields.clone(), now),
            false => Some(list.make(id.clone(), names, fields.clone(), now)),
        };
        shown.extend(record.map(|record| show(record, world.clock_at_zero())));
        world.enter_write(id, fields);
    }
    Ok(Value::Array(shown))
}

/// One contact of a list.
pub(super) fn get(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    let id = call.steps.last().map_or("", String::as_str);
    let list = books.lists.get(list_id(call));
    let record = list.and_then(|list| list.with_id(id)).ok_or_else(|| {
        Flaw::new(
            404,
            "contact.not.found",
            "the list has no contact of this id",
        )
    })?;
    Ok(show(record, world.clock_at_zero()))
}

fn list_id(call: &Call) -> &str {
    call.steps.get(4).map_or("", String::as_str)
}

fn check(list_id: &str, contact: &Value) -> Result<(), Flaw> {
    let other = contact["contactListId"].as_str();
    if other.is_some_and(|other| other != list_id) {
        let message = "contactListId names another list than the path";
        return Err(Flaw::of_field("invalid.value", "contactListId", message));
    }
    if let Some(id) = contact["id"].as_str() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if id.is_empty() || !id.bytes().all(is_plain) {
            let message = "an id has letters, digits, - and _ alone";
            return Err(Flaw::of_field("invalid.contact.id", "id", message));
        }
    }
    let Some(data) = contact["data"].as_object() else {
        let message = "data is required";
        return Err(Flaw::of_field("contact.missing.columns", "data", message));
    };
    check_columns(data)
}

fn check_columns(data: &Map<String, Value>) -> Result<(), Flaw> {
    if data.is_empty() || data.len() > COLUMNS_CAP {
        let message = format!("a contact has 1 to {COLUMNS_CAP} columns");
        return Err(Flaw::of_field("invalid.contact.columns", "data", message));
    }
    let too_long = data.iter().find(|(_, value)| {
        value
            .as_str()
            .is_some_and(|text| text.chars().count() > LONGEST_VALUE)
    });
    match too_long {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("longer than {LONGEST_VALUE} characters");
            Err(Flaw::of_field("invalid.contact.columns", name, message))
        }
    }
}

fn show(record: &Record, zero: Option<Duration>) -> Value {
    let mut fields = record.fields.clone();
    let own = json!({
        "id": record.id,
        "dateCreated": iso_time(zero.unwrap_or_default() + record.made_at),
    });
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    Value::Object(fields)
}
