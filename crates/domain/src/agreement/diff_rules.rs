//! Changed rules in words.

use super::diff::{Sentences, counted, yes_no};
use super::{People, Rules, SourceRule};

/// Compares all rules.
pub(super) fn diff(out: &mut Sentences, old: &Rules, new: &Rules) {
    let Rules {
        qualifying,
        acceptance_needs_value,
        creation_enters_first_stage,
        source_rule,
        source_window_days,
        kinds,
        influence_window_days,
        influence_through_close,
        people,
        lookback_days,
        half_life_days,
        collapse_minutes,
        direct_channels,
        model,
        ratio_names_all,
        installed_base_years,
        recycle_at_least_lost,
        recycle_by,
        min_n,
        min_n_verdict,
    } = new;
    let days = |n: &i64| counted(*n, "day");
    out.names("activity", "the list of qualifying activities", &old.qualifying, qualifying);
    out.turned(
        "handoff",
        "whether acceptance needs a value",
        &old.acceptance_needs_value,
        acceptance_needs_value,
        yes_no,
    );
    out.turned(
        "opportunity",
        "whether creation enters the first stage",
        &old.creation_enters_first_stage,
        creation_enters_first_stage,
        yes_no,
    );
    out.turned("source", "the source of an opportunity", &old.source_rule, source_rule, |rule| {
        match rule {
            SourceRule::LastRespondedTouch => "its last responded touch".to_owned(),
            SourceRule::CrmPrimaryCampaign => "the primary campaign of the CRM".to_owned(),
            SourceRule::LeadCreatingTouch => "the campaign that created the lead".to_owned(),
        }
    });
    out.turned("source", "the window", &old.source_window_days, source_window_days, days);
    out.names("source", "the list of kinds of opportunity that count", &old.kinds, kinds);
    out.turned("influence", "the window", &old.influence_window_days, influence_window_days, days);
    out.turned(
        "influence",
        "the moment up to which touches count",
        &old.influence_through_close,
        influence_through_close,
        |close| if *close { "close" } else { "creation" }.to_owned(),
    );
    out.turned("attribution", "whose touches count", &old.people, people, |people| match people {
        People::Roles => "the contacts of the opportunity".to_owned(),
        People::Account => "everyone of the account".to_owned(),
        People::RolesElseAccount => {
            "the contacts of the opportunity, or else everyone of the account,".to_owned()
        }
    });
    out.turned("attribution", "the look-back", &old.lookback_days, lookback_days, days);
    out.turned(
        "attribution",
        "the half-life of time decay",
        &old.half_life_days,
        half_life_days,
        |n| format!("{n} days"),
    );
    out.change(
        "attribution",
        "repeats count as one touch within",
        &old.collapse_minutes,
        collapse_minutes,
        |n| counted(*n, "minute"),
    );
    out.names("attribution", "the list of direct channels", &old.direct_channels, direct_channels);
    out.turned("attribution", "the model shown first", &old.model, model, ToString::to_string);
    out.turned(
        "ratios",
        "who is counted by ratio 1",
        &old.ratio_names_all,
        ratio_names_all,
        |all| if *all { "everyone" } else { "the people of acquiring campaigns" }.to_owned(),
    );
    out.change(
        "ratios",
        "a purchase makes an account installed base for",
        &old.installed_base_years,
        installed_base_years,
        |n| counted(*n, "year"),
    );
    out.change(
        "recycle",
        "a verdict needs at least",
        &old.recycle_at_least_lost,
        recycle_at_least_lost,
        |n| counted(*n, "lost deal"),
    );
    out.turned("recycle", "what the rule is applied within", &old.recycle_by, recycle_by, |by| {
        by.as_ref().map_or("the whole".to_owned(), |by| format!("each {by}"))
    });
    out.turned(
        "display",
        "the smallest number behind a rate that is shown",
        &old.min_n,
        min_n,
        ToString::to_string,
    );
    out.turned(
        "display",
        "the smallest number behind a verdict",
        &old.min_n_verdict,
        min_n_verdict,
        ToString::to_string,
    );
}
