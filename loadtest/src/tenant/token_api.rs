//! The token endpoint: the client credentials grant (RFC 6749, section 4.4), or the password grant (section 4.3) where the API
//! has that.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::contact_api::percent_decode;
use super::endpoint::Endpoint;
use super::faults::FaultTarget;
use super::gatekeeper::{Asker, Refusal};
use super::platform::Api;
use super::reply::{self, Answer, ReplyBody, add_header};
use super::strike::{self, Strike};
use super::token_desk::{Client, TokenOverLimit};
use super::world::World;

/// An OAuth error: status, code, description.
struct OAuthError(StatusCode, &'static str, &'static str);

/// Answers a request for a token.
pub(crate) async fn answer(world: &World, headers: &HeaderMap, body: Option<Bytes>) -> Answer {
    world.ledger.note(|counters| counters.requests.token += 1);
    let response = match world.draw_fault(FaultTarget::Token).map(strike::of) {
        Some(Strike::HangUp { after }) => {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            return Err(reply::HangUp);
        }
        Some(Strike::Reply(response)) => *response,
        None => issue(world, headers, &body.unwrap_or_default()),
    };
    if response.status() != StatusCode::OK {
        world
            .ledger
            .note(|counters| counters.token_requests_refused += 1);
    }
    Ok(response)
}

fn issue(world: &World, headers: &HeaderMap, body: &[u8]) -> Response<ReplyBody> {
    let form = match read_form(headers, body) {
        Ok(form) => form,
        Err(error) => return oauth_error(&error),
    };
    let client = match authenticate(world, headers, &form) {
        Ok(client) => client,
        Err(error) => return oauth_error(&error),
    };
    let asker = Asker {
        client: &client.id,
        token_serial: 0,
        endpoint: Endpoint::Token,
        record: "",
    };
    let mut gate = world.token_gate.lock();
    let verdict = gate.admit(world.moment(), &asker);
    drop(gate);
    match verdict {
        Err(refusal) => return over_limit(world, &refusal),
        Ok(admission) => world.token_gate.lock().release(&admission.places),
    }
    let api = world.scenario.api;
    if let Err(error) = check_grant(api, client, &form) {
        return oauth_error(&error);
    }
    let allowed: Vec<&str> = match &client.scopes {
        Some(scopes) => scopes.iter().map(String::as_str).collect(),
        None => api.scopes().to_vec(),
    };
    let scopes: Vec<&str> = match field(&form, "scope") {
        None | Some("") => allowed.clone(),
        Some(asked) => asked.split_ascii_whitespace().collect(),
    };
    if scopes.iter().any(|scope| !allowed.contains(scope)) {
        let description = "the client may not ask for this scope";
        return oauth_error(&OAuthError(
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            description,
        ));
    }
    let token = world.new_token();
    let of_writes = api.write_scopes();
    let may_write = of_writes.is_empty() || scopes.iter().any(|scope| of_writes.contains(scope));
    world
        .tokens
        .lock()
        .issue(token.clone(), &client.id, may_write, world.moment().now);
    world.ledger.note(|counters| counters.tokens_minted += 1);
    let rules = &world.scenario.token;
    let mut reply_body =
        json!({ "access_token": token, "token_type": "Bearer", "scope": scopes.join(" ") });
    if !rules.omit_expires_in {
        reply_body["expires_in"] = json!(rules.expires_in.unwrap_or(rules.lifetime.as_secs()));
    }
    if api == Api::Cxone {
        // The second part of the id token names the tenant, as a client's discovery reads it.
        let claims = URL_SAFE_NO_PAD.encode(json!({ "tenantId": "demo-tenant" }).to_string());
        reply_body["id_token"] = json!(format!("e30.{claims}."));
        reply_body["refresh_token"] = json!(world.new_token());
    }
    let mut response = reply::json(StatusCode::OK, &reply_body);
    add_header(&mut response, "cache-control", "no-store");
    response
}

/// Refuses a grant that the API doesn't offer, and an access key that isn't the client's.
fn check_grant(api: Api, client: &Client, form: &Form) -> Result<(), OAuthError> {
    let wanted = match api {
        Api::Cxone => "password",
        _ => "client_credentials",
    };
    let unsupported = match api {
        Api::Cxone => "only password is offered",
        _ => "only client_credentials is offered",
    };
    match field(form, "grant_type") {
        Some(grant) if grant == wanted => {}
        Some(_) => {
            return Err(OAuthError(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                unsupported,
            ));
        }
        None => return Err(invalid_request("grant_type is missing")),
    }
    let key = &client.access_key;
    let given = (field(form, "username"), field(form, "password"));
    if api == Api::Cxone && given != (Some(key.id.as_str()), Some(key.secret.as_str())) {
        return Err(OAuthError(
            StatusCode::UNAUTHORIZED,
            "invalid_grant",
            "the access key or its secret is wrong",
        ));
    }
    Ok(())
}

fn invalid_request(description: &'static str) -> OAuthError {
    OAuthError(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn oauth_error(OAuthError(status, code, description): &OAuthError) -> Response<ReplyBody> {
    let body = json!({ "error": code, "error_description": description });
    let mut response = reply::json(*status, &body);
    if *status == StatusCode::UNAUTHORIZED {
        add_header(&mut response, "www-authenticate", "Basic realm=\"tenant\"");
    }
    response
}

fn over_limit(world: &World, refusal: &Refusal) -> Response<ReplyBody> {
    let status = match world.scenario.token.over_limit {
        TokenOverLimit::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        TokenOverLimit::InvalidRequest => StatusCode::BAD_REQUEST,
    };
    let mut description = "rate limit exceeded".to_owned();
    if let Some(seconds) = refusal.spoken.as_ref().and_then(|spoken| spoken.in_body) {
        description = format!("{description}. Retry the request in [{seconds}] seconds");
    }
    let body = json!({ "error": "invalid_request", "error_description": description });
    let mut response = reply::json(status, &body);
    let header = refusal
        .spoken
        .as_ref()
        .and_then(|spoken| spoken.header.as_deref());
    if let Some(header) = header.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
        add_header(&mut response, "retry-after", header);
    }
    response
}

type Form = Vec<(String, String)>;

fn field<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn form_decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

fn read_form(headers: &HeaderMap, body: &[u8]) -> Result<Form, OAuthError> {
    let is_form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| {
            kind.trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        return Err(invalid_request(
            "the content type must be application/x-www-form-urlencoded",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid_request("the form is not UTF-8"))?;
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((form_decode(name)?, form_decode(value)?))
        })
        .collect::<Option<Form>>()
        .ok_or_else(|| invalid_request("the form is not percent-encoded well"))
}

/// Finds the client; credentials may come as Basic auth, in the form, or both if they agree.
fn authenticate<'a>(
    world: &'a World,
    headers: &HeaderMap,
    form: &Form,
) -> Result<&'a Client, OAuthError> {
    let refused = |description| OAuthError(StatusCode::UNAUTHORIZED, "invalid_client", description);
    let matching = |id: &str, secret: &str| {
        let known = |client: &&Client| client.id == id && client.secret == secret;
        world.scenario.clients.iter().find(known)
    };
    let in_form = match (field(form, "client_id"), field(form, "client_secret")) {
        (Some(id), Some(secret)) => Some(matching(id, secret)),
        _ => None,
    };
    let in_header = headers.get(AUTHORIZATION).map(|value| {
        let (id, secret) = basic_credentials(value.to_str().ok()?)?;
        // RFC 6749, section 2.3.1, wants both form-encoded; most clients send them plain.
        matching(&id, &secret).or_else(|| matching(&form_decode(&id)?, &form_decode(&secret)?))
    });
    let client = match (in_header, in_form) {
        (None, None) => return Err(refused("client credentials are missing")),
        (Some(client), None) | (None, Some(client)) => client,
        (Some(header), Some(form)) => header.filter(|client| Some(*client) == form),
    };
    client.ok_or_else(|| refused("the client id or the secret is wrong"))
}

/// User and password of an `Authorization: Basic` header.
pub(crate) fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
