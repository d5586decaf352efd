//! Digital customers: their custom fields are set one customer at a time.

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::books::Books;
use super::super::call::Call;
use super::super::error_form::Flaw;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// Customers on one page.
const PAGE: usize = 100;

/// Sets custom fields; those that aren't named stay as they are.
pub(super) fn set_fields(world: &World, books: &mut Books, call: &Call) -> Result<(), Flaw> {
    call.only(&[])?;
    let customer = customer_id(call);
    let Value::Array(fields) = call.json()? else {
        return Err(Flaw::new(
            400,
            "invalidBody",
            "the body must be a list of custom fields",
        ));
    };
    let mut set = Map::new();
    for field in fields {
        let (ident, value) = pair(field)?;
        set.insert(ident, Value::from(value));
    }
    if set.is_empty() {
        return Err(Flaw::new(400, "invalidBody", "the list is empty"));
    }
    if !world.scenario.contacts.exists(customer) {
        return Err(missing());
    }
    if world.scenario.contacts.is_invalid(customer) {
        let ident = set.keys().next().cloned().unwrap_or_default();
        return Err(Flaw::of_field(
            "invalidValue",
            ident,
            "the value is not valid",
        ));
    }
    let known = books.custom_fields.entry(customer.to_owned()).or_default();
    known.extend(set.clone());
    world.enter_write(customer.to_owned(), set);
    Ok(())
}

/// One `{ident, value}`, and nothing else.
fn pair(field: Value) -> Result<(String, String), Flaw> {
    let refused = || {
        let message = "a custom field is an object of ident and value, both texts";
        Flaw::of_field("invalidBody", "ident", message)
    };
    let Value::Object(mut field) = field else {
        return Err(refused());
    };
    match (field.remove("ident"), field.remove("value")) {
        (Some(Value::String(ident)), Some(Value::String(value)))
            if !ident.is_empty() && field.is_empty() =>
        {
            Ok((ident, value))
        }
        _ => Err(refused()),
    }
}

/// One customer.
pub(super) fn get(world: &World, books: &Books, call: &Call) -> Result<Value, Flaw> {
    let customer = customer_id(call);
    if !world.scenario.contacts.exists(customer) {
        return Err(missing());
    }
    Ok(show(books, customer))
}

/// A page of customers; the token of the next one is the number of those before it. The page after the last is 204.
pub(super) fn list(world: &World, books: &Books, call: &Call) -> Result<Response<ReplyBody>, Flaw> {
    call.only(&["scrollToken"])?;
    let from = call.number("scrollToken", 0, usize::MAX)?;
    let to = from.saturating_add(PAGE);
    let known = world.scenario.contacts.first(to);
    let page: Vec<Value> = known.iter().skip(from).map(|id| show(books, id)).collect();
    if page.is_empty() {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let body = json!({ "hits": known.len(), "scrollToken": to.to_string(), "data": page });
    Ok(reply::json(StatusCode::OK, &body))
}

fn show(books: &Books, customer: &str) -> Value {
    let fields = books
        .custom_fields
        .get(customer)
        .cloned()
        .unwrap_or_default();
    let fields: Vec<Value> = fields
        .into_iter()
        .map(|(ident, value)| json!({ "ident": ident, "value": value }))
        .collect();
    json!({ "id": customer, "customFields": fields })
}

fn customer_id(call: &Call) -> &str {
    call.steps.get(3).map_or("", String::as_str)
}

fn missing() -> Flaw {
    Flaw::new(404, "notFound", "no customer has this id")
}
