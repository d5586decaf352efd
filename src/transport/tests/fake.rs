//! The scripted transport under paused time.

use std::time::Duration;

use futures_util::future::join_all;

use super::super::{Cause, FakeTransport, Reply, SendError, Stage, Transport};
use super::patch;

#[tokio::test(start_paused = true)]
async fn a_script_is_followed_in_virtual_time() {
    let fake = FakeTransport::new(|request, number| {
        assert_eq!(request.path, "/x");
        let status = if number == 0 { 429 } else { 204 };
        (Duration::from_secs(3), Ok(Reply::new(status, "")))
    });
    let replies = join_all((0..5).map(|_| fake.send(patch("/x")))).await;
    let statuses: Vec<u16> = replies
        .into_iter()
        .map(|reply| reply.unwrap().status)
        .collect();
    assert_eq!(statuses, [429, 204, 204, 204, 204]);
    assert_eq!((fake.calls(), fake.max_in_flight()), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_delay_beyond_the_time_out_is_a_time_out() {
    let fake = FakeTransport::new(|_, _| (Duration::from_secs(3600), Ok(Reply::new(200, ""))));
    let before = tokio::time::Instant::now();
    let error = fake.send(patch("/")).await.unwrap_err();
    assert_eq!(error, SendError::new(Stage::NoReply, Cause::Timeout));
    assert_eq!(before.elapsed(), Duration::from_secs(5));
}
