//! `/api/v2/contacts` and what stands below it but one contact: make, look up, list, upsert, one or many at a time.

use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::batches::BatchReply;
use super::contact_api::{json_body, percent_decode};
use super::contacts::{FieldFault, check_fields};
use super::endpoint::Endpoint;
use super::entrance::{self, Visitor};
use super::reply::{self, Answer, ReplyBody};
use super::stock;
use super::world::World;

/// The most contacts on one page.
const PAGE_CAP: usize = 100;

/// What is asked of the collection.
pub(crate) struct CollectionRequest {
    pub(crate) endpoint: Endpoint,
    /// The external id that the path names, as sent.
    pub(crate) raw_external_id: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// None if it is larger than the tenant takes.
    pub(crate) body: Option<Bytes>,
}

/// Answers a request to the collection.
pub(crate) async fn answer(world: &World, request: CollectionRequest) -> Answer {
    let Some(external_id) = percent_decode(&request.raw_external_id) else {
        let message = "the external id is not valid";
        return Ok(reply::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            message,
        ));
    };
    let visitor = Visitor {
        endpoint: request.endpoint,
        headers: &request.headers,
        record: &external_id,
    };
    entrance::pass(world, visitor, || match request.endpoint {
        Endpoint::ListContacts => list(world, &request.query),
        Endpoint::UpsertContact => upsert_one(world, &request, &external_id),
        Endpoint::CreateContacts | Endpoint::UpsertContacts => many(world, &request),
        Endpoint::LookUpContact => read_many(world, &request),
        _ => create_one(world, &request),
    })
    .await
}

/// What became of one contact.
struct Made {
    status: u16,
    record: Option<Value>,
    faults: Vec<FieldFault>,
}

impl Made {
    fn refused(status: u16, message: &str) -> Self {
        Made {
            status,
            record: None,
            faults: vec![FieldFault {
                field: None,
                message: message.to_owned(),
            }],
        }
    }

    fn is_done(&self) -> bool {
        self.status < 300
    }
}

fn create_one(world: &World, request: &CollectionRequest) -> Response<ReplyBody> {
    let key = request
        .headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .filter(|_| world.scenario.contacts.idempotency_keys);
    if let Some(record) = key.and_then(|key| world.records.lock().replay(key)) {
        return reply::json(StatusCode::CREATED, &record.to_json());
    }
    match read_object(request) {
        Ok(contact) => show(create(world, contact, key)),
        Err(response) => *response,
    }
}

fn upsert_one(
    world: &World,
    request: &CollectionRequest,
    external_id: &str,
) -> Response<ReplyBody> {
    let mut contact = match read_object(request) {
        Ok(contact) => contact,
        Err(response) => return *response,
    };
    let in_body = contact.insert("externalId".to_owned(), Value::from(external_id));
    if in_body.is_some_and(|in_body| in_body != external_id) {
        return show(Made::refused(400, "path and body name two external ids"));
    }
    show(upsert(world, contact))
}

fn show(made: Made) -> Response<ReplyBody> {
    match made.record {
        Some(record) => reply::json(status_of(made.status), &record),
        None if made.status == 400 => super::contact_api::invalid(&made.faults),
        None => reply::error(status_of(made.status), "conflict", &in_words(&made.faults)),
    }
}

fn create(world: &World, contact: Map<String, Value>, key: Option<&str>) -> Made {
    let (external_id, fields) = match parts(world, contact) {
        Ok(parts) => parts,
        Err(made) => return made,
    };
    let unique = world.scenario.contacts.unique_external_id;
    let mut records = world.records.lock();
    if unique
        && external_id
            .as_ref()
            .is_some_and(|id| records.has_external_id(id))
    {
        return Made::refused(409, "a contact with this external id exists");
    }
    let now = world.moment().now;
    let record = records.make(
        now,
        external_id.clone(),
        fields.clone(),
        key.map(str::to_owned),
    );
    let (id, shown) = (record.id.clone(), record.to_json());
    drop(records);
    world.enter_write(external_id.unwrap_or(id), fields);
    Made {
        status: 201,
        record: Some(shown),
        faults: Vec::new(),
    }
}

fn upsert(world: &World, contact: Map<String, Value>) -> Made {
    let (external_id, fields) = match parts(world, contact) {
        Ok((Some(external_id), fields)) => (external_id, fields),
        Ok((None, _)) => return Made::refused(400, "externalId is required"),
        Err(made) => return made,
    };
    let now = world.moment().now;
    let mut records = world.records.lock();
    let (status, shown) = match records.replace_by_external_id(&external_id, fields.clone()) {
        Some(record) => (200, record.to_json()),
        None => {
            let record = records.make(now, Some(external_id.clone()), fields.clone(), None);
            (201, record.to_json())
        }
    };
    drop(records);
    world.enter_write(external_id, fields);
    Made {
        status,
        record: Some(shown),
        faults: Vec::new(),
    }
}

/// The external id and the other fields, checked.
fn parts(
    world: &World,
    mut contact: Map<String, Value>,
) -> Result<(Option<String>, Map<String, Value>), Made> {
    contact.remove("tracker");
    let external_id = match contact.remove("externalId") {
        None => None,
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(_) => return Err(Made::refused(400, "externalId must be a text")),
    };
    let invalid = |faults| Made {
        status: 400,
        record: None,
        faults,
    };
    let fields = check_fields(contact).map_err(invalid)?;
    let is_invalid = |id: &String| world.scenario.contacts.is_invalid(id);
    if external_id.as_ref().is_some_and(is_invalid) {
        return Err(invalid(vec![FieldFault {
            field: Some("email".to_owned()),
            message: "not a valid email address".to_owned(),
        }]));
    }
    Ok((external_id, fields))
}

fn many(world: &World, request: &CollectionRequest) -> Response<ReplyBody> {
    let mut body = match read_object(request) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let contacts = match body.remove("contacts") {
        Some(Value::Array(contacts)) if body.is_empty() => contacts,
        _ => {
            let message = "the body must be an object with the array contacts and nothing else";
            return reply::error(StatusCode::BAD_REQUEST, "bad_request", message);
        }
    };
    let batches = &world.scenario.batches;
    if contacts.is_empty() || contacts.len() > batches.cap {
        let message = format!("too many contacts: at least 1 and at most {}", batches.cap);
        return reply::error(
            status_of(batches.over_cap),
            "request_entity_too_large",
            &message,
        );
    }
    if batches.reply == BatchReply::AllOrNothing && contacts.iter().any(|one| is_bad(world, one)) {
        let message = "one of the contacts is not valid; none was taken";
        return reply::error(StatusCode::BAD_REQUEST, "bad_request", message);
    }
    let upserts = request.endpoint == Endpoint::UpsertContacts;
    let made: Vec<(usize, Value, Made)> = contacts
        .into_iter()
        .enumerate()
        .map(|(index, contact)| {
            let names = names_of(&contact);
            (index, names, one_of_many(world, contact, upserts))
        })
        .collect();
    tell(world, made)
}

/// Shows the contacts of many external ids, and names those that it hasn't.
fn read_many(world: &World, request: &CollectionRequest) -> Response<ReplyBody> {
    let refused =
        |status: u16, kind: &str, message: &str| reply::error(status_of(status), kind, message);
    let mut body = match read_object(request) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let ids = match body.remove("externalIds") {
        Some(Value::Array(ids)) if body.is_empty() => ids,
        _ => {
            let message = "the body must be an object with the array externalIds and nothing else";
            return refused(400, "bad_request", message);
        }
    };
    let batches = &world.scenario.batches;
    if ids.is_empty() || ids.len() > batches.cap {
        let message = format!(
            "too many external ids: at least 1 and at most {}",
            batches.cap
        );
        return refused(batches.over_cap, "request_entity_too_large", &message);
    }
    let now = world.moment().now;
    let until = now.checked_sub(world.scenario.contacts.look_up_delay);
    let (mut entities, mut not_found) = (Vec::new(), Vec::new());
    let records = world.records.lock();
    for id in &ids {
        let Some(external_id) = id.as_str().filter(|id| !id.is_empty()) else {
            return refused(400, "bad_request", "an external id must be a text");
        };
        let found = until.map_or_else(Vec::new, |until| records.found(external_id, until));
        match found.is_empty() {
            true => not_found.push(external_id),
            false => entities.extend(found),
        }
    }
    drop(records);
    if batches.shuffled {
        world.shuffle(&mut entities);
    }
    let mut told = json!({});
    if let Some(page) = batches.page.filter(|page| entities.len() > *page) {
        entities.truncate(page);
        told["nextPage"] = json!("2");
    }
    let status = match not_found.is_empty() {
        true => StatusCode::OK,
        false => status_of(batches.partial_status),
    };
    if !not_found.is_empty() {
        told["errors"] = json!([{ "code": "not_found", "externalIds": not_found }]);
    }
    told["entities"] = Value::from(entities);
    reply::json(status, &told)
}

/// What names a contact in a result.
fn names_of(contact: &Value) -> Value {
    let mut names = Map::new();
    for name in ["externalId", "tracker"] {
        if let Some(value) = contact.get(name) {
            names.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(names)
}

fn one_of_many(world: &World, contact: Value, upserts: bool) -> Made {
    if let Some(status) = world.draw_item_fault() {
        return Made::refused(status, "this contact could not be taken just now");
    }
    match contact {
        Value::Object(contact) if upserts => upsert(world, contact),
        Value::Object(contact) => create(world, contact, None),
        _ => Made::refused(400, "a contact must be an object"),
    }
}

fn is_bad(world: &World, contact: &Value) -> bool {
    let Value::Object(contact) = contact else {
        return true;
    };
    parts(world, contact.clone()).is_err()
}

fn tell(world: &World, made: Vec<(usize, Value, Made)>) -> Response<ReplyBody> {
    let batches = &world.scenario.batches;
    let failed: Vec<usize> = made
        .iter()
        .filter(|(_, _, made)| !made.is_done())
        .map(|(index, _, _)| *index)
        .collect();
    let status = if failed.is_empty() {
        StatusCode::OK
    } else {
        status_of(batches.partial_status)
    };
    if batches.reply == BatchReply::ErrorIndexes {
        let told = json!({ "errorCount": failed.len(), "errorIndexes": failed });
        return reply::json(status, &told);
    }
    let error_count = failed.len();
    let mut results: Vec<Value> = made
        .into_iter()
        .filter(|(_, _, made)| batches.reply != BatchReply::Failures || !made.is_done())
        .map(|(index, names, made)| result_of(index, names, &made))
        .collect();
    if batches.shuffled {
        world.shuffle(&mut results);
    }
    reply::json(
        status,
        &json!({ "results": results, "errorCount": error_count }),
    )
}

fn result_of(index: usize, names: Value, made: &Made) -> Value {
    let mut result = names;
    result["index"] = Value::from(index);
    result["status"] = Value::from(made.status);
    match &made.record {
        Some(record) => result["id"] = record["id"].clone(),
        None => {
            let field = made.faults.first().and_then(|fault| fault.field.clone());
            result["error"] = json!({
                "code": if made.status == 400 { "bad_request" } else { "not_taken" },
                "message": in_words(&made.faults),
                "field": field,
            });
        }
    }
    result
}

fn list(world: &World, query: &str) -> Response<ReplyBody> {
    let value = |name: &str| {
        let found = query
            .split('&')
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| *key == name);
        found.map(|(_, value)| value.replace('+', " "))
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
    let now = world.moment().now;
    let until = now.checked_sub(world.scenario.contacts.look_up_delay);
    if let Some(external_id) = value("externalId") {
        let Some(external_id) = percent_decode(&external_id) else {
            let message = "externalId is not valid";
            return reply::error(StatusCode::BAD_REQUEST, "bad_request", message);
        };
        let found = |until| world.records.lock().found(&external_id, until);
        let found = until.map_or_else(Vec::new, found);
        let total = found.len();
        return reply::json(
            StatusCode::OK,
            &json!({ "entities": found, "total": total }),
        );
    }
    let limit = number("pageSize").or(number("limit")).unwrap_or(25);
    if limit == 0 || limit > PAGE_CAP {
        let message = format!("a page has 1 to {PAGE_CAP} contacts");
        return reply::error(StatusCode::BAD_REQUEST, "bad_request", &message);
    }
    if value("pageSize").is_none() {
        let since = value("modifiedSince").and_then(|since| percent_decode(&since));
        let offset = number("offset").unwrap_or(0);
        if let Some(page) = stock::page(world, limit, offset, since.as_deref()) {
            return page;
        }
    }
    let offset = match number("pageNumber") {
        Some(page) => page.saturating_sub(1).saturating_mul(limit),
        None => number("offset").unwrap_or(0),
    };
    let (mut entities, total) = until.map_or_else(Default::default, |until| {
        world.records.lock().page(offset, limit, until)
    });
    if total == 0 {
        entities = first_contacts(world, limit);
    }
    reply::json(
        StatusCode::OK,
        &json!({ "entities": entities, "total": total, "pageSize": limit }),
    )
}

/// The first contacts that were there before any was made.
fn first_contacts(world: &World, most: usize) -> Vec<Value> {
    let ids = world.scenario.contacts.first(most).into_iter();
    ids.map(|id| {
        let mut contact = world.ledger.contact(&id);
        contact.insert("contactId".to_owned(), Value::from(id));
        Value::Object(contact)
    })
    .collect()
}

/// The body as an object, or the reply to one that is none.
fn read_object(
    request: &CollectionRequest,
) -> Result<Map<String, Value>, Box<Response<ReplyBody>>> {
    let body = json_body(&request.headers, request.body.as_ref())?;
    let refused = |message: String| {
        Box::new(reply::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            &message,
        ))
    };
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(refused("the body must be a JSON object".to_owned())),
        Err(error) => Err(refused(format!("the body is not JSON: {error}"))),
    }
}

fn in_words(faults: &[FieldFault]) -> String {
    let words: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    words.join("; ")
}

fn status_of(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
