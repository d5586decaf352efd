//! Fetching against a source made of a closure, under paused time.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, LINK, RETRY_AFTER};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::connector::{BoundStream, Connector};
use crate::error::{FatalError, FatalKind};
use crate::source::spool::Spool;
use crate::transport::{BodyFlaw, Cause, FakeTransport, Reply, Request, SendError, Stage};

use super::fetch::{CallLog, Fetched, Fetching, fetch};
use super::state::FetchState;
use super::tokens::{SourceToken, SourceTokens};

mod lists;

/// A connector with one stream whose pages are as given.
fn stream(pages: &str) -> BoundStream {
    let text = format!(
        "name: shop\ntitle: A shop\nbase_url: https://shop.example\n\
         auth: {{grant: client_credentials, token_url: https://shop.example/token}}\n\
         operations: {{put: {{method: PUT, path: \"/c/{{id}}\", key: id, effect: updated, fields: {{name: {{}}}}}}}}\n\
         streams:\n  people:\n    path: /people\n    records: /list\n    pages: {pages}\n    \
         changed_since: {{parameter: since, changed_at: at}}\n    key: id\n    \
         fields: {{id: /id, name: /name/first, at: /at}}\n"
    );
    let connector = Connector::parse("a connector", &text).expect("a connector");
    connector.bind_stream(None, &[].into()).expect("bound")
}

/// Tokens without end.
struct Minted {
    generation: u64,
    accepted: Rc<Cell<u64>>,
}

impl SourceTokens for Minted {
    async fn newer_than(&mut self, refused: Option<u64>) -> Result<SourceToken, FatalError> {
        self.generation = self
            .generation
            .max(refused.map_or(1, |refused| refused + 1));
        Ok(SourceToken {
            generation: self.generation,
            headers: Arc::new([]),
        })
    }

    fn accepted(&mut self, generation: u64) {
        self.accepted.set(generation);
    }
}

struct Ended {
    how: Result<(), FatalError>,
    staged: String,
    state: FetchState,
    asked: Vec<String>,
    took: Duration,
    remarks: Vec<String>,
}

/// Fetches all from a source that follows the script.
async fn run(
    pages: &str,
    rows_wanted: Option<u64>,
    script: impl Fn(&str, u64) -> Result<Reply, SendError> + 'static,
) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("staged.csv");
    let (spool, mut writer) = Spool::with_writer(&path, None).expect("a spool");
    let bound = stream(pages);
    let kept = Arc::new(Mutex::new(FetchState::new(bound.stream.first_page())));
    let keeping = Arc::clone(&kept);
    let remarks = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&remarks);
    let fetching = Fetching {
        state: FetchState::new(bound.stream.first_page()),
        bound,
        since: None,
        known: Arc::default(),
        rows_wanted,
        run_id: "run".to_owned(),
        save: Box::new(move |state| {
            *keeping.lock() = state.clone();
            Ok(())
        }),
        calls: CallLog::default(),
        remark: Box::new(move |text| told.lock().push(text)),
        most_page_bytes: 1 << 20,
    };
    let asked = Rc::new(RefCell::new(Vec::new()));
    let asking = Rc::clone(&asked);
    let way = FakeTransport::new(move |request: &Request, number| {
        let target = String::from_utf8_lossy(&request.path).into_owned();
        asking.borrow_mut().push(target.clone());
        (Duration::from_millis(10), script(&target, number))
    });
    let tokens = Minted {
        generation: 0,
        accepted: Rc::default(),
    };
    let started = Instant::now();
    let how = fetch(fetching, way, tokens, &mut writer).await;
    let took = started.elapsed();
    let how = match how {
        Ok(Fetched::Everything | Fetched::Stopped) => {
            writer.finish();
            Ok(())
        }
        Err(error) => {
            writer.fail(error.clone());
            Err(error)
        }
    };
    let mut staged = String::new();
    let read = spool
        .reader_at(0)
        .expect("opens")
        .read_to_string(&mut staged);
    assert_eq!(read.is_ok(), how.is_ok(), "readers learn how it ended");
    let state = kept.lock().clone();
    let asked = asked.borrow().clone();
    Ended {
        how,
        staged,
        state,
        asked,
        took,
        remarks: remarks.lock().clone(),
    }
}

const OFFSET: &str = "{by: offset, parameter: offset, size: {parameter: limit, value: 2}}";

fn page(body: &str) -> Result<Reply, SendError> {
    Ok(Reply::new(200, body.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn pages_by_offset_go_on_to_an_empty_one_whatever_their_size() {
    let ended = run(OFFSET, None, |target, _| match target {
        "/people?limit=2&offset=0" => {
            page(r#"{"list":[{"id":1,"name":{"first":"A, B"}},{"id":2}]}"#)
        }
        "/people?limit=2&offset=2" => page(r#"{"list":[{"id":3.10}]}"#),
        "/people?limit=2&offset=3" => page(r#"{"list":[]}"#),
        other => panic!("{other}"),
    })
    .await;
    ended.how.expect("all came");
    assert_eq!(
        ended.staged,
        "_line,_message,id,name,at\n1,,1,\"A, B\",\n2,,2,,\n3,,3.10,,\n"
    );
    assert_eq!((ended.state.totals.pages, ended.state.totals.rows), (3, 3));
    assert_eq!(ended.state.bytes, ended.staged.len() as u64);
    assert!(ended.state.complete && ended.state.watermark.is_some());
}

#[tokio::test(start_paused = true)]
async fn numbers_cursors_and_links_lead_from_page_to_page() {
    let numbers = "{by: number, parameter: page, total_pages: /pages}";
    let ended = run(numbers, None, |target, _| match target {
        "/people?page=1" => page(r#"{"list":[{"id":"a"}],"pages":2}"#),
        "/people?page=2" => page(r#"{"list":[{"id":"b"}],"pages":2}"#),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!((ended.how, ended.state.totals.rows), (Ok(()), 2));

    let cursors = "{by: cursor, parameter: after, at: /next}";
    let ended = run(cursors, None, |target, _| match target {
        "/people" => page(r#"{"list":[{"id":"a"}],"next":"x&y="}"#),
        "/people?after=x%26y%3D" => page(r#"{"list":[{"id":"b"}],"next":null}"#),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!((ended.how, ended.state.totals.rows), (Ok(()), 2));

    let links = "{by: next_link, at: /next}";
    let ended = run(links, None, |target, _| match target {
        "/people" => page(r#"{"list":[],"next":"https://shop.example/people?p=2"}"#),
        "/people?p=2" => page(r#"{"list":[{"id":"a"}],"next":"?p=3"}"#),
        "/people?p=3" => page(r#"{"list":[{"id":"b"}],"next":"/other/path?p=4"}"#),
        "/other/path?p=4" => page(r#"{"list":[{"id":"c"}],"next":"people?p=5"}"#),
        "/other/people?p=5" => page(r#"{"list":[{"id":"d"}]}"#),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!((ended.how, ended.state.totals.rows), (Ok(()), 4));
}

/// A page of one record whose `Link` headers are these.
fn linking(id: &str, links: &[&str]) -> Result<Reply, SendError> {
    let page = Reply::new(200, format!(r#"{{"list":[{{"id":"{id}"}}]}}"#));
    Ok(links.iter().fold(page, |page, link| {
        page.with_header(LINK, HeaderValue::from_str(link).expect("a header's value"))
    }))
}

#[tokio::test(start_paused = true)]
async fn link_headers_lead_from_page_to_page_to_the_one_without() {
    let pages = "{by: link_header, size: {parameter: limit, value: 1}}";
    let ended = run(pages, None, |target, _| match target {
        "/people?limit=1" => linking(
            "a",
            &["<https://shop.example/people?after=x%2Cy>; rel=\"next\", </l>; rel=last"],
        ),
        "/people?after=x%2Cy" => linking("b", &["</people>; rel=prev", "<?after=z>; rel=\"next\""]),
        "/people?after=z" => linking("c", &["</people?limit=1>; rel=\"first prev\""]),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!((ended.how, ended.state.totals.rows), (Ok(()), 3));
    assert!(ended.state.complete);
}

#[tokio::test(start_paused = true)]
async fn link_headers_that_lead_nowhere_end_the_fetching() {
    for (link, told) in [
        ("<https://evil.example/people>; rel=next", "leads elsewhere"),
        ("<//evil.example/people>; rel=next", "leads elsewhere"),
        ("</people>; rel=\"next", "can't be read"),
        ("<?a>; rel=next, <?b>; rel=next", "can't be read"),
        ("</a?p=1>; rel=next", "in a circle"),
    ] {
        let ended = run("{by: link_header}", None, move |target, number| {
            assert!(!target.starts_with("/people") || number == 0, "{link}");
            assert!(number < 3, "{link}");
            linking(&number.to_string(), &[link])
        })
        .await;
        let error = ended.how.expect_err(link);
        assert_eq!(error.kind, FatalKind::Tenant, "{link}");
        assert!(error.message.contains(told), "{link}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_to_another_host_gets_no_token() {
    for link in [
        "https://evil.example/people?p=2",
        "http://shop.example/people?p=2",
        "https://shop.example:444/people",
        "https://shop.example@evil.example/people",
        "//evil.example/people",
        "https:\\\\evil.example",
        "ftp://shop.example/x",
    ] {
        let ended = run("{by: next_link, at: /next}", None, move |target, _| {
            assert_eq!(target, "/people", "{link}");
            let link = link.replace('\\', "\\\\");
            page(&format!(r#"{{"list":[{{"id":"a"}}],"next":"{link}"}}"#))
        })
        .await;
        let error = ended.how.expect_err(link);
        assert_eq!(error.kind, FatalKind::Tenant, "{link}");
        assert!(error.message.contains("leads elsewhere"), "{error}");
        assert_eq!(ended.asked.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_lead_round_in_a_circle_end_the_fetching() {
    let ended = run(
        "{by: cursor, parameter: after, at: /next}",
        None,
        |_, number| {
            assert!(number < 3);
            page(&format!(r#"{{"list":[{{"id":{number}}}],"next":"same"}}"#))
        },
    )
    .await;
    let error = ended.how.expect_err("it would never end");
    assert!(error.message.contains("in a circle"), "{error}");
    let ended = run(
        "{by: cursor, parameter: after, at: /next}",
        None,
        |target, number| {
            assert!(number < 5);
            let next = if target.ends_with("=b") { "a" } else { "b" };
            page(&format!(
                r#"{{"list":[{{"id":{number}}}],"next":"{next}"}}"#
            ))
        },
    )
    .await;
    let error = ended.how.expect_err("it would never end");
    assert!(error.message.contains("in a circle"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_know_the_page_parameter_is_not_read_for_ever() {
    for pages in [OFFSET, "{by: number, parameter: pagina}"] {
        let ended = run(pages, None, |_, number| {
            assert!(number < 3);
            page(r#"{"list":[{"id":"a"},{"id":"b"}]}"#)
        })
        .await;
        let error = ended.how.expect_err("it would never end");
        assert!(error.message.contains("same records"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_told_and_one_of_days_ends_the_fetching() {
    let asked_for = |wait: &'static str| {
        run(OFFSET, None, move |_, number| match number {
            0 => Ok(Reply::new(429, "").with_header(RETRY_AFTER, HeaderValue::from_static(wait))),
            _ => page(r#"{"list":[]}"#),
        })
    };
    let short = asked_for("600").await;
    assert_eq!((short.how, short.remarks), (Ok(()), Vec::new()));
    let long = asked_for("7200").await;
    long.how.expect("all came");
    assert!(long.took >= Duration::from_secs(7_200), "{:?}", long.took);
    let [told] = &long.remarks[..] else {
        panic!("told once, not {:?}", long.remarks);
    };
    assert!(
        told.contains("the source asks for a pause of 2 h"),
        "{told}"
    );
    let days = asked_for("200000").await;
    let error = days.how.expect_err("nobody waits so long");
    assert!(error.message.contains("a pause of"), "{error}");
    assert_eq!(days.asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_named_is_waited_for() {
    let ended = run(OFFSET, None, |_, number| match number {
        0 => Ok(Reply::new(429, "").with_header(RETRY_AFTER, HeaderValue::from_static("7"))),
        1 => Ok(Reply::new(503, "").with_header(RETRY_AFTER, HeaderValue::from_static("5"))),
        _ => page(r#"{"list":[]}"#),
    })
    .await;
    ended.how.expect("all came");
    assert!(ended.took >= Duration::from_secs(12), "{:?}", ended.took);
    assert!(ended.took < Duration::from_secs(40), "{:?}", ended.took);
    let totals = ended.state.totals;
    assert_eq!((totals.requests, totals.throttled, totals.pages), (3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_passing_is_asked_again() {
    let ended = run(OFFSET, None, |_, number| match number {
        0 => Ok(Reply::new(500, "")),
        1 => Err(SendError::new(Stage::NoReply, Cause::Reset)),
        2 => Err(SendError::new(Stage::NotSent, Cause::Timeout)),
        3 => page("<html>gateway</html>"),
        4 => page(r#"{"list":[{"id":"#),
        5 => Ok(Reply {
            body_flaw: Some(BodyFlaw::Truncated),
            ..Reply::new(200, "{}")
        }),
        6 => Ok(Reply {
            body_flaw: Some(BodyFlaw::TooLarge),
            ..Reply::new(200, "{}")
        }),
        7 => Ok(Reply::new(401, "")),
        _ => page(r#"{"list":[]}"#),
    })
    .await;
    ended.how.expect("all came");
    assert_eq!(ended.asked.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn what_stays_wrong_ends_with_its_cause() {
    type Asked = fn() -> Result<Reply, SendError>;
    let cases: [(Asked, FatalKind, &str); 7] = [
        (
            || Ok(Reply::new(403, r#"{"message":"scope missing"}"#)),
            FatalKind::Credentials,
            "scope missing",
        ),
        (
            || Ok(Reply::new(401, "")),
            FatalKind::Credentials,
            "status 401",
        ),
        (|| Ok(Reply::new(404, "")), FatalKind::Tenant, "status 404"),
        (|| Ok(Reply::new(302, "")), FatalKind::Tenant, "status 302"),
        (|| page("not JSON at all"), FatalKind::Tenant, "isn't JSON"),
        (
            || page("{\"items\":[]}"),
            FatalKind::Tenant,
            "no list of records at `/list`",
        ),
        (
            || Ok(Reply::new(500, "")),
            FatalKind::Tenant,
            "it answered 500",
        ),
    ];
    for (reply, kind, told) in cases {
        let ended = run(OFFSET, None, move |_, _| reply()).await;
        let error = ended.how.expect_err(told);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(told), "{error}");
        assert!(!error.hint.is_empty(), "{error}");
        assert!(
            ended.took < Duration::from_secs(20 * 60),
            "{told}: {:?}",
            ended.took
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_never_there_is_told_in_seconds() {
    let ended = run(OFFSET, None, |_, _| {
        let origin = "https://shop.example".to_owned();
        Err(SendError::new(
            Stage::NotSent,
            Cause::ConnectRefused { origin },
        ))
    })
    .await;
    let error = ended.how.expect_err("nobody answers");
    assert!(error.message.contains("connection refused"), "{error}");
    assert!(ended.took < Duration::from_secs(60), "{:?}", ended.took);
}

#[tokio::test(start_paused = true)]
async fn no_more_pages_are_asked_for_than_are_wanted() {
    let ended = run(OFFSET, Some(3), |_, number| {
        page(&format!(
            r#"{{"list":[{{"id":1}},{{"id":{}}}]}}"#,
            number + 2
        ))
    })
    .await;
    ended.how.expect("enough came");
    assert_eq!(ended.asked.len(), 2);
    assert!(ended.state.complete);
    assert_eq!(
        ended.state.watermark, None,
        "a later run must not leave the rest out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_can_t_be_read_is_staged_as_such() {
    let ended = run(OFFSET, Some(2), |_, _| {
        page(r#"{"list":["text",{"id":"\ud800","name":{"first":"Zoë, \"Z\""}},{"id":"a\u0000b"},{"id":"ok","name":{"first":{"x":[1]}}}]}"#)
    })
    .await;
    ended.how.expect("all came");
    let lines: Vec<&str> = ended.staged.lines().collect();
    assert!(
        lines[1].starts_with("1,\"record 1 isn't a JSON object\""),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[2],
        r#"2,"record 2 has half a character in the text of `id`","""\ud800""","Zoë, ""Z""",,repair this row before loading it"#
    );
    assert_eq!(
        lines[3],
        "3,\"a NUL character (line 3); take it out\",a\0b,,,repair this row before loading it"
    );
    assert_eq!(lines[4], r#"4,,ok,"{""x"":[1]}","#);
}
