//! `map` as people write it.

use std::fs;
use std::path::Path;

use crate::config::{Overrides, read_job};
use crate::mapping::{
    BooleanRule, Conversion, DateRule, DateTarget, FieldRule, Format, GapChoice, LetterCase,
    LookupFile, NumberRule, Region, RuleSource,
};

const HEAD: &str = "source: {csv: a.csv}\ntarget: {connector: x}\n";

/// A job with this under `map`, in a folder of its own.
fn read(map: &str) -> Result<Vec<FieldRule>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.yaml");
    fs::write(&path, format!("{HEAD}map:\n{map}")).expect("written");
    let job = read_job(&path).map_err(|mut error| {
        if let Some(place) = &mut error.place {
            place.file = "job.yaml".to_owned();
        }
        error.to_string()
    })?;
    let layer = Overrides::of_job(&job, Path::new("jobs/job.yaml"));
    Ok(layer.mapping.expect("a map"))
}

fn rule(map: &str) -> FieldRule {
    read(map).expect("a map").swap_remove(0)
}

#[test]
fn every_key_is_read() {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let rules = read(concat!(
        "  id: {from: [key, other], uppercase: true, max_length: 20}\n",
        "  name: {from: [first, last], join: ' ', trim: true, truncate: 40, omit_empty: false}\n",
        "  label: {template: \"{{ first }} {{ last }}\", when: 'country == \"DE\"'}\n",
        "  tier: {from: level, lookup: {1: Gold, 02: Silver, yes: 3}, default: 0}\n",
        "  code: {from: code, lookup: {file: tiers.csv, key: code, value: name}, required: true}\n",
        "  phone: {from: mobile, e164: DE}\n",
        "  fax: {from: fax, e164: {region: country}, format: email}\n",
        "  since: {from: since, date: {from: [\"%d.%m.%Y\", \"%Y-%m-%d\"], zone: Europe/Berlin, to: local, gap: later}}\n",
        "  amount: {from: amount, number: {decimal: \",\", thousands: \".\"}}\n",
        "  active: {from: active, boolean: {true: [ja, 1], false: [nein, 00]}}\n",
        "  tags: {from: tags, split: \";\", lowercase: true}\n",
    ))
    .expect("a map");
    assert_eq!(rules[0].from, RuleSource::Columns(words(&["key", "other"])));
    assert_eq!(rules[0].letter_case, Some(LetterCase::Upper));
    assert_eq!((rules[0].max_length, rules[0].line), (Some(20), 4));
    assert_eq!(
        rules[1].from,
        RuleSource::Joined {
            columns: words(&["first", "last"]),
            separator: " ".to_owned()
        }
    );
    assert_eq!(
        (rules[1].truncate, rules[1].omit_empty),
        (Some(40), Some(false))
    );
    assert_eq!(rules[2].when.as_deref(), Some("country == \"DE\""));
    let tier = rules[3].lookup.as_ref().expect("a table");
    // As they are spelled, whatever YAML takes them for.
    let entries: Vec<(&str, &str)> = (tier.entries.iter())
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(entries, [("02", "Silver"), ("1", "Gold"), ("yes", "3")]);
    assert_eq!(rules[3].default.as_deref(), Some("0"));
    assert_eq!(
        rules[4]
            .lookup
            .as_ref()
            .and_then(|lookup| lookup.file.clone()),
        Some(LookupFile {
            path: "jobs/tiers.csv".into(),
            key: "code".to_owned(),
            value: "name".to_owned()
        })
    );
    assert_eq!(
        rules[5].convert,
        Some(Conversion::E164(Region::Fixed("DE".to_owned())))
    );
    assert_eq!(
        rules[6].convert,
        Some(Conversion::E164(Region::Column("country".to_owned())))
    );
    assert_eq!(rules[6].format, Some(Format::Email));
    assert_eq!(
        rules[7].convert,
        Some(Conversion::Date(DateRule {
            from: words(&["%d.%m.%Y", "%Y-%m-%d"]),
            zone: Some("Europe/Berlin".to_owned()),
            to: Some(DateTarget::Local),
            gap: Some(GapChoice::Later),
        }))
    );
    assert_eq!(
        rules[8].convert,
        Some(Conversion::Number(NumberRule {
            decimal: ',',
            thousands: Some('.')
        }))
    );
    assert_eq!(
        rules[9].convert,
        Some(Conversion::Boolean(BooleanRule {
            yes: words(&["ja", "1"]),
            no: words(&["nein", "00"]),
        }))
    );
    assert_eq!(rules[10].split.as_deref(), Some(";"));
}

#[test]
fn a_column_alone_is_a_rule() {
    assert_eq!(
        rule("  email: mail\n"),
        FieldRule {
            line: 4,
            ..FieldRule::column("email", "mail")
        }
    );
}

#[test]
fn a_rule_knows_where_its_own_texts_stand() {
    let tier = rule(concat!(
        "  tier:\n",
        "    from: level\n",
        "    lookup:\n",
        "      1: Gold\n",
        "      2: Silver\n",
        "      3: Gold\n",
        "    default: 007\n",
    ));
    let lines: Vec<(&str, u64)> = (tier.text_lines.iter())
        .map(|(text, line)| (text.as_str(), *line))
        .collect();
    assert_eq!(lines, [("007", 10), ("Gold", 7), ("Silver", 8)]);
    let constant = rule("  tier:\n    constant: 1.10\n");
    assert_eq!(constant.from, RuleSource::Constant("1.10".to_owned()));
    assert_eq!(constant.text_lines, [("1.10".to_owned(), 5)].into());
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (entry, told) in [
        (
            "{from: a, template: b}",
            "4:6: `x` has both `from` and `template`; keep one of them",
        ),
        (
            "{constant: a, trim: true}",
            "4:6: `x` is a constant, so `trim` has no effect; leave it out",
        ),
        (
            "{from: a, lowercase: true, uppercase: true}",
            "4:6: `x` has both `lowercase` and `uppercase`; keep one of them",
        ),
        (
            "{from: a, e164: DE, date: {}}",
            "4:6: `x` has both `e164` and `date`; a value is only one of them",
        ),
        (
            "{template: a, join: b}",
            "4:6: `x` has `join`, but no `from`; write the columns, as in `from: [first, last]`",
        ),
        (
            "{from: a, lookup: {}}",
            "4:6: `lookup` of `x`: the table is empty",
        ),
        (
            "{from: a, lookup: {1: Gold, \"1\": Silver}}",
            "4:24: `1` stands twice",
        ),
        (
            "{from: a, lookup: {file: t.csv, key: k}}",
            "4:6: `lookup` of `x`: a table in a file is written {file: tiers.csv, key: code, value: name}",
        ),
        (
            "{from: a, e164: Germany}",
            "4:6: `x`: \"Germany\" is no region; write two letters such as DE, GB or US",
        ),
        (
            "{from: a, date: {zone: Europe/Berln}}",
            "4:6: `x`: \"Europe/Berln\" is no time zone; did you mean `Europe/Berlin`?",
        ),
        (
            "{from: a, date: {from: \"%d.%m\"}}",
            "4:6: `x`: \"%d.%m\" doesn't tell a whole date; write it as \"%d.%m.%Y\" or \"%Y-%m-%d %H:%M\"",
        ),
        (
            "{template: \"{{ a\"}",
            "4:6: `x`: the template can't be read: ",
        ),
        (
            "{from: a, when: \"b ==\"}",
            "4:6: `x`: the condition can't be read: ",
        ),
        (
            "{from: a, truncate: 0}",
            "4:6: `x` has a length of 0, which leaves nothing of a value",
        ),
        (
            "{from: a, split: \"\"}",
            "4:6: `split` of `x` is empty; write what separates the entries, such as \";\"",
        ),
        (
            "{from: a, date: {form: b}}",
            "4:23: unknown key `form`; did you mean `from`?",
        ),
        (
            "{from: a, format: mail}",
            "4:24: unknown value `mail`; did you mean `email`?",
        ),
        (
            "{from: a, date: {gap: never}}",
            "4:28: unknown value `never`; known here: later, earlier",
        ),
        ("{from: []}", "4:13: the list of columns is empty"),
        (
            "{from: 7}",
            "4:13: a column's name that reads as a number must stand in quotes, such as \"7\"",
        ),
        (
            "{from: a, e164: {column: b}}",
            "4:23: unknown key `column`; known here: region",
        ),
        (
            "{from: a, boolean: {true: [x]}}",
            "4:26: the key `false` is missing",
        ),
        (
            "{from: a, number: {decimal: \"::\"}}",
            "4:34: expected one character",
        ),
        (
            "{from: a, max_length: ten}",
            "4:28: expected a whole number of 0 or more",
        ),
        (
            "{from: a, max_length: -1}",
            "4:28: expected a whole number of 0 or more",
        ),
        ("{from: a, trim: maybe}", "4:22: expected true or false"),
        (
            "{from: a, lookup: [1, 2]}",
            "4:24: expected a mapping of keys and values",
        ),
        (
            "",
            "4:3: expected a source column's name, or {from: column, …}, or {constant: text}, found nothing",
        ),
        (
            "{from: a, e164: 49}",
            "4:16: expected a region's two letters such as DE, or {region: column}, found a whole number",
        ),
        (
            "{from: a, when: \"age > 30\"}",
            "4:6: `x`: `age > 30` compares a text with a number, since every column is a text; write `age|int > 30`",
        ),
        (
            "{from: a, date: {from: \"%Y-%m-%dT%H:%M:%SZ\", zone: Europe/Berlin}}",
            "4:6: `x`: \"%Y-%m-%dT%H:%M:%SZ\" reads times in Europe/Berlin, though their Z says UTC; write %:z instead of Z",
        ),
    ] {
        let told = format!("job.yaml:{told}");
        let found = read(&format!("  x: {entry}\n")).expect_err(entry);
        match told.ends_with(": ") {
            true => assert!(
                found.starts_with(&told) && found.len() > told.len(),
                "{found}"
            ),
            false => assert_eq!(found, told, "{entry}"),
        }
    }
}

#[test]
fn the_schema_explains_every_key() {
    let schema = crate::config::job_schema();
    let sections = &schema.as_value()["$defs"];
    for section in [
        "LongEntry",
        "DateSection",
        "NumberSection",
        "BooleanSection",
    ] {
        let keys = sections[section]["properties"].as_object().expect(section);
        assert_eq!(
            sections[section]["additionalProperties"], false,
            "{section}"
        );
        for (key, explained) in keys {
            let described = explained.to_string().contains("\"description\"");
            assert!(described, "{section}.{key}: {explained}");
        }
    }
}
