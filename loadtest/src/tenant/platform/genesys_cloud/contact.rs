//! One external contact: what it may hold beyond its shape, what it is found by, how a reply shows it.

use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::clock::iso_time;
use super::super::error_form::Flaw;
use super::super::table::Record;
use super::organizations;
use crate::tenant::contacts::looks_like_email;
use crate::tenant::world::World;

/// What the platform writes itself; a client's values are left out, as the platform does.
const OWN: [&str; 7] = [
    "id",
    "createDate",
    "modifyDate",
    "selfUri",
    "mergeSet",
    "canonicalContact",
    "identifiers",
];
const EMAILS: [&str; 3] = ["workEmail", "personalEmail", "otherEmail"];
const PHONES: [&str; 4] = ["workPhone", "cellPhone", "homePhone", "otherPhone"];

/// A contact as a client sends it, checked and in the platform's own form: texts stripped, phones read.
pub(super) fn read(
    world: &World,
    books: &Books,
    contact: &Map<String, Value>,
) -> Result<Map<String, Value>, Flaw> {
    let mut fields = contact.clone();
    fields.retain(|name, value| !OWN.contains(&name.as_str()) && !value.is_null());
    for value in fields.values_mut() {
        if let Value::String(text) = value {
            *text = text.trim().to_owned();
        }
    }
    for name in EMAILS {
        let email = fields.get(name).and_then(Value::as_str);
        if email.is_some_and(|email| !looks_like_email(email)) {
            let message = format!("{name} is not a valid email address");
            return Err(Flaw::of_field("invalid.value", name, message));
        }
    }
    for name in PHONES {
        if let Some(phone) = fields.get_mut(name).and_then(Value::as_object_mut) {
            read_phone(phone);
        }
    }
    if let Some(ids) = fields.get_mut("externalIds").and_then(Value::as_array_mut) {
        for id in ids {
            read_external_id(books, id)?;
        }
    }
    if fields.contains_key("customFields") && !fields.contains_key("schema") {
        let message = "customFields need the schema that they belong to";
        let flaw = Flaw::of_field("custom.fields.validation.failed", "schema", message);
        return Err(Flaw {
            status: 422,
            ..flaw
        });
    }
    organizations::check_reference(books, &fields)?;
    let is_invalid = |name: &String| world.scenario.contacts.is_invalid(name);
    if external_values(&fields).iter().any(is_invalid) {
        let message = "workEmail is not a valid email address";
        return Err(Flaw::of_field("invalid.value", "workEmail", message));
    }
    Ok(fields)
}

/// What the user put in is kept as it was; where it can be read as a number, that stands beside it,
/// and what is shown is spelled in the platform's own way.
pub(super) fn read_phone(phone: &mut Map<String, Value>) {
    let Some(display) = phone
        .get("display")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return;
    };
    let digits: String = display.chars().filter(char::is_ascii_digit).collect();
    if display.starts_with('+') && (8..=15).contains(&digits.len()) {
        phone.insert("e164".to_owned(), Value::from(format!("+{digits}")));
        let (country, number) = digits.split_at(2);
        let spelled = format!("+{country} {number}");
        phone.insert("display".to_owned(), Value::from(spelled));
    }
    phone.insert("userInput".to_owned(), Value::from(display));
}

/// An external id names a source that exists, by id or by name; it is kept with both.
pub(super) fn read_external_id(books: &Books, id: &mut Value) -> Result<(), Flaw> {
    let source = find_source(books, &id["externalSource"])?;
    let named = |record: &Record| json!({ "id": record.id, "name": record.fields.get("name") });
    let value = id["value"].as_str().map(str::trim).unwrap_or_default();
    if value.is_empty() {
        let message = "an external id needs a value";
        return Err(Flaw::of_field(
            "invalid.value",
            "externalIds.value",
            message,
        ));
    }
    *id = json!({ "externalSource": named(source), "value": value });
    Ok(())
}

/// The external source that a reference means.
pub(super) fn find_source<'books>(
    books: &'books Books,
    source: &Value,
) -> Result<&'books Record, Flaw> {
    let by_id = source["id"]
        .as_str()
        .and_then(|id| books.definitions.with_id(id));
    let by_name = || {
        let name = source["name"].as_str()?;
        books.definitions.named(name).next()
    };
    by_id.or_else(by_name).ok_or_else(|| {
        let message = "there is no such external source";
        Flaw::of_field("invalid.value", "externalSource", message)
    })
}

/// What a contact is found by: its identifiers, each with its type.
pub(super) fn names(fields: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    for id in list(fields, "externalIds") {
        let source = id["externalSource"]["id"].as_str().unwrap_or_default();
        let value = id["value"].as_str().unwrap_or_default();
        names.push(identifier("ExternalId", source, value));
    }
    for email in EMAILS.iter().filter_map(|name| fields.get(*name)?.as_str()) {
        names.push(identifier("Email", "", email));
    }
    for phone in PHONES
        .iter()
        .filter_map(|name| fields.get(*name)?.get("e164")?.as_str())
    {
        names.push(identifier("Phone", "", phone));
    }
    names
}

/// One identifier as a name.
pub(super) fn identifier(kind: &str, source: &str, value: &str) -> String {
    match kind {
        "Email" => format!("Email {}", value.to_ascii_lowercase()),
        "ExternalId" => format!("ExternalId {source} {value}"),
        kind => format!("{kind} {value}"),
    }
}

/// The values of the external ids, for the books.
pub(super) fn external_values(fields: &Map<String, Value>) -> Vec<String> {
    list(fields, "externalIds")
        .iter()
        .filter_map(|id| id["value"].as_str().map(str::to_owned))
        .collect()
}

fn list<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    fields
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A contact as a reply shows it.
pub(super) fn shown(world: &World, record: &Record) -> Value {
    let zero = world.clock_at_zero().unwrap_or_default();
    let mut shown = record.fields.clone();
    let own = json!({
        "id": record.id,
        "type": "Curated",
        "createDate": iso_time(zero + record.made_at),
        "modifyDate": iso_time(zero + record.changed_at),
        "selfUri": format!("/api/v2/externalcontacts/contacts/{}", record.id),
    });
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    Value::Object(shown)
}

/// Makes a contact and enters it into the ledger.
pub(super) fn make(world: &World, books: &mut Books, fields: Map<String, Value>) -> Value {
    let id = books.new_id("external contact");
    let names = names(&fields);
    let record = books
        .contacts
        .make(id, names, fields.clone(), world.moment().now);
    let shown = shown(world, record);
    enter(world, &shown, fields);
    shown
}

/// Replaces a contact and enters it into the ledger.
pub(super) fn replace(
    world: &World,
    books: &mut Books,
    id: &str,
    fields: Map<String, Value>,
) -> Result<Value, Flaw> {
    let names = names(&fields);
    let now = world.moment().now;
    let record = books.contacts.replace(id, names, fields.clone(), now);
    let shown = shown(world, record.ok_or_else(missing)?);
    enter(world, &shown, fields);
    Ok(shown)
}

fn enter(world: &World, shown: &Value, fields: Map<String, Value>) {
    let name = external_values(&fields).into_iter().next();
    let name = name.unwrap_or_else(|| shown["id"].as_str().unwrap_or_default().to_owned());
    world.enter_write(name, fields);
}

pub(super) fn missing() -> Flaw {
    Flaw::new(404, "contact.not.found", "no contact has this id")
}

/// Refuses a contact whose external id another contact has, where the tenant forbids that.
pub(super) fn refuse_twins(
    world: &World,
    books: &Books,
    fields: &Map<String, Value>,
) -> Result<(), Flaw> {
    let is_taken = |name: &String| {
        name.starts_with("ExternalId ") && books.contacts.named(name).next().is_some()
    };
    if world.scenario.contacts.unique_external_id && names(fields).iter().any(is_taken) {
        let message = "another contact claims this external id";
        return Err(Flaw::new(409, "general.conflict", message));
    }
    Ok(())
}
