//! Requests that are under way, and what ends the wait for them.

use std::pin::Pin;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

/// Requests without a reply.
pub(super) type UnderWay<Reply> = FuturesUnordered<Pin<Box<dyn Future<Output = Reply>>>>;

/// Sends at once: a request that only waits to be sent would leave after a
/// refusal that is read meanwhile.
pub(super) fn send<Reply: 'static>(
    under_way: &mut UnderWay<Reply>,
    request: impl Future<Output = Reply> + 'static,
) {
    let mut request: Pin<Box<dyn Future<Output = Reply>>> = Box::pin(request);
    match request.as_mut().now_or_never() {
        Some(reply) => under_way.push(Box::pin(std::future::ready(reply))),
        None => under_way.push(request),
    }
}

/// A reply that is there already.
pub(super) fn arrived<Reply>(under_way: &mut UnderWay<Reply>) -> Option<Reply> {
    under_way.next().now_or_never().flatten()
}

/// Ends when the user wants the probe to stop.
pub(super) async fn asked_to_stop(interrupted: &mut watch::Receiver<bool>) {
    if interrupted.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left to ask.
        std::future::pending::<()>().await;
    }
}
