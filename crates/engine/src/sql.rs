//! SQL over record and facts: one place for sessions, helper functions and conditions.

use crate::error::short;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf};
use datafusion::prelude::{SessionConfig, SessionContext};
use std::sync::Arc;

/// A session on one partition: rows keep their order, and the same question gives the same bytes.
pub fn session() -> SessionContext {
    session_with(1)
}

/// A session on so many partitions.
pub fn session_with(partitions: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions).with_information_schema(true).with_batch_size(65_536);
    let cx = SessionContext::new_with_config(config);
    register(&cx);
    cx
}

/// Registers the helper functions of Treaty.
pub fn register(cx: &SessionContext) {
    cx.register_udf(create_udf(
        "attr",
        vec![DataType::Utf8, DataType::Utf8],
        DataType::Utf8,
        Volatility::Immutable,
        Arc::new(attr),
    ));
}

/// `attr(attributes, 'key')`: the text of a custom attribute, or NULL.
fn attr(args: &[ColumnarValue]) -> Result<ColumnarValue> {
    // A column may be empty: only when every argument is a constant is there one row.
    let rows = args.iter().find_map(|a| if let ColumnarValue::Array(a) = a { Some(a.len()) } else { None }).unwrap_or(1);
    let text = |i: usize| -> Result<ArrayRef> {
        let array = args[i].to_array(rows)?;
        Ok(datafusion::arrow::compute::cast(&array, &DataType::Utf8)?)
    };
    let (json, key) = (text(0)?, text(1)?);
    let (json, key) = (json.as_string::<i32>(), key.as_string::<i32>());
    let out: StringArray = (0..rows)
        .map(|i| {
            if !json.is_valid(i) || !key.is_valid(i) {
                return None;
            }
            attribute(json.value(i), key.value(i))
        })
        .collect();
    let scalar = args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    if scalar {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
    }
    Ok(ColumnarValue::Array(Arc::new(out)))
}

/// The text of a custom attribute, if it is there.
pub fn attribute(json: &str, key: &str) -> Option<String> {
    let object: serde_json::Value = serde_json::from_str(json).ok()?;
    match object.get(key)? {
        serde_json::Value::String(s) => Some(s.clone()),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// Parses a condition over the columns of a schema. Refused are statements, sub-queries, window
/// functions, aggregates and functions whose answer changes from call to call.
///
/// # Errors
/// A sentence with the reason.
pub fn condition(cx: &SessionContext, text: &str, schema: &Schema) -> Result<Expr, String> {
    expression(cx, text, schema, false)
}

/// Parses an expression; aggregates are allowed when `aggregates` says so.
///
/// # Errors
/// A sentence with the reason.
pub fn expression(cx: &SessionContext, text: &str, schema: &Schema, aggregates: bool) -> Result<Expr, String> {
    let schema = DFSchema::try_from(schema.clone()).map_err(|e| short(&e))?;
    let expr = cx.parse_sql_expr(text, &schema).map_err(|e| short(&e))?;
    let mut refused: Option<&'static str> = None;
    expr.apply(|e| {
        refused = refused.or(match e {
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => Some("a sub-query"),
            Expr::WindowFunction(_) => Some("a window function"),
            Expr::AggregateFunction(_) if !aggregates => Some("an aggregate"),
            Expr::ScalarFunction(f) if f.func.signature().volatility != Volatility::Immutable => {
                Some("a function whose answer changes from call to call")
            }
            _ => None,
        });
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .map_err(|e| short(&e))?;
    match refused {
        Some(what) => Err(format!("{what} is not allowed here")),
        None => Ok(expr),
    }
}

/// A text literal for SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A column name for SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An error of the query engine as a sentence.
pub fn sentence(e: &DataFusionError) -> String {
    short(e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Field;

    #[test]
    fn conditions_are_expressions_and_nothing_else() {
        let cx = session();
        let schema = Schema::new(vec![Field::new("employees", DataType::Int64, true), Field::new("attributes", DataType::Utf8, true)]);
        assert!(condition(&cx, "employees >= 200 and attr(attributes, 'agreed') = 'yes'", &schema).is_ok());
        for (bad, reason) in [
            ("(select 1) = 1", "sub-query"),
            ("count(*) > 1", "aggregate"),
            ("random() < 0.5", "changes from call"),
            ("now() > TIMESTAMP '2026-01-01'", "changes from call"),
            ("row_number() over () = 1", "window"),
            ("1; drop table x", ""),
            ("employes > 1", "employees"),
        ] {
            let e = condition(&cx, bad, &schema).expect_err(bad);
            assert!(e.contains(reason), "{bad}: {e}");
        }
    }
}
