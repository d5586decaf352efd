//! `PATCH`, `PUT`, `DELETE` and `GET /api/v2/contacts/{id}`.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::contacts::{FieldFault, read_fields};
use super::endpoint::Endpoint;
use super::entrance::{self, Visitor};
use super::reply::{self, Answer, ReplyBody};
use super::scenario::SuccessStatus;
use super::world::World;

/// A request to one contact, its body read.
pub(crate) struct ContactRequest {
    pub(crate) endpoint: Endpoint,
    /// The last segment of the path, as sent.
    pub(crate) raw_id: String,
    pub(crate) headers: HeaderMap,
    /// None if it is larger than the tenant takes.
    pub(crate) body: Option<Bytes>,
}

/// Answers a request to a contact.
pub(crate) async fn answer(world: &World, request: ContactRequest) -> Answer {
    let Some(id) = percent_decode(&request.raw_id) else {
        return Ok(reply::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "the contact id is not valid",
        ));
    };
    let visitor = Visitor {
        endpoint: request.endpoint,
        headers: &request.headers,
        record: &id,
    };
    entrance::pass(world, visitor, || perform(world, &request, &id)).await
}

/// Does what a request that got so far asks for.
fn perform(world: &World, request: &ContactRequest, id: &str) -> Response<ReplyBody> {
    let contacts = &world.scenario.contacts;
    let missing = || reply::error(StatusCode::NOT_FOUND, "not_found", "no contact has this id");
    let (is_made, is_removed) = {
        let records = world.records.lock();
        (records.with_id(id).is_some(), records.is_removed(id))
    };
    let exists = is_made || (contacts.exists(id) && !is_removed);
    match request.endpoint {
        Endpoint::GetContact | Endpoint::DeleteContact if !exists => return missing(),
        Endpoint::GetContact => return show(world, id),
        Endpoint::DeleteContact => {
            world.records.lock().remove(id);
            return reply::empty(StatusCode::NO_CONTENT);
        }
        _ => {}
    }
    let body = match json_body(&request.headers, request.body.as_ref()) {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let fields: Map<String, Value> = match read_fields(body) {
        Ok(fields) => fields,
        Err(faults) => return invalid(&faults),
    };
    if !exists {
        return missing();
    }
    if contacts.is_invalid(id) {
        return invalid(&[FieldFault {
            field: Some("email".to_owned()),
            message: "not a valid email address".to_owned(),
        }]);
    }
    if is_made && request.endpoint == Endpoint::ReplaceContact {
        world.records.lock().replace_by_id(id, fields.clone());
    }
    world.ledger.apply(world.moment().now, id, body, fields);
    match world.scenario.success_status {
        SuccessStatus::NoContent => reply::empty(StatusCode::NO_CONTENT),
        SuccessStatus::Ok => show(world, id),
    }
}

fn show(world: &World, id: &str) -> Response<ReplyBody> {
    if let Some(record) = world.records.lock().with_id(id) {
        return reply::json(StatusCode::OK, &record.to_json());
    }
    let mut contact = world.ledger.contact(id);
    contact.insert("contactId".to_owned(), Value::from(id));
    reply::json(StatusCode::OK, &Value::Object(contact))
}

/// The reply to fields that no contact may hold.
pub(crate) fn invalid(faults: &[FieldFault]) -> Response<ReplyBody> {
    let in_words = |fault: &FieldFault| match &fault.field {
        Some(field) => format!("{field}: {}", fault.message),
        None => fault.message.clone(),
    };
    let message = faults.iter().map(in_words).collect::<Vec<_>>().join("; ");
    let errors: Vec<Value> = faults
        .iter()
        .filter_map(|fault| {
            Some(json!({ "field": fault.field.as_ref()?, "message": fault.message }))
        })
        .collect();
    let body =
        json!({ "error": "bad_request", "message": message, "status": 400, "errors": errors });
    reply::json(StatusCode::BAD_REQUEST, &body)
}

/// The body of a write, or the reply to one that isn't JSON or is too large.
pub(crate) fn json_body<'a>(
    headers: &HeaderMap,
    body: Option<&'a Bytes>,
) -> Result<&'a Bytes, Box<Response<ReplyBody>>> {
    if !is_json(headers) {
        let message = "the content type must be application/json";
        return Err(Box::new(reply::error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            message,
        )));
    }
    body.ok_or_else(|| {
        Box::new(reply::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request_entity_too_large",
            "the body is too large",
        ))
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Decodes `%41` and the like; none if that is no UTF-8 or a sequence is broken.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push((high * 16 + low) as u8);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_segment_is_percent_decoded() {
        for (text, decoded) in [
            ("abc", Some("abc")),
            ("a%2Fb", Some("a/b")),
            ("%C3%BC", Some("ü")),
        ] {
            assert_eq!(percent_decode(text).as_deref(), decoded);
        }
        for broken in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }
}
