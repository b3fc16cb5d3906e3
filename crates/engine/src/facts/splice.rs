//! Putting older facts and those of a patch together, column by column.

use super::core::TABLES;
use crate::error::EngineError;
use crate::load::lens::Replaced;
use datafusion::arrow::array::{Array, ArrayData, ArrayRef, MutableArrayData, make_array};
use datafusion::arrow::buffer::{MutableBuffer, ScalarBuffer};
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Where the facts of a chunk come from, table by table: runs of rows of the older facts or of the patch.
pub fn splice(older: &[ScalarBuffer<u32>], patch: &[ScalarBuffer<u32>], replaced: &Replaced) -> [Splice; TABLES.len()] {
    let mut out: [Splice; TABLES.len()] = Default::default();
    let runs = runs(older.first().map_or(&[], |base| base), replaced);
    for (table, splice) in out.iter_mut().enumerate() {
        let sides = [&older[table + 1], &patch[table + 1]];
        // Groups and rows that each side is past.
        let mut past = [(0, 0); 2];
        for (is_patch, groups) in &runs {
            let (side, past) = (sides[usize::from(*is_patch)], &mut past[usize::from(*is_patch)]);
            let from = past.1 + side[past.0..groups.start].iter().sum::<u32>();
            *past = (groups.end, from + side[groups.clone()].iter().sum::<u32>());
            splice.add(*is_patch, from..past.1);
        }
    }
    out
}

/// Runs of groups, by their places in the patch or in the older facts, of which some give way.
fn runs(base: &[u32], replaced: &Replaced) -> Vec<(bool, Range<usize>)> {
    let mut runs: Vec<(bool, Range<usize>)> = Vec::new();
    let mut add = |is_patch: bool, groups: Range<usize>| match runs.last_mut() {
        Some((last, all)) if *last == is_patch && all.end == groups.start => all.end = groups.end,
        _ if groups.is_empty() => {}
        _ => runs.push((is_patch, groups)),
    };
    let (mut next, mut gone) = (0, 0);
    for (at, group) in base.iter().enumerate().filter(|(_, group)| **group != NONE) {
        while replaced.dropped.get(gone).is_some_and(|d| d < group) {
            gone += 1;
        }
        while replaced.before.get(next).is_some_and(|before| before <= group) {
            add(true, next..next + 1);
            next += 1;
        }
        if replaced.dropped.get(gone) != Some(group) {
            add(false, at..at + 1);
        }
    }
    add(true, next..replaced.before.len());
    runs
}

/// Runs of rows, each of a patch or of older facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Splice {
    runs: Vec<(bool, Range<u32>)>,
}

impl Splice {
    fn add(&mut self, patch: bool, rows: Range<u32>) {
        match self.runs.last_mut().filter(|(p, last)| *p == patch && last.end == rows.start) {
            Some((_, last)) => last.end = rows.end,
            None if !rows.is_empty() => self.runs.push((patch, rows)),
            None => {}
        }
    }

    /// How many rows come of it.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(|(_, r)| r.len()).sum()
    }

    /// A column of older facts and of the patch as one. Most columns do not change with an event: where
    /// the patch says the same as what it replaces, the older column stays as it is.
    ///
    /// # Errors
    /// When it has more cells than a column can have.
    pub fn column(&self, older: &ArrayRef, patch: &ArrayRef) -> Result<ArrayRef, EngineError> {
        let (old, new) = (older.to_data(), patch.to_data());
        if let Some(replaced) = self.replaced(old.len()) {
            if let Some(overlaid) = overlaid(&old, &new, &replaced)? {
                return Ok(make_array(overlaid));
            }
            let mut was = MutableArrayData::new(vec![&old], false, new.len());
            for rows in replaced {
                was.try_extend(0, rows.start as usize, rows.end as usize)?;
            }
            if was.freeze() == new {
                return Ok(Arc::clone(older));
            }
        }
        let mut out = MutableArrayData::new(vec![&old, &new], false, self.rows());
        for (is_patch, rows) in &self.runs {
            out.try_extend(usize::from(*is_patch), rows.start as usize, rows.end as usize)?;
        }
        Ok(make_array(out.freeze()))
    }

    /// The older rows in whose places those of the patch stand, if all others stay where they were.
    fn replaced(&self, older: usize) -> Option<Vec<Range<u32>>> {
        let (mut at, mut places) = (0, Vec::new());
        for (is_patch, rows) in &self.runs {
            let place = at..at + rows.end - rows.start;
            at = place.end;
            if *is_patch {
                places.push(place);
            } else if place != *rows {
                return None;
            }
        }
        (at as usize == older).then_some(places)
    }
}

/// A column of plain values with those of a patch in the places of some of its own; the same column where
/// these say the same. `None` where some are missing, or they are not plain.
fn overlaid(older: &ArrayData, patch: &ArrayData, places: &[Range<u32>]) -> Result<Option<ArrayData>, EngineError> {
    let Some(width) = older.data_type().primitive_width().filter(|_| older.null_count() + patch.null_count() == 0) else {
        return Ok(None);
    };
    let (Some(old), Some(new)) = (older.buffers().first(), patch.buffers().first()) else { return Ok(None) };
    let bytes = |of: &ArrayData, rows: Range<usize>| (of.offset() + rows.start) * width..(of.offset() + rows.end) * width;
    let old = &old[bytes(older, 0..older.len())];
    let mut from = 0;
    let runs: Vec<(Range<usize>, &[u8])> = places
        .iter()
        .map(|place| {
            let to = from + place.len();
            let own = &new[bytes(patch, from..to)];
            from = to;
            (place.start as usize * width..place.end as usize * width, own)
        })
        .collect();
    if runs.iter().all(|(place, own)| old[place.clone()] == **own) {
        return Ok(Some(older.clone()));
    }
    let mut out = MutableBuffer::new(old.len());
    out.extend_from_slice(old);
    for (place, own) in runs {
        out[place].copy_from_slice(own);
    }
    let column = ArrayData::builder(older.data_type().clone()).len(older.len()).add_buffer(out.into());
    Ok(Some(column.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::UInt32Array;

    #[test]
    fn a_column_stays_where_the_patch_says_the_same() {
        // Of three groups with two, one and no row the second one gives way.
        let sizes = |groups: Vec<u32>, first: Vec<u32>| -> Vec<ScalarBuffer<u32>> {
            let none = vec![0; groups.len()];
            std::iter::once(groups).chain([first]).chain(std::iter::repeat_n(none, TABLES.len() - 1)).map(Into::into).collect()
        };
        let older = sizes(vec![0, 1, 2], vec![2, 1, 0]);
        let replaced = Replaced { before: vec![1], dropped: vec![1] };
        let plain = |of: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from(of.to_vec())) };
        // Cut out of a longer one; and with values that may be missing.
        let cut = |of: &[u32]| plain(&[&[9, 9], of, &[9]].concat()).slice(2, of.len());
        let partly = |of: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from_iter(of.iter().map(|n| (*n != 6).then_some(*n)))) };
        for column in [&plain as &dyn Fn(&[u32]) -> ArrayRef, &cut, &partly] {
            let old = column(&[5, 6, 7]);
            for (patch, want) in [(&[7][..], [5, 6, 7].as_slice()), (&[8], &[5, 6, 8]), (&[7, 7], &[5, 6, 7, 7]), (&[], &[5, 6])] {
                let [splice, ..] = splice(&older, &sizes(vec![NONE], vec![patch.len() as u32]), &replaced);
                let got = splice.column(&old, &column(patch)).expect("a column");
                assert_eq!(&got, &column(want));
                assert_eq!(got.to_data().ptr_eq(&old.to_data()), patch == [7], "only then nothing is copied");
            }
        }
    }
}
