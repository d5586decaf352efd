//! Links to the next page: references (RFC 3986, section 5) that have to stay
//! with the source's own scheme, host and port, since a token goes there.

use super::stream_page::PageFlaw;
use super::url::HttpUrl;

/// Path and query of a link that stands in the page at `page_path`.
pub(super) fn own_link(base: &HttpUrl, page_path: &str, link: &str) -> Result<String, PageFlaw> {
    let foreign = PageFlaw::ForeignLink;
    let is_plain = link
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'));
    if !is_plain {
        return Err(foreign("it has a character that no address has".to_owned()));
    }
    let whole = match (link.starts_with("//"), base.secure) {
        (true, true) => format!("https:{link}"),
        (true, false) => format!("http:{link}"),
        (false, _) => link.to_owned(),
    };
    let (before_query, _) = split_query(&whole);
    let first_step = before_query.split('/').next().unwrap_or_default();
    let target = if first_step.contains(':') {
        let after_scheme = whole.find("://").map_or(0, |at| at + 3);
        let path_start = whole[after_scheme..]
            .find(['/', '?'])
            .map_or(whole.len(), |at| after_scheme + at);
        let origin = HttpUrl::parse(&whole[..path_start])
            .map_err(|cause| foreign(format!("its address can't be used: {cause}")))?;
        if (origin.secure, &origin.host, origin.port) != (base.secure, &base.host, base.port) {
            return Err(foreign(format!("to {}", origin.authority())));
        }
        match &whole[path_start..] {
            rest if rest.starts_with('/') => rest.to_owned(),
            rest => format!("/{rest}"),
        }
    } else if before_query.starts_with('/') {
        whole
    } else if before_query.is_empty() {
        format!("{page_path}{whole}")
    } else {
        let folder = page_path.rfind('/').map_or("/", |at| &page_path[..=at]);
        format!("{folder}{whole}")
    };
    let (path, query) = split_query(&target);
    Ok(format!("{}{query}", without_dots(path)))
}

/// A target's path, and its query with the `?`.
fn split_query(target: &str) -> (&str, &str) {
    target.split_at(target.find('?').unwrap_or(target.len()))
}

/// The path without `.` and `..` steps (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for step in path.split('/').skip(1) {
        ends_in_folder = matches!(step, "." | "..");
        match step {
            "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    if ends_in_folder {
        steps.push("");
    }
    format!("/{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(link: &str) -> Result<String, PageFlaw> {
        let base = HttpUrl::parse("https://shop.example").expect("an address");
        own_link(&base, "/api/v2/people", link)
    }

    #[test]
    fn a_reference_is_resolved_against_the_page_that_has_it() {
        for (link, target) in [
            ("https://shop.example/a?b=1", "/a?b=1"),
            ("HTTPS://SHOP.example:443/a", "/a"),
            ("https://shop.example?b=1", "/?b=1"),
            ("//shop.example/a", "/a"),
            ("/a?b=c/../d", "/a?b=c/../d"),
            ("?b=1", "/api/v2/people?b=1"),
            ("", "/api/v2/people"),
            ("people?b=1", "/api/v2/people?b=1"),
            ("people/2", "/api/v2/people/2"),
            ("./people?b=x:y", "/api/v2/people?b=x:y"),
            ("../v3/people", "/api/v3/people"),
            ("../../../..", "/"),
            (".", "/api/v2/"),
            ("/a/./b//c/../", "/a/b//"),
        ] {
            assert_eq!(linked(link).as_deref(), Ok(target), "{link}");
        }
    }

    #[test]
    fn a_link_to_anywhere_else_is_refused() {
        for link in [
            "https://evil.example/a",
            "http://shop.example/a",
            "https://shop.example:444/a",
            "https://shop.example@evil.example/a",
            "//evil.example/a",
            "https:\\\\evil.example",
            "ftp://shop.example/a",
            "mailto:people@shop.example",
            "people:2",
            "/a#b",
            "/a b",
        ] {
            let flaw = linked(link).expect_err(link);
            assert!(matches!(flaw, PageFlaw::ForeignLink(_)), "{link}: {flaw}");
        }
    }
}
