//! `Link` headers (RFC 8288), as far as pages need them: where the next one is.
//!
//! What can't be read is told, and never taken for the end: rows would be
//! missing, and nobody would know.

/// The target of the link whose relation is `next`; `None` where no link has it.
/// `fields` are the values of all `Link` headers of a reply. The error says what
/// is wrong with them.
pub(super) fn next_target(fields: &[&[u8]]) -> Result<Option<String>, String> {
    let mut found: Option<&str> = None;
    for field in fields {
        let text = std::str::from_utf8(field).map_err(|_| "it isn't UTF-8".to_owned())?;
        let mut reader = Reader { rest: text };
        while let Some(link) = reader.link()? {
            if !link.is_next {
                continue;
            }
            match found {
                Some(earlier) if earlier != link.target => {
                    return Err("it names two next pages".to_owned());
                }
                _ => found = Some(link.target),
            }
        }
    }
    Ok(found.map(str::to_owned))
}

struct Link<'text> {
    target: &'text str,
    is_next: bool,
}

/// Reads a field from its front, as appendix B of the RFC has it.
struct Reader<'text> {
    rest: &'text str,
}

impl<'text> Reader<'text> {
    /// The next link; `None` at the end.
    fn link(&mut self) -> Result<Option<Link<'text>>, String> {
        // A list may have empty members (RFC 9110, section 5.6.1).
        self.skip(&[' ', '\t', ',']);
        if self.rest.is_empty() {
            return Ok(None);
        }
        let Some(behind) = self.rest.strip_prefix('<') else {
            return Err("a link doesn't begin with `<`".to_owned());
        };
        let (target, behind) =
            (behind.split_once('>')).ok_or_else(|| "a `<` is never closed".to_owned())?;
        self.rest = behind;
        let (mut relations, mut is_of_another) = (None, false);
        while let Some((name, value)) = self.parameter()? {
            if name.eq_ignore_ascii_case("rel") {
                // Of several the first counts (section 3.3).
                relations.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                // It links something other than this page (section 3.2).
                is_of_another = true;
            }
        }
        let relations = relations.unwrap_or_default();
        let mut each = relations.split_ascii_whitespace();
        Ok(Some(Link {
            target,
            is_next: !is_of_another && each.any(|each| each.eq_ignore_ascii_case("next")),
        }))
    }

    /// The next parameter of a link; `None` at the link's end.
    fn parameter(&mut self) -> Result<Option<(&'text str, String)>, String> {
        loop {
            self.skip(&[' ', '\t']);
            match self.rest.strip_prefix(';') {
                Some(behind) => self.rest = behind,
                None if self.rest.is_empty() || self.rest.starts_with(',') => return Ok(None),
                None => return Err("something stands behind a link's `>`".to_owned()),
            }
            self.skip(&[' ', '\t']);
            let name = self.until(&[' ', '\t', '=', ';', ',']);
            self.skip(&[' ', '\t']);
            if let Some(behind) = self.rest.strip_prefix('=') {
                self.rest = behind;
                self.skip(&[' ', '\t']);
                return Ok(Some((name, self.value()?)));
            }
            if !name.is_empty() {
                return Ok(Some((name, String::new())));
            }
        }
    }

    /// A parameter's value: a token, or a text in quotes.
    fn value(&mut self) -> Result<String, String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return Ok(self.until(&[';', ',']).trim_end().to_owned());
        };
        let mut value = String::new();
        let mut symbols = quoted.char_indices();
        while let Some((at, symbol)) = symbols.next() {
            match symbol {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(value);
                }
                '\\' => value.extend(symbols.next().map(|(_, symbol)| symbol)),
                symbol => value.push(symbol),
            }
        }
        Err("a quote is never closed".to_owned())
    }

    fn skip(&mut self, symbols: &[char]) {
        self.rest = self.rest.trim_start_matches(symbols);
    }

    fn until(&mut self, symbols: &[char]) -> &'text str {
        let end = self.rest.find(symbols).unwrap_or(self.rest.len());
        let (before, behind) = self.rest.split_at(end);
        self.rest = behind;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(fields: &[&str]) -> Result<Option<String>, String> {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        next_target(&fields)
    }

    #[test]
    fn the_next_page_is_found_among_whatever_stands_beside_it() {
        for field in [
            "<u>; rel=\"next\"",
            "<u>;rel=next",
            "<p>; rel=\"prev\", <u>; rel=\"next\", <l>; rel=\"last\"",
            "<u> ; REL = \"last NEXT\"",
            ", ,<u>; title=\"a, b; rel=x \\\" <c>\"; rel=\"next\",",
            "<u>; rel=next; rel=prev",
            "<p>; rel=prev; rel=next, <u>;;rel=next;",
            "<u>; crossorigin; rel=next",
            "<p>; anchor=\"#a\"; rel=next, <u>; rel=next",
            "<u>; title*=UTF-8''n%c3%a4; rel=next",
            "<u>; rel=next, <u>; rel=\"next last\"",
        ] {
            assert_eq!(next(&[field]), Ok(Some("u".to_owned())), "{field}");
        }
        assert_eq!(
            next(&["<p>; rel=prev", "<u?a=1,2;b>; rel=next"]),
            Ok(Some("u?a=1,2;b".to_owned()))
        );
    }

    #[test]
    fn no_next_page_is_the_end() {
        for fields in [
            &[][..],
            &[""],
            &["<p>; rel=\"prev\""],
            &["<p>; rel=\"nextish\""],
            &["<p>; title=next"],
            &["<p>"],
        ] {
            assert_eq!(next(fields), Ok(None), "{fields:?}");
        }
    }

    #[test]
    fn what_can_t_be_read_is_not_the_end() {
        for (field, told) in [
            ("u; rel=next", "`<`"),
            ("<u; rel=next", "never closed"),
            ("<u>; rel=\"next", "quote"),
            ("<u> rel=next", "behind"),
            ("<u>; rel=next, <v>; rel=next", "two next pages"),
        ] {
            let error = next(&[field]).expect_err(field);
            assert!(error.contains(told), "{field}: {error}");
        }
        assert!(next_target(&[b"<\xff>; rel=next"]).is_err());
    }
}
