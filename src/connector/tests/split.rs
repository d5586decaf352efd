//! Replies to batches, in the forms that platforms have.

use super::support::*;
use crate::connector::*;

const TOLD_BY_KEY: &str = "
at: /results
key: /externalId
status: /status
id: /id
error_count: /errorCount
";

fn assert_verdicts(operation: &Operation, status: u16, fixture: &str, expected: [&str; 5]) {
    let verdicts = items(split(operation, status, &response(fixture)));
    assert_eq!(
        verdicts.iter().map(short).collect::<Vec<_>>(),
        expected,
        "{fixture}"
    );
}

#[test]
fn results_are_matched_by_key_whatever_their_order() {
    let expected = [
        "created | 7f1",
        "rejected | item_400 | email | not an address",
        "created | 7f3",
        "throttled | item_429 | slow down",
        "rejected | item_409 | the record is locked",
    ];
    for status in [200, 201, 207] {
        assert_verdicts(&creating(TOLD_BY_KEY), status, "bulk-mixed", expected);
    }
    let by_index = TOLD_BY_KEY.replace("key: /externalId", "index: /index");
    assert_verdicts(&creating(&by_index), 207, "bulk-mixed", expected);
    for name in ["batch-create", "batch-upsert"] {
        assert_verdicts(&fixture(name), 200, "bulk-mixed", expected);
    }
}

#[test]
fn a_failure_may_carry_the_key_elsewhere_and_say_that_it_can_be_repeated() {
    let results = "
at: /results
key: [/entity/externalId, /error/entity/externalId]
status: /status
id: /id
replies:
  - {body_at: {pointer: /error/retryable, equals: true}, class: retry}
";
    let mut expected = [
        "created | e-1",
        "rejected | item_400 | workPhone | The phone number can't be read",
        "created | e-3",
        // The platform says so itself; a status alone would prove nothing.
        "retry | item_500 | try again",
        "unknown | item_504 | took too long",
    ];
    assert_verdicts(&creating(results), 200, "bulk-entities", expected);
    // Where a repeat does no harm, there is nothing to be in doubt about.
    expected[0] = "created | e-1";
    expected[4] = "retry | item_504 | took too long";
    assert_verdicts(&upserting(results), 200, "bulk-entities", expected);
    // A rule on the status alone isn't believed either.
    let by_status = "at: /results\nkey: [/entity/externalId, /error/entity/externalId]\n\
        status: /status\nreplies: [{status: 5xx, class: retry}]";
    let verdicts = items(split(&creating(by_status), 200, &response("bulk-entities")));
    assert_eq!(verdicts[3].class, ReplyClass::Unknown);
    assert_eq!(verdicts[4].class, ReplyClass::Unknown);
}

#[test]
fn a_list_of_the_records_themselves_is_a_list_of_successes() {
    let results = "at: \"\"\nkey: /id\nid: /id\nreplies: [{class: done}]";
    let missing = "unknown | no_result | the tenant took the batch, and its reply has no result of this record that can be trusted";
    let expected = [
        "updated | c-1",
        "updated | c-2",
        missing,
        "updated | c-4",
        "updated | c-5",
    ];
    assert_verdicts(&upserting(results), 200, "list-of-records", expected);
}

#[test]
fn a_list_of_failed_indexes_speaks_for_the_others() {
    let done = "error_indexes: /errorIndexes\nothers: done\nerror_count: /errorCount";
    let failed =
        "rejected | item_rejected | the reply lists the record as failed and names no reason";
    let expected = ["created", failed, "created", failed, "created"];
    assert_verdicts(&creating(done), 200, "failed-indexes", expected);
    let untouched = "error_indexes: /errorIndexes\nothers: untouched";
    let left = "untouched | untouched | the batch was refused for another record";
    let expected = [left, failed, left, failed, left];
    assert_verdicts(&creating(untouched), 200, "failed-indexes", expected);
    // No failure: the batch went through.
    let all = items(split(&creating(untouched), 200, br#"{"errorIndexes":[]}"#));
    assert!(all.iter().all(|verdict| verdict.class == ReplyClass::Done));
    for body in [
        r#"{"errorIndexes":[1,5]}"#,
        r#"{"errorIndexes":[1,-1]}"#,
        r#"{"errorIndexes":[1,"x"]}"#,
        r#"{"errorIndexes":[1,null]}"#,
        r#"{"errorIndexes":[1,0.5]}"#,
        r#"{"errorIndexes":[1],"errorCount":2}"#,
        r#"{"errorIndexes":[1],"errorCount":"many"}"#,
    ] {
        let verdicts = items(split(&creating(done), 200, body.as_bytes()));
        assert_eq!(verdicts[1].class, ReplyClass::Rejected, "{body}");
        let others = verdicts.iter().enumerate().filter(|(index, _)| *index != 1);
        for (_, verdict) in others {
            assert_eq!(verdict.class, ReplyClass::Unknown, "{body}");
        }
    }
}

#[test]
fn successes_and_failures_may_stand_in_two_lists() {
    let results = "
at: /results
key: /externalId
id: /id
replies: [{class: done}]
error_count: /errorCount
failures:
  at: /errors
  index: /index
";
    let expected = [
        "created | 41",
        "rejected | item_rejected | lastName | is required",
        // Two reasons are one refusal.
        "rejected | item_rejected | phone | not a number",
        "created | 44",
        "created | 45",
    ];
    let mut body = response("successes-and-errors-by-index");
    let verdicts = items(split(&creating(results), 200, &body));
    let told: Vec<String> = verdicts.iter().map(short).collect();
    assert_eq!(told[..2], expected[..2]);
    assert_eq!(told[3..], expected[3..]);
    // Which of the two reasons is shown doesn't hang on their order.
    let text = String::from_utf8(std::mem::take(&mut body)).expect("UTF-8");
    let mut tree: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let errors = tree["errors"].as_array_mut().expect("a list");
    errors.reverse();
    let turned = items(split(&creating(results), 200, tree.to_string().as_bytes()));
    assert_eq!(turned, verdicts);
    assert_eq!(verdicts[2].class, ReplyClass::Rejected);
}

#[test]
fn one_failure_may_be_about_several_records() {
    let results = "
at: /results
tracker: /trace
id: /id
replies: [{class: done}]
error_count: /numErrors
failures:
  at: /errors
  tracker: /context/trace
  replies:
    - {body_at: {pointer: /category, equals: RATE_LIMITS}, class: throttled}
";
    let exists = "rejected | item_rejected | a contact with this address exists";
    let expected = [
        "created | 902",
        exists,
        exists,
        "throttled | item_throttled | over the limit of the object",
        "created | 901",
    ];
    assert_verdicts(
        &creating(results),
        207,
        "multi-status-with-trackers",
        expected,
    );
}

#[test]
fn parts_of_one_request_have_their_own_statuses() {
    let results = "
at: /compositeResponse
key: /referenceId
status: /httpStatusCode
id: /body/id
errors: {fields: [/body/0/fields/0], messages: [/body/0/message]}
replies:
  - {body_at: {pointer: /body/0/errorCode, equals: PROCESSING_HALTED}, class: retry}
";
    let expected = [
        "created | 003A",
        "updated",
        "rejected | item_400 | LastName | Required fields are missing: [LastName]",
        "retry | item_400 | a request that this one needs has failed",
        "retry | item_503 | the server is busy",
    ];
    assert_verdicts(&upserting(results), 200, "subrequests", expected);
}

#[test]
fn flags_in_place_of_statuses_tell_made_from_changed() {
    let results = "
at: /entryResults
key: /externalId
id: /addressBookEntryId
created: {pointer: /created, equals: true}
absent: rejected
replies:
  - {body_at: {pointer: /success, equals: true}, class: done}
  - {class: rejected}
";
    let expected = [
        "created | 11",
        "updated | 12",
        "created | 13",
        "rejected | no_result | the reply has no result of this record, which the connector takes as a refusal",
        "rejected | item_rejected | The state is not known",
    ];
    assert_verdicts(&upserting(results), 200, "entries-with-flags", expected);
}

#[test]
fn a_refused_batch_that_names_the_culprit_leaves_the_others_untouched() {
    let results = "
of_status: [201, 400]
at: /results
key: /referenceId
id: /id
all_or_nothing: true
errors: {fields: [/errors/0/fields/0], messages: [/errors/0/message]}
replies:
  - {body_has: /errors/0, class: rejected}
  - {body_has: /id, class: done}
";
    let left = "untouched | untouched | the batch was refused for another record";
    let refused = "rejected | item_rejected | Email | not an address";
    let operation = creating(results);
    assert_verdicts(
        &operation,
        400,
        "refused-tree",
        [left, left, left, refused, left],
    );
    // A refusal that names nobody is looked for by halves.
    let halved = split(&operation, 400, br#"{"hasErrors":true,"results":[]}"#);
    assert!(matches!(halved, Split::Halve(_)), "{halved:?}");
    // A success that names none but a failure is no success of the others.
    let odd = items(split(&operation, 201, &response("refused-tree")));
    assert_eq!(odd[0].class, ReplyClass::Unknown);
}

#[test]
fn where_only_failures_are_named_silence_is_consent() {
    let results = "
absent: done
failures:
  at: /failed
  key: /externalId
  status: /code
  errors: {fields: [/field], messages: [/reason]}
";
    let refused = "rejected | item_422 | list | unknown list";
    let expected = ["created", "created", refused, "created", "created"];
    let operation = creating(results);
    assert_verdicts(&operation, 200, "failures-only", expected);
    // ... but not the silence of a reply that isn't understood.
    for body in [
        r#"{"failed":[{"externalId":"c-9","code":422}]}"#,
        r#"{"failed":[{"code":422}]}"#,
        r#"{"failed":["c-3"]}"#,
    ] {
        let verdicts = items(split(&operation, 200, body.as_bytes()));
        for verdict in &verdicts {
            assert_eq!(verdict.class, ReplyClass::Unknown, "{body}");
        }
    }
    for body in [
        "{}",
        "[]",
        r#"{"failed":{}}"#,
        r#"{"message":"maintenance"}"#,
        "",
        "<html>",
    ] {
        let told = split(&operation, 200, body.as_bytes());
        assert_eq!(whole(&told), ReplyClass::Unknown, "{body}");
    }
    // A failure that says 200 is neither one thing nor the other.
    let strange = br#"{"failed":[{"externalId":"c-3","code":200}]}"#;
    assert_eq!(
        items(split(&operation, 200, strange))[2].class,
        ReplyClass::Unknown
    );
}

#[test]
fn a_record_that_is_told_of_twice_is_not_done() {
    let operation = creating(TOLD_BY_KEY);
    let twice = |first: &str, second: &str| {
        let body = format!(
            r#"{{"results":[{{"externalId":"c-1",{first}}},{{"externalId":"c-1",{second}}},{{"externalId":"c-2","status":201}}]}}"#
        );
        let verdicts = items(split(&operation, 200, body.as_bytes()));
        assert_eq!(verdicts[1].class, ReplyClass::Done);
        verdicts[0].class
    };
    let (done, refused) = (r#""status":201"#, r#""status":400"#);
    assert_eq!(twice(done, done), ReplyClass::Unknown);
    assert_eq!(twice(done, refused), ReplyClass::Unknown);
    assert_eq!(twice(refused, r#""status":429"#), ReplyClass::Unknown);
    assert_eq!(twice(refused, refused), ReplyClass::Rejected);
}

#[test]
fn two_records_of_one_key_are_not_told_apart() {
    let same = [
        ItemKey {
            key: "c-1",
            tracker: 1,
        },
        ItemKey {
            key: "c-1",
            tracker: 2,
        },
    ];
    let body = br#"{"results":[{"externalId":"c-1","status":201}]}"#;
    let told = creating(TOLD_BY_KEY).split(200, &no_header, body, &same);
    let (Split::Items(verdicts) | Split::NamesNone(verdicts)) = told else {
        panic!("{told:?}");
    };
    assert!(
        verdicts
            .iter()
            .all(|verdict| verdict.class == ReplyClass::Unknown)
    );
}

#[test]
fn a_result_about_the_request_s_own_right_is_about_the_record() {
    let operation = creating(TOLD_BY_KEY);
    let body = br#"{"results":[{"externalId":"c-1","status":403},{"externalId":"c-2","status":401},
        {"externalId":"c-3","status":207},{"externalId":"c-4","status":99999},{"externalId":"c-5"}]}"#;
    let classes: Vec<ReplyClass> = items(split(&operation, 200, body))
        .iter()
        .map(|verdict| verdict.class)
        .collect();
    use ReplyClass::{Rejected, Unknown};
    assert_eq!(classes, [Rejected, Rejected, Unknown, Unknown, Unknown]);
}

#[test]
fn what_is_about_the_request_is_one_word_for_all() {
    let operation = creating(TOLD_BY_KEY);
    let of = |status, body: &str| whole(&split(&operation, status, body.as_bytes()));
    assert_eq!(of(429, ""), ReplyClass::Throttled);
    assert_eq!(of(401, "{}"), ReplyClass::RefreshToken);
    assert_eq!(of(403, "{}"), ReplyClass::Fatal);
    assert_eq!(of(503, "<html>"), ReplyClass::Retry);
    assert_eq!(of(302, ""), ReplyClass::Rejected);
    // It failed, and may have done it all the same.
    for status in [408, 500, 502, 504] {
        assert_eq!(of(status, "{}"), ReplyClass::Unknown, "{status}");
        let again = whole(&split(&upserting(TOLD_BY_KEY), status, b"{}"));
        assert_eq!(again, ReplyClass::Retry, "{status}");
        let single = fixture("create-contacts").split(status, &no_header, b"{}", &ITEMS[..1]);
        assert_eq!(whole(&single), ReplyClass::Unknown, "{status}");
    }
    // Taken, and no word about any record.
    for body in [
        "",
        "{}",
        "not json",
        r#"{"results":[{"externalId":"c-1","status":201}"#,
        r#"{"results":7}"#,
    ] {
        assert_eq!(of(200, body), ReplyClass::Unknown, "{body}");
        assert_eq!(of(207, body), ReplyClass::Unknown, "{body}");
        assert_eq!(of(202, body), ReplyClass::Unknown, "{body}");
    }
    let Split::Whole(why) = split(&operation, 200, br#"{"results":[{"#) else {
        panic!("one word for all");
    };
    assert_eq!(
        why.message,
        "the tenant took the batch, but its reply can't be split into results: status 200; the reply's JSON breaks off after 13 bytes"
    );
    let long = format!(r#"{{"results":[],"filler":"{}"}}"#, "x".repeat(2 << 20));
    assert_eq!(of(200, &long), ReplyClass::Unknown);
}

#[test]
fn a_refused_batch_is_halved_where_that_can_do_no_harm() {
    let refusal = br#"{"message":"one of them is wrong"}"#;
    let blind = creating(TOLD_BY_KEY);
    assert_eq!(whole(&split(&blind, 400, refusal)), ReplyClass::Rejected);
    let declared = creating("all_or_nothing: true");
    for operation in [&declared, &upserting(TOLD_BY_KEY)] {
        for status in [400, 404, 409, 422] {
            let told = split(operation, status, refusal);
            let Split::Halve(why) = told else {
                panic!("{status}: {told:?}");
            };
            assert_eq!(why.message, "one of them is wrong");
        }
        // The bad record is alone.
        let told = operation.split(400, &no_header, refusal, &ITEMS[..1]);
        assert_eq!(whole(&told), ReplyClass::Rejected);
        assert_eq!(whole(&split(operation, 302, b"")), ReplyClass::Rejected);
    }
    assert_eq!(whole(&split(&declared, 200, b"")), ReplyClass::Done);
    assert_eq!(whole(&split(&declared, 202, b"")), ReplyClass::Unknown);
}

#[test]
fn one_bad_row_does_not_take_its_batch_along_where_a_refusal_made_nothing() {
    for (connector, operation, variables) in [
        ("genesys-cloud", "bulk_add", &[("region", "us-east-1")][..]),
        (
            "genesys-cloud",
            "add_organizations",
            &[("region", "us-east-1")],
        ),
        ("genesys-contacts", "create", &[("region", "us-east-1")]),
    ] {
        let given = variables.iter();
        let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let connector = Connector::load(connector).expect("a built-in");
        let bound = connector.bind_to(operation, &given.collect());
        let body = br#"{"status":400,"code":"bad.request","message":"a value can't be read"}"#;
        let told = split(&bound.expect("bound").operation, 400, body);
        assert!(matches!(told, Split::Halve(_)), "{operation}: {told:?}");
    }
}

#[test]
fn a_batch_that_is_too_large_shrinks() {
    let operation = fixture("batch-create");
    for (status, body) in [(413, ""), (400, r#"{"message":"Too many contacts"}"#)] {
        let told = split(&operation, status, body.as_bytes());
        assert!(matches!(told, Split::ShrinkCap { most: 2, .. }), "{told:?}");
        let alone = operation.split(status, &no_header, body.as_bytes(), &ITEMS[..1]);
        assert_eq!(whole(&alone), ReplyClass::Rejected);
    }
    // Without a rule of its own, 413 is what says so.
    let told = split(&creating(TOLD_BY_KEY), 413, b"");
    assert!(matches!(told, Split::ShrinkCap { most: 2, .. }), "{told:?}");
}

#[test]
fn without_batches_a_reply_is_one_word() {
    let operation = fixture("create-contacts");
    let told = operation.split(201, &no_header, br#"{"id":"x"}"#, &ITEMS[..1]);
    assert_eq!(whole(&told), ReplyClass::Done);
    let told = operation.split(409, &no_header, b"", &ITEMS[..1]);
    assert_eq!(whole(&told), ReplyClass::Conflict);
}
