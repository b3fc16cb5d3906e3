//! Columns of the fact tables, as a list: what a metric may name when there is no record at hand.
//!
//! `tests/metrics.rs` compares it with what the pass yields, so the two cannot drift apart.

use super::shape::dictionary;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A type, and the columns that have it.
type Columns = &'static [(char, &'static str)];

/// `i` text of its own, `w` word or id from a list, `t` instant, `d` local day, `m` money or count,
/// `s` small whole number, `f` decimal number, `b` yes or no.
fn data_type(letter: char) -> DataType {
    match letter {
        'w' => dictionary(),
        't' => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        'd' => DataType::Date32,
        'm' => DataType::Int64,
        's' => DataType::Int32,
        'f' => DataType::Float64,
        'b' => DataType::Boolean,
        _ => DataType::Utf8,
    }
}

/// Dimensions of facts about people.
const PERSON: Columns = &[
    ('w', "account_id campaign_id channel campaign_origin lead_source title persona country"),
    ('i', "attributes"),
    ('w', "territory segment industry"),
];

/// Dimensions of facts about opportunities.
const OPPORTUNITY: Columns =
    &[('w', "account_id name kind product_line loss_reason"), ('i', "attributes"), ('w', "territory segment industry lead_source")];

const TABLES: &[(&str, &[Columns])] = &[
    (
        "leads",
        &[
            &[('i', "lead_id"), ('w', "person_id"), ('s', "attempt"), ('w', "origin owner_id")],
            PERSON,
            &[
                ('t', "created_at"),
                ('d', "created_on"),
                ('w', "status stage"),
                ('s', "top"),
                ('b', "is_open"),
                ('t', "passed_at"),
                ('b', "passed decided accepted"),
                ('t', "accepted_at"),
                ('m', "accepted_value"),
                ('b', "converted"),
                ('t', "converted_at"),
                ('w', "opportunity_id"),
                ('m', "opportunities"),
                ('b', "reached_pipeline"),
                ('t', "pipeline_at"),
                ('b', "won"),
                ('t', "won_at"),
                ('m', "won_amount"),
                ('s', "days_to_close"),
                ('t', "ended_at"),
                ('d', "ended_on"),
                ('b', "exempt"),
                ('m', "activities attempts"),
                ('t', "last_activity_at"),
                ('s', "days_since_activity"),
                ('w', "age_bucket base"),
                ('b', "is_name"),
            ],
        ],
    ),
    (
        "stage_visits",
        &[&[
            ('w', "subject_type"),
            ('i', "subject_id"),
            ('w', "account_id territory segment industry lead_source campaign_id channel campaign_origin title persona"),
            ('i', "attributes"),
            ('w', "kind product_line"),
            ('t', "started_at"),
            ('d', "started_on"),
            ('w', "stage"),
            ('s', "rank"),
            ('t', "reached_at"),
            ('d', "reached_on"),
            ('b', "implied"),
            ('s', "days_from_previous dwell_days"),
            ('b', "is_current is_won"),
            ('s', "regressions"),
            ('w', "gate"),
            ('b', "overridden leaked"),
        ]],
    ),
    (
        "opportunities",
        &[
            &[('w', "opportunity_id person_id"), ('i', "lead_id"), ('w', "owner_id campaign_id")],
            OPPORTUNITY,
            &[
                ('w', "source_channel source_origin status stage"),
                ('s', "top"),
                ('b', "is_open"),
                ('t', "created_at"),
                ('d', "created_on"),
                ('m', "amount"),
                ('b', "rate_missing won"),
                ('t', "won_at"),
                ('d', "won_on"),
                ('t', "lost_at"),
                ('d', "closed_on"),
                ('t', "recycled_at"),
                ('s', "age_days lost_days reopened"),
                ('b', "counts"),
                ('m', "contacts path_touches"),
                ('w', "base"),
                ('t', "pipeline_at"),
            ],
        ],
    ),
    (
        "handoffs",
        &[
            &[('w', "handoff_id person_id"), ('i', "lead_id"), ('w', "assigned_to team")],
            PERSON,
            &[
                ('t', "passed_at"),
                ('d', "passed_on"),
                ('w', "decision"),
                ('t', "decided_at"),
                ('w', "reason"),
                ('m', "value"),
                ('b', "accepted value_missing definition_met invalid_rejection"),
                ('t', "worked_at"),
                ('b', "worked worked_unlogged inbound_first worked_before"),
            ],
        ],
    ),
    (
        "sla_clocks",
        &[
            &[('w', "handoff_id person_id promise assigned_to team owner_at_deadline")],
            PERSON,
            &[
                ('t', "started_at"),
                ('d', "started_on"),
                ('t', "due_at"),
                ('d', "due_on"),
                ('t', "stopped_at"),
                ('b', "is_due stopped met breached"),
                ('f', "wall_minutes business_minutes"),
            ],
        ],
    ),
    (
        "influences",
        &[
            &[('w', "opportunity_id campaign_id channel owner_id")],
            OPPORTUNITY,
            &[('t', "created_at"), ('d', "created_on"), ('m', "amount touches")],
        ],
    ),
    (
        "credits",
        &[
            &[
                ('w', "opportunity_id"),
                ('b', "attributed"),
                ('i', "touchpoint_id"),
                ('w', "touch_person_id campaign_id channel owner_id"),
            ],
            OPPORTUNITY,
            &[
                ('t', "won_at"),
                ('d', "won_on"),
                ('m', "first_touch last_touch last_non_direct linear time_decay position_40_20_40"),
            ],
        ],
    ),
    ("spend", &[&[('i', "campaign_id channel"), ('d', "spent_on"), ('m', "amount impressions clicks")]]),
    ("purchases", &[&[('i', "account_id product_line kind"), ('t', "purchased_at"), ('d', "purchased_on"), ('m', "amount")]]),
];

/// The columns of every fact table, by name of the table. Custom attributes are not among them.
pub fn schemas() -> BTreeMap<&'static str, SchemaRef> {
    TABLES.iter().map(|(name, _)| (*name, schema(name))).collect()
}

/// The columns of a fact table; none when there is no such table.
pub fn schema(table: &str) -> SchemaRef {
    let groups = TABLES.iter().find(|(name, _)| *name == table).map_or(&[] as &[Columns], |(_, groups)| *groups);
    let lists = groups.iter().flat_map(|columns| columns.iter());
    let fields = lists.flat_map(|(letter, names)| names.split(' ').map(|n| Field::new(n, data_type(*letter), true)));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
