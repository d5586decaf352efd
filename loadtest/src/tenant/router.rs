//! From a request to the part of the tenant that answers it.

use std::sync::Arc;

use hyper::body::{Body, Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use parking_lot::RwLock;

use super::collection_api::{self, CollectionRequest};
use super::contact_api::{self, ContactRequest};
use super::endpoint::Endpoint;
use super::platform::{self, Api, Call};
use super::reply::{self, Answer, HangUp, ReplyBody, add_header};
use super::scenario::Scenario;
use super::token_api;
use super::world::World;

/// The largest body taken, in bytes (Genesys: `request.bytes.max`).
const BODY_LIMIT: usize = 512_000;

const COLLECTION: &str = "/api/v2/contacts";
const CONTACTS: &str = "/api/v2/contacts/";
const BY_EXTERNAL_ID: &str = "/api/v2/contacts/by-external-id/";

/// A tenant's world, which a reset replaces.
pub(crate) struct Site {
    world: RwLock<Arc<World>>,
    scenario: Scenario,
}

impl Site {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Site {
            world: RwLock::new(Arc::new(World::new(scenario.clone()))),
            scenario,
        }
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world.read())
    }

    pub(crate) fn reset(&self) {
        let fresh = Arc::new(World::new(self.scenario.clone()));
        *self.world.write() = fresh;
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answer {
        if let Some(page) = request.uri().path().strip_prefix("/_tenant/") {
            return Ok(self.books(page, &request));
        }
        let world = self.world();
        let (head, body) = request.into_parts();
        let body = read_body(body).await?;
        let path = head.uri.path();
        let api = world.scenario.api;
        if path == api.token_path() {
            let answer = match head.method {
                Method::POST => token_api::answer(&world, &head.headers, body).await,
                _ => Ok(wrong_method(&world, "POST")),
            };
            return sent(&world, answer);
        }
        if api != Api::Contacts {
            let call = Call::new(head.method, &head.uri, head.headers, body);
            let answer = platform::answer(&world, call).await;
            return sent(&world, answer);
        }
        if let Some((endpoint, external_id)) = of_collection(&head.method, path) {
            let collection = CollectionRequest {
                endpoint,
                raw_external_id: external_id.to_owned(),
                query: head.uri.query().unwrap_or_default().to_owned(),
                headers: head.headers,
                body,
            };
            let answer = collection_api::answer(&world, collection).await;
            return sent(&world, answer);
        }
        let answer = match (path, path.strip_prefix(CONTACTS)) {
            (COLLECTION, _) => Ok(wrong_method(&world, "GET, POST")),
            (_, Some(segment)) if !segment.is_empty() && !segment.contains('/') => {
                let endpoint = match head.method {
                    Method::PATCH => Some(Endpoint::PatchContact),
                    Method::GET => Some(Endpoint::GetContact),
                    Method::PUT => Some(Endpoint::ReplaceContact),
                    Method::DELETE => Some(Endpoint::DeleteContact),
                    _ => None,
                };
                match endpoint {
                    Some(endpoint) => {
                        let raw_id = segment.to_owned();
                        let headers = head.headers;
                        let contact = ContactRequest {
                            endpoint,
                            raw_id,
                            headers,
                            body,
                        };
                        contact_api::answer(&world, contact).await
                    }
                    None => Ok(wrong_method(&world, "GET, PATCH, PUT, DELETE")),
                }
            }
            _ => {
                world.ledger.note(|counters| counters.requests.other += 1);
                Ok(reply::error(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "there is no such path",
                ))
            }
        };
        sent(&world, answer)
    }

    /// The ledger's own pages.
    fn books(&self, page: &str, request: &Request<Incoming>) -> Response<ReplyBody> {
        let world = self.world();
        let with_writes = request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|part| part == "writes=1"));
        let value = match (request.method(), page) {
            (&Method::GET, "ledger") => serde_json::to_value(world.snapshot(with_writes)),
            (&Method::GET, "stats") => serde_json::to_value(world.counters()),
            (&Method::POST, "reset") => {
                self.reset();
                return reply::empty(StatusCode::NO_CONTENT);
            }
            _ => return reply::error(StatusCode::NOT_FOUND, "not_found", "there is no such page"),
        };
        match value {
            Ok(value) => reply::json(StatusCode::OK, &value),
            Err(error) => reply::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_server_error",
                &error.to_string(),
            ),
        }
    }
}

/// What is asked of the collection, and the external id that the path names.
fn of_collection<'a>(method: &Method, path: &'a str) -> Option<(Endpoint, &'a str)> {
    if let Some(external_id) = path.strip_prefix(BY_EXTERNAL_ID) {
        let is_one = !external_id.is_empty() && !external_id.contains('/');
        return (is_one && method == Method::PUT).then_some((Endpoint::UpsertContact, external_id));
    }
    let endpoint = match (path.strip_prefix(COLLECTION)?, method) {
        ("", &Method::POST) => Endpoint::CreateContact,
        ("", &Method::GET) => Endpoint::ListContacts,
        ("/bulk", &Method::POST) => Endpoint::CreateContacts,
        ("/bulk", &Method::PUT) => Endpoint::UpsertContacts,
        ("/bulk/read", &Method::POST) => Endpoint::LookUpContact,
        _ => return None,
    };
    Some((endpoint, ""))
}

/// Stamps and counts a reply.
fn sent(world: &World, answer: Answer) -> Answer {
    let mut response = answer?;
    world.stamp(&mut response);
    let status = response.status().as_u16();
    world
        .ledger
        .note(|counters| *counters.statuses.entry(status).or_default() += 1);
    Ok(response)
}

fn wrong_method(world: &World, allowed: &str) -> Response<ReplyBody> {
    world.ledger.note(|counters| counters.requests.other += 1);
    let message = format!("use {allowed}");
    let mut response = reply::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        &message,
    );
    add_header(&mut response, "allow", allowed);
    response
}

/// Reads a whole body; none if it is too large (the rest is then left unread, and the connection closes).
async fn read_body(mut body: Incoming) -> Result<Option<Bytes>, HangUp> {
    let mut first = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
        let data = match frame {
            None => break,
            Some(Err(_)) => return Err(HangUp),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                Err(_trailers) => continue,
            },
        };
        if first.len() + joined.len() + data.len() > BODY_LIMIT {
            return Ok(None);
        }
        // Nearly every body is one frame, which needs no copy.
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if joined.is_empty() {
            joined.extend_from_slice(&first);
            first = Bytes::new();
        }
        joined.extend_from_slice(&data);
    }
    Ok(Some(if joined.is_empty() {
        first
    } else {
        joined.into()
    }))
}
