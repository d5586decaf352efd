//! The tenant's threads and sockets.
//!
//! Each worker thread has a single-threaded runtime and its own connections, so that small requests cross no thread; the
//! listening thread deals connections out in turn.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::ledger::{Counters, LedgerSnapshot};
use super::router::Site;
use super::scenario::Scenario;

/// Starts simulated tenants.
#[derive(Clone, Copy, Debug)]
pub struct Tenant;

/// A tenant that serves on 127.0.0.1 until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningTenant {
    addr: SocketAddr,
    site: SharedSite,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
struct SharedSite(Arc<Site>);

impl std::fmt::Debug for SharedSite {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Site")
    }
}

impl Tenant {
    /// Starts a tenant on a free port of 127.0.0.1. Works in sync code and inside any runtime.
    ///
    /// # Errors
    /// If the port cannot be bound or a thread cannot be started.
    pub fn start(scenario: Scenario) -> io::Result<RunningTenant> {
        Tenant::start_on(scenario, 0)
    }

    /// Starts a tenant on a port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// If the port cannot be bound or a thread cannot be started.
    pub fn start_on(scenario: Scenario, port: u16) -> io::Result<RunningTenant> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let site = Arc::new(Site::new(scenario));
        let (stop, stopped) = watch::channel(false);
        let mut running = RunningTenant {
            addr,
            site: SharedSite(Arc::clone(&site)),
            stop,
            threads: Vec::new(),
        };
        let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
        let mut desks = Vec::with_capacity(workers);
        for number in 0..workers {
            let (desk, connections) = mpsc::unbounded_channel();
            let (site, stopped) = (Arc::clone(&site), stopped.clone());
            running.spawn(
                format!("tenant-worker-{number}"),
                stopped,
                serve(site, connections),
            )?;
            desks.push(desk);
        }
        running.spawn(
            "tenant-listener".to_owned(),
            stopped,
            listen(listener, site, desks),
        )?;
        Ok(running)
    }
}

impl RunningTenant {
    /// Runs a task on a thread of its own until it ends or the tenant stops.
    fn spawn(
        &mut self,
        name: String,
        mut stopped: watch::Receiver<bool>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = task => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
        };
        self.threads
            .push(std::thread::Builder::new().name(name).spawn(run)?);
        Ok(())
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The books as they stand, writes included.
    pub fn ledger(&self) -> LedgerSnapshot {
        self.site.0.world().snapshot(true)
    }

    /// Every record that clients have made, as the tenant keeps it: its fields and its id, in the order of their making.
    pub fn records(&self) -> Vec<serde_json::Value> {
        self.site.0.world().shown()
    }

    /// The counters as they stand: cheap however long the ledger is.
    pub fn counters(&self) -> Counters {
        self.site.0.world().counters()
    }

    /// Unix time of the first request, which starts the scenario's time: none before it.
    pub fn clock_at_zero(&self) -> Option<std::time::Duration> {
        self.site.0.world().clock_at_zero()
    }

    /// Removes a contact, as somebody else would do it.
    pub fn remove(&self, id: &str) {
        self.site.0.world().records.lock().remove(id);
    }

    /// Makes the tenant as if just started: empty books, full buckets, no tokens, time at zero. Connections stay open.
    pub fn reset(&self) {
        self.site.0.reset();
    }

    /// Closes all connections and waits for the threads. Dropping does the same.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for RunningTenant {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // A panic of a thread has been reported on stderr.
            let _ = thread.join();
        }
    }
}

async fn listen(
    listener: TcpListener,
    site: Arc<Site>,
    desks: Vec<mpsc::UnboundedSender<std::net::TcpStream>>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    for desk in desks.iter().cycle() {
        let connection = match listener.accept().await {
            Ok((connection, _)) => connection,
            Err(_) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        site.world()
            .ledger
            .note(|counters| counters.connections_opened += 1);
        if let Ok(connection) = connection.into_std() {
            // Fails only when the worker has stopped, and then so does this.
            let _ = desk.send(connection);
        }
    }
}

async fn serve(site: Arc<Site>, mut connections: mpsc::UnboundedReceiver<std::net::TcpStream>) {
    while let Some(connection) = connections.recv().await {
        let Ok(connection) = TcpStream::from_std(connection) else {
            continue;
        };
        // Without this a small reply may wait for the client's acknowledgement.
        let _ = connection.set_nodelay(true);
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let service = service_fn(|request| site.answer(request));
            // An error here is a client that went away, or a fault that hung up.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}
