//! The record's native layout, version 1.

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Instant: RFC 3339, or local time in the zone of the settings.
    Instant,
    /// Civil date.
    Date,
    /// Money as decimal text or number; kept as an exact decimal with four digits.
    Money,
    /// Whole number.
    Int,
    /// Decimal number, such as an exchange rate.
    Decimal,
    /// Yes or no.
    Bool,
}

impl Kind {
    /// What an error says was expected.
    pub fn expected(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Instant => "an instant such as 2026-03-01T09:30:00Z or 2026-03-01 09:30",
            Kind::Date => "a date such as 2026-03-01",
            Kind::Money => "an amount such as 1234.50",
            Kind::Int => "a whole number",
            Kind::Decimal => "a decimal number such as 1.0842",
            Kind::Bool => "yes or no (true, false, 1, 0)",
        }
    }
}

/// One column of a record table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// A row without it is rejected.
    pub required: bool,
}

/// One table of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name, which is also the file name that imports without a mapping.
    pub name: &'static str,
    /// Columns in order.
    pub columns: &'static [Column],
    /// Columns that identify a row; an import with the same key replaces the row.
    pub key: &'static [&'static str],
    /// Column with the time of the event, for event tables.
    pub occurred: Option<&'static str>,
    /// Columns by which the table is kept in order (and so clustered).
    pub order: &'static [&'static str],
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Names of the required columns.
    pub fn required(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().filter(|c| c.required).map(|c| c.name)
    }
}

macro_rules! columns {
    ($($name:ident $kind:ident $($star:literal)?),* $(,)?) => {
        &[$(Column { name: stringify!($name), kind: Kind::$kind, required: columns!(@r $($star)?) }),*]
    };
    (@r) => { false };
    (@r $star:literal) => { true };
}

/// Every table of layout version 1. Event tables also carry `recorded_at`, `seq` and `source`.
pub const TABLES: &[Table] = &[
    Table {
        name: "accounts",
        columns: columns![account_id Text "*", name Text, domain Text, parent_account_id Text, industry Text, employees Int,
            country Text, segment Text, territory Text, created_at Instant],
        key: &["account_id"],
        occurred: None,
        order: &["account_id"],
    },
    Table {
        name: "people",
        columns: columns![person_id Text "*", account_id Text, email Text, name Text, title Text, phone Text, country Text, persona Text,
            created_at Instant "*", lead_source Text, campaign_id Text, owner_id Text, consent Text],
        key: &["person_id"],
        occurred: None,
        order: &["account_id", "person_id"],
    },
    Table {
        name: "opportunities",
        columns: columns![opportunity_id Text "*", account_id Text, name Text, kind Text, product_line Text, territory Text, owner_id Text,
            created_at Instant "*", amount Money, currency Text, expected_close_on Date, campaign_id Text, lead_source Text,
            loss_reason Text],
        key: &["opportunity_id"],
        occurred: None,
        order: &["account_id", "opportunity_id"],
    },
    Table {
        name: "opportunity_contacts",
        columns: columns![opportunity_id Text "*", person_id Text "*", role Text, is_primary Bool],
        key: &["opportunity_id", "person_id"],
        occurred: None,
        order: &["opportunity_id", "person_id"],
    },
    Table {
        name: "stage_changes",
        columns: columns![subject_type Text "*", subject_id Text "*", changed_at Instant "*", stage Text "*", changed_by Text, reason Text,
            recorded_at Instant, seq Int, source Text],
        key: &["subject_type", "subject_id", "changed_at", "stage"],
        occurred: Some("changed_at"),
        order: &["subject_type", "subject_id", "changed_at", "recorded_at", "seq", "stage"],
    },
    Table {
        name: "field_changes",
        columns: columns![subject_type Text "*", subject_id Text "*", changed_at Instant "*", field Text "*", old_value Text,
            new_value Text, changed_by Text, recorded_at Instant, seq Int, source Text],
        key: &["subject_type", "subject_id", "changed_at", "field", "seq"],
        occurred: Some("changed_at"),
        order: &["subject_type", "subject_id", "changed_at", "recorded_at", "seq", "field"],
    },
    Table {
        name: "touchpoints",
        columns: columns![touchpoint_id Text "*", person_id Text "*", occurred_at Instant "*", channel Text, campaign_id Text,
            content_id Text, kind Text, responded Bool, author Text, recorded_at Instant, seq Int, source Text],
        key: &["touchpoint_id"],
        occurred: Some("occurred_at"),
        order: &["person_id", "occurred_at", "recorded_at", "seq", "touchpoint_id"],
    },
    Table {
        name: "activities",
        columns: columns![activity_id Text "*", person_id Text, opportunity_id Text, occurred_at Instant "*", user_id Text, kind Text,
            direction Text, automated Bool, outcome Text, recorded_at Instant, seq Int, source Text],
        key: &["activity_id"],
        occurred: Some("occurred_at"),
        order: &["person_id", "occurred_at", "recorded_at", "seq", "activity_id"],
    },
    Table {
        name: "handoffs",
        columns: columns![handoff_id Text "*", person_id Text "*", passed_at Instant "*", passed_by Text, assigned_to Text, decision Text,
            decided_at Instant, decided_by Text, reason Text, value Money, currency Text, recorded_at Instant, seq Int, source Text],
        key: &["handoff_id"],
        occurred: Some("passed_at"),
        order: &["person_id", "passed_at", "recorded_at", "seq", "handoff_id"],
    },
    Table {
        name: "campaigns",
        columns: columns![campaign_id Text "*", name Text, channel Text, kind Text, origin Text, intent Text, parent_campaign_id Text,
            started_on Date, ended_on Date],
        key: &["campaign_id"],
        occurred: None,
        order: &["campaign_id"],
    },
    Table {
        name: "spend",
        columns: columns![campaign_id Text, channel Text, spent_on Date "*", amount Money "*", currency Text, impressions Int, clicks Int],
        key: &["campaign_id", "channel", "spent_on", "currency"],
        occurred: None,
        order: &["campaign_id", "channel", "spent_on", "currency"],
    },
    Table {
        name: "content",
        columns: columns![content_id Text "*", title Text, kind Text, buying_phase Text, persona Text, owner_id Text, published_on Date],
        key: &["content_id"],
        occurred: None,
        order: &["content_id"],
    },
    Table {
        name: "users",
        columns: columns![user_id Text "*", name Text, email Text, team Text, role Text, manager_id Text, territory Text, time_zone Text,
            active Bool],
        key: &["user_id"],
        occurred: None,
        order: &["user_id"],
    },
    Table {
        name: "purchases",
        columns: columns![account_id Text "*", purchased_at Instant "*", product_line Text, amount Money, currency Text, kind Text],
        key: &["account_id", "purchased_at", "product_line", "kind"],
        occurred: Some("purchased_at"),
        order: &["account_id", "purchased_at", "product_line", "kind"],
    },
    Table {
        name: "merges",
        columns: columns![subject_type Text "*", from_id Text "*", into_id Text "*", merged_at Instant "*"],
        key: &["subject_type", "from_id"],
        occurred: Some("merged_at"),
        order: &["subject_type", "from_id"],
    },
    Table {
        name: "fx_rates",
        columns: columns![currency Text "*", on Date "*", rate Decimal "*"],
        key: &["currency", "on"],
        occurred: None,
        order: &["currency", "on"],
    },
];

/// Column that keeps what the layout has no place for, as one JSON object of text values.
pub const ATTRIBUTES: &str = "attributes";

/// Looks up a table by name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_orders_and_times_name_columns_of_their_table() {
        for t in TABLES {
            for c in t.key.iter().chain(t.order).chain(t.occurred.iter()) {
                assert!(t.column(c).is_some(), "{}.{c}", t.name);
            }
            assert!(t.required().count() > 0, "{}", t.name);
            assert_eq!(TABLES.iter().filter(|o| o.name == t.name).count(), 1);
        }
    }
}
