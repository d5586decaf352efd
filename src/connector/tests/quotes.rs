//! Look-ups by a query language: parameters, headers, and quotes in keys.

use super::support::*;
use crate::connector::*;

const ASKING: &str = r#"method: POST
path: /things
key: ext
effect: created
body: {includes_key: true}
fields: {name: {}}
headers: {X-Of: write}
look_up:
  path: /query
  query: {q: "SELECT Id FROM Thing WHERE Ext__c = '{ext|backslashed}'", all: "yes"}
  headers: {X-Of: look-up}
  found: [{status: 200, body_has: /records/0}]
  absent: [{status: 200, body_lacks: /records/0}]"#;

fn path_of(lines: &str, key: &str) -> String {
    let asked = operation(lines).look_up(key).expect("a look-up");
    String::from_utf8(asked.path).expect("ASCII")
}

#[test]
fn a_look_up_has_parameters_and_headers_of_its_own() {
    let own = operation(ASKING);
    assert_eq!(own.look_up_headers, [("X-Of".into(), "look-up".into())]);
    assert_eq!(own.headers, [("X-Of".into(), "write".into())]);
    assert_eq!(
        path_of(ASKING, "a b"),
        "/query?q=SELECT%20Id%20FROM%20Thing%20WHERE%20Ext__c%20%3D%20%27a%20b%27&all=yes"
    );
    let shared = operation(&ASKING.replace("  headers: {X-Of: look-up}\n", ""));
    assert_eq!(shared.look_up_headers, shared.headers);
    let after = path_of(&ASKING.replace("path: /query", "path: /query?v=1"), "k");
    assert!(after.starts_with("/query?v=1&q=SELECT"), "{after}");
}

#[test]
fn a_quote_in_a_key_cant_end_the_quoted_string_around_it() {
    let told = |key: &str, how: &str| {
        let path = path_of(&ASKING.replace("backslashed", how), key);
        let (_, text) = path.split_once("Ext__c%20%3D%20").expect("the query");
        percent_encoding::percent_decode_str(text.trim_end_matches("&all=yes"))
            .decode_utf8()
            .expect("UTF-8")
            .into_owned()
    };
    let key = r#"O'Neil\ "x"' OR '1'='1"#;
    assert_eq!(
        told(key, "backslashed"),
        r#"'O\'Neil\\ \"x\"\' OR \'1\'=\'1'"#
    );
    assert_eq!(told(key, "doubled"), r#"'O''Neil\ "x"'' OR ''1''=''1'"#);
    assert_eq!(told(key, "plain"), format!("'{key}'"));
    assert_eq!(told("Ann", "doubled"), "'Ann'");
    // In the body of a look-up, and in a path.
    let by_post = "method: PATCH
path: \"/things(ext='{ext|doubled}')\"
key: ext
effect: upserted
fields: {name: {}}
look_up:
  method: POST
  path: /search
  body: {where: \"ext eq '{ext|doubled}'\"}
  found: [{status: 200, body_has: /0}]
  absent: [{status: 200, body_lacks: /0}]";
    let own = operation(by_post);
    let asked = own.look_up("O'Neil").expect("a look-up");
    assert_eq!(asked.body, br#"{"where":"ext eq 'O''Neil'"}"#);
    let mut path = Vec::new();
    own.write_path("O'Neil", &mut path);
    assert_eq!(path, b"/things(ext='O%27%27Neil')");
}

#[test]
fn check_warns_of_a_key_between_quotes() {
    let check = |from: &str, to: &str| {
        let text = connector_text(&ASKING.replace(from, to));
        check_text("own.yaml", &text)
    };
    assert_eq!(check("no such text", ""), []);
    for (from, to) in [
        ("{ext|backslashed}", "{ext}"),
        ("path: /query\n", "path: \"/query?x=%27{ext}%27\"\n"),
        ("path: /things\n", "path: \"/things('{ext}')\"\n"),
    ] {
        let findings = check(from, to);
        assert_eq!(findings.len(), 1, "{to}: {findings:?}");
        let Finding {
            line,
            message,
            hint,
        } = &findings[0];
        assert!(message.contains("would end the quoted string"), "{message}");
        assert!(hint.contains("{ext|doubled}") && line.is_some(), "{hint}");
    }
    let unknown = check("|backslashed", "|slashed");
    assert!(
        unknown.len() == 1 && unknown[0].message.contains("`|doubled`"),
        "{unknown:?}"
    );
}
