//! A report's chart as SVG: bars with intervals, stacked bars, paired bars.
//!
//! Every chart is a pure function of a [`Spec`] and a [`Frame`]. Bars start at zero, values and names
//! stand at the marks, provisional rows are hatched, at most twelve rows are drawn and the rest is
//! summed up as `other`. Colours are CSS variables with literal fallbacks, so that one file follows
//! the page's light or dark mode and still shows alone.

mod attainment;
mod bars;
mod canvas;
mod paired;
mod scale;
mod spec;
mod stacked;

pub use attainment::attainment;
pub use bars::bars;
pub use paired::paired;
pub use spec::{Kind, Mark, Spec, Value};
pub use stacked::stacked;
use treaty_app::report::Report;

/// Rows that are drawn before the rest becomes `other`.
pub const ROWS_MOST: usize = 12;
/// Series that are drawn before the rest becomes `other`.
pub const SERIES_MOST: usize = 7;

/// Where the colours come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// CSS variables of the page, which follow light and dark mode.
    Web,
    /// Literal colours, for pictures outside a browser.
    Print,
}

/// Room for a chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame<'a> {
    /// Prefix of all ids inside the chart; unique on the page.
    pub id: &'a str,
    /// Width in CSS pixels; below 500 the names stand above the bars.
    pub width: f64,
    /// Where the colours come from.
    pub theme: Theme,
    /// Draw the finding and the measure above the chart; a page says them in its own words.
    pub titled: bool,
}

impl<'a> Frame<'a> {
    /// A chart for a wide column of a page.
    pub fn wide(id: &'a str) -> Self {
        Self { id, width: 760.0, theme: Theme::Web, titled: false }
    }

    /// A chart for a telephone.
    pub fn narrow(id: &'a str) -> Self {
        Self { id, width: 360.0, theme: Theme::Web, titled: false }
    }

    /// A chart that stands alone, with its title.
    pub fn alone(id: &'a str) -> Self {
        Self { id, width: 760.0, theme: Theme::Print, titled: true }
    }

    fn is_narrow(&self) -> bool {
        self.width < 500.0
    }
}

/// The chart of a report; `None` if it has none, or no value to draw.
pub fn chart(report: &Report, frame: &Frame<'_>) -> Option<String> {
    let spec = Spec::of(report)?;
    Some(match spec.kind {
        Kind::Bars => bars(&spec, frame),
        Kind::Stacked => stacked(&spec, frame),
        Kind::Paired => paired(&spec, frame),
    })
}

/// Whose bar it is; the hue follows from it, everywhere the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Marketing's.
    Marketing,
    /// Sales'.
    Sales,
    /// Nobody's in particular.
    Plain,
    /// What is summed up, or stands behind.
    Rest,
}

impl Tone {
    /// The tone of `marketing` or `sales`.
    pub fn of(side: &str) -> Option<Self> {
        match side.trim().to_lowercase().as_str() {
            "marketing" => Some(Tone::Marketing),
            "sales" => Some(Tone::Sales),
            _ => None,
        }
    }

    fn strong(self) -> Ink {
        match self {
            Tone::Marketing => Ink::Marketing,
            Tone::Sales => Ink::Sales,
            Tone::Plain => Ink::Plain,
            Tone::Rest => Ink::Rest,
        }
    }

    fn soft(self) -> Ink {
        match self {
            Tone::Marketing => Ink::MarketingSoft,
            Tone::Sales => Ink::SalesSoft,
            Tone::Plain | Tone::Rest => Ink::PlainSoft,
        }
    }
}

/// A colour by its meaning. The names are those of the page's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Page,
    Text,
    Quiet,
    Line,
    Marketing,
    MarketingSoft,
    Sales,
    SalesSoft,
    Plain,
    PlainSoft,
    Rest,
    /// A grey of an ordered row of six, light to dark.
    Grey(usize),
}

impl Ink {
    fn token(self) -> (&'static str, &'static str) {
        const GREYS: [(&str, &str); 6] = [
            ("--grey-1", "#e6e7e8"),
            ("--grey-2", "#d8dadc"),
            ("--grey-3", "#c9ccd0"),
            ("--grey-4", "#babec3"),
            ("--grey-5", "#aaafb6"),
            ("--grey-6", "#999fa8"),
        ];
        match self {
            Ink::Page => ("--page", "#fdfdfc"),
            Ink::Text => ("--ink", "#1b1e23"),
            Ink::Quiet => ("--quiet", "#5b636e"),
            Ink::Line => ("--line", "#e1e2e0"),
            Ink::Marketing => ("--marketing", "#2b5fc1"),
            Ink::MarketingSoft => ("--marketing-soft", "#a9c1ec"),
            Ink::Sales => ("--sales", "#98367f"),
            Ink::SalesSoft => ("--sales-soft", "#dcabd0"),
            Ink::Plain => ("--plain", "#4d5866"),
            Ink::PlainSoft => ("--plain-soft", "#b3bac3"),
            Ink::Rest => ("--rest", "#a3a9b1"),
            Ink::Grey(step) => GREYS[step.min(GREYS.len() - 1)],
        }
    }

    fn paint(self, theme: Theme) -> String {
        let (name, literal) = self.token();
        match theme {
            Theme::Web => format!("var({name},{literal})"),
            Theme::Print => literal.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
