//! Dynamic address books: entries made or changed by their external id, with a result for each.

use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use crate::tenant::contacts::{looks_like_email, looks_like_phone};
use crate::tenant::world::World;

/// What an entry may hold; all are texts.
const FIELDS: [&str; 11] = [
    "addressBookEntryId",
    "externalId",
    "stateId",
    "externalState",
    "firstName",
    "middleName",
    "lastName",
    "company",
    "phone",
    "mobile",
    "email",
];

/// The most entries on one page.
const PAGE_CAP: usize = 100;

/// Makes or changes entries. With `fullLoad=true` the book holds nothing else afterwards.
pub(super) fn upsert(world: &World, books: &mut Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&["fullLoad"])?;
    let full_load = match call.parameter("fullLoad") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(invalid("fullLoad is true or false")),
    };
    let Value::Object(mut body) = call.json()? else {
        return Err(invalid("the body must be an object"));
    };
    let entries = match body.remove("addressBookEntries") {
        Some(Value::Array(entries)) if body.is_empty() => entries,
        _ => {
            return Err(invalid(
                "the body must hold the list addressBookEntries and nothing else",
            ));
        }
    };
    let cap = world.scenario.batches.cap;
    if entries.is_empty() || entries.len() > cap {
        let status = world.scenario.batches.over_cap;
        let message = format!("too many entries: at least 1 and at most {cap}");
        return Err(Flaw::new(status, "request_entity_too_large", message));
    }
    let book = book_id(call).to_owned();
    if full_load {
        books.lists.remove(&book);
    }
    let mut results: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            let external_id = entry.get("externalId").cloned().unwrap_or_default();
            let outcome = match world.draw_item_fault() {
                Some(_) => Err("the entry could not be taken just now".to_owned()),
                None => upsert_one(world, books, &book, entry),
            };
            match outcome {
                Ok((id, created)) => json!({
                    "success": true,
                    "created": created,
                    "addressBookEntryId": id,
                    "externalId": external_id,
                    "error": null,
                }),
                Err(error) => json!({
                    "success": false,
                    "created": false,
                    "addressBookEntryId": null,
                    "externalId": external_id,
                    "error": error,
                }),
            }
        })
        .collect();
    if world.scenario.batches.shuffled {
        world.shuffle(&mut results);
    }
    Ok(json!({ "entryResults": results }))
}

fn upsert_one(
    world: &World,
    books: &mut Books,
    book: &str,
    entry: Value,
) -> Result<(String, bool), String> {
    let Value::Object(fields) = entry else {
        return Err("an entry must be an object".to_owned());
    };
    let external_id = check(world, &fields)?;
    let now = world.moment().now;
    let known = books
        .lists
        .get(book)
        .and_then(|list| list.named(&external_id).next())
        .map(|record| record.id.clone());
    let (id, created) = match known {
        Some(id) => (id, false),
        None => (books.new_number().to_string(), true),
    };
    let list = books.lists.entry(book.to_owned()).or_default();
    let names = vec![external_id.clone()];
    match created {
        true => {
            list.make(id.clone(), names, fields.clone(), now);
        }
        false => {
            list.replace(&id, names, fields.clone(), now);
        }
    }
    world.enter_write(external_id, fields);
    Ok((id, created))
}

/// The entry's external id, if all of it can be taken.
fn check(world: &World, fields: &Map<String, Value>) -> Result<String, String> {
    for (name, value) in fields {
        if !FIELDS.contains(&name.as_str()) {
            return Err(format!("{name}: unknown field"));
        }
        let Value::String(text) = value else {
            return Err(format!("{name}: must be a text"));
        };
        let fits = match name.as_str() {
            "email" => text.is_empty() || looks_like_email(text),
            "phone" | "mobile" => text.is_empty() || looks_like_phone(text),
            _ => true,
        };
        if !fits {
            return Err(format!("{name}: not a valid value"));
        }
    }
    let external_id = fields
        .get("externalId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if external_id.is_empty() {
        return Err("externalId: required".to_owned());
    }
    if world.scenario.contacts.is_invalid(external_id) {
        return Err("email: not a valid value".to_owned());
    }
    Ok(external_id.to_owned())
}

/// A page of a book's entries.
pub(super) fn list(books: &Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&["top", "skip"])?;
    let top = call.number("top", 50, PAGE_CAP)?;
    let skip = call.number("skip", 0, usize::MAX)?;
    let records = books
        .lists
        .get(book_id(call))
        .map_or(&[][..], |list| list.records());
    let entries: Vec<Value> = records
        .iter()
        .skip(skip)
        .take(top)
        .map(|record| {
            let mut fields = record.fields.clone();
            let id = Value::from(record.id.clone());
            fields.insert("addressBookEntryId".to_owned(), id);
            Value::Object(fields)
        })
        .collect();
    Ok(json!({ "addressBookEntries": entries, "totalRecords": records.len() }))
}

fn book_id(call: &Call) -> &str {
    call.steps.get(4).map_or("", String::as_str)
}

fn invalid(message: &str) -> Flaw {
    Flaw::new(400, "invalid_request", message)
}
