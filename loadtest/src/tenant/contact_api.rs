//! `PATCH` and `GET /api/v2/contacts/{id}`: a token, the limits, a fault perhaps, then the contact.

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::contacts::{FieldFault, read_fields};
use super::faults::FaultTarget;
use super::gatekeeper::{Admission, Asker, Endpoint, Refusal};
use super::limit_headers::LimitHeaders;
use super::limiter::Standing;
use super::reply::{self, Answer, ReplyBody, add_header};
use super::scenario::SuccessStatus;
use super::strike::{self, Strike};
use super::token_desk::Grant;
use super::world::{Places, World};

/// A request to one contact, its body read.
pub(crate) struct ContactRequest {
    pub(crate) endpoint: Endpoint,
    /// The last segment of the path, as sent.
    pub(crate) raw_id: String,
    pub(crate) headers: HeaderMap,
    /// None if it is larger than the tenant takes.
    pub(crate) body: Option<Bytes>,
}

/// Answers a request to a contact, the time on the wire included.
pub(crate) async fn answer(world: &World, request: ContactRequest) -> Answer {
    travel(world).await;
    let answer = serve(world, request).await;
    travel(world).await;
    answer
}

/// One way between client and tenant.
async fn travel(world: &World) {
    let one_way = world.one_way();
    if !one_way.is_zero() {
        tokio::time::sleep(one_way).await;
    }
}

async fn serve(world: &World, request: ContactRequest) -> Answer {
    let _in_flight = world.ledger.enter(|counts| match request.endpoint {
        Endpoint::GetContact => counts.get += 1,
        Endpoint::PatchContact | Endpoint::Token => counts.patch += 1,
    });
    let grant = match authorize(world, &request) {
        Ok(grant) => grant,
        Err(response) => return Ok(*response),
    };
    let Some(id) = percent_decode(&request.raw_id) else {
        return Ok(reply::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "the contact id is not valid",
        ));
    };
    let admission = match admit(world, &request, &grant, &id) {
        Ok(admission) => admission,
        Err(refusal) => return Ok(refuse(world, *refusal)),
    };
    let _places = Places::new(&world.gate, admission.places);
    let fault = world.draw_fault(FaultTarget::Contacts);
    let latency = world.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let mut response = match fault {
        None => {
            world.ledger.done(world.moment().now);
            perform(world, &request, &id)
        }
        Some(fault) => {
            if fault.applied {
                perform(world, &request, &id);
            }
            match strike::of(fault) {
                Strike::Reply(response) => *response,
                Strike::HangUp { after } => {
                    if !after.is_zero() {
                        tokio::time::sleep(after).await;
                    }
                    return Err(reply::HangUp);
                }
            }
        }
    };
    add_standing(world, &mut response, admission.standing);
    Ok(response)
}

fn authorize(world: &World, request: &ContactRequest) -> Result<Grant, Box<Response<ReplyBody>>> {
    let bearer = request
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let now = world.moment().now;
    let Some(grant) = bearer.and_then(|token| world.tokens.lock().check(token, now)) else {
        world.ledger.note(|counters| counters.unauthorized += 1);
        let message = match bearer {
            Some(_) => "the access token is unknown, expired or revoked",
            None => "a bearer token is required",
        };
        let mut response = reply::error(StatusCode::UNAUTHORIZED, "invalid_token", message);
        add_header(
            &mut response,
            "www-authenticate",
            "Bearer error=\"invalid_token\"",
        );
        return Err(Box::new(response));
    };
    if request.endpoint == Endpoint::PatchContact && !grant.may_write {
        let message = "the scope contact:write is required";
        return Err(Box::new(reply::error(
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            message,
        )));
    }
    Ok(grant)
}

fn admit(
    world: &World,
    request: &ContactRequest,
    grant: &Grant,
    id: &str,
) -> Result<Admission, Box<Refusal>> {
    let asker = Asker {
        client: &grant.client,
        token_serial: grant.serial,
        endpoint: request.endpoint,
        record: id,
    };
    let mut gate = world.gate.lock();
    // Read under the lock, so that the limits never see time go back.
    let moment = world.moment();
    let verdict = gate.admit(moment, &asker);
    drop(gate);
    world.ledger.judged(moment.now, verdict.is_ok());
    verdict
}

/// The reply to a request over a limit.
fn refuse(world: &World, refusal: Refusal) -> Response<ReplyBody> {
    let style = world.scenario.limit_headers;
    let mut response = reply::json(refusal_status(style), &refusal.body(style));
    for (name, value) in refusal.headers(style, world.clock(world.moment())) {
        add_header(&mut response, name, &value);
    }
    response
}

fn refusal_status(style: LimitHeaders) -> StatusCode {
    if style.refuses_with_403() {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::TOO_MANY_REQUESTS
    }
}

fn add_standing(world: &World, response: &mut Response<ReplyBody>, standing: Option<Standing>) {
    let Some(standing) = standing else {
        return;
    };
    let clock = world.clock(world.moment());
    for (name, value) in world.scenario.limit_headers.write(standing, clock) {
        add_header(response, name, &value);
    }
}

/// Does what a request that got so far asks for.
fn perform(world: &World, request: &ContactRequest, id: &str) -> Response<ReplyBody> {
    let contacts = &world.scenario.contacts;
    let missing = || reply::error(StatusCode::NOT_FOUND, "not_found", "no contact has this id");
    if request.endpoint == Endpoint::GetContact {
        return if contacts.exists(id) {
            show(world, id)
        } else {
            missing()
        };
    }
    if !is_json(&request.headers) {
        let message = "the content type must be application/json";
        return reply::error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            message,
        );
    }
    let Some(body) = &request.body else {
        return reply::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request_entity_too_large",
            "the body is too large",
        );
    };
    let fields: Map<String, Value> = match read_fields(body) {
        Ok(fields) => fields,
        Err(faults) => return invalid(&faults),
    };
    if !contacts.exists(id) {
        return missing();
    }
    if contacts.is_invalid(id) {
        return invalid(&[FieldFault {
            field: Some("email".to_owned()),
            message: "not a valid email address".to_owned(),
        }]);
    }
    world.ledger.apply(world.moment().now, id, body, fields);
    match world.scenario.success_status {
        SuccessStatus::NoContent => reply::empty(StatusCode::NO_CONTENT),
        SuccessStatus::Ok => show(world, id),
    }
}

fn show(world: &World, id: &str) -> Response<ReplyBody> {
    let mut contact = world.ledger.contact(id);
    contact.insert("contactId".to_owned(), Value::from(id));
    reply::json(StatusCode::OK, &Value::Object(contact))
}

fn invalid(faults: &[FieldFault]) -> Response<ReplyBody> {
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
