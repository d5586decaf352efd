//! How a token is sent, as connector files say it: mistakes, and what comes of
//! what is right.

use std::collections::BTreeMap;

use crate::connector::{AuthHeader, Connector, check_text};

/// A connector with this as its `auth`, and with these lines in its operation.
fn with_auth(auth: &str, lines: &str) -> String {
    format!(
        "name: own\ntitle: A platform of one's own\nvariables: {{site: {{description: a site, default: main}}}}\n\
         base_url: https://api.example.com\nauth: {auth}\nrequest_id: {{send: X-Request-Id}}\n\
         operations:\n  put:\n    method: PUT\n    path: \"/c/{{id}}\"\n    key: id\n    effect: updated\n    \
         fields: {{name: {{}}}}\n{lines}"
    )
}

fn headers_of(auth: &str) -> Vec<AuthHeader> {
    let own = Connector::parse("own.yaml", &with_auth(auth, "")).expect("right");
    own.bind(&BTreeMap::new()).expect("bound").auth.headers
}

#[test]
fn a_token_goes_in_the_header_and_behind_the_word_that_the_file_names() {
    let header = |name: &str, before: &str, carries_client_id, after: &str| AuthHeader {
        name: name.to_owned(),
        before: before.to_owned(),
        carries_client_id,
        after: after.to_owned(),
    };
    assert_eq!(headers_of("{grant: token}"), []);
    assert_eq!(
        headers_of(r#"{grant: token, headers: {Authorization: "Token token={token}"}}"#),
        [header("Authorization", "Token token=", false, "")]
    );
    assert_eq!(
        headers_of(
            r#"{grant: token, headers: {X-Key: "{token}", X-App: "{site}/{client_id} of {site}"}}"#
        ),
        [
            header("X-Key", "", false, ""),
            header("X-App", "main/", true, " of main"),
        ]
    );
}

#[test]
fn a_client_id_is_needed_only_where_something_shows_it() {
    for (auth, needs_none) in [
        ("{grant: token}", true),
        (r#"{grant: token, headers: {X-Key: "{token}"}}"#, true),
        (
            r#"{grant: token, headers: {X-Key: "{token}", X-App: "{client_id}"}}"#,
            false,
        ),
        ("{grant: basic}", false),
    ] {
        let own = Connector::parse("own.yaml", &with_auth(auth, "")).expect("right");
        assert_eq!(own.has_a_fixed_token(), needs_none, "{auth}");
    }
}

#[test]
fn mistakes_of_the_token_s_headers_are_told_with_their_line() {
    let of = |headers: &str| format!("{{grant: token, headers: {headers}}}");
    for (auth, told) in [
        (of(r#"{X Key: "{token}"}"#), "no name of a header"),
        (of(r#"{Host: "{token}"}"#), "written by the loader itself"),
        (
            of(r#"{content-length: "{token}"}"#),
            "written by the loader itself",
        ),
        (
            of(r#"{Proxy-Authorization: "{token}"}"#),
            "written by the loader itself",
        ),
        (of(r#"{X-Key: "{token}", x-key: "{token}"}"#), "twice"),
        (of(r#"{X-Request-Id: "{token}"}"#), "carries the token"),
        (of("{X-Key: secret}"), "carries {token} or {client_id}"),
        (
            of(r#"{X-Key: "{token}{token}"}"#),
            "carries {token} or {client_id}",
        ),
        (
            of(r#"{X-Key: "{client_id}"}"#),
            "no header carries the token",
        ),
        (
            of(r#"{X-Key: "{token} {nobody}"}"#),
            "`{nobody}` is neither",
        ),
        (of("{X-Key: \"\u{e9}{token}\"}"), "no header may have"),
        (
            r#"{grant: basic, headers: {X-Key: "{token}"}}"#.to_owned(),
            "in `Authorization` alone",
        ),
    ] {
        let findings = check_text("own", &with_auth(&auth, ""));
        let found = findings
            .iter()
            .find(|finding| finding.message.contains(told));
        let found = found.unwrap_or_else(|| panic!("{told}: {findings:?}"));
        assert!(found.line.is_some() && !found.hint.is_empty(), "{found:?}");
    }
}

const TOLD: &str = "{grant: refresh_token, token_url: \"https://login.example.com/token\", \
                    discovery: {base_url: /instance_url, hosts: [\"*.my.example.com\", api.example.org]}}";

#[test]
fn a_token_goes_to_no_host_that_a_reply_alone_has_named() {
    let own = Connector::parse("own.yaml", &with_auth(TOLD, "")).expect("right");
    let none = BTreeMap::new();
    assert!(own.needs_a_refresh_token());
    let facts = own.auth_facts(&none).expect("bound");
    assert_eq!(facts.address_at.as_deref(), Some("/instance_url"));
    assert_eq!(facts.token_url.host, "login.example.com");
    let discovery = own.discovery(&none).expect("right").expect("it is told");
    assert_eq!(discovery.url, None);
    for (told, is_believed) in [
        ("https://eu7.my.example.com", true),
        ("https://a.b.MY.example.com/services/", true),
        ("https://api.example.org", true),
        ("https://my.example.com", false),
        ("https://evilmy.example.com", false),
        ("https://eu.my.example.com.evil.org", false),
        ("https://eu.api.example.org", false),
        ("https://api.example.org:444", false),
        ("http://api.example.org", false),
        ("https://api.example.org@evil.org", false),
        ("api.example.org", false),
    ] {
        assert_eq!(discovery.believed(told).is_ok(), is_believed, "{told}");
    }
    let given = [("base_url".to_owned(), "https://api.example.net".to_owned())].into();
    assert_eq!(own.discovery(&given).expect("right"), None);
}

#[test]
fn mistakes_of_a_told_address_are_told_with_their_line() {
    for (right, wrong, told) in [
        (
            ", hosts: [\"*.my.example.com\", api.example.org]",
            "",
            "may name any host",
        ),
        ("*.my.example.com", "*.com", "names no hosts"),
        ("*.my.example.com", "*", "names no hosts"),
        ("*.my.example.com", "a.*.example.com", "names no hosts"),
        (
            "api.example.org",
            "https://api.example.org",
            "names no hosts",
        ),
        (
            "{base_url:",
            "{variables: {site: /site}, base_url:",
            "tells the address alone",
        ),
        (
            "refresh_token, token_url: \"https://login.example.com/token\"",
            "token",
            "no token is asked for",
        ),
        ("/instance_url", "instance_url", "no JSON pointer"),
    ] {
        let findings = check_text("own", &with_auth(&TOLD.replacen(right, wrong, 1), ""));
        assert_eq!(findings.len(), 1, "{wrong}: {findings:?}");
        assert!(findings[0].message.contains(told), "{findings:?}");
        assert!(findings[0].line.is_some() && !findings[0].hint.is_empty());
    }
}

#[test]
fn nothing_else_is_written_into_a_header_that_carries_a_token() {
    let auth = r#"{grant: token, headers: {X-Key: "{token}"}}"#;
    let stream = "streams:\n  all:\n    path: /c\n    records: \"\"\n    key: id\n    fields: {id: /id}\n    \
                  pages: {by: link_header}\n    headers: {x-key: mine}\n";
    let probe = "probe: {path: /c, headers: {x-key: mine}}\n";
    for lines in [
        "    headers: {x-key: mine}\n",
        "    headers: {authorization: mine}\n",
        stream,
        probe,
    ] {
        let findings = check_text("own", &with_auth(auth, lines));
        assert_eq!(findings.len(), 1, "{lines}: {findings:?}");
        assert!(
            findings[0].message.contains("written by the loader itself"),
            "{findings:?}"
        );
    }
    assert_eq!(
        check_text("own", &with_auth(auth, "    headers: {X-Other: mine}\n")),
        []
    );
}
