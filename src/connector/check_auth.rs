//! What is wrong with where tokens come from, and with how they are sent.

use super::auth_facts::{CLIENT_ID, TOKEN};
use super::check::{Findings, add_hidden, check_header_name, check_names, examine_url};
use super::check_operation::{check_never_own, is_same_header};
use super::file::{ConnectorFile, Grant};
use super::template::{Part, Template};
use crate::config::Located;

/// Adds the mistakes of `auth`.
pub(super) fn examine(findings: &mut Findings, file: &ConnectorFile) {
    examine_grant(findings, file);
    examine_headers(findings, file);
    examine_replies(findings, file);
}

fn examine_grant(findings: &mut Findings, file: &ConnectorFile) {
    let grant = &file.auth.grant;
    let asks = !matches!(grant.value, Grant::Token | Grant::Basic);
    match &file.auth.token_url {
        Some(token_url) if asks => examine_url(findings, file, token_url, "token_url"),
        Some(token_url) => findings.add(
            token_url,
            "no token is asked for with this grant",
            "Leave `token_url` out.",
        ),
        None if asks => findings.add(
            grant,
            "the file doesn't say where tokens are asked for",
            "Add `token_url`, such as https://login.example.com/oauth/token.",
        ),
        None => {}
    }
    if let Some(scope) = &file.auth.scope {
        check_names(findings, file, scope, &[]);
    }
}

fn examine_headers(findings: &mut Findings, file: &ConnectorFile) {
    let headers = &file.auth.headers.entries;
    let Some(first) = headers.first() else { return };
    if file.auth.grant.value == Grant::Basic {
        findings.add(
            &first.name,
            "user name and password go along in `Authorization` alone",
            "Leave `headers` out; a key of the platform's own is `grant: token`.",
        );
        return;
    }
    for (index, entry) in headers.iter().enumerate() {
        if !check_header_name(findings, &entry.name) {
            continue;
        }
        check_never_own(findings, &entry.name);
        let name = &entry.name.value;
        let mut earlier = headers[..index].iter();
        if earlier.any(|earlier| is_same_header(&earlier.name.value, name)) {
            findings.add(
                &entry.name,
                format!("the header `{name}` stands here twice"),
                "Write each header once.",
            );
        }
        let request_id = file.request_id.send.as_ref();
        if let Some(sent) = request_id.filter(|sent| is_same_header(&sent.value, name)) {
            findings.add(
                sent,
                format!("the header `{name}` carries the token"),
                "Send the request's id in a header of its own.",
            );
        }
        examine_value(findings, file, &entry.value);
    }
    let mut values = headers.iter().map(|entry| &entry.value.value);
    if !values.any(|value| value.names().any(|name| name == TOKEN)) {
        findings.add(
            &first.name,
            "no header carries the token",
            "Write {token} where it stands, such as Authorization: \"Token token={token}\".",
        );
    }
}

/// A header's value carries one thing, and else only what a header can hold.
fn examine_value(findings: &mut Findings, file: &ConnectorFile, value: &Located<Template>) {
    check_names(findings, file, value, &[TOKEN, CLIENT_ID]);
    let carried = (value.value.names()).filter(|name| [TOKEN, CLIENT_ID].contains(name));
    if carried.count() != 1 {
        findings.add(
            value,
            "a header under `auth` carries {token} or {client_id}, once",
            "A header that is the same for everybody stands under `headers` of the operations.",
        );
    }
    let is_fit = value.value.parts().iter().all(|part| match part {
        Part::Text(text) => text.bytes().all(|byte| (b' '..0x7F).contains(&byte)),
        Part::Name(..) => true,
    });
    if !is_fit {
        findings.add(
            value,
            "the value holds a character that no header may have",
            "Write letters, digits and signs of ASCII.",
        );
    }
}

fn examine_replies(findings: &mut Findings, file: &ConnectorFile) {
    for (index, reply) in file.auth.replies.iter().enumerate() {
        let hidden = file.auth.replies[..index].iter().any(|earlier| {
            earlier.value.body_contains.is_none()
                && earlier.value.status.covers(&reply.value.status)
        });
        if hidden {
            add_hidden(findings, reply);
        }
    }
}
