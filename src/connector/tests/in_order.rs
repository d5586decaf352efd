//! Replies to batches whose results stand in the order of the records.

use super::support::*;
use crate::connector::*;

const IN_ORDER: &str = "
at: /results
in_order: true
status: /status
id: /id
errors: {fields: [/field], messages: [/why]}
";

const FIVE: &str = r#"{"results":[{"status":201,"id":"a"},{"status":400,"field":"name","why":"too long"},
    {"status":200,"id":"c"},{"status":429,"why":"slow"},{}]}"#;

#[test]
fn a_result_is_of_the_record_in_its_place() {
    let verdicts = items(split(&creating(IN_ORDER), 200, FIVE.as_bytes()));
    assert_eq!(
        verdicts.iter().map(short).collect::<Vec<_>>(),
        [
            "created | a",
            "rejected | item_400 | name | too long",
            "created | c",
            "throttled | item_429 | slow",
            "unknown | unclear_result | the record's result doesn't say what became of it",
        ]
    );
}

#[test]
fn an_order_of_more_or_fewer_results_proves_nothing() {
    let four = r#"{"results":[{"status":201},{"status":201},{"status":201},{"status":201}]}"#;
    let six = four.replace("[{", "[{\"status\":400},{\"status\":201},{");
    for body in [four, &six, r#"{"results":[]}"#] {
        let told = split(&creating(IN_ORDER), 200, body.as_bytes());
        assert_eq!(whole(&told), ReplyClass::Unknown, "{body}");
        let Split::Whole(why) = told else {
            panic!("one word for all");
        };
        assert!(
            why.message.contains("results of 5 records"),
            "{}",
            why.message
        );
        // Sent again in parts, it does no harm.
        let again = upserting(IN_ORDER);
        let told = split(&again, 200, body.as_bytes());
        assert!(matches!(told, Split::Halve(_)), "{told:?}");
        let alone = again.split(200, &no_header, body.as_bytes(), &ITEMS[..1]);
        assert_eq!(whole(&alone), ReplyClass::Unknown);
    }
}

#[test]
fn a_reply_whose_results_name_no_record_is_told_from_one_that_leaves_them_out() {
    let by_key = creating("at: /results\nkey: /key\nstatus: /status");
    let of = |body: &str| split(&by_key, 200, body.as_bytes());
    for body in [
        FIVE,
        r#"{"results":[{"status":201,"key":"c-9"}]}"#,
        r#"{"results":[{"status":201,"key":["c-8","c-9"]}]}"#,
    ] {
        let Split::NamesNone(verdicts) = of(body) else {
            panic!("{body}");
        };
        let unknown = |verdict: &ItemVerdict| verdict.class == ReplyClass::Unknown;
        assert!(
            verdicts.len() == 5 && verdicts.iter().all(unknown),
            "{body}"
        );
    }
    for body in [
        r#"{"results":[]}"#,
        r#"{"results":[{"status":201,"key":"c-9"},{"status":201,"key":"c-2"}]}"#,
    ] {
        assert!(matches!(of(body), Split::Items(_)), "{body}");
    }
}
