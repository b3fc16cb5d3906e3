//! Rows of a grouped query: dimension values as text, measures as numbers.

use crate::error::EngineError;
use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Dimension values.
    pub dims: Vec<Option<String>>,
    /// Measures by alias; absent when NULL.
    pub values: BTreeMap<Arc<str>, f64>,
}

impl Row {
    /// A dimension value.
    pub fn dim(&self, i: usize) -> Option<&str> {
        self.dims.get(i)?.as_deref()
    }

    /// The last dimension value.
    pub fn label(&self) -> Option<&str> {
        self.dims.last()?.as_deref()
    }

    /// A count or an amount in minor units; NULL is zero, as the sum over nobody is.
    pub fn int(&self, alias: &str) -> i64 {
        self.values.get(alias).map_or(0, |x| *x as i64)
    }

    /// A number, if there is one.
    pub fn number(&self, alias: &str) -> Option<f64> {
        self.values.get(alias).copied()
    }

    /// The dimensions in front of the report's own ones: what `--by` added.
    pub fn front(&self, own: usize) -> &[Option<String>] {
        &self.dims[..self.dims.len().saturating_sub(own)]
    }
}

/// Rows in the order of their dimension values, missing ones last.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    /// Runs a query whose first `dims` columns are text and whose others are numbers.
    pub async fn collect(cx: &SessionContext, text: &str, dims: usize) -> Result<Self, EngineError> {
        let mut rows = Self::unordered(cx, text, dims).await?;
        rows.sort();
        Ok(rows)
    }

    /// As [`Rows::collect`], in no order.
    pub async fn unordered(cx: &SessionContext, text: &str, dims: usize) -> Result<Self, EngineError> {
        let mut rows = Vec::new();
        for batch in cx.sql(text).await?.collect().await? {
            let schema = batch.schema();
            let labels: Vec<_> =
                (0..dims).map(|i| cast(batch.column(i), &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
            let numbers: Vec<(Arc<str>, Float64Array)> = (dims..batch.num_columns())
                .map(|i| {
                    let column = cast(batch.column(i), &DataType::Float64)?;
                    Ok((schema.field(i).name().as_str().into(), column.as_primitive::<Float64Type>().clone()))
                })
                .collect::<Result<Vec<_>, EngineError>>()?;
            for r in 0..batch.num_rows() {
                rows.push(Row {
                    dims: labels
                        .iter()
                        .map(|l| {
                            let l = l.as_string::<i32>();
                            l.is_valid(r).then(|| l.value(r).to_owned())
                        })
                        .collect(),
                    values: numbers.iter().filter(|(_, c)| c.is_valid(r)).map(|(n, c)| (n.clone(), c.value(r))).collect(),
                });
            }
        }
        Ok(Self(rows))
    }

    /// Puts rows into the order of their dimension values.
    pub fn sort(&mut self) {
        fn key(row: &Row) -> impl Iterator<Item = (bool, Option<&str>)> {
            row.dims.iter().map(|d| (d.is_none(), d.as_deref()))
        }
        self.0.sort_by(|a, b| key(a).cmp(key(b)));
    }

    /// The row of a value of the last dimension; an empty one when there is none.
    pub fn of(&self, label: &str) -> Row {
        self.0.iter().find(|r| r.label() == Some(label)).cloned().unwrap_or_default()
    }

    /// Counts and amounts added up over all rows.
    pub fn total(&self) -> Row {
        let mut total = Row::default();
        for (alias, value) in self.0.iter().flat_map(|r| &r.values) {
            *total.values.entry(alias.clone()).or_default() += value;
        }
        total
    }

    /// The only row of a query without dimensions; an empty one when there is none.
    pub fn one(&self) -> Row {
        self.0.first().cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_what_is_missing_is_nothing() {
        let row = |label: &str, values: &[(&str, f64)]| Row {
            dims: vec![Some(label.to_owned())],
            values: values.iter().map(|(n, v)| ((*n).into(), *v)).collect(),
        };
        let rows = Rows(vec![row("a", &[("n", 2.0), ("money", 5.0)]), row("b", &[("n", 3.0)])]);
        assert_eq!((rows.total().int("n"), rows.total().int("money"), rows.total().int("other")), (5, 5, 0));
        assert_eq!((rows.of("b").int("n"), rows.of("c").int("n")), (3, 0));
        assert_eq!(Rows(Vec::new()).total(), Row::default());
    }
}
