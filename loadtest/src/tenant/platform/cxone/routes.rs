//! The routes of CXone.

use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Route;
use super::super::api::Api;
use super::super::call::Call;
use super::super::error_form::Flaw;
use super::{address_books, call_lists, customers};
use crate::tenant::endpoint::Endpoint;
use crate::tenant::reply::{self, ReplyBody};
use crate::tenant::world::World;

/// Where a tenant's API is, which anybody may ask.
pub(in super::super) fn discovery(call: &Call) -> Option<Response<ReplyBody>> {
    let is_it = call.method == Method::GET
        && call.path().as_slice() == [".well-known", "cxone-configuration"];
    if !is_it {
        return None;
    }
    if call.parameter("tenantId").is_none_or(str::is_empty) {
        let flaw = Flaw::new(400, "invalid_request", "tenantId is required");
        return Some(flaw.reply(Api::Cxone));
    }
    let here = format!("http://{}", call.host());
    let found = json!({
        "api_endpoint": here,
        "auth_endpoint": here,
        "area": "na1",
        "cluster": "c1",
        "domain": "niceincontact.com",
        "uhDomain": "nicecxone.com",
    });
    Some(reply::json(StatusCode::OK, &found))
}

/// The steps below `incontactapi/services/v{n}.0`.
fn below_services<'a>(path: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let ["incontactapi", "services", version, rest @ ..] = path else {
        return None;
    };
    let number = version.strip_prefix('v')?.strip_suffix(".0")?;
    (number.parse::<u8>().ok()? >= 1).then_some(rest)
}

/// The route that a request is for.
pub(in super::super) fn route(call: &Call) -> Option<Route> {
    let path = call.path();
    if let ["dfo", "3.0", "customers", rest @ ..] = path.as_slice() {
        return Some(match (&call.method, rest) {
            (&Method::GET, []) => Route::new(Endpoint::ListContacts),
            (&Method::GET, [id]) => Route::of(Endpoint::GetContact, id),
            (&Method::PUT, [id, "custom-fields"]) => Route::of(Endpoint::CustomFields, id),
            _ => return None,
        });
    }
    Some(match (&call.method, below_services(&path)?) {
        (&Method::PUT, ["address-books", _, "dynamic-entries"]) => {
            Route::new(Endpoint::UpsertContacts)
        }
        (&Method::GET, ["address-books", _, "dynamic-entries"]) => {
            Route::new(Endpoint::ListContacts)
        }
        (&Method::POST, ["lists", "call-lists", _, "upload"]) => Route::new(Endpoint::UploadList),
        (&Method::GET, ["lists", "call-lists", "jobs", _] | ["lists", "call-lists", _]) => {
            Route::new(Endpoint::UploadStatus)
        }
        _ => return None,
    })
}

/// Does what a request that was let in asks for.
pub(in super::super) fn perform(
    world: &World,
    call: &Call,
    endpoint: Endpoint,
) -> Response<ReplyBody> {
    // The platform picks a form by this header alone, and knows no default.
    if !call.accepts_json() {
        let flaw = Flaw::new(406, "not_acceptable", "No known way to render data");
        return flaw.reply(Api::Cxone);
    }
    let is_digital = call.steps.first().is_some_and(|step| step == "dfo");
    let mut books = world.platform.lock();
    let books = &mut *books;
    let done = match endpoint {
        Endpoint::UpsertContacts => address_books::upsert(world, books, call).map(ok),
        Endpoint::ListContacts if is_digital => customers::list(world, books, call),
        Endpoint::ListContacts => address_books::list(books, call).map(ok),
        Endpoint::UploadList => call_lists::upload(world, books, call)
            .map(|job| reply::json(StatusCode::ACCEPTED, &job)),
        Endpoint::UploadStatus if call.steps.get(5).is_some_and(|step| step == "jobs") => {
            call_lists::status(world, books, call).map(ok)
        }
        Endpoint::UploadStatus => Ok(ok(call_lists::totals(world, books, call))),
        Endpoint::GetContact => customers::get(world, books, call).map(ok),
        _ => {
            customers::set_fields(world, books, call).map(|()| reply::empty(StatusCode::NO_CONTENT))
        }
    };
    done.unwrap_or_else(|flaw| match is_digital {
        true => flaw.digital(),
        false => flaw.reply(Api::Cxone),
    })
}

fn ok(value: Value) -> Response<ReplyBody> {
    reply::json(StatusCode::OK, &value)
}
