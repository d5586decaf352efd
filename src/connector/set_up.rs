//! What is asked of a platform before the first row: its address, and what has
//! to be there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Located;

use super::bind::{parse_url, values};
use super::error::ConnectorError;
use super::load::Connector;
use super::message::id_text;
use super::places::Places;
use super::read_target::query_text;
use super::template::Template;

/// The variable that a discovered address is handed over in.
pub(super) const DISCOVERED: &str = "discovered_base_url";
/// Stands for an address that is asked for when a load starts. No host can have
/// this name (RFC 2606).
pub(super) const NOT_YET_ASKED: &str = "https://asked-when-the-load-starts.invalid";

/// Where the platform's address is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The whole address of the question; `None` where the reply that grants a
    /// token has the answer.
    pub url: Option<String>,
    /// The variable that [`Connector::bind_to`] takes the answer in.
    pub sets: &'static str,
    base_url: String,
    hosts: Vec<String>,
    /// Other variables, and their places in the answer.
    variables: Vec<(String, String)>,
}

impl Discovery {
    /// The platform's address in a reply, as it stands there.
    #[must_use]
    pub fn told(&self, reply: &[u8]) -> Option<String> {
        let reply: Value = serde_json::from_slice(reply).ok()?;
        reply.pointer(&self.base_url)?.as_str().map(str::to_owned)
    }

    /// An address that the platform told, in a form that can be bound.
    ///
    /// # Errors
    /// It is none, or its host is one that the connector file doesn't name.
    pub fn believed(&self, told: &str) -> Result<String, ConnectorError> {
        let url = parse_url("address that the platform told", told)?;
        let is_named =
            self.hosts.is_empty() || self.hosts.iter().any(|hosts| is_among(hosts, &url.host));
        // Another port may be another's.
        let is_usual = self.hosts.is_empty() || url.is_loopback() || url.port == 443;
        match is_named && is_usual {
            true => Ok(url.to_string()),
            false => Err(ConnectorError::ForeignHost {
                host: url.authority(),
                known: self.hosts.join(", "),
            }),
        }
    }

    /// The other variables that a reply tells, which the user hasn't given.
    /// What they may hold is checked when they are bound.
    #[must_use]
    pub fn variables(&self, reply: &[u8]) -> Vec<(String, String)> {
        let Ok(reply) = serde_json::from_slice::<Value>(reply) else {
            return Vec::new();
        };
        let told = self.variables.iter().filter_map(|(name, place)| {
            let text = reply.pointer(place)?.as_str()?;
            Some((name.clone(), text.to_owned()))
        });
        told.collect()
    }

    /// Whether the answer tells a variable.
    pub(super) fn tells(&self, variable: &str) -> bool {
        self.variables.iter().any(|(name, _)| name == variable)
    }
}

/// Whether a host is that one, or below it where it begins with `*.`.
fn is_among(hosts: &str, host: &str) -> bool {
    let hosts = hosts.to_ascii_lowercase();
    match hosts.strip_prefix('*') {
        Some(end) => host.len() > end.len() && host.ends_with(end),
        None => host == hosts,
    }
}

/// Something that has to be there before the first row.
#[derive(Clone, Debug, PartialEq)]
pub struct SetUpStep {
    /// Its name in the connector file.
    pub name: String,
    /// How it is looked for, with GET.
    pub look_up: SetUpCall,
    /// How it is made, with POST; `None` where a load may not.
    pub create: Option<SetUpCall>,
    /// The variable that gets its id.
    pub sets: String,
    found: Found,
    made_at: Vec<String>,
}

/// Where a look-up's reply shows what is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    /// The list of what was found; `None` where `id_at` leads to the one.
    records: Option<String>,
    /// Places in an entry, and the values that stand there in the one.
    same: Vec<(String, String)>,
    id_at: Vec<String>,
}

impl Found {
    fn id(&self, reply: &Value) -> Option<String> {
        let Some(records) = &self.records else {
            return id_at(&self.id_at, reply);
        };
        let is_meant = |record: &&Value| {
            self.same.iter().all(|(place, value)| {
                let shown = record.pointer(place).and_then(id_text);
                shown.as_deref() == Some(value)
            })
        };
        let record = reply.pointer(records)?.as_array()?.iter().find(is_meant)?;
        id_at(&self.id_at, record)
    }
}

/// A request of the set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpCall {
    /// The whole address.
    pub url: String,
    /// Headers besides the token's and the body's own.
    pub headers: Vec<(String, String)>,
    /// The body; `None` of a GET.
    pub body: Option<Vec<u8>>,
}

impl SetUpStep {
    /// The id in a look-up's reply; `None` where there is none.
    #[must_use]
    pub fn found(&self, reply: &[u8]) -> Option<String> {
        self.found.id(&serde_json::from_slice(reply).ok()?)
    }

    /// The id in the reply that says that it was made.
    #[must_use]
    pub fn made(&self, reply: &[u8]) -> Option<String> {
        id_at(&self.made_at, &serde_json::from_slice(reply).ok()?)
    }
}

fn id_at(places: &[String], reply: &Value) -> Option<String> {
    places
        .iter()
        .find_map(|place| id_text(reply.pointer(place)?))
}

impl Connector {
    /// Where the platform's address is asked for; `None` where the connector
    /// knows it, or the user has given it.
    ///
    /// # Errors
    /// Those of [`Connector::bind`] about variables.
    pub fn discovery(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<Option<Discovery>, ConnectorError> {
        let Some(section) = &self.file.auth.discovery else {
            return Ok(None);
        };
        let given = self.checked(variables)?;
        let is_given = |name: &str| given.contains_key(name);
        let section = &section.value;
        let url = section.url.as_ref().map(|url| &url.value);
        let can_be_asked = url.is_none_or(|url| url.names().all(is_given));
        if self.base_url_given(variables) || !can_be_asked {
            return Ok(None);
        }
        Ok(Some(Discovery {
            url: url.map(|url| self.fill(url, &given)).transpose()?,
            sets: DISCOVERED,
            base_url: section.base_url.value.clone(),
            hosts: values(&section.hosts),
            variables: (section.variables.entries.iter())
                .map(|entry| (entry.name.value.clone(), entry.value.value.clone()))
                .filter(|(name, _)| !variables.contains_key(name))
                .collect(),
        }))
    }

    /// Whether a variable is one that the user doesn't give: discovery or the
    /// set-up does.
    pub(super) fn is_handed_over(&self, name: &str) -> bool {
        let mut steps = self.file.setup.entries.iter();
        (name == DISCOVERED && self.file.auth.discovery.is_some())
            || steps.any(|step| step.value.value.sets.value == name)
    }

    /// Adds what the set-up has set. Before that, in a plan say, the name stands
    /// for the value.
    pub(super) fn hand_over(
        &self,
        variables: &BTreeMap<String, String>,
        checked: &mut BTreeMap<String, String>,
    ) {
        for step in &self.file.setup.entries {
            let name = &step.value.value.sets.value;
            let value = variables.get(name).cloned();
            checked.insert(name.clone(), value.unwrap_or_else(|| format!("({name})")));
        }
    }

    /// Which of the things under `setup` an operation needs, in the order in
    /// which the file names them: those whose variables stand in it, or in what
    /// has to be set up for it later.
    ///
    /// # Errors
    /// Those of [`Connector::bind`].
    pub fn set_up_steps(
        &self,
        operation: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Vec<usize>, ConnectorError> {
        let given = self.checked(variables)?;
        let mut needed: Vec<usize> = Vec::new();
        for (index, step) in self.file.setup.entries.iter().enumerate().rev() {
            let name = &step.value.value.sets.value;
            let mut without = given.clone();
            without.remove(name);
            let misses_it = |error: ConnectorError| match error {
                ConnectorError::MissingVariable { variable, .. } if variable == *name => Ok(true),
                error => Err(error),
            };
            let bound = self.bind_with(operation, variables, &without);
            let mut is_needed = bound.map(|_| false).or_else(misses_it)?;
            for later in &needed {
                let step = self.step(*later, variables, &without);
                is_needed |= step.map(|_| false).or_else(misses_it)?;
            }
            if is_needed {
                needed.push(index);
            }
        }
        needed.reverse();
        Ok(needed)
    }

    /// One of the things that have to be there before the first row, below
    /// `base_url`. What earlier ones set has to be among the variables.
    ///
    /// # Errors
    /// Those of [`Connector::bind`] about variables.
    pub fn set_up_step(
        &self,
        index: usize,
        variables: &BTreeMap<String, String>,
    ) -> Result<Option<SetUpStep>, ConnectorError> {
        self.step(index, variables, &self.checked(variables)?)
    }

    fn step(
        &self,
        index: usize,
        variables: &BTreeMap<String, String>,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<SetUpStep>, ConnectorError> {
        let Some(entry) = self.file.setup.entries.get(index) else {
            return Ok(None);
        };
        let section = &entry.value.value;
        let base_url = self.address(None, variables, given)?;
        let call = |path: &Located<Template>, query, headers, body: Option<Vec<u8>>| {
            let target = self.read_target(&base_url, given, &path.value, query, headers)?;
            let mut url = base_url.with_path(target.path).to_string();
            let query = query_text(&target.query);
            match path.value.asks() {
                true => url.push_str(&query.replacen('?', "&", 1)),
                false => url.push_str(&query),
            }
            Ok::<_, ConnectorError>(SetUpCall {
                url,
                headers: target.headers,
                body,
            })
        };
        let look_up = &section.look_up;
        let create = match &section.create {
            None => None,
            Some(create) => {
                let mut body = create.body.value.clone();
                self.fill_texts(&mut body, given)?;
                let body = body.to_string().into_bytes();
                Some(call(
                    &create.path,
                    &create.query,
                    &create.headers,
                    Some(body),
                )?)
            }
        };
        let places = |places: &Places| places.pointers.clone();
        Ok(Some(SetUpStep {
            name: entry.name.value.clone(),
            look_up: call(&look_up.path, &look_up.query, &look_up.headers, None)?,
            create,
            sets: section.sets.value.clone(),
            found: Found {
                records: look_up.records.as_ref().map(|place| place.value.clone()),
                same: (look_up.same.entries.iter())
                    .filter_map(|entry| {
                        let value = given.get(&entry.name.value)?.clone();
                        Some((entry.value.value.clone(), value))
                    })
                    .collect(),
                id_at: places(&look_up.id.value),
            },
            made_at: (section.create.as_ref())
                .map(|create| places(&create.id.value))
                .unwrap_or_default(),
        }))
    }

    /// Fills the variables into every text of a body. A text that isn't a
    /// template stands for itself.
    pub(super) fn fill_texts(
        &self,
        body: &mut Value,
        given: &BTreeMap<String, String>,
    ) -> Result<(), ConnectorError> {
        match body {
            Value::String(text) => {
                if let Ok(template) = Template::parse(text) {
                    *text = self.fill(&template, given)?;
                }
                Ok(())
            }
            Value::Array(items) => items
                .iter_mut()
                .try_for_each(|item| self.fill_texts(item, given)),
            Value::Object(members) => members
                .values_mut()
                .try_for_each(|member| self.fill_texts(member, given)),
            _ => Ok(()),
        }
    }
}
