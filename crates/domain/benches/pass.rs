//! Micro-benchmarks: the fold over an account, the clock of working hours, the attribution models.
//!
//! `cargo bench -p treaty-domain`

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Story, at, five_leads, office};
use divan::{Bencher, black_box};
use treaty_domain::attribution::{MODELS, Path, PathTouch};
use treaty_domain::facts::Collected;
use treaty_domain::fold::{Scratch, fold};
use treaty_domain::zone::Zone;

fn main() {
    divan::main();
}

/// An account with five leads, four deals and so many touches.
fn account(touches: u32) -> Story {
    let mut story = five_leads();
    for i in 0..touches {
        story.touch(["A", "B", "C", "E"][i as usize % 4], at(i as i32 % 60, i64::from(i % 24), 0), i % 9);
        story.call(["A", "C", "D"][i as usize % 3], at(5 + i as i32 % 50, 10, i64::from(i % 60)));
    }
    story
}

/// One account, laid out beforehand as the record lays it out.
#[divan::bench(args = [0, 10, 100, 1_000])]
fn fold_an_account(bencher: Bencher<'_, '_>, touches: u32) {
    let story = account(touches);
    let context = story.context(at(100, 0, 0));
    story.laid_out(|timeline| {
        let (mut scratch, mut facts) = (Scratch::default(), Collected::default());
        bencher.bench_local(|| {
            facts.leads.clear();
            facts.visits.clear();
            facts.opportunities.clear();
            facts.handoffs.clear();
            facts.clocks.clear();
            facts.influences.clear();
            facts.credits.clear();
            fold(black_box(&context), black_box(timeline), &mut scratch, &mut facts);
        });
    });
}

/// A deadline so many open hours after Friday evening.
#[divan::bench(args = [1, 8, 80, 800])]
fn deadline(bencher: Bencher<'_, '_>, hours: i64) {
    let calendar = office(&Zone::new("America/New_York").expect("a zone"));
    bencher.bench_local(|| calendar.deadline(black_box(at(4, 22, 30)), black_box(hours * 3_600_000_000)));
}

/// Open time between two instants so many days apart.
#[divan::bench(args = [1, 30, 365])]
fn elapsed(bencher: Bencher<'_, '_>, days: i32) {
    let calendar = office(&Zone::new("America/New_York").expect("a zone"));
    bencher.bench_local(|| calendar.elapsed(black_box(at(4, 9, 30)), black_box(at(4 + days, 15, 0))));
}

/// The weights of every model over a path of so many touches.
#[divan::bench(args = [1, 10, 100])]
fn attribution(bencher: Bencher<'_, '_>, touches: i32) {
    let path: Vec<PathTouch> = (0..touches).map(|i| PathTouch { at: at(i % 90, 9, 0), direct: i % 3 == 0 }).collect();
    let path = Path { touches: &path, converted_at: at(90, 12, 0), half_life_days: 7.0 };
    let mut weights = Vec::new();
    bencher.bench_local(|| {
        for (_, model) in MODELS {
            weights.clear();
            model(black_box(&path), &mut weights);
        }
    });
}
