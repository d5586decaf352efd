//! From a request to the platform that answers it.

use hyper::Response;

use super::api::Api;
use super::call::Call;
use super::error_form::Flaw;
use super::{cxone, genesys_cloud, genesys_contacts};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::entrance::{self, Visitor};
use crate::tenant::reply::{Answer, ReplyBody};
use crate::tenant::world::World;

/// A route of a platform.
pub(crate) struct Route {
    pub(crate) endpoint: Endpoint,
    /// The record that a limit per record is about; empty if the path names none.
    pub(crate) record: String,
}

impl Route {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Route::of(endpoint, "")
    }

    pub(crate) fn of(endpoint: Endpoint, record: &str) -> Self {
        Route {
            endpoint,
            record: record.to_owned(),
        }
    }
}

/// Answers a request to a platform's API.
pub(crate) async fn answer(world: &World, call: Option<Call>) -> Answer {
    let api = world.scenario.api;
    let Some(call) = call else {
        let message = "the path or the query is not percent-encoded well";
        return Ok(Flaw::new(400, "bad.request", message).reply(api));
    };
    if api == Api::Cxone
        && let Some(response) = cxone::discovery(&call)
    {
        return Ok(response);
    }
    let route = match api {
        Api::GenesysContacts => genesys_contacts::route(&call),
        Api::GenesysCloud => genesys_cloud::route(&call),
        Api::Cxone => cxone::route(&call),
        Api::Contacts => None,
    };
    let Some(route) = route else {
        world.ledger.note(|counters| counters.requests.other += 1);
        let message = format!("there is no {} of this path", call.method);
        return Ok(Flaw::new(404, "not.found", message).reply(api));
    };
    let visitor = Visitor {
        endpoint: route.endpoint,
        headers: &call.headers,
        record: &route.record,
    };
    entrance::pass(world, visitor, || perform(world, &call, route.endpoint)).await
}

fn perform(world: &World, call: &Call, endpoint: Endpoint) -> Response<ReplyBody> {
    let api = world.scenario.api;
    match api {
        Api::GenesysContacts => genesys_contacts::perform(world, call, endpoint),
        Api::GenesysCloud => genesys_cloud::perform(world, call, endpoint),
        Api::Cxone => return cxone::perform(world, call, endpoint),
        Api::Contacts => Err(Flaw::new(404, "not.found", "there is no such path")),
    }
    .unwrap_or_else(|flaw| flaw.reply(api))
}
