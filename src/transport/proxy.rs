//! Which origins are reached through a proxy.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::{Origin, SetupError};

/// The rules of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as curl reads them.
#[derive(Clone)]
pub struct ProxyRules {
    matcher: Arc<Matcher>,
}

impl ProxyRules {
    /// The rules that this process's environment holds now.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            matcher: Arc::new(Matcher::from_env()),
        }
    }

    /// No proxy for anything.
    #[must_use]
    pub fn none() -> Self {
        Self {
            matcher: Arc::new(Matcher::builder().build()),
        }
    }

    /// One proxy for all origins but those that `except` names (in `NO_PROXY`'s
    /// form; empty for none).
    #[must_use]
    pub fn all(proxy_url: &str, except: &str) -> Self {
        let matcher = Matcher::builder()
            .all(proxy_url.to_owned())
            .no(except.to_owned())
            .build();
        Self {
            matcher: Arc::new(matcher),
        }
    }

    /// Whether the origin is reached through a proxy; loopback never is.
    #[must_use]
    pub fn applies_to(&self, origin: &Origin) -> bool {
        self.intercept(origin).is_some()
    }

    /// The proxy for the origin in the client library's form.
    pub(crate) fn proxy_for(&self, origin: &Origin) -> Result<Option<reqwest::Proxy>, SetupError> {
        let Some(intercept) = self.intercept(origin) else {
            return Ok(None);
        };
        let scheme = intercept.uri().scheme_str().unwrap_or_default();
        if !matches!(scheme, "http" | "https") || intercept.raw_auth().is_some() {
            return Err(SetupError::Proxy {
                what: format!("scheme {scheme} isn't supported, only http and https"),
            });
        }
        // The matcher has taken user name and password out of the URI already.
        let proxy = reqwest::Proxy::all(intercept.uri().to_string()).map_err(|cause| {
            SetupError::Proxy {
                what: cause.without_url().to_string(),
            }
        })?;
        Ok(Some(match intercept.basic_auth() {
            Some(credentials) => {
                let mut credentials = credentials.clone();
                credentials.set_sensitive(true);
                proxy.custom_http_auth(credentials)
            }
            None => proxy,
        }))
    }

    fn intercept(&self, origin: &Origin) -> Option<Intercept> {
        // A local tenant behind a company proxy would be the proxy's own machine.
        if origin.is_loopback() {
            return None;
        }
        self.matcher.intercept(&origin.uri())
    }
}

impl fmt::Debug for ProxyRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL can hold a password.
        formatter.write_str("ProxyRules(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_named_exceptions_go_directly() {
        let rules = ProxyRules::all("http://user:hunter2@proxy.example:3128", "direct.example");
        let through = |url: &str| rules.applies_to(&Origin::parse(url).unwrap());
        assert!(through("https://api.example.com"));
        assert!(!through("https://direct.example"));
        assert!(!through("https://sub.direct.example"));
        assert!(
            !through("http://127.0.0.1:80")
                && !through("http://localhost")
                && !through("http://[::1]")
        );
        assert!(!format!("{rules:?}").contains("hunter2"));
        assert!(!ProxyRules::none().applies_to(&Origin::parse("https://api.example.com").unwrap()));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        let rules = ProxyRules::all("socks5h://user:hunter2@proxy.example:1080", "");
        let error = rules
            .proxy_for(&Origin::parse("https://api.example.com").unwrap())
            .unwrap_err();
        assert!(error.to_string().contains("socks5h"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
