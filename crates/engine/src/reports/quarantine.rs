//! How many of the leads that are counted may be fakes: numbers with and without them.

use super::{Ask, Desk, grouped_count};
use crate::error::EngineError;
use crate::identity::QUARANTINED;
use treaty_app::report::Report;

/// Says how many leads are in quarantine, unless the filter has decided about them.
pub(super) async fn remark(desk: &Desk<'_>, ask: &Ask, out: &mut Report) -> Result<(), EngineError> {
    if desk.facts.suspects == 0 || ask.filter.as_deref().is_some_and(|f| f.contains(QUARANTINED)) {
        return Ok(());
    }
    let plain = Ask { by: None, ..ask.clone() };
    let only = format!("{QUARANTINED} = 'yes'");
    let suspect = desk.grouped(&plain, &[], &["leads"], &[&only]).await?.one().int("leads");
    let all = desk.grouped(&plain, &[], &["leads"], &[]).await?.one().int("leads");
    if suspect > 0 {
        out.notes.push(format!(
            "{} of {} leads are of people in quarantine, who may be fakes; they are counted here. Without them it is {}: --where \"{QUARANTINED} = 'no'\".",
            grouped_count(suspect),
            grouped_count(all),
            grouped_count(all - suspect)
        ));
    }
    Ok(())
}
