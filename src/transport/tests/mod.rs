//! The transports over real sockets on loopback, against tiny hand-written servers.

#![expect(
    clippy::disallowed_methods,
    reason = "the servers of these tests are slow or silent in real time, as real ones are"
)]

mod direct;
mod fake;
mod misbehaviour;
mod proxied;
mod server;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use tokio::task::LocalSet;

use super::{Direct, Origin, ProxyRules, Request, TransportSettings};

fn settings() -> TransportSettings {
    TransportSettings {
        proxies: ProxyRules::none(),
        ..TransportSettings::default()
    }
}

fn direct_to(url: &str) -> Direct {
    Direct::try_new(Origin::parse(url).unwrap(), &settings()).unwrap()
}

fn patch(path: &str) -> Request {
    Request {
        method: Method::PATCH,
        path: Bytes::copy_from_slice(path.as_bytes()),
        headers: Arc::new([]),
        credentials: Arc::new([(AUTHORIZATION, HeaderValue::from_static("Bearer hunter2"))]),
        request_id: Some((
            HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("r-1"),
        )),
        body: Bytes::from_static(b"{\"a\":1}"),
        timeout: Duration::from_secs(5),
    }
}

/// Runs the test as a lane runs: on one thread, in a local set.
fn on_a_lane(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test);
}
