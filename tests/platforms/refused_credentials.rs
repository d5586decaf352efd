//! Credentials that go along with each request, and that the platform refuses:
//! the run ends at once, in the platform's own words.

use serde_json::json;

use super::bench_of;
use super::stand_in::stand_in;

const CONNECTOR: &str = r#"
name: own
title: Users by an external id
base_url: https://api.example.com
auth: {grant: basic}
operations:
  write:
    method: PUT
    path: "/users/{external_id}"
    key: external_id
    effect: updated
    fields: {name: {}}
    look_up:
      path: "/search?external_id={external_id}"
      found: [{status: 200, body_has: /users/0}]
      absent: [{status: 200, body_lacks: /users/0}]
      record: /users/0
      id: /users/0/id
"#;

#[test]
fn a_wrong_key_is_told_in_the_platform_s_words() {
    let url = stand_in(|_| (401, json!({"error": "Couldn't authenticate you"})));
    let base_url = format!("base_url={url}");
    for (grant, hint) in [
        ("basic", "go along as user name and password"),
        ("token", "goes along as the token"),
    ] {
        // By a write, and by a look-up that comes before it.
        for flags in [&[][..], &["--pre-images"]] {
            let bench = bench_of("./own.yaml", "");
            let text = CONNECTOR.replace("basic", grant);
            let text = text.replace(
                "effect: updated\n",
                "effect: updated\n    body: {partial: true}\n",
            );
            bench.write("own.yaml", text);
            bench.write("users.csv", "external_id,name\nu-1,Ada\nu-2,Eve\n");
            let arguments = ["run", "users.csv", "--to", "./own.yaml", "--set", &base_url];
            let ended = bench
                .bare(&arguments)
                .arguments(flags)
                .environment("SLUICE_CLIENT_ID", "agent@example.com/token")
                .environment("SLUICE_CLIENT_SECRET", "wrong")
                .run()
                .expect_code(4);
            let told = &ended.stderr;
            assert!(
                told.contains("refuses the credentials with 401: Couldn't authenticate you")
                    && told.contains(hint)
                    && !told.contains("wrong"),
                "{told}"
            );
        }
    }
}
