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

proptest! {
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
