//! What the data plane sends, and how it uses its connections.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::super::{Cause, Direct, Origin, Request, Stage, Transport, TransportSettings};
use super::server::{Answer, NO_CONTENT, Server, reply};
use super::{direct_to, on_a_lane, patch, settings};

#[test]
fn a_request_holds_what_it_should_and_nothing_twice() {
    on_a_lane(async {
        let (seen, requests) = mpsc::channel();
        let server = Server::start(move |asked, _, _| {
            seen.send(asked.to_owned()).unwrap();
            Answer::Reply(reply("200 OK\r\nx-limit: 5", "{}"))
        });
        let direct = direct_to(&server.url);
        let answer = direct.send(patch("/v2/contacts/a%2Fb?x=1")).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_ref(), answer.body_flaw),
            (200, &b"{}"[..], None)
        );
        assert_eq!(answer.headers["x-limit"], "5");
        let asked = requests.recv().unwrap();
        let host = server.url.strip_prefix("http://").unwrap();
        assert!(
            asked.starts_with("PATCH /v2/contacts/a%2Fb?x=1 HTTP/1.1\r\n"),
            "{asked}"
        );
        for line in [
            format!("host: {host}"),
            "content-length: 7".to_owned(),
            "content-type: application/json".to_owned(),
            "accept: application/json".to_owned(),
            format!("user-agent: sluice/{}", env!("CARGO_PKG_VERSION")),
            "authorization: Bearer hunter2".to_owned(),
            "x-request-id: r-1".to_owned(),
        ] {
            assert_eq!(
                asked.matches(&format!("\r\n{line}\r\n")).count(),
                1,
                "{line}: {asked}"
            );
        }
        assert!(asked.ends_with("\r\n\r\n{\"a\":1}"), "{asked}");

        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/csv")),
            (ACCEPT, HeaderValue::from_static("*/*")),
        ];
        let bare = Request {
            method: Method::GET,
            headers: headers.into(),
            credentials: Arc::new([]),
            request_id: None,
            body: Bytes::new(),
            ..patch("/")
        };
        direct.send(bare).await.unwrap();
        let asked = requests.recv().unwrap();
        assert!(
            asked.contains("content-type: text/csv") && asked.contains("accept: */*"),
            "{asked}"
        );
        assert!(
            !asked.contains("application/json") && !asked.contains("authorization"),
            "{asked}"
        );
    });
}

#[test]
fn requests_one_after_another_share_a_connection_whatever_the_reply() {
    on_a_lane(async {
        let bodies: [&[u8]; 4] = [
            NO_CONTENT,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            b"HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\nno!",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        ];
        let server = Server::start(move |_, _, number| Answer::Reply(bodies[number % 4].to_vec()));
        let direct = direct_to(&server.url);
        for round in 0..40 {
            let answer = direct.send(patch("/")).await.unwrap();
            assert_eq!(answer.status, [204, 200, 500, 404][round % 4]);
            assert_eq!(answer.body, ["", "hello world", "no!", ""][round % 4]);
            assert_eq!(answer.body_flaw, None);
        }
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn a_hundred_at_once_have_a_connection_each_and_keep_them() {
    on_a_lane(async {
        let server = Server::start(|asked, _, _| {
            let path = asked.split(' ').nth(1).unwrap().to_owned();
            std::thread::sleep(Duration::from_millis(20));
            Answer::Reply(reply("200 OK", &path))
        });
        let direct = direct_to(&server.url);
        for _ in 0..3 {
            let sends = (0..100).map(|number| {
                let direct = &direct;
                async move {
                    let path = format!("/{number}");
                    assert_eq!(
                        direct.send(patch(&path)).await.unwrap().body,
                        path,
                        "its own reply"
                    );
                }
            });
            join_all(sends).await;
        }
        assert_eq!(server.connections(), 100);
        assert_eq!(direct.idle_connections(), 100);
    });
}

#[test]
fn unused_connections_are_closed_after_their_time_and_above_the_cap() {
    on_a_lane(async {
        let server = Server::start(|_, _, _| Answer::Reply(NO_CONTENT.to_vec()));
        let settings = TransportSettings {
            idle_timeout: Duration::from_millis(50),
            max_idle_connections: 3,
            ..settings()
        };
        let direct = Direct::try_new(Origin::parse(&server.url).unwrap(), &settings).unwrap();
        join_all((0..10).map(|_| direct.send(patch("/")))).await;
        assert_eq!(direct.idle_connections(), 3);
        while direct.idle_connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let before = server.connections();
        direct.send(patch("/")).await.unwrap();
        assert_eq!(server.connections(), before + 1);
    });
}

#[test]
fn a_path_can_not_turn_a_request_to_another_host_or_record() {
    on_a_lane(async {
        let server = Server::start(|asked, _, _| {
            Answer::Reply(reply("200 OK", asked.split(' ').nth(1).unwrap()))
        });
        let direct = direct_to(&server.url);
        for refused in [
            "",
            "users",
            "http://evil.example/",
            "@evil.example/",
            "/a b",
            "/a#b",
            "/a\r\nx: y",
            "*",
            "/a/..",
            "/a/%2E%2e/b",
            "/.?x",
        ] {
            let error = direct.send(patch(refused)).await.unwrap_err();
            assert_eq!(error.stage, Stage::NotSent, "{refused}");
            assert!(matches!(error.cause, Cause::Other(_)), "{refused}");
        }
        assert_eq!(server.connections(), 0);
        for kept in [
            "//evil.example/x",
            "/..a",
            "/a...",
            "/..%2Fusers%2F1",
            "/a?b=../..",
        ] {
            assert_eq!(direct.send(patch(kept)).await.unwrap().body, kept);
        }
    });
}
