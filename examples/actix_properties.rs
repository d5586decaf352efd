//! What actix does where a bulk loader would lean on it: each line of the output
//! is a figure of `docs/decisions/001` or `docs/decisions/008`.
//!
//! `cargo run --release --example actix_properties`

use std::future::{pending, ready};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::dev::ContextFutureSpawner;
use actix::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, Context, Handler, Message,
    Supervised, Supervisor, System, WrapFuture,
};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

const MESSAGES: u64 = 2_000;
const CAPACITY: usize = 4;
const REQUESTS: u64 = 200_000;
const IN_FLIGHT: u64 = 64;

/// Counts what it handles, and takes `busy` for each message.
#[derive(Default)]
struct Counting {
    handled: Arc<AtomicU64>,
    busy: Duration,
}

impl Actor for Counting {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(CAPACITY);
    }
}

impl Supervised for Counting {}

#[derive(Clone, Copy, Message)]
#[rtype(result = "u64")]
struct Count;

impl Handler<Count> for Counting {
    type Result = u64;

    fn handle(&mut self, _count: Count, _context: &mut Self::Context) -> u64 {
        spin(self.busy);
        self.handled.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Fail;

impl Handler<Fail> for Counting {
    type Result = ();

    fn handle(&mut self, _fail: Fail, _context: &mut Self::Context) {
        panic!("on purpose");
    }
}

/// Holds `waiting` futures in its context, and puts `replies` short ones in
/// beside them, one after the other.
struct Holding {
    waiting: usize,
    replies: u32,
    done: Option<mpsc::UnboundedSender<Duration>>,
    began: Instant,
}

impl Actor for Holding {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for _ in 0..self.waiting {
            context.spawn(pending::<()>().into_actor(self));
        }
        self.began = Instant::now();
        self.next(context);
    }
}

impl Holding {
    fn next(&mut self, context: &mut Context<Self>) {
        let Some(left) = self.replies.checked_sub(1) else {
            if let Some(done) = self.done.take() {
                let _ = done.send(self.began.elapsed());
            }
            context.stop();
            return;
        };
        self.replies = left;
        tokio::task::yield_now()
            .into_actor(self)
            .map(|(), holding, context| holding.next(context))
            .spawn(context);
    }
}

/// Stops itself while requests are under way.
struct Stopping {
    finished: Arc<AtomicU64>,
}

impl Actor for Stopping {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for _ in 0..10 {
            let finished = Arc::clone(&self.finished);
            let request = async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                finished.fetch_add(1, Ordering::Relaxed);
            };
            context.spawn(request.into_actor(self));
        }
        context.run_later(Duration::from_millis(1), |_, context| context.stop());
    }
}

fn main() {
    // The panics here are made on purpose.
    panic::set_hook(Box::new(|_| {}));
    let system = System::new();
    system.block_on(async {
        mailbox_bound().await;
        supervision().await;
        stopping().await;
        for waiting in [0, 5_000] {
            futures_in_a_context(waiting).await;
        }
        flooded_mailbox().await;
        ask_across_threads().await;
        futures_or_tasks().await;
    });
}

async fn mailbox_bound() {
    let counting = Counting::default();
    let handled = Arc::clone(&counting.handled);
    let address = counting.start();
    // Let it start, and with it set its capacity.
    let _ = address.send(Count).await;
    for _ in 0..MESSAGES {
        address.do_send(Count);
    }
    let waiting = MESSAGES + 1 - handled.load(Ordering::Relaxed);
    println!(
        "mailbox of capacity {CAPACITY}: {waiting} of {MESSAGES} messages by do_send wait in it"
    );
}

async fn supervision() {
    let outcome = tokio::task::spawn_blocking(|| {
        let system = System::new();
        system.block_on(async {
            let address =
                Supervisor::start_in_arbiter(&Arbiter::new().handle(), |_| Counting::default());
            let before = address.send(Count).await.is_ok();
            let _ = address.send(Fail).await;
            let after = tokio::time::timeout(Duration::from_secs(1), address.send(Count)).await;
            (before, matches!(after, Ok(Ok(_))))
        })
    });
    if let Ok((before, after)) = outcome.await {
        println!("supervised actor: answers before a panic: {before}, after it: {after}");
    }
}

async fn stopping() {
    let finished = Arc::new(AtomicU64::new(0));
    Stopping {
        finished: Arc::clone(&finished),
    }
    .start();
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!(
        "context stopped with 10 futures under way: {} finished",
        finished.load(Ordering::Relaxed)
    );
}

async fn futures_in_a_context(waiting: usize) {
    let replies = 20_000;
    let (done, mut times) = mpsc::unbounded_channel();
    Holding {
        waiting,
        replies,
        done: Some(done),
        began: Instant::now(),
    }
    .start();
    if let Some(time) = times.recv().await {
        println!(
            "a reply beside {waiting} futures in the context: {:.2} µs",
            micros(time, replies.into())
        );
    }
}

async fn flooded_mailbox() {
    let address = Counting {
        busy: Duration::from_micros(5),
        ..Counting::default()
    }
    .start();
    for _ in 0..MESSAGES * 100 {
        address.do_send(Count);
    }
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    println!(
        "a timer of 5 ms beside {} messages of 5 µs: {:.2} s",
        MESSAGES * 100,
        start.elapsed().as_secs_f64()
    );
}

async fn ask_across_threads() {
    let arbiter = Arbiter::new();
    let address = Counting::start_in_arbiter(&arbiter.handle(), |_| Counting::default());
    let asks = 20_000;
    let start = Instant::now();
    for _ in 0..asks {
        let _ = address.send(Count).await;
    }
    println!(
        "an ask across threads: {:.1} µs",
        micros(start.elapsed(), asks)
    );
    arbiter.stop();
}

/// A request that takes two turns of the loop, as a fast reply does.
async fn request() -> u64 {
    tokio::task::yield_now().await;
    ready(1).await
}

async fn futures_or_tasks() {
    let start = Instant::now();
    let mut in_flight: FuturesUnordered<LocalBoxFuture<'static, u64>> = FuturesUnordered::new();
    let (mut sent, mut answered) = (0, 0);
    while answered < REQUESTS {
        while sent < REQUESTS && sent - answered < IN_FLIGHT {
            in_flight.push(request().boxed_local());
            sent += 1;
        }
        answered += in_flight.next().await.unwrap_or_default();
    }
    println!(
        "{IN_FLIGHT} requests in a FuturesUnordered: {:.2} µs each",
        micros(start.elapsed(), REQUESTS)
    );

    let start = Instant::now();
    let (answers, mut inbox) = mpsc::unbounded_channel();
    let (mut sent, mut answered) = (0, 0);
    while answered < REQUESTS {
        while sent < REQUESTS && sent - answered < IN_FLIGHT {
            let answers = answers.clone();
            actix::spawn(async move {
                let _ = answers.send(request().await);
            });
            sent += 1;
        }
        answered += inbox.recv().await.unwrap_or_default();
    }
    println!(
        "{IN_FLIGHT} requests as spawned tasks: {:.2} µs each",
        micros(start.elapsed(), REQUESTS)
    );
}

fn micros(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Keeps the thread for so long.
fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}
