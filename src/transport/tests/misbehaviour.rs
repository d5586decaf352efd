//! Tenants that close, stall, lie or flood.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::super::{BodyFlaw, Cause, Request, Stage, Transport};
use super::server::{Answer, NO_CONTENT, Server, reply};
use super::{direct_to, on_a_lane, patch};

#[test]
fn connections_that_died_while_unused_cost_nothing() {
    on_a_lane(async {
        // Every connection is closed right after its first reply, without saying so.
        let server = Server::start(|_, _, _| Answer::ReplyThenClose(NO_CONTENT.to_vec()));
        let direct = direct_to(&server.url);
        for _ in 0..5 {
            for answer in join_all((0..8).map(|_| direct.send(patch("/")))).await {
                assert_eq!(answer.unwrap().status, 204);
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        assert_eq!(server.connections(), 40);
    });
}

#[test]
fn a_connection_closed_before_the_reply_is_no_reply_and_never_repeated() {
    on_a_lane(async {
        let server = Server::start(|_, _, _| Answer::ReplyThenClose(Vec::new()));
        let error = direct_to(&server.url).send(patch("/")).await.unwrap_err();
        assert_eq!(
            (error.stage, &error.cause),
            (Stage::NoReply, &Cause::Reset),
            "{error}"
        );
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn a_connection_closed_within_the_body_keeps_the_status() {
    on_a_lane(async {
        let cut: [&[u8]; 2] = [
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{\"id\":",
        ];
        let server =
            Server::start(move |_, connection, _| Answer::ReplyThenClose(cut[connection].to_vec()));
        let direct = direct_to(&server.url);
        for _ in cut {
            let answer = direct.send(patch("/")).await.unwrap();
            assert_eq!(
                (answer.status, answer.body_flaw),
                (200, Some(BodyFlaw::Truncated))
            );
            assert_eq!(answer.body, "{\"id\":");
        }
        assert_eq!((server.connections(), direct.idle_connections()), (2, 0));
    });
}

#[test]
fn an_endless_body_is_cut_at_the_bound_and_its_connection_closed() {
    on_a_lane(async {
        let heads = [
            "HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        ];
        let server = Server::start(move |_, connection, _| Answer::EndlessBody(heads[connection]));
        let direct = direct_to(&server.url);
        let started = Instant::now();
        for _ in heads {
            let answer = direct.send(patch("/")).await.unwrap();
            assert_eq!(
                (answer.status, answer.body_flaw),
                (200, Some(BodyFlaw::TooLarge))
            );
            assert_eq!(answer.body.len(), 1024 * 1024);
        }
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!(direct.idle_connections(), 0);
    });
}

#[test]
fn silence_ends_with_the_time_out_and_may_have_been_received() {
    on_a_lane(async {
        let server = Server::start(|_, _, _| Answer::Silence(2000));
        let direct = direct_to(&server.url);
        let request = Request {
            timeout: Duration::from_millis(50),
            ..patch("/")
        };
        let error = direct.send(request).await.unwrap_err();
        assert_eq!((error.stage, error.cause), (Stage::NoReply, Cause::Timeout));
        assert_eq!(direct.idle_connections(), 0);
    });
}

#[test]
fn a_body_that_stalls_keeps_its_status_and_what_has_arrived() {
    on_a_lane(async {
        let server = Server::start(|_, _, _| {
            Answer::Reply(b"HTTP/1.1 207 Multi-Status\r\ncontent-length: 10\r\n\r\nabc".to_vec())
        });
        let request = Request {
            timeout: Duration::from_millis(100),
            ..patch("/")
        };
        let answer = direct_to(&server.url).send(request).await.unwrap();
        assert_eq!(
            (answer.status, answer.body_flaw),
            (207, Some(BodyFlaw::Truncated))
        );
        assert_eq!(answer.body, "abc");
    });
}

#[test]
fn a_redirect_is_a_reply() {
    on_a_lane(async {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let head = format!(
            "308 Permanent Redirect\r\nlocation: http://{}/",
            elsewhere.local_addr().unwrap()
        );
        let server = Server::start(move |_, _, _| Answer::Reply(reply(&head, "")));
        assert_eq!(
            direct_to(&server.url)
                .send(patch("/"))
                .await
                .unwrap()
                .status,
            308
        );
        assert!(elsewhere.accept().is_err(), "nobody came");
    });
}

#[test]
fn nobody_listening_is_not_sent_and_names_the_origin() {
    on_a_lane(async {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = direct_to(&format!("http://{address}"))
            .send(patch("/"))
            .await
            .unwrap_err();
        assert_eq!(error.stage, Stage::NotSent);
        assert_eq!(
            error.cause,
            Cause::ConnectRefused {
                origin: format!("http://{address}")
            }
        );
        assert!(!error.is_permanent() && !error.to_string().contains("hunter2"));
    });
}

#[test]
fn what_is_not_http_and_heads_without_end_are_refused() {
    on_a_lane(async {
        let server = Server::start(|_, connection, _| match connection {
            0 => Answer::ReplyThenClose(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
            _ => Answer::EndlessBody("HTTP/1.1 200 OK\r\nx-long: "),
        });
        let direct = direct_to(&server.url);
        for _ in 0..2 {
            let error = direct.send(patch("/")).await.unwrap_err();
            assert_eq!(error.stage, Stage::NoReply);
            assert!(
                matches!(&error.cause, Cause::Other(text) if text.contains("HTTP")),
                "{error}"
            );
        }
    });
}

#[test]
fn giving_a_request_up_closes_its_connection() {
    on_a_lane(async {
        let server = Server::start(|_, connection, _| match connection {
            0 => Answer::Silence(2000),
            _ => Answer::Reply(NO_CONTENT.to_vec()),
        });
        let direct = direct_to(&server.url);
        let given_up =
            tokio::time::timeout(Duration::from_millis(50), direct.send(patch("/"))).await;
        assert!(given_up.is_err());
        assert_eq!(direct.send(patch("/")).await.unwrap().status, 204);
        assert_eq!((server.connections(), direct.idle_connections()), (2, 1));
    });
}
