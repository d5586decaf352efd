//! The routes: entity types, contacts made, found, listed and replaced.

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Route;
use super::super::api::Api;
use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use super::contact::{self, Written};
use super::entity_types;
use crate::tenant::endpoint::Endpoint;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// The most contacts on one page.
const PAGE_CAP: usize = 100;

/// The route that a request is for.
pub(in super::super) fn route(call: &Call) -> Option<Route> {
    let is_look_up = call.parameter("externalId").is_some();
    Some(match (&call.method, call.path().as_slice()) {
        (&Method::GET | &Method::POST, ["api", "v2", "entitytypes"]) => Route::new(Endpoint::SetUp),
        (&Method::GET, ["api", "v2", "contacts"]) if is_look_up => {
            Route::new(Endpoint::LookUpContact)
        }
        (&Method::GET, ["api", "v2", "contacts"]) => Route::new(Endpoint::ListContacts),
        (&Method::POST, ["api", "v2", "contacts"]) => Route::new(Endpoint::CreateContact),
        (&Method::GET, ["api", "v2", "contacts", id]) => Route::of(Endpoint::GetContact, id),
        (&Method::PUT, ["api", "v2", "contacts", id]) => Route::of(Endpoint::ReplaceContact, id),
        _ => return None,
    })
}

/// Does what a request that was let in asks for.
pub(in super::super) fn perform(
    world: &World,
    call: &Call,
    endpoint: Endpoint,
) -> Result<Response<ReplyBody>, Flaw> {
    let mut books = world.platform.lock();
    let books = &mut *books;
    let ok = |value: Value| Ok(reply::json(StatusCode::OK, &value));
    match endpoint {
        Endpoint::SetUp if call.method == Method::POST => {
            let made = entity_types::create(books, call, world.moment().now)?;
            Ok(reply::json(StatusCode::CREATED, &made))
        }
        Endpoint::SetUp => ok(entity_types::list(books, call)?),
        Endpoint::LookUpContact => ok(look_up(world, books, call)?),
        Endpoint::ListContacts => ok(list(world, books, call)?),
        Endpoint::GetContact => {
            call.only(&[])?;
            let record = books
                .contacts
                .with_id(last_step(call))
                .ok_or_else(missing)?;
            ok(contact::shown(world, record))
        }
        Endpoint::ReplaceContact => {
            call.only(&[])?;
            ok(replace(world, books, last_step(call), call.json()?)?)
        }
        _ => {
            call.only(&[])?;
            match call.json()? {
                Value::Array(contacts) => create_many(world, books, contacts),
                contact => {
                    let made = create(world, books, contact)?;
                    Ok(reply::json(StatusCode::CREATED, &made))
                }
            }
        }
    }
}

fn last_step(call: &Call) -> &str {
    call.steps.last().map_or("", String::as_str)
}

fn missing() -> Flaw {
    Flaw::new(404, "contact.not.found", "no contact has this id")
}

fn create(world: &World, books: &mut Books, contact: Value) -> Result<Value, Flaw> {
    let written = contact::check(world, books, contact)?;
    if written.version.is_some() {
        return Err(entity_types::unknown("version"));
    }
    let exists = books.contacts.named(&written.external_id).next().is_some();
    if exists && world.scenario.contacts.unique_external_id {
        let message = "a contact with this externalId exists";
        return Err(Flaw::new(409, "general.conflict", message));
    }
    let id = books.new_id("contact");
    let now = world.moment().now;
    let names = vec![written.external_id.clone()];
    let record = books.contacts.make(id, names, written.fields.clone(), now);
    let shown = contact::shown(world, record);
    world.enter_write(written.external_id, written.fields);
    Ok(shown)
}

fn replace(world: &World, books: &mut Books, id: &str, contact: Value) -> Result<Value, Flaw> {
    let current = books.contacts.with_id(id).ok_or_else(missing)?.version;
    let Written {
        external_id,
        fields,
        version,
    } = contact::check(world, books, contact)?;
    if let Some(version) = version.filter(|version| *version != current) {
        let message = format!("version {version} does not match the current version {current}");
        return Err(Flaw::new(409, "request.conflict", message));
    }
    let now = world.moment().now;
    let names = vec![external_id.clone()];
    let replaced = books.contacts.replace(id, names, fields.clone(), now);
    let shown = contact::shown(world, replaced.ok_or_else(missing)?);
    world.enter_write(external_id, fields);
    Ok(shown)
}

fn create_many(
    world: &World,
    books: &mut Books,
    contacts: Vec<Value>,
) -> Result<Response<ReplyBody>, Flaw> {
    let batches = &world.scenario.batches;
    if contacts.is_empty() || contacts.len() > batches.cap {
        let message = format!("entity list too big: 1 to {} contacts", batches.cap);
        return Err(Flaw::new(
            batches.over_cap,
            "request.entity.too.large",
            message,
        ));
    }
    let mut failed = 0;
    let mut results: Vec<Value> = contacts
        .into_iter()
        .map(|contact| {
            let external_id = contact.get("externalId").cloned().unwrap_or_default();
            let made = match world.draw_item_fault() {
                Some(status) => Err(Flaw::new(
                    status,
                    "client.failed.request",
                    "this contact could not be taken just now",
                )),
                None => create(world, books, contact),
            };
            match made {
                Ok(made) => json!({ "externalId": external_id, "status": 201, "id": made["id"] }),
                Err(flaw) => {
                    failed += 1;
                    let error = flaw.body(Api::GenesysContacts);
                    json!({ "externalId": external_id, "status": flaw.status, "error": error })
                }
            }
        })
        .collect();
    if batches.shuffled {
        world.shuffle(&mut results);
    }
    let status = if failed == 0 {
        200
    } else {
        batches.partial_status
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Ok(reply::json(
        status,
        &json!({ "results": results, "errorCount": failed }),
    ))
}

fn look_up(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&["externalId"])?;
    let external_id = call.parameter("externalId").unwrap_or_default();
    let delay = world.scenario.contacts.look_up_delay;
    let until = Books::known_until(world.moment().now, delay);
    let entities: Vec<Value> = books
        .contacts
        .named(external_id)
        .filter(|record| record.made_at <= until)
        .map(|record| contact::shown(world, record))
        .collect();
    let total = entities.len();
    Ok(json!({ "entities": entities, "total": total }))
}

fn list(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    call.only(&["pageSize", "pageNumber", "entityTypeId"])?;
    let size = call.number("pageSize", 25, PAGE_CAP)?.max(1);
    let number = call.number("pageNumber", 1, usize::MAX)?.max(1);
    let delay = world.scenario.contacts.look_up_delay;
    let known = books
        .contacts
        .made_by(Books::known_until(world.moment().now, delay));
    let of_type = call.parameter("entityTypeId");
    let wanted: Vec<_> = books.contacts.records()[..known]
        .iter()
        .filter(|record| {
            of_type.is_none_or(|id| record.fields.get("entityTypeId") == Some(&Value::from(id)))
        })
        .collect();
    let entities: Vec<Value> = wanted
        .iter()
        .skip((number - 1).saturating_mul(size))
        .take(size)
        .map(|record| contact::shown(world, record))
        .collect();
    Ok(json!({
        "entities": entities,
        "total": wanted.len(),
        "pageSize": size,
        "pageNumber": number,
        "pageCount": wanted.len().div_ceil(size),
    }))
}
