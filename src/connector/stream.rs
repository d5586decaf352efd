//! A stream, bound: what a page's request looks like, and what its reply means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::config::{TimeSpan, did_you_mean_or_all};

use super::auth_facts::AuthFacts;
use super::bind::LimitFacts;
use super::error::ConnectorError;
use super::load::Connector;
use super::message::Pointers;
use super::read_target::{encoded, query_text};
use super::reply::{Classified, ReplyRule, ReplyRules};
use super::stream_file::{ChangedSinceSection, PagesSection, Paging, StreamSection, TimeForm};
use super::url::HttpUrl;

/// How long a page is waited for, where the connector doesn't say.
const TIMEOUT: TimeSpan = TimeSpan::from_seconds(60);
/// How much earlier the next run asks from, where the connector doesn't say.
const OVERLAP: TimeSpan = TimeSpan::from_seconds(5 * 60);

/// A connector whose variables are filled in, as far as a source needs it.
#[derive(Clone, Debug)]
pub struct BoundStream {
    /// The connector's name.
    pub connector: String,
    /// Where requests go.
    pub base_url: HttpUrl,
    /// Where tokens come from.
    pub auth: AuthFacts,
    /// How the platform tells its limits.
    pub limits: LimitFacts,
    /// The header that carries our id of a call; `None`: none is sent.
    pub request_id_header: Option<String>,
    /// The stream.
    pub stream: Arc<Stream>,
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageAt {
    /// The first one, of pages by cursor or link.
    First,
    /// The one behind so many records.
    Offset(u64),
    /// The one of this number.
    Number(u64),
    /// The one that this text leads to.
    Cursor(String),
    /// The one at this path and query.
    Link(String),
}

/// A stream of a bound connector.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The stream's name.
    pub name: String,
    /// Method and path as the connector file has them: the endpoint's name.
    pub endpoint: String,
    /// Headers besides the token's.
    pub headers: Vec<(String, String)>,
    /// How long a page is waited for.
    pub timeout: Duration,
    /// The columns, in their order: name, and the places in a record of which
    /// the first with a value counts.
    pub columns: Vec<(String, Vec<String>)>,
    /// Which of the columns names a record.
    pub key: usize,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) base_url: HttpUrl,
    pub(super) records: String,
    pub(super) pages: PagesSection,
    changed_since: Option<ChangedSinceSection>,
    replies: ReplyRules,
}

impl Stream {
    /// Where reading begins.
    #[must_use]
    pub fn first_page(&self) -> PageAt {
        match self.pages.by {
            Paging::Offset => PageAt::Offset(0),
            Paging::Number => PageAt::Number(self.pages.first.unwrap_or(1)),
            Paging::Cursor | Paging::NextLink | Paging::LinkHeader => PageAt::First,
        }
    }

    /// Path and query of a page. `since` leaves out what was changed before,
    /// where the stream can be asked so.
    #[must_use]
    pub fn target(&self, page: &PageAt, since: Option<Timestamp>) -> String {
        if let PageAt::Link(link) = page {
            return link.clone();
        }
        let mut parameters = self.query.clone();
        if let Some(size) = &self.pages.size {
            let name = encoded(&size.value.parameter.value);
            parameters.push((name, size.value.value.to_string()));
        }
        let value = match page {
            PageAt::First | PageAt::Link(_) => None,
            PageAt::Offset(number) | PageAt::Number(number) => Some(number.to_string()),
            PageAt::Cursor(text) => Some(encoded(text)),
        };
        if let (Some(parameter), Some(value)) = (&self.pages.parameter, value) {
            parameters.push((encoded(&parameter.value), value));
        }
        if let (Some(section), Some(since)) = (&self.changed_since, since) {
            let name = encoded(&section.parameter.value);
            parameters.push((name, encoded(&written(since, section.form))));
        }
        format!("{}{}", self.path, query_text(&parameters))
    }

    /// Whether a page is asked for by how much comes before it: a list that
    /// changes meanwhile shifts under its pages.
    #[must_use]
    pub fn pages_may_shift(&self) -> bool {
        matches!(self.pages.by, Paging::Offset | Paging::Number)
    }

    /// How many records a page has that isn't the last, where it is asked for
    /// so many.
    #[must_use]
    pub fn page_size(&self) -> Option<u64> {
        let size = self.pages.size.as_ref()?;
        Some(u64::from(size.value.value))
    }

    /// Whether it can be asked for what has changed.
    #[must_use]
    pub fn tells_changes(&self) -> bool {
        self.changed_since.is_some()
    }

    /// The place, among the columns, of the time of a record's last change.
    #[must_use]
    pub fn changed_at(&self) -> Option<usize> {
        let name = self.changed_since.as_ref()?.changed_at.as_ref()?;
        self.columns
            .iter()
            .position(|(column, _)| *column == name.value)
    }

    /// How much earlier than the last run's time the next one asks from.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        let named = self.changed_since.as_ref().and_then(|since| since.overlap);
        named.unwrap_or(OVERLAP).duration()
    }

    /// What its pages are called by, for people: the path as it is asked for.
    #[must_use]
    pub fn called(&self) -> String {
        format!("GET {}", self.path)
    }

    /// What a reply means.
    #[must_use]
    pub fn classify<'reply>(
        &self,
        status: u16,
        header: &dyn Fn(&str) -> Option<&'reply str>,
        body: &[u8],
    ) -> Classified {
        self.replies.classify(status, header, body)
    }
}

fn written(time: Timestamp, form: TimeForm) -> String {
    match form {
        // Whole seconds, rounded down: not every platform reads fractions.
        TimeForm::Rfc3339 => Timestamp::from_second(time.as_second())
            .unwrap_or(time)
            .to_string(),
        TimeForm::Date => time.to_zoned(TimeZone::UTC).date().to_string(),
        TimeForm::EpochSeconds => time.as_second().to_string(),
        TimeForm::EpochMilliseconds => time.as_millisecond().to_string(),
    }
}

impl Connector {
    /// Fills in the variables for the stream of that name; for the only one
    /// where none is named.
    ///
    /// # Errors
    /// As [`Connector::bind`], and a stream that the connector doesn't have.
    pub fn bind_stream(
        &self,
        name: Option<&str>,
        variables: &BTreeMap<String, String>,
    ) -> Result<BoundStream, ConnectorError> {
        let streams = &self.file.streams;
        let found = match name {
            Some(name) => streams
                .entries
                .iter()
                .find(|entry| entry.name.value == name),
            None => streams
                .entries
                .first()
                .filter(|_| streams.entries.len() == 1),
        };
        let Some(entry) = found else {
            let known: Vec<&str> = streams.names().collect();
            return Err(ConnectorError::UnknownStream {
                connector: self.name().to_owned(),
                stream: name.map(str::to_owned),
                suggestion: match known.is_empty() {
                    true => "; it is a target only".to_owned(),
                    false => did_you_mean_or_all(name.unwrap_or_default(), known),
                },
            });
        };
        let given = self.checked(variables)?;
        let section: &StreamSection = &entry.value.value;
        let host = section.host.as_ref().map(|host| host.value.as_str());
        let (base_url, auth) = self.addresses(host, variables, &given)?;
        let target = self.read_target(
            &base_url,
            &given,
            &section.path.value,
            &section.query,
            &section.headers,
        )?;
        let fields = &section.fields.entries;
        let is_key = |name: &str| name == section.key.value;
        let stream = Stream {
            name: entry.name.value.clone(),
            endpoint: target.endpoint,
            headers: target.headers,
            timeout: section.timeout.unwrap_or(TIMEOUT).duration(),
            columns: fields
                .iter()
                .map(|entry| (entry.name.value.clone(), entry.value.value.pointers.clone()))
                .collect(),
            key: fields
                .iter()
                .position(|entry| is_key(&entry.name.value))
                .unwrap_or_default(),
            path: target.path,
            query: target.query,
            base_url: base_url.clone(),
            records: section.records.value.clone(),
            pages: section.pages.value.clone(),
            changed_since: section
                .changed_since
                .as_ref()
                .map(|since| since.value.clone()),
            replies: ReplyRules {
                rules: section
                    .replies
                    .iter()
                    .map(|reply| ReplyRule::new(&reply.value))
                    .collect(),
                pointers: Pointers::new(None, None, Vec::new()),
                request_id_headers: super::bind::values(&self.file.request_id.read),
            },
        };
        Ok(BoundStream {
            connector: self.name().to_owned(),
            base_url,
            auth,
            limits: LimitFacts::new(&self.file.limits),
            request_id_header: self.request_id_header(),
            stream: Arc::new(stream),
        })
    }
}
