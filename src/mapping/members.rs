//! Where values stand in a record: a tree of members, laid out once, that a row
//! is written along.

use super::contract::{Contract, FixedMember};
use super::json::push_string;
use super::program::MappedRow;

/// Entries that a list's index may lead to; one beyond is a slip of the hand.
const MAX_INDEX: usize = 999;

/// A place in a record.
#[derive(Clone, Debug, Default)]
pub(super) enum Node {
    /// Nothing stands here.
    #[default]
    Vacant,
    Object(Vec<Member>),
    /// Entries by their index; a row without a value for one closes the gap.
    List(Vec<(usize, Node)>),
    Leaf(Leaf),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member {
    name: String,
    /// The name as it stands in the body: quoted, with its colon.
    prefix: Vec<u8>,
    node: Node,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    /// The row's key.
    Key,
    /// The value of the program's step with this number.
    Field(usize),
    /// The same for all rows; with `beside`, only where one of these steps has
    /// a value.
    Fixed { json: String, beside: Vec<usize> },
}

impl Node {
    /// Puts a leaf at a place; `false` where something else stands there, or in
    /// the way.
    pub(super) fn place(&mut self, place: &[String], leaf: Leaf) -> bool {
        let Some((name, rest)) = place.split_first() else {
            return self.settle(leaf);
        };
        if let Self::Vacant = self {
            *self = match list_index(name) {
                Some(_) => Self::List(Vec::new()),
                None => Self::Object(Vec::new()),
            };
        }
        match (self, list_index(name)) {
            (Self::Object(members), None) => {
                let known = members.iter().position(|member| member.name == *name);
                let index = known.unwrap_or_else(|| {
                    let mut prefix = Vec::new();
                    push_string(&mut prefix, name);
                    prefix.push(b':');
                    members.push(Member {
                        name: name.clone(),
                        prefix,
                        node: Self::Vacant,
                    });
                    members.len() - 1
                });
                members[index].node.place(rest, leaf)
            }
            (Self::List(entries), Some(wanted)) if wanted <= MAX_INDEX => {
                let index = match entries.binary_search_by_key(&wanted, |(known, _)| *known) {
                    Ok(index) => index,
                    Err(index) => {
                        entries.insert(index, (wanted, Self::Vacant));
                        index
                    }
                };
                entries[index].1.place(rest, leaf)
            }
            _ => false,
        }
    }

    fn settle(&mut self, leaf: Leaf) -> bool {
        match (&mut *self, leaf) {
            (Self::Vacant, leaf) => {
                *self = Self::Leaf(leaf);
                true
            }
            // Two parts of one address may both say that it is the home address.
            (
                Self::Leaf(Leaf::Fixed { json, beside }),
                Leaf::Fixed {
                    json: other,
                    beside: more,
                },
            ) if *json == other && !beside.is_empty() && !more.is_empty() => {
                beside.extend(more);
                true
            }
            _ => false,
        }
    }

    /// Appends the row's part of the record, or nothing; whether it did.
    pub(super) fn write(&self, row: &MappedRow, body: &mut Vec<u8>) -> bool {
        match self {
            Self::Vacant => false,
            Self::Leaf(leaf) => leaf.write(row, body),
            Self::Object(members) => {
                let start = body.len();
                body.push(b'{');
                let wrote = write_members(members, row, body);
                close(body, start, wrote, b'}')
            }
            Self::List(entries) => {
                let start = body.len();
                body.push(b'[');
                let mut wrote = false;
                for (_, node) in entries {
                    let entry = body.len();
                    if wrote {
                        body.push(b',');
                    }
                    match node.write(row, body) {
                        true => wrote = true,
                        false => body.truncate(entry),
                    }
                }
                close(body, start, wrote, b']')
            }
        }
    }

    /// Appends the whole record, which is an object also where it has nothing.
    pub(super) fn write_record(&self, row: &MappedRow, body: &mut Vec<u8>) {
        if !self.write(row, body) {
            body.extend_from_slice(b"{}");
        }
    }
}

fn write_members(members: &[Member], row: &MappedRow, body: &mut Vec<u8>) -> bool {
    let mut wrote = false;
    for member in members {
        let start = body.len();
        if wrote {
            body.push(b',');
        }
        body.extend_from_slice(&member.prefix);
        match member.node.write(row, body) {
            true => wrote = true,
            false => body.truncate(start),
        }
    }
    wrote
}

fn close(body: &mut Vec<u8>, start: usize, wrote: bool, bracket: u8) -> bool {
    match wrote {
        true => body.push(bracket),
        false => body.truncate(start),
    }
    wrote
}

impl Leaf {
    fn write(&self, row: &MappedRow, body: &mut Vec<u8>) -> bool {
        match self {
            Self::Key => push_string(body, row.key()),
            Self::Field(step) => match row.value(*step) {
                Some(value) => body.extend_from_slice(value),
                None => return false,
            },
            Self::Fixed { json, beside } => {
                let is_wanted =
                    beside.is_empty() || beside.iter().any(|step| row.value(*step).is_some());
                if !is_wanted {
                    return false;
                }
                body.extend_from_slice(json.as_bytes());
            }
        }
        true
    }
}

/// A name of digits alone is an index of a list.
fn list_index(name: &str) -> Option<usize> {
    let is_index = name == "0" || (!name.starts_with('0') && !name.is_empty());
    let is_digits = name.bytes().all(|byte| byte.is_ascii_digit());
    (is_index && is_digits).then(|| name.parse().unwrap_or(usize::MAX))
}

/// Lays out the record of some of a contract's fields: `steps` are the fields'
/// indexes, in the order of the program's steps.
///
/// # Errors
/// The name of what stands in another's place.
pub(super) fn lay_out(contract: &Contract, steps: &[usize]) -> Result<Node, String> {
    // The first place says whether the record is an object or a list.
    let mut root = Node::Vacant;
    let own_place = contract.key_in_body.then(|| vec![contract.key.clone()]);
    for place in own_place.iter().chain(&contract.key_at) {
        if !root.place(place, Leaf::Key) {
            return Err(contract.key.clone());
        }
    }
    for (step, &field) in steps.iter().enumerate() {
        let field = &contract.fields[field];
        if !root.place(field.place(), Leaf::Field(step)) {
            return Err(field.name.clone());
        }
        for FixedMember { at, json } in &field.beside {
            let leaf = Leaf::Fixed {
                json: json.clone(),
                beside: vec![step],
            };
            if !root.place(at, leaf) {
                return Err(field.name.clone());
            }
        }
    }
    for FixedMember { at, json } in &contract.constants {
        let leaf = Leaf::Fixed {
            json: json.clone(),
            beside: Vec::new(),
        };
        if !root.place(at, leaf) {
            return Err(format!("/{}", at.join("/")));
        }
    }
    Ok(root)
}

impl Contract {
    /// The name of a field, or the place of a constant, that stands where
    /// something else does; `None` where everything has a place of its own.
    #[must_use]
    pub fn clash(&self) -> Option<String> {
        let all: Vec<usize> = (0..self.fields.len()).collect();
        lay_out(self, &all).err()
    }
}
