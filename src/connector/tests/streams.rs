//! Streams of connector files: mistakes, and the requests that come of them.

use crate::connector::{Connector, PageAt, check_text};

/// A connector with these lines as its stream's.
fn with_stream(lines: &str) -> String {
    let mut text = "name: own\ntitle: A platform of one's own\n\
        variables: {region: {description: where, example: eu}}\n\
        base_url: https://api.example.com/{region}\n\
        auth: {grant: client_credentials, token_url: \"https://api.example.com/token\"}\n\
        operations:\n  put: {method: PUT, path: \"/c/{id}\", key: id, effect: updated, fields: {name: {}}}\n\
        streams:\n  people:\n"
        .to_owned();
    for line in lines.lines() {
        text.push_str("    ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

const RIGHT: &str = "path: /{region}/people\nquery: {of: \"{region}&more\"}\nrecords: \"\"\n\
    pages: {by: number, parameter: page, first: 0, size: {parameter: size, value: 50}}\n\
    changed_since: {parameter: since, as: epoch_ms, changed_at: at, overlap: 1m}\n\
    key: id\nfields: {id: /id, at: /at}\n";

#[test]
fn a_page_is_asked_for_with_everything_encoded() {
    let connector = Connector::parse("own", &with_stream(RIGHT)).expect("right");
    let variables = [("region".to_owned(), "eu".to_owned())].into();
    let bound = connector.bind_stream(None, &variables).expect("bound");
    let stream = &bound.stream;
    assert_eq!(stream.endpoint, "GET /{region}/people");
    assert_eq!(stream.first_page(), PageAt::Number(0));
    assert_eq!(
        stream.target(&PageAt::Number(0), None),
        "/eu/eu/people?of=eu%26more&size=50&page=0"
    );
    let since = "2026-01-31T08:00:00.5Z".parse().ok();
    let target = stream.target(&PageAt::Number(3), since);
    assert!(target.ends_with("&page=3&since=1769846400500"), "{target}");
    assert_eq!(stream.changed_at(), Some(1));
    assert_eq!(stream.overlap().as_secs(), 60);
    for (form, written) in [
        ("rfc3339", "since=2026-01-31T08%3A00%3A00Z"),
        ("date", "since=2026-01-31"),
        ("epoch_s", "since=1769846400"),
    ] {
        let text = with_stream(&RIGHT.replace("epoch_ms", form));
        let connector = Connector::parse("own", &text).expect("right");
        let bound = connector
            .bind_stream(Some("people"), &variables)
            .expect("bound");
        let target = bound.stream.target(&PageAt::Number(3), since);
        assert!(target.ends_with(written), "{target}");
    }
}

#[test]
fn a_stream_that_isn_t_there_is_named() {
    let connector = Connector::parse("own", &with_stream(RIGHT)).expect("right");
    let variables = [("region".to_owned(), "eu".to_owned())].into();
    let error = connector
        .bind_stream(Some("peple"), &variables)
        .expect_err("a slip");
    assert!(
        error.to_string().contains("did you mean `people`"),
        "{error}"
    );
    let error = connector
        .bind_stream(None, &[].into())
        .expect_err("no region");
    assert!(error.to_string().contains("region"), "{error}");
}

#[test]
fn mistakes_of_a_stream_are_told_with_their_lines() {
    let is = |from: &str, to: &str| with_stream(&RIGHT.replace(from, to));
    for (text, told) in [
        (
            is("path: /{region}/people", "path: people"),
            "the stream's path",
        ),
        (is("{region}&more", "{reigon}"), "reigon"),
        (is("records: \"\"", "records: list"), "no JSON pointer"),
        (is("key: id", "key: ids"), "no column `ids`"),
        (is("changed_at: at", "changed_at: ta"), "no column `ta`"),
        (
            is("fields: {id: /id", "fields: {_line: /x, id: /id"),
            "no column's name",
        ),
        (is("value: 50", "value: 0"), "no records"),
        (
            is("by: number, parameter: page, first: 0", "by: number"),
            "`parameter` is missing",
        ),
        (
            is(
                "by: number, parameter: page, first: 0",
                "by: cursor, parameter: page",
            ),
            "`at` is missing",
        ),
        (
            is(
                "by: number, parameter: page, first: 0",
                "by: cursor, parameter: page, at: /next, total: /total",
            ),
            "`total` belongs",
        ),
        (is("at: /at}", "at: [/at, at]}"), "no JSON pointer"),
        (is("first: 0", "at: /next"), "`at` belongs"),
        (
            is(
                "by: number, parameter: page, first: 0",
                "by: link_header, parameter: page",
            ),
            "`parameter` belongs",
        ),
        (
            is(
                "by: number, parameter: page, first: 0",
                "by: link_header, at: /next",
            ),
            "`at` belongs",
        ),
        (
            is("key: id", "replies: [{status: 404, class: done}]\nkey: id"),
            "isn't a success",
        ),
    ] {
        let findings = check_text("own", &text);
        assert_eq!(findings.len(), 1, "{told}: {findings:?}");
        assert!(findings[0].message.contains(told), "{told}: {findings:?}");
        assert!(findings[0].line.is_some(), "{findings:?}");
    }
}
