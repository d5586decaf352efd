//! What a worker holds: whichever way leads to its tenant.

use super::{
    Direct, Origin, Proxied, Reply, Request, SendError, SetupError, Transport, TransportSettings,
};

/// The way to a tenant. A worker sees only [`Transport`], so the ways can change
/// without it.
pub enum Lanes {
    /// Straight to the tenant.
    Direct(Box<Direct>),
    /// Through the proxy that the environment asks for.
    Proxied(Box<Proxied>),
}

impl Lanes {
    /// The only origin that this way leads to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Direct(direct) => direct.origin(),
            Self::Proxied(proxied) => proxied.origin(),
        }
    }
}

impl Transport for Lanes {
    async fn send(&self, request: Request) -> Result<Reply, SendError> {
        match self {
            Self::Direct(direct) => direct.send(request).await,
            // Boxed, since its room is larger, and every request would have it.
            Self::Proxied(proxied) => Box::pin(proxied.send(request)).await,
        }
    }
}

/// The way to the tenant at a base URL (its path is the caller's to put before
/// each request's). To be called on the lane's own thread; nothing connects yet.
///
/// # Errors
/// [`SetupError`] where the URL, the proxy or this machine's root certificates can't be used.
pub fn lanes(base_url: &str, settings: &TransportSettings) -> Result<Lanes, SetupError> {
    let origin = Origin::parse(base_url)?;
    Ok(if settings.proxies.applies_to(&origin) {
        Lanes::Proxied(Box::new(Proxied::try_new(origin, settings)?))
    } else {
        Lanes::Direct(Box::new(Direct::try_new(origin, settings)?))
    })
}
