//! A page of a stream, read: its records, and which page is the next.

use serde_json::value::RawValue;
use thiserror::Error;

use super::raw_json::{cell_text, elements, value_at};
use super::stream::{PageAt, Stream};
use super::stream_file::Paging;
use super::url::HttpUrl;

/// A page of records.
#[derive(Debug)]
pub struct Page<'body> {
    /// The records, as JSON.
    pub records: Vec<&'body RawValue>,
    /// The next page; `None` at the end.
    pub next: Option<PageAt>,
}

/// Why a body is no page.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PageFlaw {
    /// It isn't JSON, or breaks off. Asking again may help.
    #[error("the reply isn't JSON ({0})")]
    NotJson(String),
    /// It is JSON without the list of records.
    #[error("the reply has no list of records at `{0}`")]
    NoRecords(String),
    /// The next page lies on another host, which gets no token.
    #[error("the link to the next page leads elsewhere: {0}")]
    ForeignLink(String),
    /// The next page is this one again, or one before it.
    #[error("the pages lead round in a circle: the next page was read before")]
    SamePage,
    /// A page has the records of the one before.
    #[error("two pages in a row have the same records: the source doesn't heed {0}")]
    SameRecords(String),
}

impl PageFlaw {
    /// Whether the same request may bring a page another time.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotJson(_) | Self::NoRecords(_))
    }
}

impl Stream {
    /// Reads the body of a page that was asked for as `page`.
    ///
    /// # Errors
    /// See [`PageFlaw`].
    pub fn read_page<'body>(
        &self,
        page: &PageAt,
        body: &'body [u8],
    ) -> Result<Page<'body>, PageFlaw> {
        let json: &RawValue = std::str::from_utf8(body)
            .map_err(|_| PageFlaw::NotJson("it isn't UTF-8".to_owned()))
            .and_then(|text| {
                serde_json::from_str(text).map_err(|cause| PageFlaw::NotJson(cause.to_string()))
            })?;
        let records = value_at(json, &self.records)
            .and_then(elements)
            .ok_or_else(|| PageFlaw::NoRecords(self.records.clone()))?;
        let next = self.next_page(page, json, records.len() as u64)?;
        Ok(Page { records, next })
    }

    fn next_page(
        &self,
        page: &PageAt,
        json: &RawValue,
        records: u64,
    ) -> Result<Option<PageAt>, PageFlaw> {
        let number_at = |pointer: &Option<crate::config::Located<String>>| {
            let text = cell_text(value_at(json, &pointer.as_ref()?.value)?)?;
            text.parse::<u64>().ok()
        };
        match self.pages.by {
            Paging::Offset => {
                let PageAt::Offset(before) = page else {
                    return Ok(None);
                };
                let behind = before + records;
                let total = number_at(&self.pages.total);
                // A page may have fewer records than were asked for.
                let is_last = records == 0 || total.is_some_and(|total| behind >= total);
                Ok((!is_last).then_some(PageAt::Offset(behind)))
            }
            Paging::Number => {
                let PageAt::Number(number) = page else {
                    return Ok(None);
                };
                let first = self.pages.first.unwrap_or(1);
                let total = number_at(&self.pages.total_pages);
                let read = number - first + 1;
                let is_last = records == 0 || total.is_some_and(|total| read >= total);
                Ok((!is_last).then_some(PageAt::Number(number + 1)))
            }
            Paging::Cursor | Paging::NextLink => {
                let at = self.pages.at.as_ref().map(|at| at.value.as_str());
                let found = at.and_then(|at| value_at(json, at)).and_then(cell_text);
                let Some(text) = found.filter(|text| !text.is_empty()) else {
                    return Ok(None);
                };
                let next = match self.pages.by {
                    Paging::Cursor => PageAt::Cursor(text),
                    _ => PageAt::Link(self.own_link(&text, page)?),
                };
                match next == *page {
                    true => Err(PageFlaw::SamePage),
                    false => Ok(Some(next)),
                }
            }
        }
    }

    /// What is wrong with a page that has the records of the page before.
    #[must_use]
    pub fn same_records(&self) -> PageFlaw {
        let parameter = self.pages.parameter.as_ref();
        PageFlaw::SameRecords(parameter.map_or_else(
            || "the next link".to_owned(),
            |parameter| format!("`{}`", parameter.value),
        ))
    }

    /// Path and query of a link, which must stay with scheme, host and port.
    fn own_link(&self, link: &str, page: &PageAt) -> Result<String, PageFlaw> {
        let foreign = |what: String| PageFlaw::ForeignLink(what);
        let is_plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'))
        };
        if !is_plain(link) {
            return Err(foreign("it has a character that no address has".to_owned()));
        }
        if link.starts_with('?') {
            let own = self.target(page, None);
            let path = own.split('?').next().unwrap_or_default();
            return Ok(format!("{path}{link}"));
        }
        if link.starts_with('/') && !link.starts_with("//") {
            return Ok(link.to_owned());
        }
        let after_scheme = link.find("://").map_or(0, |at| at + 3);
        let path_start = link[after_scheme..]
            .find(['/', '?'])
            .map_or(link.len(), |at| after_scheme + at);
        let origin = HttpUrl::parse(&link[..path_start])
            .map_err(|cause| foreign(format!("its address can't be used: {cause}")))?;
        let base = &self.base_url;
        if (origin.secure, &origin.host, origin.port) != (base.secure, &base.host, base.port) {
            return Err(foreign(format!("to {}", origin.authority())));
        }
        Ok(match &link[path_start..] {
            rest if rest.starts_with('/') => rest.to_owned(),
            rest => format!("/{rest}"),
        })
    }
}
