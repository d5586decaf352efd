//! What a refusal says, over sockets and in simulation alike.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::gatekeeper::Refusal;
use super::limit_headers::LimitHeaders;

/// As what a refusal comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalForm {
    /// 429, or a 403 where the style of the limit headers has it so. The default.
    #[default]
    TooManyRequests,
    /// 503, as nginx does it unless told otherwise.
    ServiceUnavailable,
    /// The connection is closed without a reply.
    Close,
}

impl RefusalForm {
    /// The status; none where there is no reply.
    pub(crate) fn status(self, style: LimitHeaders) -> Option<u16> {
        match self {
            RefusalForm::TooManyRequests if style.refuses_with_403() => Some(403),
            RefusalForm::TooManyRequests => Some(429),
            RefusalForm::ServiceUnavailable => Some(503),
            RefusalForm::Close => None,
        }
    }
}

impl Refusal {
    /// The body, in the vendor's form.
    pub(crate) fn body(&self, form: RefusalForm, style: LimitHeaders) -> Value {
        let (requests, window) = self.quota;
        let window = window.as_secs_f64().ceil();
        let mut message = match form {
            // Trouble has no figures to tell.
            RefusalForm::ServiceUnavailable => "The service is unavailable.".to_owned(),
            RefusalForm::TooManyRequests | RefusalForm::Close => format!(
                "Rate limit exceeded the maximum [{requests}] requests within [{window}] seconds."
            ),
        };
        let mut code = "too.many.requests";
        if let Some(seconds) = self.spoken.as_ref().and_then(|spoken| spoken.in_body) {
            message = format!("{message} Retry the request in [{seconds}] seconds");
            code = "too.many.requests.retry.after";
        }
        if form == RefusalForm::ServiceUnavailable {
            return json!({ "error": "service_unavailable", "code": "service.unavailable", "message": message, "status": 503 });
        }
        if style.refuses_with_403() {
            return json!([{ "errorCode": "REQUEST_LIMIT_EXCEEDED", "message": message }]);
        }
        let mut body = json!({ "error": "too_many_requests", "code": code, "message": message, "status": 429 });
        if let Some(key) = &self.key {
            body["limit"] = json!({ "key": key, "namespace": "platform.api", "value": requests });
        }
        body
    }

    /// `Retry-After` and the limit's headers; `clock` is the tenant's.
    pub(crate) fn headers(
        self,
        style: LimitHeaders,
        clock: Duration,
    ) -> Vec<(&'static str, String)> {
        let mut headers = self
            .standing
            .map_or_else(Vec::new, |standing| style.write(standing, clock));
        if let Some(header) = self.spoken.and_then(|spoken| spoken.header) {
            headers.push(("retry-after", header));
        }
        headers
    }
}
