//! Jobs with entities, and the words about what is wrong with them.

use std::path::Path;

use super::tests::read;
use super::*;

const JOB: &str = r#"job: move
target: {connector: crm, region: eu, operation: contacts}
entities:
  - name: people
    source: {csv: people.csv}
    map:
      id: person
      siteId: {from: site, reference: sites}
      homeId: {from: home, reference: sites}
  - name: sites
    source: {xlsx: sites.xlsx}
    target: {operation: sites, region: us}
    limits: {share: 50%}
  - name: notes
    source: {csv: notes.csv}
    target: {connector: other, folder: inbox}
limits: {share: 80%, max_errors: 1%}
"#;

fn layers(text: &str) -> PartLayers {
    let job = read(text).expect("a job");
    PartLayers::of_job(&job, Path::new("jobs/move.yaml")).expect("parts")
}

#[test]
fn an_entity_is_a_load_of_its_own_with_what_the_job_says_for_all() {
    let layers = layers(JOB);
    assert_eq!(layers.order, PartOrder::InTurn);
    let after: Vec<(&str, &[String])> = (layers.parts.iter())
        .map(|part| (part.name.as_str(), part.after.as_slice()))
        .collect();
    let sites = ["sites".to_owned()];
    assert_eq!(
        after,
        [("people", &sites[..]), ("sites", &[]), ("notes", &[])]
    );
    let parts = Parts::settle(&Overrides::default(), layers, None).expect("settled");
    let [people, sites, notes] = parts.parts.as_slice() else {
        panic!("{parts:?}");
    };
    assert_eq!(people.settings.connector, "crm");
    assert_eq!(people.settings.operation.as_deref(), Some("contacts"));
    assert_eq!(people.settings.variables["region"], "eu");
    assert_eq!(people.settings.share.to_string(), "80%");
    assert_eq!(
        people.settings.input.path(),
        Some(Path::new("jobs/people.csv"))
    );
    let rules = people.settings.mapping.as_deref().expect("a map");
    assert_eq!(rules[1].reference.as_deref(), Some("sites"));
    assert_eq!(sites.settings.operation.as_deref(), Some("sites"));
    assert_eq!(sites.settings.connector, "crm");
    assert_eq!(sites.settings.variables["region"], "us");
    assert_eq!(sites.settings.share.to_string(), "50%");
    assert_eq!(
        sites.settings.max_errors,
        Some(ErrorBudget::Percent(1.0)),
        "a limit that the entity doesn't name"
    );
    assert!(sites.settings.mapping.is_none());
    // Another connector's region and operation mean something else.
    assert_eq!(notes.settings.connector, "other");
    assert_eq!(notes.settings.operation, None);
    assert_eq!(notes.settings.variables.len(), 1);
    for part in &parts.parts {
        assert_eq!(part.settings.job, "move");
    }
}

#[test]
fn a_job_without_a_name_is_called_as_its_file() {
    let layers = layers(JOB.strip_prefix("job: move\n").expect("the name"));
    let parts = Parts::settle(&Overrides::default(), layers, None).expect("settled");
    assert!(parts.parts.iter().all(|part| part.settings.job == "move"));
}

#[test]
fn flags_for_a_platform_as_the_source_are_for_those_that_have_one() {
    let text = "target: {connector: crm}\nentities:\n\
        - {name: a, source: {csv: a.csv}}\n- {name: b, source: {connector: pbx, stream: users}}\n";
    let mut flags = Overrides::default();
    flags
        .variables
        .insert("source.region".to_owned(), "eu".to_owned());
    flags.since = Some("2026-01-31".parse().expect("a day"));
    let parts = Parts::settle(&flags, layers(text), None)
        .expect("settled")
        .parts;
    assert_eq!(
        (parts[0].settings.since, parts[1].settings.since),
        (None, flags.since)
    );
    let InputSource::Stream(stream) = &parts[1].settings.input else {
        panic!("{:?}", parts[1].settings.input);
    };
    assert_eq!(stream.variables["region"], "eu");
    let files = "target: {connector: crm}\nentities: [{name: a, source: {csv: a.csv}}]\n";
    let error = Parts::settle(&flags, layers(files), None).expect_err("nobody to give it to");
    assert!(error.message.contains("source"), "{error}");
}

/// A mistake of a job whose entities these are.
fn mistake(entities: &str) -> String {
    let text = format!("target: {{connector: crm}}\nentities:\n{entities}");
    read(&text).expect_err(entities).to_string()
}

#[test]
fn mistakes_are_told_with_their_place() {
    let many: String = (0..101)
        .map(|number| format!("- {{name: e{number}, source: {{csv: a.csv}}}}\n"))
        .collect();
    for (entities, told) in [
        ("  []", "job.yaml:3:3: `entities` names no entity"),
        (
            many.as_str(),
            "a job has 100 entities at most, and this one 101",
        ),
        (
            "- {source: {csv: a.csv}}",
            "job.yaml:3:4: the key `name` is missing",
        ),
        ("- {name: a}", "job.yaml:3:4: the key `source` is missing"),
        (
            "- {name: a, source: {csv: a.csv}, mapp: {}}",
            "job.yaml:3:35: unknown key `mapp`; did you mean `map`?",
        ),
        (
            "- {name: ../a, source: {csv: a.csv}}",
            "job.yaml:3:10: \"../a\" is no name for",
        ),
        (
            "- {name: lock, source: {csv: a.csv}}",
            "job.yaml:3:10: `lock` is taken",
        ),
        (
            "- {name: a, source: {csv: a.csv}}\n- {name: A, source: {csv: b.csv}}",
            "job.yaml:4:10: `A` is the name of another ",
        ),
        (
            "- {name: a, source: {csv: a.csv, xlsx: b.xlsx}}",
            "job.yaml:3:21: the source names several inputs: csv, xlsx",
        ),
        (
            "- {name: a, source: {csv: a.csv}, map: {x: {from: b, e164: Germany}}}",
            "job.yaml:3:44: `x`: \"Germany\" is no region",
        ),
        (
            "- {name: a, source: {csv: \"-\"}}",
            "job.yaml:3:27: standard input can't be the source of an entity",
        ),
        (
            "- {name: sites, source: {csv: a.csv}}\n- {name: b, source: {csv: a.csv}, map: {x: {from: s, reference: site}}}",
            "job.yaml:4:44: `x` refers to `site`, which is no entity; did you mean `sites`?",
        ),
        (
            "- {name: a, source: {csv: a.csv}}\n- {name: b, source: {csv: a.csv}, map: {x: {from: s, reference: planets}}}",
            "job.yaml:4:44: `x` refers to `planets`, which is no entity; known here: a, b",
        ),
        (
            "- {name: a, source: {csv: a.csv}, map: {boss: {from: b, reference: a}}}",
            "job.yaml:3:47: `boss` refers to `a`, the entity that it is a field of",
        ),
    ] {
        let found = mistake(entities);
        assert!(found.contains(told), "{entities}\n{found}");
    }
}

#[test]
fn what_belongs_to_one_entity_is_not_said_of_the_job() {
    let entities = "entities: [{name: a, source: {csv: a.csv}, target: {connector: crm}}]\n";
    assert!(read(entities).is_ok());
    for (own, told) in [
        (
            "source: {csv: a.csv}",
            "job.yaml:1:9: a job with `entities` has no `source` of its own",
        ),
        (
            "map: {id: a}",
            "job.yaml:1:7: a job with `entities` has no `map` of its own",
        ),
        (
            "targets: [{connector: crm}]",
            "job.yaml:1:10: a job with `entities` has no `targets` of its own",
        ),
    ] {
        let found = read(&format!("{own}\n{entities}"))
            .expect_err(own)
            .to_string();
        assert_eq!(found, told);
    }
}

#[test]
fn only_entities_can_be_referred_to() {
    let map = "map: {x: {from: a, reference: sites}}\n";
    let alone = format!("source: {{csv: a.csv}}\ntarget: {{connector: crm}}\n{map}");
    let error = read(&alone).expect_err("no entities");
    assert_eq!(
        error.to_string(),
        "job.yaml:3:10: `x` refers to `sites`, and the job has no `entities`"
    );
    assert!(error.hint.contains("under `entities`"), "{}", error.hint);
    let twice = format!("source: {{csv: a.csv}}\ntargets:\n- connector: crm\n  {map}");
    assert!(read(&twice).is_err());
}
