//! The mapping alone, one thread: ten fields as a migration has them (five
//! columns as they are, a lower-case e-mail address, a lookup table, a date, a
//! telephone number and a constant), and each part by itself. A reference is
//! measured with its look-up in the other entity's journal.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use sluice::mapping::{
    Contract, ContractField, Conversion, DateRule, FieldKind, FieldRule, LetterCase, Lookup,
    MappedRow, Program, Region, RuleSource, TargetIds,
};
use sluice::record::{Fields, RowId, TargetId};
use sluice::store::{Checkpoint, Commit, Journal, ParentIds, SqliteJournal};

const ROWS: usize = 1_000;
/// A prime, so that every one of the keys is there once.
const PARENTS: usize = 1_000_003;
const COLUMNS: [&str; 10] = [
    "id", "first", "last", "company", "city", "street", "mail", "level", "since", "mobile",
];

fn rows() -> Vec<Fields> {
    (0..ROWS)
        .map(|row| {
            let mut fields = Fields::default();
            for text in [
                parent_key(row),
                "Guðrún".to_owned(),
                "de Vries".to_owned(),
                "Example Telephony GmbH".to_owned(),
                "Sankt Augustin".to_owned(),
                format!("Hauptstraße {row}"),
                format!("Contact.{row}@Example.com"),
                (row % 3 + 1).to_string(),
                format!(
                    "{:02}.{:02}.{}",
                    row % 28 + 1,
                    row % 12 + 1,
                    1990 + row % 30
                ),
                format!("0151 {}", 20_000_000 + row),
            ] {
                fields.push_text(&text);
                fields.end_field();
            }
            fields
        })
        .collect()
}

fn field(name: &str, kind: FieldKind) -> ContractField {
    ContractField {
        at: name.split('.').map(str::to_owned).collect(),
        max_length: Some(100),
        ..ContractField::new(name, kind)
    }
}

fn contract() -> Contract {
    let fields = [
        ("firstName", FieldKind::String),
        ("lastName", FieldKind::String),
        ("company", FieldKind::String),
        ("address.city", FieldKind::String),
        ("address.street", FieldKind::String),
        ("emails.0.value", FieldKind::Email),
        ("custom.tier", FieldKind::String),
        ("custom.since", FieldKind::Date),
        ("phone", FieldKind::E164),
        ("origin", FieldKind::String),
        ("label", FieldKind::String),
    ];
    Contract {
        key: "id".to_owned(),
        fields: fields.map(|(name, kind)| field(name, kind)).into(),
        ..Contract::default()
    }
}

fn plain() -> Vec<FieldRule> {
    [
        ("firstName", "first"),
        ("lastName", "last"),
        ("company", "company"),
        ("address.city", "city"),
        ("address.street", "street"),
    ]
    .map(|(target, column)| FieldRule::column(target, column))
    .into()
}

fn email() -> FieldRule {
    FieldRule {
        trim: true,
        letter_case: Some(LetterCase::Lower),
        ..FieldRule::column("emails.0.value", "mail")
    }
}

fn tier() -> FieldRule {
    let entries = [("1", "Gold"), ("2", "Silver"), ("3", "Bronze")];
    FieldRule {
        lookup: Some(Lookup {
            entries: entries
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            file: None,
        }),
        ..FieldRule::column("custom.tier", "level")
    }
}

fn since() -> FieldRule {
    FieldRule {
        convert: Some(Conversion::Date(DateRule {
            from: vec!["%d.%m.%Y".to_owned()],
            ..DateRule::default()
        })),
        ..FieldRule::column("custom.since", "since")
    }
}

fn phone() -> FieldRule {
    FieldRule {
        convert: Some(Conversion::E164(Region::Fixed("DE".to_owned()))),
        ..FieldRule::column("phone", "mobile")
    }
}

fn origin() -> FieldRule {
    FieldRule::new("origin", RuleSource::Constant("import".to_owned()))
}

/// A field that refers to another entity by this column.
fn reference(column: &str) -> FieldRule {
    FieldRule {
        reference: Some("parents".to_owned()),
        ..FieldRule::column("label", column)
    }
}

fn parent_key(number: usize) -> String {
    format!("c{number:07}")
}

/// A load of so many parents with keys as those of the rows, and of three more,
/// whose keys are the levels.
fn parents(folder: &Path, count: usize) -> Arc<dyn TargetIds> {
    let path = folder.join("journal.db");
    let mut journal = SqliteJournal::create(&path).expect("the folder is writable");
    let target_ids: Vec<TargetId> = (0..count + 3)
        .map(|row| TargetId {
            row: RowId(row as u64 + 1),
            key: match row.checked_sub(count) {
                Some(level) => (level + 1).to_string().into(),
                // In another order than that of the rows.
                None => parent_key(row * 7_919 % count).into(),
            },
            id: format!("{row:08}-0000-4000-8000-000000000000"),
        })
        .collect();
    let commit = Commit {
        changes: &[],
        checkpoint: &Checkpoint::default(),
        settled: &[],
        listed: &[],
        unlisted_lines: &[],
        target_ids: &target_ids,
    };
    journal.commit(&commit).expect("the journal can be written");
    drop(journal);
    let ids = ParentIds::open([("parents".to_owned(), vec![path])]);
    Arc::new(ids.expect("the journal can be read"))
}

fn template(text: &str) -> FieldRule {
    FieldRule::new("label", RuleSource::Template(text.to_owned()))
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("mapping");
    group.throughput(Throughput::Elements(ROWS as u64));
    let rows = rows();
    let header = COLUMNS.map(str::to_owned);
    let payload: Vec<usize> = (0..COLUMNS.len()).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let ids = parents(folder.path(), PARENTS);
    let mut measure = |name: &str, rules: Vec<FieldRule>| {
        let all: Vec<FieldRule> = std::iter::once(FieldRule::column("id", "id"))
            .chain(rules)
            .collect();
        let program = Program::compile(Some(&all), &header, &payload, &contract());
        let mut program = program.expect("the rules fit");
        program.set_target_ids(&ids);
        let (mut mapped, mut body) = (MappedRow::default(), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                body.clear();
                for row in &rows {
                    let applied = program.apply(black_box(row), &mut mapped, &mut body);
                    applied.expect("every row is in order");
                }
                body.len()
            });
        });
    };
    let mut ten = plain();
    ten.extend([email(), tier(), since(), phone(), origin()]);
    measure("ten_fields", ten);
    measure("five_plain_columns", plain());
    measure("lower_case_email", vec![email()]);
    measure("lookup", vec![tier()]);
    measure("date", vec![since()]);
    measure("e164", vec![phone()]);
    measure(
        "template_of_columns",
        vec![template("{{ first }} {{ last }}")],
    );
    measure(
        "template_with_filter",
        vec![template("{{ first|upper }} {{ last }}")],
    );
    measure("reference_to_few", vec![reference("level")]);
    // Keys that come once in a million are never remembered.
    group.bench_function("look_up_of_a_parent", |bencher| {
        let mut number = 0;
        bencher.iter(|| {
            for _ in 0..ROWS {
                number = (number + 104_729) % PARENTS;
                black_box(ids.find("parents", &parent_key(number)));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
