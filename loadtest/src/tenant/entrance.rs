//! What every request to contacts passes before it is served: the wire, a token, the limits, a fault perhaps.

use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Response, StatusCode};

use super::endpoint::Endpoint;
use super::faults::FaultTarget;
use super::gatekeeper::{Admission, Asker, Refusal};
use super::limiter::Standing;
use super::platform;
use super::reply::{self, Answer, ReplyBody, add_header};
use super::strike::{self, Strike};
use super::timer::wait;
use super::token_api;
use super::token_desk::Grant;
use super::world::{Places, World};

/// A request at the door.
pub(crate) struct Visitor<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: &'a HeaderMap,
    /// The contact that a limit per record is about; empty if the path names none.
    pub(crate) record: &'a str,
}

/// Lets a request in and does what it asks for, the time on the wire included. A fault may do it and lose the reply.
pub(crate) async fn pass(
    world: &World,
    visitor: Visitor<'_>,
    perform: impl Fn() -> Response<ReplyBody>,
) -> Answer {
    travel(world).await;
    let answer = serve(world, visitor, perform).await;
    travel(world).await;
    answer
}

/// One way between client and tenant.
async fn travel(world: &World) {
    wait(world.one_way()).await;
}

async fn serve(
    world: &World,
    visitor: Visitor<'_>,
    perform: impl Fn() -> Response<ReplyBody>,
) -> Answer {
    let _in_flight = world.ledger.enter(visitor.endpoint);
    let grant = match authorize(world, &visitor) {
        Ok(grant) => grant,
        Err(response) => return Ok(*response),
    };
    let admission = match admit(world, &visitor, &grant) {
        Ok(admission) => admission,
        Err(refusal) => return refuse(world, *refusal),
    };
    let _places = Places::new(&world.gate, admission.places);
    let fault = world.draw_fault(FaultTarget::Contacts);
    wait(world.latency()).await;
    let mut response = match fault {
        None => {
            world.ledger.done(world.moment().now);
            perform()
        }
        Some(fault) => {
            if fault.applied {
                perform();
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

fn authorize(world: &World, visitor: &Visitor<'_>) -> Result<Grant, Box<Response<ReplyBody>>> {
    if world.scenario.token.basic {
        return authorize_basic(world, visitor);
    }
    let bearer = visitor
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
        let mut response = refused(world, StatusCode::UNAUTHORIZED, "invalid_token", message);
        add_header(
            &mut response,
            "www-authenticate",
            "Bearer error=\"invalid_token\"",
        );
        return Err(Box::new(response));
    };
    if visitor.endpoint.writes() && !grant.may_write {
        let wanted = world.scenario.api.write_scopes().join(" or ");
        let message = format!("the scope {wanted} is required");
        return Err(Box::new(refused(
            world,
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            &message,
        )));
    }
    Ok(grant)
}

/// The client whose id and secret go along with the request.
fn authorize_basic(
    world: &World,
    visitor: &Visitor<'_>,
) -> Result<Grant, Box<Response<ReplyBody>>> {
    let header = visitor.headers.get(AUTHORIZATION);
    let named = header.and_then(|value| token_api::basic_credentials(value.to_str().ok()?));
    let client = named.and_then(|(id, secret)| {
        let mut clients = world.scenario.clients.iter();
        clients.find(|client| client.id == id && client.secret == secret)
    });
    let Some(client) = client else {
        world.ledger.note(|counters| counters.unauthorized += 1);
        let message = "a user and a password are required";
        let mut response = refused(world, StatusCode::UNAUTHORIZED, "unauthorized", message);
        add_header(&mut response, "www-authenticate", "Basic realm=\"tenant\"");
        return Err(Box::new(response));
    };
    Ok(Grant {
        client: client.id.as_str().into(),
        serial: 0,
        may_write: true,
    })
}

/// A refusal before a route is looked at, in the API's form.
fn refused(world: &World, status: StatusCode, code: &str, message: &str) -> Response<ReplyBody> {
    reply::json(
        status,
        &platform::refusal(world.scenario.api, status.as_u16(), code, message),
    )
}

fn admit(world: &World, visitor: &Visitor<'_>, grant: &Grant) -> Result<Admission, Box<Refusal>> {
    let asker = Asker {
        client: &grant.client,
        token_serial: grant.serial,
        endpoint: visitor.endpoint,
        record: visitor.record,
    };
    let mut gate = world.gate.lock();
    // Read under the lock, so that the limits never see time go back.
    let moment = world.moment();
    let verdict = gate.admit(moment, &asker);
    drop(gate);
    world.ledger.judged(moment.now, verdict.is_ok());
    verdict
}

/// The answer to a request over a limit.
fn refuse(world: &World, refusal: Refusal) -> Answer {
    let (form, style) = (world.scenario.refusals, world.scenario.limit_headers);
    let status = form.status(style).ok_or(reply::HangUp)?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let body = platform::over_limit(world.scenario.api, refusal.body(form, style));
    let mut response = reply::json(status, &body);
    for (name, value) in refusal.headers(style, world.clock(world.moment())) {
        add_header(&mut response, name, &value);
    }
    Ok(response)
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
