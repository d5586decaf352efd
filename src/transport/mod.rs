//! The way to the tenant and back: one request out, one bounded reply in.
//!
//! The idea: whoever sends a request has to know one thing about a failure
//! above all others, namely whether the request may have reached the tenant. So
//! [`Transport::send`] answers either with a [`Reply`] (whatever its status) or
//! with a [`SendError`] whose [`Stage`] says just that, and nothing here ever
//! repeats a request that may have left.
//!
//! There are two kinds of traffic:
//!
//! * **Data**, the rows' requests, by the thousand a second. [`Direct`] drives
//!   HTTP/1.1 connections itself, one per request under way, all on the lane's
//!   own thread. [`Proxied`] does the same through the proxy that the
//!   environment asks for, at a client library's pace. [`lanes`] chooses
//!   between them, and [`Lanes`] is what a worker holds.
//! * **Control**, tokens and discovery: [`ControlClient`], few calls, any host.
//!
//! A data transport is bound to one [`Origin`] when it is made and can't send
//! anywhere else: requests carry a path, never a host, and redirects are
//! replies like any other. [`FakeTransport`] stands in for all of it in tests.

mod body;
mod compose;
mod control;
mod diagnose;
mod direct;
mod exchange;
mod failure;
mod fake;
mod lanes;
mod origin;
mod pool;
mod proxied;
mod proxy;
mod settings;
mod tls;

#[cfg(test)]
mod tests;

pub use control::{CONTROL_TIMEOUT, ControlClient, ControlError};
pub use direct::Direct;
pub use exchange::{
    BodyFlaw, Reply, Request, SharedHeaders, Transport, USER_AGENT, shared_headers,
};
pub use failure::{Cause, SendError, SetupError, Stage, TlsFlaw};
pub use fake::FakeTransport;
pub use lanes::{Lanes, lanes};
pub use origin::{Origin, OriginError, Scheme};
pub use proxied::Proxied;
pub use proxy::ProxyRules;
pub use settings::TransportSettings;
