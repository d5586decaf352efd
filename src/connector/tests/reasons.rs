//! Where the reason of a refusal is found in replies of many platforms' forms.

use crate::connector::ReplyClass;

use super::support::*;

const PLAIN: &str = "method: PUT
path: /things/{id}
key: id
effect: updated
fields: {name: {}}";

fn reason(lines: &str, body: &str) -> (String, String) {
    let told = operation(lines).classify(422, &no_header, body.as_bytes());
    (told.field, told.message)
}

fn pair(field: &str, message: &str) -> (String, String) {
    (field.to_owned(), message.to_owned())
}

#[test]
fn the_usual_places_are_those_that_platforms_have() {
    for (body, field, message) in [
        (
            r#"[{"message":"Required fields are missing","errorCode":"REQUIRED_FIELD_MISSING","fields":["LastName"]}]"#,
            "LastName",
            "Required fields are missing",
        ),
        (r#"[{"errorCode":"STRICT"}]"#, "", "STRICT"),
        (
            r#"{"description":"Validation failed","errors":[{"field":"email","message":"is no address","code":"invalid_value"}]}"#,
            "email",
            "is no address",
        ),
        (
            r#"{"error":"RecordInvalid","description":"Record validation errors"}"#,
            "",
            "Record validation errors",
        ),
        (
            r#"{"error":{"code":"0x80040237","message":"A record exists"}}"#,
            "",
            "A record exists",
        ),
        (
            r#"{"errors":[{"detail":"isn't there","title":"Not found"}]}"#,
            "",
            "isn't there",
        ),
        (
            r#"{"error":{"title":"Forbidden","message":""}}"#,
            "",
            "Forbidden",
        ),
    ] {
        assert_eq!(reason(PLAIN, body), pair(field, message), "{body}");
    }
}

#[test]
fn a_member_s_name_may_be_the_field() {
    let lines = format!("{PLAIN}\nerrors: {{fields_of: [/details]}}");
    let of = |body: &str| reason(&lines, body);
    let described = r#"{"error":"RecordInvalid","description":"Record validation errors",
        "details":{"email":[{"description":"Email: x is not properly formatted","error":null}]}}"#;
    assert_eq!(
        of(described),
        pair("email", "Email: x is not properly formatted")
    );
    for body in [
        r#"{"details":{"name":["is too long"]}}"#,
        r#"{"details":{"name":"is too long"}}"#,
        r#"{"details":{"empty":[],"name":{"message":"is too long"}}}"#,
    ] {
        assert_eq!(of(body), pair("name", "is too long"), "{body}");
    }
    // Without it, or with nothing in it, the usual places stand.
    for body in [
        r#"{"description":"no"}"#,
        r#"{"description":"no","details":{}}"#,
        r#"{"description":"no","details":"text"}"#,
    ] {
        assert_eq!(of(body), pair("", "no"), "{body}");
    }
    assert_eq!(reason(PLAIN, described).1, "Record validation errors");
}

#[test]
fn a_put_that_leaves_the_rest_alone_can_be_undone() {
    let spares = |lines: &str| operation(lines).changes_single_places();
    assert!(!spares(PLAIN));
    assert!(spares(&format!("{PLAIN}\nbody: {{partial: true}}")));
    let patch = PLAIN.replace("PUT", "PATCH");
    assert!(spares(&patch));
    assert!(!spares(&format!("{patch}\nbody: {{partial: false}}")));
}

#[test]
fn a_page_for_people_is_no_answer_of_the_platform() {
    let class = |body: &str| {
        let told = operation(PLAIN).classify(200, &no_header, body.as_bytes());
        told.class
    };
    for page in ["<!DOCTYPE html><title>Log in</title>", "\r\n <HTML><body>"] {
        assert_eq!(class(page), ReplyClass::Unknown, "{page}");
    }
    for answer in ["", "{}", "OK", "<?xml version=\"1.0\"?><ok/>", "<"] {
        assert_eq!(class(answer), ReplyClass::Done, "{answer}");
    }
}
