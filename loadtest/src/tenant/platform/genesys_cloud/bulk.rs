//! Many external contacts, or organizations, in one request. The reply is 200 whatever became of each, and its results come in any order.

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::books::Books;
use super::super::error_form::Flaw;
use super::{contact, enrich, organizations};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// The most operations of a bulk enrich, as the platform's documentation has it.
const ENRICH_CAP: usize = 10;
/// The most contacts of a bulk add or update, unless the scenario says less. The documentation names none; public tools send 50.
const CONTACTS_CAP: usize = 50;

/// What a request has many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Contacts, to be added, updated or enriched.
    Contacts(Endpoint),
    /// Organizations, to be added.
    Organizations,
}

/// Answers a bulk request of the right shape.
pub(super) fn answer(
    world: &World,
    books: &mut Books,
    kind: Kind,
    body: Value,
) -> Result<Response<ReplyBody>, Flaw> {
    let entities = match body {
        Value::Object(mut body) => body.remove("entities"),
        _ => None,
    };
    let Some(Value::Array(entities)) = entities else {
        let message = "entities is required";
        return Err(Flaw::of_field("constraint.validation", "entities", message));
    };
    let cap = match kind {
        Kind::Contacts(Endpoint::EnrichContacts) => ENRICH_CAP,
        _ => CONTACTS_CAP.min(world.scenario.batches.cap),
    };
    if entities.is_empty() || entities.len() > cap {
        let message = format!("entity list too big: 1 to {cap} entities");
        return Err(Flaw::of_field("bad.request", "entities", message));
    }
    let mut results: Vec<Value> = entities
        .into_iter()
        .map(|entity| result(world, books, kind, entity))
        .collect();
    // The platform promises no order; only a scenario that shuffles shows it.
    if world.scenario.batches.shuffled {
        world.shuffle(&mut results);
    }
    let failed: Vec<usize> = results
        .iter()
        .enumerate()
        .filter(|(_, result)| result["success"] == false)
        .map(|(index, _)| index)
        .collect();
    let count = failed.len();
    let body = json!({ "results": results, "errorCount": count, "errorIndexes": failed });
    Ok(reply::json(StatusCode::OK, &body))
}

fn result(world: &World, books: &mut Books, kind: Kind, entity: Value) -> Value {
    let outcome = match world.draw_item_fault() {
        Some(status) => Err(Flaw::new(
            status,
            "client.failed.request",
            "this contact could not be taken just now",
        )),
        None => one(world, books, kind, &entity),
    };
    let own_id = entity["id"].clone();
    match outcome {
        Ok((status, shown)) => {
            let id = match kind {
                Kind::Contacts(Endpoint::EnrichContacts) => own_id,
                _ => shown["id"].clone(),
            };
            json!({ "id": id, "success": true, "status": status, "entity": shown })
        }
        Err(flaw) => {
            let details: Vec<Value> = flaw
                .field
                .iter()
                .map(|field| json!({ "fieldName": field, "value": null, "message": flaw.message }))
                .collect();
            json!({
                "id": own_id,
                "success": false,
                "status": flaw.status,
                "error": {
                    "code": flaw.code,
                    "message": flaw.message,
                    "status": flaw.status,
                    "retryable": matches!(flaw.status, 429 | 503),
                    "details": details,
                    "entity": entity,
                },
            })
        }
    }
}

fn one(world: &World, books: &mut Books, kind: Kind, entity: &Value) -> Result<(u16, Value), Flaw> {
    let object = || {
        let message = "an entity must be an object";
        entity
            .as_object()
            .ok_or_else(|| Flaw::new(400, "bad.request", message))
    };
    let endpoint = match kind {
        Kind::Contacts(endpoint) => endpoint,
        Kind::Organizations => return Ok((201, organizations::add(world, books, object()?)?)),
    };
    match endpoint {
        Endpoint::EnrichContacts => enrich::enrich(world, books, entity),
        Endpoint::UpdateContacts => {
            let id = entity["id"].as_str().unwrap_or_default();
            if books.contacts.with_id(id).is_none() {
                let message = "no contact has this id";
                return Err(Flaw::new(404, "entity.not.found", message));
            }
            let fields = contact::read(world, books, object()?)?;
            Ok((200, contact::replace(world, books, id, fields)?))
        }
        _ => {
            let fields = contact::read(world, books, object()?)?;
            contact::refuse_twins(world, books, &fields)?;
            Ok((201, contact::make(world, books, fields)))
        }
    }
}
