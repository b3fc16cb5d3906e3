//! Putting older facts and those of a patch together, column by column.

use super::core::TABLES;
use crate::error::EngineError;
use crate::load::lens::Replaced;
use datafusion::arrow::array::{Array, ArrayRef, MutableArrayData, make_array};
use datafusion::arrow::buffer::ScalarBuffer;
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Where the facts of a chunk come from, table by table: runs of rows of the older facts or of the patch.
pub fn splice(older: &[ScalarBuffer<u32>], patch: &[ScalarBuffer<u32>], replaced: &Replaced) -> [Splice; TABLES.len()] {
    let mut out: [Splice; TABLES.len()] = Default::default();
    let base = older.first().map_or(&[] as &[u32], |base| base);
    for (table, splice) in out.iter_mut().enumerate() {
        let (own, new) = (&older[table + 1], &patch[table + 1]);
        let (mut at, mut from, mut next, mut gone) = (0, 0, 0, 0);
        for (group, rows) in base.iter().zip(own.iter()) {
            while *group != NONE && replaced.dropped.get(gone).is_some_and(|d| d < group) {
                gone += 1;
            }
            let stays = *group != NONE && replaced.dropped.get(gone) != Some(group);
            while *group != NONE && next < new.len() && replaced.before[next] <= *group {
                splice.add(true, from..from + new[next]);
                from += new[next];
                next += 1;
            }
            if stays {
                splice.add(false, at..at + rows);
            }
            at += rows;
        }
        splice.add(true, from..from + new[next..].iter().sum::<u32>());
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{AsArray, UInt32Array};
    use datafusion::arrow::datatypes::UInt32Type;

    #[test]
    fn a_column_stays_where_the_patch_says_the_same() {
        // Of three groups with two, one and no row the second one gives way.
        let sizes = |groups: Vec<u32>, first: Vec<u32>| -> Vec<ScalarBuffer<u32>> {
            let none = vec![0; groups.len()];
            std::iter::once(groups).chain([first]).chain(std::iter::repeat_n(none, TABLES.len() - 1)).map(Into::into).collect()
        };
        let older = sizes(vec![0, 1, 2], vec![2, 1, 0]);
        let replaced = Replaced { before: vec![1], dropped: vec![1] };
        let column = |of: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from(of.to_vec())) };
        let old = column(&[5, 6, 7]);
        for (patch, want) in [(&[7][..], [5, 6, 7].as_slice()), (&[8], &[5, 6, 8]), (&[7, 7], &[5, 6, 7, 7]), (&[], &[5, 6])] {
            let [splice, ..] = splice(&older, &sizes(vec![NONE], vec![patch.len() as u32]), &replaced);
            let got = splice.column(&old, &column(patch)).expect("a column");
            assert_eq!(got.as_primitive::<UInt32Type>().values(), want);
            assert_eq!(Arc::ptr_eq(&got, &old), patch == [7], "only then nothing is copied");
        }
    }
}
