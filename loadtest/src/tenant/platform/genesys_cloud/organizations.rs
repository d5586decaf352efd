//! External organizations: what contacts refer to.

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::clock::iso_time;
use super::super::error_form::Flaw;
use super::super::table::Record;
use super::{bulk, contact, enrich};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// What the platform writes itself; a client's values are left out, as the platform does.
const OWN: [&str; 5] = ["id", "createDate", "modifyDate", "selfUri", "identifiers"];

/// Whether a call is about organizations.
pub(super) fn is_meant(call: &Call) -> bool {
    call.steps.iter().any(|step| step == "organizations")
}

/// Does what a request that was let in asks for.
pub(super) fn perform(
    world: &World,
    books: &mut Books,
    call: &Call,
    endpoint: Endpoint,
    body: Value,
) -> Result<Response<ReplyBody>, Flaw> {
    let ok = |value: Value| Ok(reply::json(StatusCode::OK, &value));
    match endpoint {
        Endpoint::LookUpContact => ok(look_up(world, books, &body)?),
        Endpoint::ReplaceContact => {
            let id = call.steps.last().map_or("", String::as_str);
            ok(replace(world, books, id, &body)?)
        }
        _ => bulk::answer(world, books, bulk::Kind::Organizations, body),
    }
}

/// Makes an organization, as one of many.
pub(super) fn add(
    world: &World,
    books: &mut Books,
    organization: &Map<String, Value>,
) -> Result<Value, Flaw> {
    let fields = read(world, books, organization)?;
    let names = names(&fields);
    let is_taken = |name: &String| books.organizations.named(name).next().is_some();
    if world.scenario.contacts.unique_external_id && names.iter().any(is_taken) {
        let message = "another organization claims this external id";
        return Err(Flaw::new(409, "general.conflict", message));
    }
    let id = books.new_id("external organization");
    let now = world.moment().now;
    let record = books.organizations.make(id, names, fields.clone(), now);
    let made = shown(world, record);
    enter(world, &made, fields);
    Ok(made)
}

fn replace(world: &World, books: &mut Books, id: &str, body: &Value) -> Result<Value, Flaw> {
    let message = "the body must be an object";
    let organization = body
        .as_object()
        .ok_or_else(|| Flaw::new(400, "bad.request", message))?;
    let fields = read(world, books, organization)?;
    let names = names(&fields);
    let now = world.moment().now;
    let record = books.organizations.replace(id, names, fields.clone(), now);
    let shown = shown(world, record.ok_or_else(missing)?);
    enter(world, &shown, fields);
    Ok(shown)
}

fn look_up(world: &World, books: &Books, wanted: &Value) -> Result<Value, Flaw> {
    if wanted["type"] != "ExternalId" {
        let message = "organizations are looked up by external ids alone";
        return Err(Flaw::of_field("invalid.value", "type", message));
    }
    let name = of_organization(&enrich::name_of(books, wanted)?);
    let delay = world.scenario.contacts.look_up_delay;
    let until = Books::known_until(world.moment().now, delay);
    let mut named = books.organizations.named(&name);
    let found = named.find(|record| record.made_at <= until);
    Ok(shown(world, found.ok_or_else(missing)?))
}

/// An organization as a client sends it, checked and in the platform's own form.
fn read(
    world: &World,
    books: &Books,
    organization: &Map<String, Value>,
) -> Result<Map<String, Value>, Flaw> {
    let mut fields = organization.clone();
    fields.retain(|name, value| !OWN.contains(&name.as_str()) && !value.is_null());
    for value in fields.values_mut() {
        if let Value::String(text) = value {
            *text = text.trim().to_owned();
        }
    }
    for name in ["phoneNumber", "faxNumber"] {
        if let Some(phone) = fields.get_mut(name).and_then(Value::as_object_mut) {
            contact::read_phone(phone);
        }
    }
    if let Some(ids) = fields.get_mut("externalIds").and_then(Value::as_array_mut) {
        for id in ids {
            contact::read_external_id(books, id)?;
        }
    }
    let is_nameless = fields
        .get("name")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty);
    let is_invalid = |name: &String| world.scenario.contacts.is_invalid(name);
    if is_nameless || contact::external_values(&fields).iter().any(is_invalid) {
        let message = "an organization needs a name";
        return Err(Flaw::of_field("invalid.value", "name", message));
    }
    Ok(fields)
}

/// Refuses a contact whose organization isn't there.
pub(super) fn check_reference(books: &Books, fields: &Map<String, Value>) -> Result<(), Flaw> {
    let Some(organization) = fields.get("externalOrganization") else {
        return Ok(());
    };
    let id = organization["id"].as_str().unwrap_or_default();
    match books.organizations.with_id(id) {
        Some(_) => Ok(()),
        None => {
            let message = "there is no external organization of this id";
            Err(Flaw::of_field(
                "invalid.value",
                "externalOrganization.id",
                message,
            ))
        }
    }
}

/// What an organization is found by. Contacts may have the same external ids.
fn names(fields: &Map<String, Value>) -> Vec<String> {
    let names = contact::names(fields);
    names.iter().map(|name| of_organization(name)).collect()
}

fn of_organization(name: &str) -> String {
    format!("Organization {name}")
}

fn shown(world: &World, record: &Record) -> Value {
    let zero = world.clock_at_zero().unwrap_or_default();
    let mut shown = record.fields.clone();
    let own = json!({
        "id": record.id,
        "createDate": iso_time(zero + record.made_at),
        "modifyDate": iso_time(zero + record.changed_at),
        "selfUri": format!("/api/v2/externalcontacts/organizations/{}", record.id),
    });
    if let Value::Object(own) = own {
        shown.extend(own);
    }
    Value::Object(shown)
}

fn enter(world: &World, shown: &Value, fields: Map<String, Value>) {
    let name = contact::external_values(&fields).into_iter().next();
    let name = name.unwrap_or_else(|| shown["id"].as_str().unwrap_or_default().to_owned());
    world.enter_write(name, fields);
}

fn missing() -> Flaw {
    Flaw::new(404, "organization.not.found", "no organization has this id")
}
