//! What the tests of the mapping share.

pub(super) use crate::mapping::*;
pub(super) use crate::record::{Fields, Refusal};

pub(super) fn contract() -> Contract {
    Contract {
        key: "contactId".to_owned(),
        key_max_length: Some(40),
        fields: vec![
            ContractField::new("firstName", FieldKind::String),
            ContractField::new("lastName", FieldKind::String),
            ContractField::new("phone", FieldKind::Phone),
            ContractField::new("score", FieldKind::Number),
            ContractField::new("active", FieldKind::Boolean),
        ],
        ..Contract::default()
    }
}

/// A contract of the key `id` and these fields.
pub(super) fn contract_of(fields: Vec<ContractField>) -> Contract {
    Contract {
        key: "id".to_owned(),
        fields,
        ..Contract::default()
    }
}

pub(super) fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub(super) fn row(cells: &[&str]) -> Fields {
    let mut fields = Fields::default();
    for cell in cells {
        fields.push_text(cell);
        fields.end_field();
    }
    fields
}

pub(super) fn by_header(
    names: &[&str],
    contract: &Contract,
) -> Result<Program, Vec<LocatedProblem>> {
    let payload: Vec<usize> = (0..names.len()).collect();
    Program::compile(None, &header(names), &payload, contract)
}

pub(super) fn by_rules(
    rules: &[FieldRule],
    names: &[&str],
    contract: &Contract,
) -> Result<Program, Vec<LocatedProblem>> {
    let payload: Vec<usize> = (0..names.len()).collect();
    Program::compile(Some(rules), &header(names), &payload, contract)
}

pub(super) fn apply(program: &Program, cells: &[&str]) -> Result<(String, String), Box<Refusal>> {
    let (mut mapped, mut body) = (MappedRow::default(), Vec::new());
    program.apply(&row(cells), &mut mapped, &mut body)?;
    let body = String::from_utf8(body).expect("UTF-8");
    Ok((mapped.key().to_owned(), body))
}

pub(super) fn problems(result: Result<Program, Vec<LocatedProblem>>) -> Vec<String> {
    let problems = result.expect_err("problems");
    problems.iter().map(ToString::to_string).collect()
}

/// One field `value`, of a kind, filled from the column `cell` by a rule.
pub(super) struct OneField {
    pub(super) field: ContractField,
    pub(super) rule: FieldRule,
}

impl OneField {
    pub(super) fn of(kind: FieldKind) -> Self {
        Self {
            field: ContractField::new("value", kind),
            rule: FieldRule::column("value", "cell"),
        }
    }

    /// With a conversion.
    pub(super) fn converting(kind: FieldKind, conversion: Conversion) -> Self {
        let mut one = Self::of(kind);
        one.rule.convert = Some(conversion);
        one
    }

    pub(super) fn program(&self) -> Result<Program, Vec<LocatedProblem>> {
        let rules = [FieldRule::column("id", "id"), self.rule.clone()];
        let contract = contract_of(vec![self.field.clone()]);
        by_rules(&rules, &["id", "cell", "other"], &contract)
    }

    /// What a cell becomes: the field's JSON, or the rule that refuses it and
    /// why.
    pub(super) fn map(&self, cell: &str) -> Result<String, (String, String)> {
        self.map_beside(cell, "")
    }

    /// The same, with a text in the column `other`.
    pub(super) fn map_beside(&self, cell: &str, other: &str) -> Result<String, (String, String)> {
        let program = self.program().expect("fits");
        match apply(&program, &["1", cell, other]) {
            // The field is left out, and there is no other.
            Ok((_, body)) if body == "{}" => Ok(String::new()),
            Ok((_, body)) => {
                let value = body.strip_prefix(r#"{"value":"#);
                let value = value.and_then(|value| value.strip_suffix('}'));
                Ok(value.expect("the field alone").to_owned())
            }
            Err(refusal) => {
                assert_eq!(refusal.field, "value");
                Err((refusal.error, refusal.message))
            }
        }
    }

    /// The rule that refuses a cell.
    #[track_caller]
    pub(super) fn refuses(&self, cell: &str) -> String {
        self.map(cell).expect_err(cell).0
    }

    /// What is wrong with the rule.
    #[track_caller]
    pub(super) fn problem(&self) -> String {
        let problems = problems(self.program());
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].clone()
    }
}

pub(super) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
