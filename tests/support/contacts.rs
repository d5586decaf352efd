//! Inputs of numbered contacts: `c-1`, `c-2` and so on.

use std::collections::BTreeSet;
use std::fmt::Write;

use loadtest::tenant::Scenario;

/// A CSV file of so many contacts, all of them without fault.
pub fn numbered_csv(count: u64) -> String {
    let mut text = String::from("contactId,firstName,email,phone\n");
    for number in 1..=count {
        writeln!(
            text,
            "c-{number},Name {number},person.{number}@example.com,+49 151 {number:08}"
        )
        .expect("writing to memory doesn't fail");
    }
    text
}

/// What a tenant must make of `numbered_csv`, asked of the scenario and not of
/// the loader.
pub struct Numbered {
    pub applied: BTreeSet<String>,
    pub missing: BTreeSet<String>,
    pub invalid: BTreeSet<String>,
}

impl Numbered {
    pub fn new(count: u64, scenario: &Scenario) -> Self {
        let mut expected = Self {
            applied: BTreeSet::new(),
            missing: BTreeSet::new(),
            invalid: BTreeSet::new(),
        };
        for number in 1..=count {
            let id = format!("c-{number}");
            let group = if !scenario.contacts.exists(&id) {
                &mut expected.missing
            } else if scenario.contacts.is_invalid(&id) {
                &mut expected.invalid
            } else {
                &mut expected.applied
            };
            group.insert(id);
        }
        expected
    }

    /// The ids that `rejected.csv` must list.
    pub fn rejected(&self) -> BTreeSet<String> {
        self.missing.union(&self.invalid).cloned().collect()
    }
}
