//! What the API's data look like, said once: the structs that are sent are the structs that are described.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vocabulary::Timestamp;

/// Descriptions of named data, by name, as OpenAPI's `components.schemas`.
pub(crate) type Shapes = BTreeMap<&'static str, Value>;

/// Something that can say what it looks like as JSON (JSON Schema 2020-12, as OpenAPI 3.1 uses it).
pub(crate) trait Shape {
    /// The description; named parts go into `shapes` and are referred to.
    fn shape(shapes: &mut Shapes) -> Value;
}

/// An instant, written as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct At(pub(crate) Timestamp);

impl serde::Serialize for At {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Shape for At {
    fn shape(_: &mut Shapes) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

impl Shape for String {
    fn shape(_: &mut Shapes) -> Value {
        json!({ "type": "string" })
    }
}

impl Shape for &'static str {
    fn shape(_: &mut Shapes) -> Value {
        json!({ "type": "string" })
    }
}

impl Shape for bool {
    fn shape(_: &mut Shapes) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Shape for u64 {
    fn shape(_: &mut Shapes) -> Value {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl<T: Shape> Shape for Option<T> {
    fn shape(shapes: &mut Shapes) -> Value {
        json!({ "oneOf": [T::shape(shapes), { "type": "null" }] })
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn shape(shapes: &mut Shapes) -> Value {
        json!({ "type": "array", "items": T::shape(shapes) })
    }
}

/// A field's name as it is sent.
pub(crate) fn camel(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else if up {
            text.extend(c.to_uppercase());
            up = false;
        } else {
            text.push(c);
        }
    }
    text
}

/// Declares structs that are sent by the API and shown by pages, with their descriptions.
macro_rules! views {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident : $type:ty,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Debug, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $($(#[doc = $field_doc])* pub(crate) $field: $type,)*
        }

        impl $crate::view::shape::Shape for $name {
            fn shape(shapes: &mut $crate::view::shape::Shapes) -> serde_json::Value {
                if !shapes.contains_key(stringify!($name)) {
                    // Stands in until its parts are described, so that data that contain themselves come to an end.
                    shapes.insert(stringify!($name), serde_json::Value::Null);
                    let mut properties = serde_json::Map::new();
                    let mut required = Vec::new();
                    $({
                        let mut shape = <$type as $crate::view::shape::Shape>::shape(shapes);
                        let said = concat!($($field_doc),*).trim();
                        if let Some(object) = shape.as_object_mut() && !said.is_empty() {
                            object.insert(String::from("description"), said.into());
                        }
                        let name = $crate::view::shape::camel(stringify!($field));
                        properties.insert(name.clone(), shape);
                        required.push(name);
                    })*
                    let said = concat!($($doc),*).trim();
                    shapes.insert(stringify!($name), serde_json::json!({
                        "type": "object",
                        "description": said,
                        "properties": properties,
                        "required": required,
                        "additionalProperties": false,
                    }));
                }
                serde_json::json!({ "$ref": concat!("#/components/schemas/", stringify!($name)) })
            }
        }
    )*};
}
pub(crate) use views;

views! {
    /// One sentence in both languages.
    Both {
        /// In German.
        de: String,
        /// In English.
        en: String,
    }
}

impl Both {
    /// The same words in both, for what a person wrote in one language.
    pub(crate) fn same(text: &str) -> Self {
        Self {
            de: String::from(text),
            en: String::from(text),
        }
    }

    /// From a value that says itself as `Deutsch. / English.` and holds no words of a person: those may hold the
    /// separator.
    pub(crate) fn halves(sentence: &impl core::fmt::Display) -> Self {
        Self {
            de: vocabulary::german(sentence),
            en: vocabulary::english(sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    views! {
        /// One.
        One {
            /// Some name.
            some_name: String,
            /// When.
            at: Option<At>,
        }
    }

    #[test]
    fn what_is_sent_is_what_is_described() {
        let mut shapes = Shapes::new();
        One::shape(&mut shapes);
        let sent = serde_json::to_value(One {
            some_name: "x".into(),
            at: Some(At(Timestamp(0))),
        })
        .unwrap();
        assert_eq!(sent, json!({ "someName": "x", "at": "1970-01-01T00:00:00Z" }));
        assert_eq!(shapes["One"]["required"], json!(["someName", "at"]));
        assert_eq!(
            shapes["One"]["properties"]["someName"]["description"],
            "Some name."
        );
    }
}
