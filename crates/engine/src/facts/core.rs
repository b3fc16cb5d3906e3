//! What the pass yields, column by column: plain numbers, as narrow as they can be. Everything that
//! people read is made from them when it is asked for ([`super::columns`]).

use crate::error::EngineError;
use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, BooleanBufferBuilder, PrimitiveArray, RecordBatch,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef, UInt8Type, UInt16Type, UInt32Type,
};
use std::sync::Arc;
use treaty_domain::agreement::MODELS;
use treaty_domain::facts::{
    ClockFact, Collected, CreditFact, HandoffFact, InfluenceFact, LeadFact, OpportunityFact, Origin, VisitFact,
};
use treaty_domain::timeline::NONE;

/// A column while it grows.
trait Grow: Default {
    type Cell;
    const TYPE: DataType;
    /// Adds cells, a block of them at once.
    fn put(&mut self, rows: usize, cell: impl Fn(usize) -> Option<Self::Cell>);
    fn done(&mut self) -> ArrayRef;
}

/// Which cells of a growing column are there; nothing is noted while all are.
#[derive(Default)]
struct Validity {
    rows: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Validity {
    fn put(&mut self, rows: usize, there: impl Fn(usize) -> bool) {
        let own = BooleanBuffer::collect_bool(rows, there);
        if self.bits.is_none() && own.count_set_bits() < rows {
            let mut bits = BooleanBufferBuilder::new(self.rows + rows);
            bits.append_n(self.rows, true);
            self.bits = Some(bits);
        }
        if let Some(bits) = &mut self.bits {
            bits.append_buffer(&own);
        }
        self.rows += rows;
    }

    fn done(&mut self) -> Option<NullBuffer> {
        self.rows = 0;
        self.bits.take().map(|mut bits| NullBuffer::new(bits.finish()))
    }
}

/// Numbers.
struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }
}

impl<T: ArrowPrimitiveType> Grow for Numbers<T> {
    type Cell = T::Native;
    const TYPE: DataType = T::DATA_TYPE;

    #[inline]
    fn put(&mut self, rows: usize, cell: impl Fn(usize) -> Option<T::Native>) {
        self.values.extend((0..rows).map(|i| cell(i).unwrap_or_default()));
        self.validity.put(rows, |i| cell(i).is_some());
    }

    fn done(&mut self) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(std::mem::take(&mut self.values).into(), self.validity.done()))
    }
}

/// Yes or no.
#[derive(Default)]
struct Flags {
    values: Option<BooleanBufferBuilder>,
    validity: Validity,
}

impl Grow for Flags {
    type Cell = bool;
    const TYPE: DataType = DataType::Boolean;

    #[inline]
    fn put(&mut self, rows: usize, cell: impl Fn(usize) -> Option<bool>) {
        let values = self.values.get_or_insert_with(|| BooleanBufferBuilder::new(rows));
        values.append_buffer(&BooleanBuffer::collect_bool(rows, |i| cell(i).unwrap_or_default()));
        self.validity.put(rows, |i| cell(i).is_some());
    }

    fn done(&mut self) -> ArrayRef {
        let values = self.values.take().map_or_else(|| BooleanBuffer::new_unset(0), |mut v| v.finish());
        Arc::new(BooleanArray::new(values, self.validity.done()))
    }
}

type U8 = Numbers<UInt8Type>;
type U16 = Numbers<UInt16Type>;
type U32 = Numbers<UInt32Type>;
type I32 = Numbers<Int32Type>;
type I64 = Numbers<Int64Type>;
type Flag = Flags;

/// Defines the growing columns of a fact from its fields.
macro_rules! core {
    ($($table:ident: $fact:ident { $($column:ident: $grow:ty = |$f:ident| $get:expr;)* })*) => {
        $(
            #[derive(Default)]
            struct $table { $($column: $grow,)* }

            impl $table {
                fn schema() -> SchemaRef {
                    Arc::new(Schema::new(vec![$(Field::new(stringify!($column), <$grow as Grow>::TYPE, true)),*]))
                }

                /// Column after column: a block of facts fits into the nearest cache.
                fn take(&mut self, facts: &[$fact]) {
                    $(self.$column.put(facts.len(), |i| {
                        let $f = &facts[i];
                        ($get).into()
                    });)*
                }

                fn finish(&mut self) -> Vec<ArrayRef> {
                    vec![$(self.$column.done()),*]
                }
            }
        )*
    };
}

core! {
    Leads: LeadFact {
        person: U32 = |f| f.person;
        attempt: U16 = |f| f.attempt;
        recycled: Flag = |f| f.origin == Origin::Recycled;
        owner: U32 = |f| f.owner;
        started_at: I64 = |f| f.started_at.0;
        status: U8 = |f| f.status as u8;
        top: U8 = |f| f.top;
        stage: U8 = |f| f.stage;
        passed_at: I64 = |f| f.passed_at.map(|t| t.0);
        decided: Flag = |f| f.decided;
        accepted_at: I64 = |f| f.accepted_at.map(|t| t.0);
        accepted_value: I64 = |f| f.accepted_value;
        converted_at: I64 = |f| f.converted_at.map(|t| t.0);
        opportunity: U32 = |f| f.opportunity;
        opportunities: U32 = |f| f.opportunities;
        pipeline_at: I64 = |f| f.pipeline_at.map(|t| t.0);
        won_at: I64 = |f| f.won_at.map(|t| t.0);
        won_amount: I64 = |f| f.won_amount;
        ended_at: I64 = |f| f.ended_at.map(|t| t.0);
        exempt: Flag = |f| f.exempt;
        activities: U32 = |f| f.activities;
        attempts: U32 = |f| f.attempts;
        last_activity_at: I64 = |f| f.last_activity_at.map(|t| t.0);
        base: U8 = |f| f.base as u8;
        is_name: Flag = |f| f.counts_as_name;
    }
    Visits: VisitFact {
        is_lead: Flag = |f| f.is_lead;
        subject: U32 = |f| f.subject;
        attempt: U16 = |f| f.attempt;
        started_at: I64 = |f| f.started_at.0;
        stage: U8 = |f| f.stage;
        reached_at: I64 = |f| f.reached_at.0;
        implied: Flag = |f| f.implied;
        days_from_previous: I32 = |f| f.days_from_previous;
        dwell_days: I32 = |f| f.dwell_days;
        is_current: Flag = |f| f.is_current;
        regressions: U16 = |f| f.regressions;
        gate: U8 = |f| f.gate as u8;
        overridden: Flag = |f| f.overridden;
    }
    Opportunities: OpportunityFact {
        opportunity: U32 = |f| f.opportunity;
        status: U8 = |f| f.status as u8;
        top: U8 = |f| f.top;
        stage: U8 = |f| f.stage;
        created_at: I64 = |f| f.created_at.0;
        amount: I64 = |f| f.amount;
        rate_missing: Flag = |f| f.rate_missing;
        owner: U32 = |f| f.owner;
        person: U32 = |f| f.person;
        attempt: U16 = |f| f.attempt;
        won_at: I64 = |f| f.won_at.map(|t| t.0);
        lost_at: I64 = |f| f.lost_at.map(|t| t.0);
        recycled_at: I64 = |f| f.recycled_at.map(|t| t.0);
        age_days: I32 = |f| f.age_days;
        reopened: U16 = |f| f.reopened;
        source_campaign: U32 = |f| f.source_campaign;
        counts: Flag = |f| f.counts;
        contacts: U32 = |f| f.contacts;
        path_touches: U32 = |f| f.path_touches;
        base: U8 = |f| f.base as u8;
        pipeline_at: I64 = |f| f.pipeline_at.map(|t| t.0);
    }
    Handoffs: HandoffFact {
        row: U32 = |f| f.row;
        person: U32 = |f| f.person;
        attempt: U16 = |f| f.attempt;
        passed_at: I64 = |f| f.passed_at.0;
        assigned_to: U32 = |f| f.assigned_to;
        decision: U8 = |f| f.decision as u8;
        decided_at: I64 = |f| f.decided_at.map(|t| t.0);
        value_missing: Flag = |f| f.value_missing;
        value: I64 = |f| f.value;
        definition_met: Flag = |f| f.definition_met;
        worked_at: I64 = |f| f.worked_at.map(|t| t.0);
        worked_unlogged: Flag = |f| f.worked_unlogged;
        inbound_first: Flag = |f| f.inbound_first;
        worked_before: Flag = |f| f.worked_before;
    }
    Clocks: ClockFact {
        row: U32 = |f| f.handoff;
        promise: U8 = |f| u8::from(f.promise == super::columns::PROMISES[1]);
        assigned_to: U32 = |f| f.assigned_to;
        owner_at_deadline: U32 = |f| f.owner_at_deadline;
        started_at: I64 = |f| f.started_at.0;
        due_at: I64 = |f| f.due_at.map(|t| t.0);
        stopped_at: I64 = |f| f.stopped_at.map(|t| t.0);
        is_due: Flag = |f| f.is_due;
        met: Flag = |f| f.met;
        wall: I64 = |f| f.wall;
        business: I64 = |f| f.business;
    }
    Influences: InfluenceFact {
        opportunity: U32 = |f| f.opportunity;
        campaign: U32 = |f| f.campaign;
        touches: U32 = |f| f.touches;
    }
    Credits: CreditFact {
        opportunity: U32 = |f| f.opportunity;
        touch: U32 = |f| f.touch;
        touch_person: U32 = |f| f.person;
        campaign: U32 = |f| f.campaign;
        first_touch: I64 = |f| f.credit[0];
        last_touch: I64 = |f| f.credit[1];
        last_non_direct: I64 = |f| f.credit[2];
        linear: I64 = |f| f.credit[3];
        time_decay: I64 = |f| f.credit[4];
        position_40_20_40: I64 = |f| f.credit[5];
    }
}

/// What an influence or a credit takes from the fact of its opportunity.
#[derive(Default)]
struct OfDeal {
    person: U32,
    owner: U32,
    created_at: I64,
    amount: I64,
    won_at: I64,
}

const OF_DEAL: [(&str, DataType); 5] = [
    ("person", DataType::UInt32),
    ("owner", DataType::UInt32),
    ("created_at", DataType::Int64),
    ("amount", DataType::Int64),
    ("won_at", DataType::Int64),
];

impl OfDeal {
    fn take(&mut self, deals: &[Option<&OpportunityFact>]) {
        let n = deals.len();
        self.person.put(n, |i| Some(deals[i].map_or(NONE, |o| o.person)));
        self.owner.put(n, |i| Some(deals[i].map_or(NONE, |o| o.owner)));
        self.created_at.put(n, |i| deals[i].map(|o| o.created_at.0));
        self.amount.put(n, |i| deals[i].and_then(|o| o.amount));
        self.won_at.put(n, |i| deals[i].and_then(|o| o.won_at).map(|t| t.0));
    }

    fn done(&mut self) -> [ArrayRef; 5] {
        [self.person.done(), self.owner.done(), self.created_at.done(), self.amount.done(), self.won_at.done()]
    }
}

/// Names of the tables that the pass yields, in a fixed order.
pub const TABLES: [&str; 7] = ["leads", "stage_visits", "opportunities", "handoffs", "sla_clocks", "influences", "credits"];

/// Core columns of each table of [`TABLES`].
pub fn schemas() -> [SchemaRef; 7] {
    let with = |own: SchemaRef, more: &[(&str, DataType)]| -> SchemaRef {
        let mut fields: Vec<Arc<Field>> = own.fields().iter().cloned().collect();
        fields.extend(more.iter().map(|(name, t)| Arc::new(Field::new(*name, t.clone(), true))));
        Arc::new(Schema::new(fields))
    };
    [
        Leads::schema(),
        Visits::schema(),
        Opportunities::schema(),
        Handoffs::schema(),
        with(Clocks::schema(), &[("person", DataType::UInt32)]),
        with(Influences::schema(), &OF_DEAL),
        with(Credits::schema(), &OF_DEAL),
    ]
}

/// The growing facts of a run of accounts.
#[derive(Default)]
pub struct Growing {
    leads: Leads,
    visits: Visits,
    opportunities: Opportunities,
    handoffs: Handoffs,
    clocks: Clocks,
    clock_person: U32,
    influences: Influences,
    influence_deal: OfDeal,
    credits: Credits,
    credit_deal: OfDeal,
}

impl Growing {
    /// Takes the facts of some whole accounts and leaves the collection empty.
    pub fn take(&mut self, c: &mut Collected) {
        debug_assert_eq!(MODELS.len(), 6);
        self.leads.take(&c.leads);
        self.visits.take(&c.visits);
        self.handoffs.take(&c.handoffs);
        self.clocks.take(&c.clocks);
        // Clocks follow their hand-offs, so the person is found by walking both.
        let mut at = 0;
        let person = |x: &ClockFact| {
            while c.handoffs.get(at).is_some_and(|h| h.row != x.handoff) {
                at += 1;
            }
            c.handoffs.get(at).map_or(NONE, |h| h.person)
        };
        let people: Vec<u32> = c.clocks.iter().map(person).collect();
        self.clock_person.put(people.len(), |i| Some(people[i]));
        self.influences.take(&c.influences);
        self.credits.take(&c.credits);
        let deals = |numbers: &mut dyn Iterator<Item = u32>, to: &mut OfDeal| {
            let mut at = 0;
            let mut found = Vec::new();
            for number in numbers {
                // Influences and credits follow the order of their opportunities.
                while c.opportunities.get(at).is_some_and(|o| o.opportunity != number) {
                    at += 1;
                }
                if at == c.opportunities.len() {
                    at = c.opportunities.iter().position(|o| o.opportunity == number).unwrap_or(c.opportunities.len());
                }
                found.push(c.opportunities.get(at));
            }
            to.take(&found);
        };
        deals(&mut c.influences.iter().map(|i| i.opportunity), &mut self.influence_deal);
        deals(&mut c.credits.iter().map(|i| i.opportunity), &mut self.credit_deal);
        self.opportunities.take(&c.opportunities);
        c.leads.clear();
        c.visits.clear();
        c.opportunities.clear();
        c.handoffs.clear();
        c.clocks.clear();
        c.influences.clear();
        c.credits.clear();
    }

    /// The finished columns, one batch a table in the order of [`TABLES`].
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn finish(mut self) -> Result<Vec<RecordBatch>, EngineError> {
        let columns: [(Vec<ArrayRef>, Vec<ArrayRef>); 7] = [
            (self.leads.finish(), vec![]),
            (self.visits.finish(), vec![]),
            (self.opportunities.finish(), vec![]),
            (self.handoffs.finish(), vec![]),
            (self.clocks.finish(), vec![self.clock_person.done()]),
            (self.influences.finish(), self.influence_deal.done().to_vec()),
            (self.credits.finish(), self.credit_deal.done().to_vec()),
        ];
        let tables = schemas().into_iter().zip(columns);
        tables.map(|(schema, (own, more))| Ok(RecordBatch::try_new(schema, [own, more].concat())?)).collect()
    }
}

/// Reading core columns by name; a name that is not there is a defect and reads as an error.
pub struct Core<'a>(pub &'a super::table::Chunk);

impl<'a> Core<'a> {
    fn column(&self, name: &str) -> Result<&'a ArrayRef, EngineError> {
        self.0.core(name)
    }

    fn typed<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>, EngineError> {
        let column = self.column(name)?;
        column
            .as_primitive_opt::<T>()
            .ok_or_else(|| EngineError::Ask(format!("facts hold `{name}` as {}; this is a defect of Treaty", column.data_type())))
    }

    /// Positions or counts.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn u32(&self, name: &str) -> Result<&'a [u32], EngineError> {
        Ok(self.typed::<UInt32Type>(name)?.values())
    }

    /// Small numbers.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn u16(&self, name: &str) -> Result<&'a [u16], EngineError> {
        Ok(self.typed::<UInt16Type>(name)?.values())
    }

    /// Codes of words, ranks.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn u8(&self, name: &str) -> Result<&'a [u8], EngineError> {
        Ok(self.typed::<UInt8Type>(name)?.values())
    }

    /// Days.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn i32(&self, name: &str) -> Result<&'a PrimitiveArray<Int32Type>, EngineError> {
        self.typed(name)
    }

    /// Instants and money.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn i64(&self, name: &str) -> Result<&'a PrimitiveArray<Int64Type>, EngineError> {
        self.typed(name)
    }

    /// Yes or no.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn flag(&self, name: &str) -> Result<&'a BooleanArray, EngineError> {
        self.column(name)?
            .as_boolean_opt()
            .ok_or_else(|| EngineError::Ask(format!("facts hold no flag `{name}`; this is a defect of Treaty")))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.0.rows
    }
}

/// Microseconds as minutes.
pub fn minutes(micros: &PrimitiveArray<Int64Type>) -> PrimitiveArray<Float64Type> {
    micros.unary(|m| m as f64 / 60e6)
}
