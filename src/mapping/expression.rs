//! Templates and conditions over a row's columns, in the language of minijinja
//! (Jinja2).
//!
//! A column is a variable of its name; `row["a b"]` names one that is no
//! variable's name. All of them are texts. A name that no column has is a
//! mistake, never an empty text.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior};

use crate::record::Fields;

use super::columns::Columns;
use super::plain_template::PlainTemplate;
use super::reading::{read_condition, read_template};

/// The variable that has all columns.
pub(super) const ROW: &str = "row";
/// The name of the one template of an environment.
const NAME: &str = "template";

/// Steps that a template or a condition may take for a row. A long one takes a few
/// hundred; loops in loops would hold a load up for ever.
const MOST_STEPS: u64 = 100_000;

/// Functions, filters and tests; conditions live in it.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MOST_STEPS));
    environment
}

/// Whether a text is a template.
///
/// # Errors
/// What is wrong with its syntax, or a column that it takes for a number.
pub(super) fn check_template(source: &str) -> Result<(), String> {
    parse_template(source).map(|_| ())
}

/// Whether a text is a condition.
///
/// # Errors
/// As of [`check_template`].
pub(super) fn check_condition(source: &str) -> Result<(), String> {
    parse_condition(source).map(|_| ())
}

fn parse_template(source: &str) -> Result<Environment<'static>, String> {
    let mut environment = environment();
    environment
        .add_template_owned(NAME, source.to_owned())
        .map_err(|error| format!("the template can't be read: {}", words(&error)))?;
    read_template(source)?;
    Ok(environment)
}

fn parse_condition(source: &str) -> Result<Expression<'static, 'static>, String> {
    let expression = ENVIRONMENT
        .compile_expression_owned(source.to_owned())
        .map_err(|error| format!("the condition can't be read: {}", words(&error)))?;
    read_condition(source)?;
    Ok(expression)
}

/// Whether a name is the language's own, such as `range`.
pub(super) fn is_global(name: &str) -> bool {
    ENVIRONMENT.globals().any(|(global, _)| global == name)
}

/// The library's error without the place inside the template, which has no
/// file of its own.
fn words(error: &Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return format!("takes more than {MOST_STEPS} steps for one row; make its loops shorter");
    }
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// A compiled template.
#[derive(Debug)]
pub(super) enum Template {
    /// Text and columns only, put together without the template engine.
    Plain(PlainTemplate),
    /// Everything else.
    Engine(Box<EngineTemplate>),
}

/// A template that needs the engine.
#[derive(Debug)]
pub(super) struct EngineTemplate {
    environment: Environment<'static>,
    variables: Variables,
}

impl Template {
    /// Compiles a template against the columns.
    pub(super) fn new(source: &str, columns: &Columns) -> Result<Self, String> {
        let environment = parse_template(source)?;
        let template = environment
            .get_template(NAME)
            .map_err(|error| words(&error))?;
        let variables = Variables::new(
            source,
            template.undeclared_variables(false),
            columns,
            "the template",
        )?;
        reject_misspelt(source, &engine_parts(source), columns)?;
        let trial = template.render(variables.values(&columns.empty_row()));
        reject_unknown(trial.err(), "the template")?;
        Ok(match PlainTemplate::parse(source, columns) {
            Some(plain) => Self::Plain(plain),
            None => Self::Engine(Box::new(EngineTemplate {
                environment,
                variables,
            })),
        })
    }

    /// The template's text for a row.
    ///
    /// # Errors
    /// What the row's cells can't do, such as `{{ age|int }}` of a word.
    pub(super) fn render(&self, fields: &Fields) -> Result<String, String> {
        match self {
            Self::Plain(plain) => Ok(plain.render(fields)),
            Self::Engine(engine) => engine.render(fields),
        }
    }

    /// The indexes of the columns that the template names.
    pub(super) fn cells(&self) -> Vec<usize> {
        match self {
            Self::Plain(plain) => plain.cells(),
            Self::Engine(engine) => engine.variables.cells(),
        }
    }
}

impl EngineTemplate {
    fn render(&self, fields: &Fields) -> Result<String, String> {
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(self.variables.values(fields)))
            .map_err(|error| words(&error))
    }
}

/// A compiled condition.
pub(super) struct Condition {
    expression: Expression<'static, 'static>,
    variables: Variables,
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Condition");
        shown.field("variables", &self.variables).finish()
    }
}

impl Condition {
    /// Compiles a condition against the columns.
    pub(super) fn new(source: &str, columns: &Columns) -> Result<Self, String> {
        let expression = parse_condition(source)?;
        let variables = Variables::new(
            source,
            expression.undeclared_variables(false),
            columns,
            "the condition",
        )?;
        reject_misspelt(source, source, columns)?;
        let trial = expression.eval(variables.values(&columns.empty_row()));
        reject_unknown(trial.err(), "the condition")?;
        Ok(Self {
            expression,
            variables,
        })
    }

    /// Whether a row meets the condition.
    ///
    /// # Errors
    /// What the row's cells can't do.
    pub(super) fn is_met(&self, fields: &Fields) -> Result<bool, String> {
        self.expression
            .eval(self.variables.values(fields))
            .map(|value| value.is_true())
            .map_err(|error| words(&error))
    }
}

/// What the engine reads of a template: what stands between its braces.
fn engine_parts(source: &str) -> String {
    let first = |text: &str, marks: [&str; 2]| {
        let places = marks.iter().filter_map(|mark| text.find(mark));
        places.min()
    };
    let mut parts = String::new();
    let mut rest = source;
    while let Some(start) = first(rest, ["{{", "{%"]) {
        rest = &rest[start + 2..];
        let end = first(rest, ["}}", "%}"]).unwrap_or(rest.len());
        parts.push_str(&rest[..end]);
        parts.push(' ');
        rest = &rest[end..];
    }
    parts
}

/// Refuses a text that means a column and names none: one that stands in quotes
/// is a text itself, and so is one in single braces. `read` is what the engine
/// reads of it.
fn reject_misspelt(source: &str, read: &str, columns: &Columns) -> Result<(), String> {
    let outside_quotes = read.split(['"', '\'']).step_by(2);
    let mut names = outside_quotes.flat_map(words_of);
    if names.any(|name| name == ROW || columns.index(name).is_ok()) {
        return Ok(());
    }
    let mut parts = source.split(['"', '\'', '{', '}']).skip(1);
    match parts.find(|part| columns.index(part.trim()).is_ok()) {
        Some(name) => {
            let name = name.trim();
            Err(format!(
                "`{name}` is a text here and not the column, so it is the same for every row; write row[\"{name}\"], in a template {{{{ row[\"{name}\"] }}}}"
            ))
        }
        None => Ok(()),
    }
}

/// The words of a text that may be names.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// A trial on empty cells fails for many reasons that filled ones don't have;
/// but a name that isn't there it misses for every row.
fn reject_unknown(error: Option<Error>, what: &str) -> Result<(), String> {
    let Some(error) = error else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::UndefinedError => Err(format!(
            "{what} names something that the input doesn't have as a column"
        )),
        ErrorKind::UnknownFilter
        | ErrorKind::UnknownTest
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownMethod => Err(format!("{what} can't work: {}", words(&error))),
        ErrorKind::OutOfFuel => Err(format!("{what} {}", words(&error))),
        _ => Ok(()),
    }
}

/// Names, and the cells that they stand for.
#[derive(Debug)]
struct Scope {
    places: Arc<HashMap<String, usize>>,
    cells: Vec<usize>,
}

impl Scope {
    /// The columns that `is_used` wants. Of a name that stands twice neither
    /// column can be meant.
    fn new(columns: &Columns, is_used: impl Fn(&str) -> bool) -> Self {
        let mut places = HashMap::new();
        let mut cells = Vec::new();
        for name in &columns.names {
            if let Ok(index) = columns.index(name)
                && is_used(name)
            {
                places.insert((*name).to_owned(), cells.len());
                cells.push(index);
            }
        }
        Self {
            places: Arc::new(places),
            cells,
        }
    }

    fn value(&self, fields: &Fields, row: Option<Value>) -> Value {
        let text = |&cell: &usize| Value::from(fields.get(cell).unwrap_or_default());
        Value::from_object(Cells {
            places: Arc::clone(&self.places),
            texts: self.cells.iter().map(text).collect(),
            row,
        })
    }
}

/// The columns that a template or a condition uses.
#[derive(Debug)]
struct Variables {
    own: Scope,
    /// All columns, where `row` is used.
    row: Option<Scope>,
}

impl Variables {
    /// `undeclared` are the names that the engine found; it passes over those
    /// in slices such as `name[:1]`, so each word of `source` that is a column's
    /// name counts too.
    fn new(
        source: &str,
        undeclared: HashSet<String>,
        columns: &Columns,
        what: &str,
    ) -> Result<Self, String> {
        let mut undeclared: Vec<String> = undeclared.into_iter().collect();
        undeclared.sort_unstable();
        for name in &undeclared {
            if let Err(missing) = columns.index(name)
                && name != ROW
                && !is_global(name)
            {
                return Err(format!("{what} names {}", missing.words()));
            }
        }
        let words: HashSet<&str> = words_of(source).collect();
        let uses_row = words.contains(ROW);
        Ok(Self {
            own: Scope::new(columns, |name| words.contains(name)),
            row: uses_row.then(|| Scope::new(columns, |_| true)),
        })
    }

    fn values(&self, fields: &Fields) -> Value {
        let row = self.row.as_ref().map(|row| row.value(fields, None));
        self.own.value(fields, row)
    }

    fn cells(&self) -> Vec<usize> {
        match &self.row {
            Some(all) => all.cells.clone(),
            None => self.own.cells.clone(),
        }
    }
}

/// Texts of a row under their columns' names.
#[derive(Debug)]
struct Cells {
    places: Arc<HashMap<String, usize>>,
    texts: Vec<Value>,
    /// What the name `row` stands for; before a column of that name.
    row: Option<Value>,
}

impl Object for Cells {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == ROW && self.row.is_some() {
            return self.row.clone();
        }
        let place = *self.places.get(key)?;
        self.texts.get(place).cloned()
    }
}
