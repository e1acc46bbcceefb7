//! Every field of every KMS request: the least and the most that is right, what is one beside it, and whatever else is
//! wrong, with its code.

mod asymmetric;
mod crypt;
mod import;
mod key;
mod list;
mod world;

use coffer_protocol::message::FieldInfo;
use coffer_protocol::operation::{self, Face, Row};
use serde_json::{Value, json};

use crate::actions::{ask_for, would_do};
use world::World;

/// What is right.
const OK: &str = "ok";

/// Values of one field, each with the code that it comes to.
struct Field {
    /// The actions that have it, in one text.
    actions: &'static str,
    name: &'static str,
    /// Other fields of the request, where the values depend on them.
    with: Value,
    values: Vec<(Value, &'static str)>,
}

fn field(
    actions: &'static str,
    name: &'static str,
    values: impl IntoIterator<Item = (Value, &'static str)>,
) -> Field {
    Field { actions, name, with: json!({}), values: values.into_iter().collect() }
}

impl Field {
    fn with(self, with: Value) -> Self {
        Self { with, ..self }
    }

    fn is_of(&self, action: &str) -> bool {
        self.actions.split_whitespace().any(|name| name == action)
    }
}

/// So many bytes, in base64.
fn bytes(length: usize) -> Value {
    coffer_protocol::message::json::base64(&vec![7; length])
}

/// A text of so many bytes.
fn text(length: usize) -> Value {
    json!("x".repeat(length))
}

/// Numbers: the least and the most that are right, and what comes to a code.
fn numbers(least: i64, most: i64, code: &'static str) -> Vec<(Value, &'static str)> {
    let wrong = [least - 1, most + 1, i64::MIN, i64::MAX];
    let right = [least, most].map(|number| (json!(number), OK));
    wrong.map(|number| (json!(number), code)).into_iter().chain(right).collect()
}

/// Right lengths of a field.
fn lengths(
    make: fn(usize) -> Value,
    least: usize,
    most: usize,
    code: &'static str,
) -> Vec<(Value, &'static str)> {
    let mut values = vec![(make(least), OK), (make(most), OK), (make(most + 1), code)];
    values.extend(least.checked_sub(1).map(|short| (make(short), code)));
    values
}

/// A code in full.
fn code(short: &str) -> String {
    let (class, rest) = short.split_once('.').map_or((short, None), |(a, b)| (a, Some(b)));
    let class = match class {
        "IP" => "InvalidParameter",
        "IPV" => "InvalidParameterValue",
        "RU" => "ResourceUnavailable",
        "UO" => "UnsupportedOperation",
        "FO" => "FailedOperation",
        other => other,
    };
    rest.map_or(class.to_owned(), |rest| format!("{class}.{rest}"))
}

fn table(world: &World) -> Vec<Field> {
    [
        key::fields(world),
        list::fields(world),
        crypt::fields(world),
        asymmetric::fields(world),
        import::fields(world),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn actions() -> impl Iterator<Item = (&'static Row, &'static [FieldInfo])> {
    let rows = operation::ALL.iter().filter(|row| row.face == Face::Kms);
    rows.map(|row| (*row, operation::fields(row.number).unwrap().0))
}

/// What only the operation itself finds out, of which a dry run says nothing.
const LATE: [&str; 5] = [
    "IPV.InvalidCiphertext",
    "FO.DecryptError",
    "IP.DecryptMaterialError",
    "IPV.MaterialNotMatch",
    "IPV.InvalidPlaintext",
];

#[test]
fn every_value_comes_to_its_code() {
    let world = World::new();
    let table = table(&world);
    let (mut wrong, mut cells) = (Vec::new(), 0);
    for (row, _) in actions() {
        for field in table.iter().filter(|field| field.is_of(row.name)) {
            for (value, expected) in &field.values {
                let mut request = world.request(row.name);
                for (name, value) in field.with.as_object().into_iter().flatten() {
                    request[name] = value.clone();
                }
                request[field.name] = value.clone();
                let peer = world.hsm.peer();
                let dry = would_do(&peer, row.name, request.clone());
                let came = match *expected {
                    OK => dry.err(),
                    late if LATE.contains(&late) && dry.is_ok() => {
                        ask_for(&peer, row.name, request).err()
                    }
                    _ => {
                        let came = ask_for(&peer, row.name, request).err();
                        if came == dry.err() { came } else { Some("another in a dry run".into()) }
                    }
                };
                cells += 1;
                let came = came.unwrap_or_else(|| OK.to_owned());
                if came != code(expected) {
                    let value: String = value.to_string().chars().take(100).collect();
                    let (name, field) = (row.name, field.name);
                    wrong.push(format!("{name} {field} {value}: {came}, not {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    println!("values of fields: {cells} compared");
}

#[test]
fn every_field_stands_in_the_table_and_no_other() {
    let world = World::new();
    let table = table(&world);
    for (row, fields) in actions() {
        for field in fields {
            let values: Vec<&str> = table
                .iter()
                .filter(|entry| entry.is_of(row.name) && entry.name == field.name)
                .flat_map(|entry| entry.values.iter().map(|(_, code)| *code))
                .collect();
            let place = format!("{} {}", row.name, field.name);
            assert!(values.contains(&OK), "{place} has no value that is right");
            // What may be any text or number has no value that is wrong.
            let free = ["SearchKeyAlias", "TagFilters", "StartTime", "EndTime", "After", "Mac"];
            let is_free = free.contains(&field.name) || field.name == "SignatureValue";
            assert_eq!(values.iter().any(|code| *code != OK), !is_free, "{place}");
        }
    }
    for entry in &table {
        for name in entry.actions.split_whitespace() {
            let known = actions().any(|(row, fields)| {
                row.name == name && fields.iter().any(|field| field.name == entry.name)
            });
            assert!(known, "there is no {name} {}", entry.name);
        }
    }
}

#[test]
fn fields_that_are_missing_unknown_or_of_another_type_are_refused_by_name() {
    let world = World::new();
    let peer = world.hsm.peer();
    let mut requests = 0;
    for (row, fields) in actions() {
        let ask = |request: Value| {
            let dry = would_do(&peer, row.name, request.clone());
            let came = ask_for(&peer, row.name, request).map(drop);
            assert_eq!(came, dry, "{}", row.name);
            came
        };
        let mut unknown = world.request(row.name);
        unknown["Nonsense"] = json!("x");
        assert_eq!(ask(unknown), Err("InvalidParameter".to_owned()), "{}", row.name);
        for field in fields {
            let place = format!("{} {}", row.name, field.name);
            for absent in [true, false] {
                let mut request = world.request(row.name);
                if absent {
                    request.as_object_mut().unwrap().remove(field.name);
                } else {
                    request[field.name] = Value::Null;
                }
                if field.required {
                    assert_eq!(ask(request), Err("MissingParameter".to_owned()), "{place}");
                }
                requests += 1;
            }
            let others = match field.kind {
                "list" => [json!("x"), json!(1), json!({}), json!([1])],
                "string" | "base64" => [json!(1), json!(true), json!(["x"]), json!({"x": "x"})],
                "integer" => [json!("1"), json!(1.5), json!(1e30), json!([1])],
                other => panic!("{place} is of the unknown kind {other}"),
            };
            for other in others {
                let mut request = world.request(row.name);
                request[field.name] = other;
                assert_eq!(ask(request), Err("InvalidParameter".to_owned()), "{place}");
                requests += 1;
            }
            for other in ["aGk", "aGk=\n", "a-_=", "aGk==", "!"] {
                if field.kind == "base64" {
                    let mut request = world.request(row.name);
                    request[field.name] = json!(other);
                    assert_eq!(ask(request), Err("InvalidParameter".to_owned()), "{place} {other}");
                    requests += 1;
                }
            }
        }
    }
    println!("fields left out and of another type: {requests} requests");
}
