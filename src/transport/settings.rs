//! The few numbers of a transport.

use std::time::Duration;

use super::ProxyRules;

/// How connections are made and kept, and how much of a reply is read.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Time for name look-up, TCP and TLS together. Default 10 s: shorter fails
    /// on a lost SYN and its retries (1, 3, 7 s), longer hides a dead host.
    pub connect_timeout: Duration,
    /// Bytes of a reply's body that are read and kept. Default 1 MiB: a batch
    /// of a thousand per-item results fits, and 1,000 replies at once stay
    /// within a gibibyte at worst.
    pub body_limit_bytes: usize,
    /// How long an unused connection is kept. Default 30 s: below the 60 s of
    /// most load balancers, so that the far side rarely closes first.
    pub idle_timeout: Duration,
    /// Unused connections kept per lane. Default 256; fewer than the requests
    /// under way would open and close connections all the time.
    pub max_idle_connections: usize,
    /// Whether bodies are small enough to be copied behind their heads, which
    /// costs the kernel less than two pieces do. Default yes: a row has a few
    /// hundred bytes. Every connection keeps room for the longest body that it
    /// has sent, so batches are better not copied.
    pub copies_bodies: bool,
    /// Which requests go through a proxy. Default: what the environment says.
    pub proxies: ProxyRules,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            body_limit_bytes: 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            max_idle_connections: 256,
            copies_bodies: true,
            proxies: ProxyRules::from_environment(),
        }
    }
}
