//! The routes of Genesys Cloud.

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Route;
use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use super::{bulk, contact, enrich, lists, organizations, patch, shapes, sources};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// The most contacts on one page of a scan.
const PAGE_CAP: usize = 200;
/// The fewest that may be asked for.
const PAGE_LEAST: usize = 10;

/// The route that a request is for: one of the published operations.
pub(in super::super) fn route(call: &Call) -> Option<Route> {
    shapes::operation(call)?;
    let rest = call.path();
    Some(match (&call.method, &rest[2..]) {
        (_, ["externalcontacts", "externalsources"]) => Route::new(Endpoint::SetUp),
        (_, ["externalcontacts", "contacts"]) => Route::new(Endpoint::CreateContact),
        (_, ["externalcontacts", "contacts", "enrich"]) => Route::new(Endpoint::EnrichContact),
        (&Method::GET, ["externalcontacts", "contacts", id]) => Route::of(Endpoint::GetContact, id),
        (&Method::PUT, ["externalcontacts", "contacts", id]) => {
            Route::of(Endpoint::ReplaceContact, id)
        }
        (&Method::DELETE, ["externalcontacts", "contacts", id]) => {
            Route::of(Endpoint::DeleteContact, id)
        }
        (_, ["externalcontacts", "contacts", id]) => Route::of(Endpoint::PatchContact, id),
        (_, ["externalcontacts", "organizations", id]) => Route::of(Endpoint::ReplaceContact, id),
        (_, ["externalcontacts", "scan", _]) => Route::new(Endpoint::ListContacts),
        (_, ["externalcontacts", "identifierlookup", _]) => Route::new(Endpoint::LookUpContact),
        (_, ["externalcontacts", "bulk", _, "add"]) => Route::new(Endpoint::CreateContacts),
        (_, ["externalcontacts", "bulk", _, "update"]) => Route::new(Endpoint::UpdateContacts),
        (_, ["externalcontacts", "bulk", _, "enrich"]) => Route::new(Endpoint::EnrichContacts),
        (_, ["outbound", "contactlists", _, "contacts"]) => Route::new(Endpoint::FillList),
        (_, ["outbound", "contactlists", _, "contacts", id]) => {
            Route::of(Endpoint::GetListContact, id)
        }
        _ => return None,
    })
}

/// Does what a request that was let in asks for.
pub(in super::super) fn perform(
    world: &World,
    call: &Call,
    endpoint: Endpoint,
) -> Result<Response<ReplyBody>, Flaw> {
    let operation = shapes::operation(call)
        .ok_or_else(|| Flaw::new(404, "not.found", "there is no such operation"))?;
    let body = operation.check(call)?;
    let id = call.steps.last().map_or("", String::as_str);
    let mut books = world.platform.lock();
    let books = &mut *books;
    let ok = |value: Value| Ok(reply::json(StatusCode::OK, &value));
    if organizations::is_meant(call) {
        return organizations::perform(world, books, call, endpoint, body);
    }
    match endpoint {
        Endpoint::SetUp if call.method == Method::POST => {
            let made = sources::create(world, books, &body)?;
            Ok(reply::json(StatusCode::CREATED, &made))
        }
        Endpoint::SetUp => ok(sources::list(books, call)),
        Endpoint::GetContact => {
            let record = books.contacts.with_id(id).ok_or_else(contact::missing)?;
            ok(contact::shown(world, record))
        }
        Endpoint::ReplaceContact => {
            let fields = contact::read(world, books, object(&body)?)?;
            ok(contact::replace(world, books, id, fields)?)
        }
        Endpoint::PatchContact => {
            let record = books.contacts.with_id(id).ok_or_else(contact::missing)?;
            let fields = patch::changed(record.fields.clone(), &body)?;
            let fields = contact::read(world, books, &fields)?;
            ok(contact::replace(world, books, id, fields)?)
        }
        Endpoint::DeleteContact if !books.contacts.remove(id) => Err(contact::missing()),
        Endpoint::DeleteContact => ok(serde_json::json!({})),
        Endpoint::LookUpContact => ok(look_up(world, books, &body)?),
        Endpoint::ListContacts => ok(scan(world, books, call)?),
        Endpoint::EnrichContact => {
            let (status, shown) = enrich::enrich(world, books, &body)?;
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            Ok(reply::json(status, &shown))
        }
        Endpoint::FillList => ok(lists::add(world, books, call, body)?),
        Endpoint::GetListContact => ok(lists::get(world, books, call)?),
        Endpoint::CreateContact => {
            let fields = contact::read(world, books, object(&body)?)?;
            contact::refuse_twins(world, books, &fields)?;
            let made = contact::make(world, books, fields);
            Ok(reply::json(StatusCode::CREATED, &made))
        }
        _ => bulk::answer(world, books, bulk::Kind::Contacts(endpoint), body),
    }
}

fn object(body: &Value) -> Result<&serde_json::Map<String, Value>, Flaw> {
    let message = "the body must be an object";
    body.as_object()
        .ok_or_else(|| Flaw::new(400, "bad.request", message))
}

fn look_up(world: &World, books: &Books, wanted: &Value) -> Result<Value, Flaw> {
    let name = enrich::name_of(books, wanted)?;
    let delay = world.scenario.contacts.look_up_delay;
    let until = Books::known_until(world.moment().now, delay);
    let found = books
        .contacts
        .named(&name)
        .find(|record| record.made_at <= until);
    let record = found.ok_or_else(contact::missing)?;
    Ok(contact::shown(world, record))
}

/// A page of all contacts; the cursor is the place of the next one.
fn scan(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    let limit = call.number_within("limit", 100, PAGE_LEAST..=PAGE_CAP)?;
    let from = match call.parameter("cursor") {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("after-")
            .and_then(|place| place.parse::<usize>().ok())
            .ok_or_else(|| {
                Flaw::of_field(
                    "invalid.query.param.value",
                    "cursor",
                    "there is no such cursor",
                )
            })?,
    };
    let delay = world.scenario.contacts.look_up_delay;
    let known = books
        .contacts
        .made_by(Books::known_until(world.moment().now, delay));
    let (from, to) = (from.min(known), from.saturating_add(limit).min(known));
    let entities: Vec<Value> = books.contacts.records()[from..to]
        .iter()
        .map(|record| contact::shown(world, record))
        .collect();
    let cursors = match to < known {
        true => json!({ "after": format!("after-{to}") }),
        false => json!({}),
    };
    Ok(json!({ "entities": entities, "cursors": cursors }))
}
