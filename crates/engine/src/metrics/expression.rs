//! Expressions as the query engine's own parser sees them: printed back in one form, and with a
//! condition folded into every aggregate.

use crate::error::short;
use crate::sql;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Function, visit_expressions, visit_expressions_mut};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

/// A session for parsing; it holds no tables.
static PARSER: LazyLock<SessionContext> = LazyLock::new(sql::session);

/// Names of the aggregates that the query engine knows.
static AGGREGATES: LazyLock<HashSet<String>> = LazyLock::new(|| PARSER.state().aggregate_functions().keys().cloned().collect());

/// The session in which expressions are parsed and checked.
pub(super) fn parser() -> &'static SessionContext {
    &PARSER
}

/// Reads one expression. Refused are several, statements, sub-queries, and a name given with AS.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let found = DFParser::parse_sql_into_expr(text).map_err(|e| short(&e))?;
    if let Some(alias) = found.alias {
        return Err(format!("`AS {alias}` gives a name, which is not allowed here; leave it out"));
    }
    let asks = visit_expressions(&found.expr, |e| match e {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } | Expr::AnyOp { .. } | Expr::AllOp { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if asks.is_break() { Err("a sub-query is not allowed here; a metric reads one fact".to_owned()) } else { Ok(found.expr) }
}

/// The expression in the parser's own spelling, without comments, so that it can stand inside a
/// longer text; what does not parse is left as it is and fails where it is asked.
pub(super) fn normal(text: &str) -> String {
    parse(text).map_or_else(|_| text.to_owned(), |e| e.to_string())
}

/// The expression with conditions added to the FILTER of every aggregate.
pub(super) fn folded(text: &str, conditions: &[String]) -> Result<String, String> {
    let mut expr = parse(text)?;
    let mut all: Option<Expr> = None;
    for condition in conditions {
        all = Some(and(all, nested(parse(condition)?)));
    }
    let Some(condition) = all else { return Ok(expr.to_string()) };
    let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |e| {
        if let Expr::Function(f) = e
            && AGGREGATES.contains(&name(f))
        {
            let own = f.filter.take().map(|own| nested(*own));
            f.filter = Some(Box::new(match own {
                None => condition.clone(),
                Some(own) => and(Some(condition.clone()), own),
            }));
        }
        ControlFlow::Continue(())
    });
    Ok(expr.to_string())
}

/// What an expression aggregates: the columns inside its aggregates, none for `count(*)`, and
/// whether all of them only count.
pub(super) fn aggregated(text: &str) -> (Vec<String>, bool) {
    let Ok(expr) = parse(text) else { return (Vec::new(), false) };
    let (mut columns, mut counts) = (Vec::new(), true);
    let _: ControlFlow<()> = visit_expressions(&expr, |e| {
        if let Expr::Function(f) = e
            && AGGREGATES.contains(&name(f))
        {
            counts &= name(f) == "count";
            let _: ControlFlow<()> = visit_expressions(&f.args, |inner| {
                if let Expr::Identifier(column) = inner {
                    columns.push(column.value.clone());
                }
                ControlFlow::Continue(())
            });
        }
        ControlFlow::Continue(())
    });
    (columns, counts)
}

/// Every column that an expression names.
pub(super) fn columns(text: &str) -> Vec<String> {
    let mut columns = Vec::new();
    if let Ok(expr) = parse(text) {
        let _: ControlFlow<()> = visit_expressions(&expr, |e| {
            if let Expr::Identifier(column) = e {
                columns.push(column.value.clone());
            }
            ControlFlow::Continue(())
        });
    }
    columns
}

fn name(f: &Function) -> String {
    f.name.to_string().to_lowercase()
}

/// The expression in parentheses, unless it needs none.
fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::Nested(_) | Expr::Identifier(_) | Expr::Function(_) => expr,
        other => Expr::Nested(Box::new(other)),
    }
}

fn and(left: Option<Expr>, right: Expr) -> Expr {
    match left {
        None => right,
        Some(left) => Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::And, right: Box::new(right) },
    }
}
