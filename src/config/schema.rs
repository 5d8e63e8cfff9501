//! The JSON Schema of the rules file, for editors. Made from the list of keys.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Shape};

const DURATION: &str = r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|sec|m|min|h|d|w)\s*)+$";

/// The schema as it is checked in (`rules.schema.json`), with a newline at the end.
pub fn text() -> String {
    let mut schema = mapping(keys::TOP);
    if let Value::Object(fields) = &mut schema {
        let title = "The rules file of watch";
        fields.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        fields.insert("title".into(), json!(title));
    }
    format!("{schema:#}\n")
}

fn of(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Regex | Shape::Condition => json!({ "type": ["string", "number"], "minLength": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Duration => json!({ "type": "string", "pattern": DURATION }),
        Shape::Pause => any_of([of(Shape::Duration), json!({ "enum": ["off", false] })]),
        Shape::Count(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::Hold => any_of([
            of(Shape::Duration),
            json!({ "type": "string", "pattern": r"^[0-9]+\s*samples?$" }),
        ]),
        Shape::Interval => any_of([
            of(Shape::Duration),
            json!({ "type": "string", "pattern": r"^[0-9.]+\s*[A-Za-z][\w./@-]*$" }),
        ]),
        Shape::Exit => {
            let code = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
            any_of([of(Shape::OneOf(keys::EXITS)), one_or_list(&code)])
        }
        Shape::Names => one_or_list(&json!({ "type": "string" })),
        Shape::NamesOf(words) => one_or_list(&of(Shape::OneOf(words))),
        Shape::FlagOr(keys) => any_of([of(Shape::Flag), mapping(keys)]),
        Shape::Mapping(keys) => nullable(keys, mapping(keys)),
        Shape::OneKey(keys) => {
            let mut schema = mapping(keys);
            schema["minProperties"] = json!(1);
            schema["maxProperties"] = json!(1);
            schema
        }
        Shape::Named(shape) => json!({
            "type": ["object", "null"], "additionalProperties": of(*shape)
        }),
        Shape::List(shape) => json!({ "type": ["array", "null"], "items": of(*shape) }),
    }
}

/// A mapping in which nothing is required may also be left empty.
fn nullable(keys: &'static [Key], schema: Value) -> Value {
    if std::ptr::eq(keys, keys::RULE) {
        schema
    } else {
        any_of([schema, json!({ "type": "null" })])
    }
}

fn any_of<const N: usize>(schemas: [Value; N]) -> Value {
    json!({ "anyOf": schemas.to_vec() })
}

fn one_or_list(item: &Value) -> Value {
    any_of([item.clone(), json!({ "type": "array", "items": item, "minItems": 1 })])
}

fn mapping(keys: &'static [Key]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = of(key.shape);
        schema["description"] = json!(key.about);
        properties.insert(key.name.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object", "additionalProperties": false, "properties": properties
    });
    if std::ptr::eq(keys, keys::RULE) {
        let triggers = keys[..keys::TRIGGERS].iter().map(|key| json!({ "required": [key.name] }));
        schema["required"] = json!(["name"]);
        schema["anyOf"] = triggers.collect();
    }
    schema
}
