//! Templates and conditions.

use proptest::prelude::*;

use super::support::*;

fn template(text: &str) -> OneField {
    let mut one = OneField::of(FieldKind::String);
    one.rule.from = RuleSource::Template(text.to_owned());
    one
}

#[test]
fn templates_put_columns_together() {
    for (text, told) in [
        ("{{ cell }} {{other}}!", "\"Ann Lee!\""),
        ("{{ cell|upper }}-{{ row[\"other\"][:1] }}", "\"ANN-L\""),
        (
            "{% if other == \"Lee\" %}yes{% else %}no{% endif %}",
            "\"yes\"",
        ),
        ("{{ other[:2] }}", "\"Le\""),
        ("{{ range(3)|join('') }}", "\"012\""),
        ("no column", "\"no column\""),
        ("{# nothing #}", ""),
    ] {
        let one = template(text);
        one.rule.check().expect("a template");
        assert_eq!(one.map_beside("Ann", "Lee").as_deref(), Ok(told), "{text}");
    }
    // What stands in a cell is text, never a part of the template, and JSON
    // alone escapes it.
    assert_eq!(
        template("{{ cell|trim }}")
            .map("{{ other }}<b>&\" ")
            .as_deref(),
        Ok("\"{{ other }}<b>&\\\"\"")
    );
}

#[test]
fn a_template_that_can_not_work_is_a_mistake() {
    for text in ["{{ cell", "{% if %}", "{{ cell|nosuchfilter }}", "{{ 'a }}"] {
        let told = template(text).rule.check();
        let told = told.and_then(|()| {
            template(text)
                .program()
                .map(|_| ())
                .map_err(|found| found[0].to_string())
        });
        let told = told.expect_err(text);
        assert!(told.starts_with("`value`: "), "{told}");
    }
    assert_eq!(
        template("{{ cll }}").problem(),
        "`value`: the template names the column `cll`, which the input doesn't have; did you mean `cell`?"
    );
    assert_eq!(
        template("{{ row[\"first name\"] }}").problem(),
        "`value`: the template names something that the input doesn't have as a column"
    );
}

#[test]
fn a_row_that_a_template_fails_on_is_refused() {
    let one = template("{{ cell|int + 1 }}");
    assert_eq!(one.map("41").as_deref(), Ok("\"42\""));
    assert_eq!(one.refuses("many"), "template_failed");
}

#[test]
fn a_condition_leaves_a_field_out() {
    let mut one = OneField::of(FieldKind::String);
    one.rule.when = Some("other == \"DE\" and cell|length < 4".to_owned());
    assert_eq!(one.map_beside("abc", "DE").as_deref(), Ok("\"abc\""));
    assert_eq!(one.map_beside("abcd", "DE").as_deref(), Ok(""));
    assert_eq!(one.map_beside("abc", "GB").as_deref(), Ok(""));
    one.rule.required = true;
    let (rule, message) = one.map_beside("abc", "GB").expect_err("refused");
    assert_eq!(rule, "required");
    assert!(message.contains("`when` leaves the field out"), "{message}");
    one.rule.when = Some("cell|int > 3".to_owned());
    assert_eq!(one.refuses("x"), "when_failed");
    one.rule.when = Some("contry == \"DE\"".to_owned());
    assert!(
        one.problem()
            .contains("the condition names the column `contry`")
    );
    one.rule.when = Some("cell ==".to_owned());
    assert!(one.rule.check().is_err());
}

#[test]
fn a_column_taken_for_a_number_is_a_mistake() {
    let condition = |text: &str| {
        let mut one = OneField::of(FieldKind::String);
        one.rule.when = Some(text.to_owned());
        one
    };
    for (text, told) in [
        (
            "cell > 30",
            "`cell > 30` compares a text with a number, since every column is a text; write `cell|int > 30`",
        ),
        ("30 < cell", "write `30 < cell|int`"),
        ("cell >= 1.5", "write `cell|float >= 1.5`"),
        ("(cell) <= -3", "write `(cell)|int <= -3`"),
        ("cell == 1", "write `cell == \"1\"` or `cell|int == 1`"),
        ("1 != cell", "write `\"1\" != cell` or `1 != cell|int`"),
        (
            "other == \"x\" and (cell > 30 or cell == \"\")",
            "`cell > 30`",
        ),
        ("not cell < 2 + 3", "write `cell|int < 2 + 3`"),
        ("row[\"cell\"] > 30", "write `row[\"cell\"]|int > 30`"),
        ("row.cell > 30", "write `row.cell|int > 30`"),
        ("cell|trim == 1", "write `cell|trim == \"1\"`"),
        ("cell[:2] > 30", "write `cell[:2]|int > 30`"),
        ("cell > other|length", "write `cell|int > other|length`"),
        (
            "cell in [1, 2]",
            "compares a text with numbers, since every column is a text; write `cell in [\"1\", \"2\"]`",
        ),
        ("cell not in (1, 2)", "write `cell not in [\"1\", \"2\"]`"),
        ("cell in range(9)", "compares a text with numbers"),
        ("1 in cell", "write `\"1\" in cell`"),
        (
            "cell == true",
            "compares a text with true, since every column is a text; write `cell == \"true\"`",
        ),
        ("cell == none", "write `cell == \"\"`"),
        ("cell is gt 30", "write `cell|int > 30`"),
        ("cell is eq(1)", "write `cell == \"1\"`"),
        ("cell is number", "`cell is number` is never true"),
        (
            "cell + 1 > 3",
            "`cell + 1` reckons with a text, since every column is a text; write `cell|int + 1`",
        ),
        ("row == \"\"", "`row` alone is no text"),
    ] {
        // Told as soon as the job file is read, and wherever rules are compiled.
        let early = condition(text).rule.check().expect_err(text);
        assert!(
            early.starts_with("`value`: ") && early.contains(told),
            "{text}: {early}"
        );
        assert_eq!(condition(text).problem(), early);
    }
    for (text, told) in [
        ("{{ cell * 2 }}", "write `cell|int * 2`"),
        ("{{ cell - other }}", "write `cell|int - other|int`"),
        ("{{ -cell }}", "write `0 - cell|int`"),
        (
            "a {# {{ cell * 3 }} #} {{ other }} {%- if cell > 5 -%} b {% endif %}",
            "`cell > 5`",
        ),
        (
            "{% set age = cell %}{{ age }}{{ other // 2 }}",
            "write `other|int // 2`",
        ),
        (
            "{% for part in range(3) if cell == 1 %}x{% endfor %}",
            "`cell == 1`",
        ),
        ("{{ 'x' if cell > 3 else 'y' }}", "`cell > 3`"),
        (
            "{{ row }}",
            "`row` alone is no text; write `row[\"first name\"]`",
        ),
        ("{{ row|tojson }}", "`row` alone is no text"),
    ] {
        let early = template(text).rule.check().expect_err(text);
        assert!(
            early.starts_with("`value`: ") && early.contains(told),
            "{text}: {early}"
        );
    }
}

#[test]
fn loops_in_loops_are_refused_and_do_not_hang() {
    let nested =
        "{% for a in range(999) %}{% for b in range(999) %}{{ cell }}{% endfor %}{% endfor %}";
    assert!(
        template(nested)
            .problem()
            .contains("more than 100000 steps"),
        "{}",
        template(nested).problem()
    );
    // One that only a long cell makes long is that row's.
    let by_cell = template("{% for a in cell %}{% for b in cell %}x{% endfor %}{% endfor %}");
    assert!(by_cell.map("short").is_ok());
    let (_, message) = by_cell.map(&"x".repeat(2_000)).expect_err("too long");
    assert!(message.contains("more than 100000 steps"), "{message}");
}

#[test]
fn a_column_in_quotes_or_in_single_braces_is_no_column() {
    let names = ["id", "first name", "cell"];
    let told = |rule: FieldRule| {
        let rules = [FieldRule::column("id", "id"), rule];
        let contract = contract_of(vec![ContractField::new("value", FieldKind::String)]);
        by_rules(&rules, &names, &contract)
    };
    let of_template = |text: &str| {
        told(FieldRule::new(
            "value",
            RuleSource::Template(text.to_owned()),
        ))
    };
    let of_condition = |text: &str| {
        told(FieldRule {
            when: Some(text.to_owned()),
            ..FieldRule::column("value", "cell")
        })
    };
    for (found, name) in [
        (of_template("{{ 'first name' }}"), "first name"),
        (of_template("{{ \"first name\"|upper }}"), "first name"),
        (of_template("{cell}"), "cell"),
        (of_template("Dear ${first name}, it's {cell}"), "first name"),
        (of_condition("\"first name\" == \"Ann\""), "first name"),
        (of_condition("'cell' != ''"), "cell"),
    ] {
        let found = problems(found);
        assert!(
            found[0].contains(&format!("`{name}` is a text here and not the column")),
            "{found:?}"
        );
    }
    for found in [
        of_template("it's {{ cell }} o'clock"),
        of_template("{{ row[\"first name\"] }} {cell}"),
        of_template("all the same"),
        of_template("{a text of one's own}"),
        of_condition("row['first name'] == 'cell'"),
        of_condition("cell[:1] == \"first name\""),
        of_condition("true"),
    ] {
        found.expect("no mistake");
    }
}

#[test]
fn what_compares_like_with_like_is_no_mistake() {
    for text in [
        "cell|int > 30",
        "cell and cell|int > 30",
        "(cell|int) * 2 == 4",
        "cell|length == 3",
        "cell == \"1\" or \"30\" < cell",
        "cell in [\"1\", \"2\"]",
        "cell in \"12\" or \"1\" in cell",
        "cell < other",
        "cell + \"1\" == other",
        "cell ~ 1 == \"11\"",
        "cell is defined and cell is not string or 2 is odd",
        "row[\"cell\"]|float > 1.5",
        "cell[1:] != other[:1]",
        "not cell",
        "1 < 2",
    ] {
        let mut one = OneField::of(FieldKind::String);
        one.rule.when = Some(text.to_owned());
        one.rule.check().expect(text);
        one.program().expect(text);
    }
    for (text, told) in [
        ("{{ cell|int * 2 }}", "\"42\""),
        ("{% set age = cell|int %}{{ age * 2 }}", "\"42\""),
        (
            "{% with age = cell|int, more = 2 %}{{ age * more }}{% endwith %}",
            "\"42\"",
        ),
        (
            "{% for step in range(3) if step > 1 %}{{ step * 2 }}{{ loop.index + 1 }}{% endfor %}",
            "\"42\"",
        ),
        ("{% raw %}{{ cell * 2 }}{% endraw %}", "\"{{ cell * 2 }}\""),
        ("{{ \"}} {{ cell * 2\" }}", "\"}} {{ cell * 2\""),
        ("{{ {\"a\": {\"b\": cell}}.a.b }}", "\"21\""),
        ("{{ cell ~ -1 }}", "\"21-1\""),
        ("{{ \"-\" * 3 }}", "\"---\""),
    ] {
        let one = template(text);
        one.rule.check().expect(text);
        assert_eq!(one.map("21").as_deref(), Ok(told), "{text}");
    }
}

proptest! {
    // Whatever the engine reads, the search for mistakes comes to an end.
    #[test]
    fn no_expression_stops_the_search_for_mistakes(
        text in "(cell|other|row|[ ]|\\|int|==|>|in|not|is|if|else|or|[0-9.(){}\\[\\]:,~*/%\"'|+-]){0,14}",
    ) {
        let mut one = OneField::of(FieldKind::String);
        one.rule.when = Some(text.clone());
        let _ = one.rule.check();
        let _ = template(&format!("{{{{ {text} }}}}{{% if {text} %}}{{% endif %}}")).rule.check();
        prop_assert!(super::super::tokens::segments_of(&text).len() <= text.len());
        let named = super::super::reading::read_condition(&text).unwrap_or_default();
        prop_assert_eq!(named.always.len(), 0);
    }

    // A template of text and columns alone is put together without the engine;
    // a comment sends the same one through it.
    #[test]
    fn a_plain_template_says_what_the_engine_says(
        before in "[a-z\\n {}#%-]{0,6}",
        inside in "[ ]{0,2}(cell|other|row|true|cell-|- cell)[ \\n]{0,2}",
        after in "[a-z\\r\\n {}#%-]{0,6}",
        cell in any::<String>(),
        other in "[a-z{}]{0,4}",
    ) {
        let text = format!("{before}{{{{{inside}}}}}{after}");
        let (fast, slow) = (template(&text), template(&format!("{{# #}}{text}")));
        let (fast, slow) = (fast.program(), slow.program());
        prop_assert_eq!(fast.is_ok(), slow.is_ok());
        if let (Ok(fast), Ok(slow)) = (fast, slow) {
            let cells = ["1", &cell, &other];
            let message = |refusal: Box<Refusal>| refusal.error;
            prop_assert_eq!(
                apply(&fast, &cells).map_err(message),
                apply(&slow, &cells).map_err(message)
            );
        }
    }
}
