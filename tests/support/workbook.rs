//! Workbooks (XLSX) as a spreadsheet program would save them, as small as they
//! can be: a zip archive of stored XML files.

use std::fmt::Write;

/// A cell.
pub enum Cell<'text> {
    Empty,
    Text(&'text str),
    /// As it is spelled in the file.
    Number(&'text str),
    /// A number that is shown with five digits at least.
    Padded(&'text str),
    /// A day's serial number, shown as a date.
    Date(&'text str),
    Boolean(bool),
    Error(&'text str),
    /// A formula whose result nobody has worked out.
    Formula(&'text str),
}

/// A sheet: name, rows and merged cells (`A1:B1`).
pub type Sheet<'text> = (
    &'text str,
    &'text [&'text [Cell<'text>]],
    &'text [&'text str],
);

/// A workbook of these sheets.
pub fn workbook(sheets: &[Sheet<'_>]) -> Vec<u8> {
    let head = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let mut files = vec![
        (
            "[Content_Types].xml".to_owned(),
            format!(
                r#"{head}<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#
            ),
        ),
        (
            "_rels/.rels".to_owned(),
            format!(
                r#"{head}<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
            ),
        ),
        (
            "xl/styles.xml".to_owned(),
            format!(
                r#"{head}<styleSheet xmlns="{main}"><numFmts count="1"><numFmt numFmtId="164" formatCode="00000"/></numFmts><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs></styleSheet>"#
            ),
        ),
    ];
    let (mut named, mut related) = (String::new(), String::new());
    for (number, (name, rows, merged)) in (1..).zip(sheets) {
        write!(
            named,
            r#"<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>"#
        )
        .expect("writing to memory doesn't fail");
        write!(related, r#"<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>"#)
            .expect("writing to memory doesn't fail");
        let merged: String = merged
            .iter()
            .map(|area| format!(r#"<mergeCell ref="{area}"/>"#))
            .collect();
        let merged = match merged.is_empty() {
            true => String::new(),
            false => format!("<mergeCells>{merged}</mergeCells>"),
        };
        files.push((
            format!("xl/worksheets/sheet{number}.xml"),
            format!(
                r#"{head}<worksheet xmlns="{main}"><sheetData>{}</sheetData>{merged}</worksheet>"#,
                sheet_rows(rows)
            ),
        ));
    }
    files.push((
        "xl/workbook.xml".to_owned(),
        format!(r#"{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{named}</sheets></workbook>"#),
    ));
    files.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!(r#"{head}<Relationships xmlns="{package}/relationships">{related}<Relationship Id="styles" Type="{office}/styles" Target="styles.xml"/></Relationships>"#),
    ));
    archive(&files)
}

fn sheet_rows(rows: &[&[Cell<'_>]]) -> String {
    let mut text = String::new();
    for (number, row) in (1..).zip(rows) {
        write!(text, r#"<row r="{number}">"#).expect("writing to memory doesn't fail");
        for (column, cell) in ('A'..='Z').zip(*row) {
            let place = format!("{column}{number}");
            let cell = match cell {
                Cell::Empty => continue,
                Cell::Text(text) => {
                    let text = text.replace('&', "&amp;").replace('<', "&lt;");
                    format!(
                        r#"<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>"#
                    )
                }
                Cell::Number(number) => format!(r#"<c r="{place}"><v>{number}</v></c>"#),
                Cell::Padded(number) => format!(r#"<c r="{place}" s="2"><v>{number}</v></c>"#),
                Cell::Date(serial) => format!(r#"<c r="{place}" s="1"><v>{serial}</v></c>"#),
                Cell::Boolean(value) => {
                    format!(r#"<c r="{place}" t="b"><v>{}</v></c>"#, u8::from(*value))
                }
                Cell::Formula(formula) => format!(r#"<c r="{place}"><f>{formula}</f></c>"#),
                Cell::Error(name) => format!(r#"<c r="{place}" t="e"><v>{name}</v></c>"#),
            };
            text.push_str(&cell);
        }
        text.push_str("</row>");
    }
    text
}

/// A zip archive of stored files (PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16).
fn archive(files: &[(String, String)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let offset = length(out.len());
        let mut shared = Vec::new();
        // Version 2.0, no flags, stored, no time, then the sizes.
        shared.extend_from_slice(&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        shared.extend_from_slice(&checksum(text.as_bytes()).to_le_bytes());
        shared.extend_from_slice(&length(text.len()).to_le_bytes());
        shared.extend_from_slice(&length(text.len()).to_le_bytes());
        let name_length = u16::try_from(name.len()).expect("a short name");
        shared.extend_from_slice(&name_length.to_le_bytes());
        shared.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(text.as_bytes());
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&shared);
        // No comment, first disk, no attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let start = length(out.len());
    let count = u16::try_from(files.len()).expect("few files").to_le_bytes();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&length(directory.len()).to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a small archive")
}

/// CRC-32 as zip has it.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| match sum & 1 {
            1 => (sum >> 1) ^ 0xedb8_8320,
            _ => sum >> 1,
        })
    })
}
