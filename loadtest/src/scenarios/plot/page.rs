//! The page that shows all pictures with their figures.

use std::fmt::Write;

use super::svg::escaped;

/// One scenario on the page.
pub(crate) struct PageEntry {
    pub(crate) name: String,
    pub(crate) about: String,
    /// What came out, in words.
    pub(crate) verdict: String,
    pub(crate) holds: bool,
    /// The picture as [`super::draw`] makes it.
    pub(crate) svg: String,
}

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
svg{width:100%;height:auto;border:1px solid color-mix(in srgb,currentColor 20%,transparent)}pre{overflow-x:auto;font-size:13px;line-height:1.35}\
.broken{color:#c2272d}nav a{margin-right:.8em}";

/// A whole HTML page; the pictures stand in it, so that it can be sent as one file.
pub(crate) fn index_page(entries: &[PageEntry], table: &str) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Scenarios</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>Scenarios</h1>\n<pre>{}</pre>\n<nav>",
        escaped(table)
    );
    for entry in entries {
        let name = escaped(&entry.name);
        push(&mut page, format_args!("<a href=\"#{name}\">{name}</a> "));
    }
    page.push_str("</nav>\n");
    for (number, entry) in entries.iter().enumerate() {
        let name = escaped(&entry.name);
        let class = if entry.holds { "" } else { " class=\"broken\"" };
        // Ids hold for the whole page, so each picture gets its own.
        let svg = entry
            .svg
            .replace("panel-", &format!("picture-{number}-panel-"));
        push(
            &mut page,
            format_args!(
                "<section id=\"{name}\"><h2>{name}</h2><p>{}</p><p{class}>{}</p>\n{svg}</section>\n",
                escaped(&entry.about),
                escaped(&entry.verdict),
            ),
        );
    }
    page.push_str("</body></html>\n");
    page
}

fn push(page: &mut String, parts: std::fmt::Arguments<'_>) {
    page.write_fmt(parts)
        .expect("writing to memory doesn't fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_ids_of_its_own() {
        let entry = |name: &str| PageEntry {
            name: name.to_owned(),
            about: "a & b".to_owned(),
            verdict: "holds".to_owned(),
            holds: true,
            svg: "<svg><clipPath id=\"panel-0\"/></svg>".to_owned(),
        };
        let page = index_page(&[entry("one"), entry("two")], "the table");
        assert!(page.contains("id=\"picture-0-panel-0\""));
        assert!(page.contains("id=\"picture-1-panel-0\""));
        assert!(page.contains("a &amp; b") && page.contains("<pre>the table</pre>"));
    }
}
