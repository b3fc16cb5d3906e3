//! Changed rules in words.

use super::diff::{Sentences, counted, yes_no};
use super::{People, Rules, SourceRule};

/// Compares all rules.
pub(super) fn diff(out: &mut Sentences, old: &Rules, new: &Rules) {
    let Rules {
        qualifying,
        acceptance_needs_value,
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
    out.change("handoff", "acceptance needs a value:", &old.acceptance_needs_value, acceptance_needs_value, yes_no);
    out.change("source", "the source of an opportunity,", &old.source_rule, source_rule, |rule| match rule {
        SourceRule::LastRespondedTouch => "its last responded touch,".to_owned(),
        SourceRule::CrmPrimaryCampaign => "the primary campaign of the CRM,".to_owned(),
        SourceRule::LeadCreatingTouch => "the campaign that created the lead,".to_owned(),
    });
    out.change("source", "the window of", &old.source_window_days, source_window_days, days);
    out.names("source", "the list of kinds of opportunity that count", &old.kinds, kinds);
    out.change("influence", "the window of", &old.influence_window_days, influence_window_days, days);
    out.change("influence", "touches count up to the", &old.influence_through_close, influence_through_close, |close| {
        if *close { "close" } else { "creation" }.to_owned()
    });
    out.change("attribution", "touches count of", &old.people, people, |people| match people {
        People::Roles => "the contacts of the opportunity".to_owned(),
        People::Account => "everyone of the account".to_owned(),
        People::RolesElseAccount => "the contacts of the opportunity, or else everyone of the account,".to_owned(),
    });
    out.change("attribution", "the look-back of", &old.lookback_days, lookback_days, days);
    out.change("attribution", "the half-life of time decay,", &old.half_life_days, half_life_days, |n| format!("{n} days"));
    out.change("attribution", "repeats count as one touch within", &old.collapse_minutes, collapse_minutes, |n| {
        counted(*n, "minute")
    });
    out.names("attribution", "the list of direct channels", &old.direct_channels, direct_channels);
    out.plain("attribution", "the model shown first,", &old.model, model);
    out.change("ratios", "ratio 1 counts", &old.ratio_names_all, ratio_names_all, |all| {
        if *all { "everyone" } else { "the people of acquiring campaigns" }.to_owned()
    });
    out.change("ratios", "a purchase makes an account installed base for", &old.installed_base_years, installed_base_years, |n| {
        counted(*n, "year")
    });
    out.change("recycle", "a verdict needs at least", &old.recycle_at_least_lost, recycle_at_least_lost, |n| {
        counted(*n, "lost deal")
    });
    out.change("recycle", "applied within", &old.recycle_by, recycle_by, |by| {
        by.as_ref().map_or("everything at once".to_owned(), |by| format!("each {by}"))
    });
    out.plain("display", "a rate is shown from a number of", &old.min_n, min_n);
    out.plain("display", "a verdict is given from a number of", &old.min_n_verdict, min_n_verdict);
}
