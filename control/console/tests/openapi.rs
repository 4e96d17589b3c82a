//! The API's description against the table of ways and against what is really sent.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod stage;

use console::{Method, route::TABLE};
use serde_json::Value;
use stage::Stage;

/// Checks data against a description, as far as ours go: types, properties, items, references, alternatives.
fn fits(document: &Value, shape: &Value, data: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = shape["$ref"].as_str() {
        let target = document
            .pointer(name.trim_start_matches('#'))
            .ok_or(format!("{name} is missing"))?;
        return fits(document, target, data, at);
    }
    if let Some(ways) = shape["oneOf"].as_array() {
        let fitting = ways
            .iter()
            .filter(|way| fits(document, way, data, at).is_ok())
            .count();
        return if fitting == 1 {
            Ok(())
        } else {
            Err(format!("{at}: {fitting} of the alternatives fit {data}"))
        };
    }
    let kind = shape["type"].as_str().ok_or(format!("{at}: no type"))?;
    let right = match kind {
        "object" => data.is_object(),
        "array" => data.is_array(),
        "string" => data.is_string(),
        "integer" => data.is_u64(),
        "boolean" => data.is_boolean(),
        "null" => data.is_null(),
        other => return Err(format!("{at}: unknown type {other}")),
    };
    if !right {
        return Err(format!("{at}: {data} is no {kind}"));
    }
    for name in shape["required"].as_array().into_iter().flatten() {
        if data.get(name.as_str().unwrap()).is_none() {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    if let (Some(properties), Some(fields)) = (shape["properties"].as_object(), data.as_object()) {
        for (name, value) in fields {
            let property = properties
                .get(name)
                .ok_or(format!("{at}: {name} is not described"))?;
            fits(document, property, value, &format!("{at}.{name}"))?;
        }
    }
    for (n, item) in data.as_array().into_iter().flatten().enumerate() {
        fits(document, &shape["items"], item, &format!("{at}[{n}]"))?;
    }
    Ok(())
}

#[test]
fn every_way_of_the_api_is_described_and_nothing_else() {
    let document = console::openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = 0;
    for row in TABLE.iter().filter(|row| !row.api.is_empty()) {
        let method = if row.method == Method::Post { "post" } else { "get" };
        let operation = &document["paths"][row.api][method];
        assert!(operation.is_object(), "{} {method}", row.api);
        for name in row.api.split('/').filter(|part| part.starts_with('{')) {
            let name = name.trim_matches(['{', '}']);
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters
                    .iter()
                    .any(|known| known["name"] == name && known["in"] == "path"),
                "{} {name}",
                row.api
            );
        }
        described += 1;
    }
    let all: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(all, described);
    let ids: std::collections::BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].to_string())
        .collect();
    assert_eq!(ids.len(), described, "names of operations repeat");
}

#[test]
fn what_is_sent_has_the_described_shape() {
    let mut stage = Stage::new();
    let commander = stage.log_in("commander-1");
    let planted = stage.plant();
    let document = console::openapi();
    let mut checked = 0;
    for row in TABLE
        .iter()
        .filter(|row| !row.api.is_empty() && row.method == Method::Get)
    {
        if row.api == "/api/openapi.json" {
            continue;
        }
        let path = stage::walk::fill(row.api, stage::B, planted, "00000000");
        let response = stage.api(&commander, Method::Get, &path, "");
        assert_eq!(response.status, 200, "{path}");
        let data: Value = serde_json::from_slice(&response.body).unwrap();
        let shape =
            &document["paths"][row.api]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if row.api != "/api/v1/login" {
            assert!(shape["$ref"].is_string(), "{path} is not described");
        }
        fits(&document, shape, &data, &path).unwrap_or_else(|why| panic!("{why}"));
        checked += 1;
    }
    assert!(checked > 16, "only {checked} answers checked");
}

#[test]
fn the_check_of_shapes_can_fail() {
    let document = console::openapi();
    let shape = serde_json::json!({ "$ref": "#/components/schemas/Count" });
    for bad in [
        serde_json::json!({ "position": "open" }),
        serde_json::json!({ "position": "open", "cells": "3" }),
        serde_json::json!({ "position": "open", "cells": 3, "more": 1 }),
        serde_json::json!([]),
    ] {
        assert!(fits(&document, &shape, &bad, "count").is_err(), "{bad}");
    }
    fits(
        &document,
        &shape,
        &serde_json::json!({ "position": "open", "cells": 3 }),
        "count",
    )
    .unwrap();
}
