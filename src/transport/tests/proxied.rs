//! Through a proxy, and when not.

use http::HeaderMap;

use super::super::{
    BodyFlaw, Cause, ControlClient, Lanes, Origin, Proxied, ProxyRules, SetupError, Stage,
    Transport, TransportSettings, lanes,
};
use super::server::{Answer, Server, reply};
use super::{on_a_lane, patch, settings};

fn through(proxy: &str) -> TransportSettings {
    TransportSettings {
        proxies: ProxyRules::all(proxy, ""),
        ..settings()
    }
}

#[test]
fn the_way_is_chosen_by_the_rules_and_loopback_is_always_direct() {
    let proxied = through("http://127.0.0.1:9");
    assert!(matches!(
        lanes("http://localhost:1/base", &proxied).unwrap(),
        Lanes::Direct(_)
    ));
    match lanes("https://api.example.com", &proxied) {
        Ok(Lanes::Proxied(way)) => assert_eq!(way.origin().to_string(), "https://api.example.com"),
        Ok(Lanes::Direct(_)) => panic!("the proxy was passed by"),
        // A machine without root certificates can't set either way up.
        Err(error) => assert!(matches!(error, SetupError::NoRoots { .. }), "{error}"),
    }
    assert!(matches!(
        lanes("ftp://x", &proxied),
        Err(SetupError::Origin(_))
    ));
}

#[test]
fn a_proxy_that_refuses_is_a_permanent_failure_before_anything_is_sent() {
    on_a_lane(async {
        let proxy = Server::start(|asked, _, _| {
            assert!(
                asked.starts_with("CONNECT api.example.com:443 HTTP/1.1\r\n"),
                "{asked}"
            );
            assert!(
                asked.contains("Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n"),
                "{asked}"
            );
            assert!(
                !asked.contains("Bearer"),
                "the token is for the tenant only: {asked}"
            );
            Answer::ReplyThenClose(reply("407 Proxy Authentication Required", ""))
        });
        let address = proxy.url.strip_prefix("http://").unwrap();
        let settings = through(&format!("http://user:hunter2@{address}"));
        let Ok(way) = lanes("https://api.example.com", &settings) else {
            return;
        };
        let error = way.send(patch("/")).await.unwrap_err();
        assert_eq!(error.stage, Stage::NotSent, "{error}");
        assert!(
            matches!(&error.cause, Cause::Proxy(text) if text.contains("authorization")),
            "{error:?}"
        );
        assert!(error.is_permanent() && !format!("{error} {error:?}").contains("hunter2"));
        assert_eq!(proxy.connections(), 1);
    });
}

#[test]
fn the_same_requests_and_bounds_on_the_client_library() {
    on_a_lane(async {
        let server = Server::start(|asked, connection, _| match connection {
            0 if asked.contains("/redirect") => {
                Answer::Reply(reply("302 Found\r\nlocation: http://127.0.0.1:9/", ""))
            }
            0 => Answer::Reply(reply("200 OK", asked)),
            _ => Answer::EndlessBody("HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n"),
        });
        let way = Proxied::try_new(Origin::parse(&server.url).unwrap(), &settings()).unwrap();
        let answer = way
            .send(patch("//evil.example/a%2F..%20b?y=%C3%BC"))
            .await
            .unwrap();
        let asked = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            asked.starts_with("PATCH //evil.example/a%2F..%20b?y=%C3%BC HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(
            asked.contains("authorization: Bearer hunter2\r\n") && asked.ends_with("{\"a\":1}"),
            "{asked}"
        );
        for tidied in ["/a/../x", "/%2e%2e/x", "/a\\b", "/a\"b"] {
            assert_eq!(
                way.send(patch(tidied)).await.unwrap_err().stage,
                Stage::NotSent,
                "{tidied}"
            );
        }
        assert_eq!(way.send(patch("/redirect")).await.unwrap().status, 302);
        assert_eq!(server.connections(), 1);
        let fresh = Proxied::try_new(Origin::parse(&server.url).unwrap(), &settings()).unwrap();
        let answer = fresh.send(patch("/")).await.unwrap();
        assert_eq!(
            (answer.body_flaw, answer.body.len()),
            (Some(BodyFlaw::TooLarge), 1024 * 1024)
        );
    });
}

#[tokio::test]
async fn the_control_client_asks_each_origin_with_its_own_client() {
    let server = Server::start(|asked, _, _| Answer::Reply(reply("200 OK", asked)));
    let client = ControlClient::new(settings());
    for _ in 0..2 {
        let answer = client
            .get(
                &format!("{}/.well-known/x?y=1", server.url),
                HeaderMap::new(),
            )
            .await
            .unwrap();
        let asked = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            asked.starts_with("GET /.well-known/x?y=1 HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(!asked.contains("content-type"), "{asked}");
    }
    assert_eq!(server.connections(), 1);
    let error = client
        .get("http://example.com/", HeaderMap::new())
        .await
        .unwrap_err();
    assert!(error.is_permanent(), "{error}");
}
