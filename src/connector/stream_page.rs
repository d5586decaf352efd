//! A page of a stream, read: its records, and which page is the next.

use std::cmp::Ordering;

use serde_json::value::RawValue;
use thiserror::Error;

use super::link_header::next_target;
use super::page_link::own_link;
use super::raw_json::{cell_text, elements, value_at};
use super::stream::{PageAt, Stream};
use super::stream_file::Paging;

/// A page of records.
#[derive(Debug)]
pub struct Page<'body> {
    /// The records, as JSON.
    pub records: Vec<&'body RawValue>,
    /// The page behind it; `None` where there can't be one. Whether it is
    /// wanted hangs on `told_end` too.
    pub next: Option<PageAt>,
    /// How many records the list has, where the page tells.
    pub total: Option<u64>,
    /// Where the list ends by what the page tells.
    pub told_end: ToldEnd,
}

/// Where a list ends by what one of its pages tells of its length, which may
/// be out of date, capped or an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldEnd {
    /// The page tells nothing, or more is to come.
    Ahead,
    /// The page is the last.
    Here,
    /// There are more records than there should be already.
    Passed,
}

impl Page<'_> {
    /// A page without records, which is the end of every list.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            records: Vec::new(),
            next: None,
            total: None,
            told_end: ToldEnd::Ahead,
        }
    }
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
    /// A `Link` header that leaves open which page is the next.
    #[error("the reply's `Link` header can't be read: {0}")]
    BadLinks(String),
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
    /// Reads a page that was asked for as `page`: the values of its `Link`
    /// headers, and its body.
    ///
    /// # Errors
    /// See [`PageFlaw`].
    pub fn read_page<'body>(
        &self,
        page: &PageAt,
        links: &[&[u8]],
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
        let next = self.next_page(page, links, json, records.len() as u64)?;
        let number_at = |pointer: &Option<crate::config::Located<String>>| {
            let text = cell_text(value_at(json, &pointer.as_ref()?.value)?)?;
            text.parse::<u64>().ok()
        };
        let total = number_at(&self.pages.total);
        let read_and_told = match page {
            PageAt::Offset(before) => Some(before + records.len() as u64).zip(total),
            PageAt::Number(number) => {
                let read = (number + 1).saturating_sub(self.pages.first.unwrap_or(1));
                Some(read).zip(number_at(&self.pages.total_pages))
            }
            _ => None,
        };
        let told_end = match read_and_told.map(|(read, told)| read.cmp(&told)) {
            None | Some(Ordering::Less) => ToldEnd::Ahead,
            Some(Ordering::Equal) => ToldEnd::Here,
            Some(Ordering::Greater) => ToldEnd::Passed,
        };
        Ok(Page {
            records,
            next,
            total,
            told_end,
        })
    }

    fn next_page(
        &self,
        page: &PageAt,
        links: &[&[u8]],
        json: &RawValue,
        records: u64,
    ) -> Result<Option<PageAt>, PageFlaw> {
        match self.pages.by {
            Paging::Offset | Paging::Number if records == 0 => Ok(None),
            Paging::Offset | Paging::Number => Ok(match page {
                PageAt::Offset(before) => Some(PageAt::Offset(before + records)),
                PageAt::Number(number) => Some(PageAt::Number(number + 1)),
                _ => None,
            }),
            Paging::Cursor | Paging::NextLink => {
                let at = self.pages.at.as_ref().map(|at| at.value.as_str());
                let found = at.and_then(|at| value_at(json, at)).and_then(cell_text);
                let Some(text) = found.filter(|text| !text.is_empty()) else {
                    return Ok(None);
                };
                let next = match self.pages.by {
                    Paging::Cursor => PageAt::Cursor(text),
                    _ => self.linked(page, &text)?,
                };
                other_page(page, next)
            }
            Paging::LinkHeader => {
                let target = next_target(links).map_err(PageFlaw::BadLinks)?;
                let next = target
                    .map(|target| self.linked(page, &target))
                    .transpose()?;
                next.map_or(Ok(None), |next| other_page(page, next))
            }
        }
    }

    /// The page that a link leads to, which stands in `page`.
    fn linked(&self, page: &PageAt, link: &str) -> Result<PageAt, PageFlaw> {
        let own = self.target(page, None);
        let path = own.split('?').next().unwrap_or_default();
        own_link(&self.base_url, path, link).map(PageAt::Link)
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
}

/// A page that leads to itself leads nowhere.
fn other_page(page: &PageAt, next: PageAt) -> Result<Option<PageAt>, PageFlaw> {
    match next == *page {
        true => Err(PageFlaw::SamePage),
        false => Ok(Some(next)),
    }
}
