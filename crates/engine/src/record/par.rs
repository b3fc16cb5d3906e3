//! Work on all cores without a pool: scoped threads that take the next item when they are free.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Cores to use.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Applies `work` to every item on all cores; results keep the order of the items.
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = workers().min(items.len());
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let cells: Vec<Mutex<(Option<T>, Option<R>)>> = items
        .into_iter()
        .map(|item| Mutex::new((Some(item), None)))
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(cell) = cells.get(at) else { return };
                    let item = lock(cell).0.take();
                    if let Some(item) = item {
                        let result = work(item);
                        lock(cell).1 = Some(result);
                    }
                }
            });
        }
    });
    // A panic of a worker has been passed on by the scope, so every cell has its result.
    cells
        .into_iter()
        .filter_map(|cell| {
            cell.into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .1
        })
        .collect()
}

/// [`map`] for work that can fail: the first failure, in the order of the items, or all results.
pub fn try_map<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    map(items, work).into_iter().collect()
}

/// Sorts on all cores; what orders alike may change places.
pub fn sort_by<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    let share = items.len().div_ceil(workers()).max(1 << 16);
    map(items.chunks_mut(share).collect(), |some: &mut [T]| some.sort_unstable_by(&compare));
    // Runs that are in order are put together.
    items.sort_by(compare);
}

/// Two pieces of work side by side, where the runtime has other threads.
pub async fn join<A: Send, B: Send>(a: impl Future<Output = A> + Send, b: impl Future<Output = B> + Send) -> (A, B) {
    let Some(handle) = threaded() else { return (a.await, b.await) };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| handle.block_on(a));
            let b = handle.block_on(b);
            match beside.join() {
                Ok(a) => (a, b),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    })
}

/// The runtime, if it has several threads.
fn threaded() -> Option<tokio::runtime::Handle> {
    use tokio::runtime::{Handle, RuntimeFlavor};
    Handle::try_current().ok().filter(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Answers several questions on all cores: where the runtime has other threads, each core takes the
/// next one; the first failure, in the order of the questions, or all answers.
pub async fn all<Q: Copy + Send, R: Send, E: Send, F: Future<Output = Result<R, E>>>(
    questions: &[Q],
    answer: impl Fn(Q) -> F + Sync,
) -> Result<Vec<R>, E> {
    let Some(handle) = threaded() else {
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(answer(*question).await?);
        }
        return Ok(answers);
    };
    tokio::task::block_in_place(|| try_map(questions.to_vec(), |question| handle.block_on(answer(question))))
}

/// Items in buckets: bucket after bucket, each in the order in which its items came.
pub struct Dealt<T> {
    items: Vec<T>,
    /// Where each bucket ends.
    ends: Vec<u32>,
}

impl<T: Copy + Default> Dealt<T> {
    /// Deals some items, each with its bucket. More than 65,536 buckets are too many.
    pub fn new(buckets: usize, items: impl ExactSizeIterator<Item = (usize, T)>) -> Self {
        // Each end is where its bucket begins, until its items are there.
        let mut ends = vec![0_u32; buckets + 1];
        let (mut of, mut came) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for (bucket, item) in items {
            ends[bucket + 1] += 1;
            of.push(bucket as u16);
            came.push(item);
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let mut dealt = vec![T::default(); came.len()];
        for (item, bucket) in came.into_iter().zip(of) {
            let next = &mut ends[usize::from(bucket)];
            dealt[*next as usize] = item;
            *next += 1;
        }
        Self { items: dealt, ends }
    }

    /// Items of a bucket.
    pub fn of(&self, bucket: usize) -> &[T] {
        let from = bucket.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[from as usize..self.ends[bucket] as usize]
    }
}

/// Ranges of about `size` that cover `0..n`.
pub fn ranges(n: usize, size: usize) -> Vec<std::ops::Range<usize>> {
    (0..n)
        .step_by(size.max(1))
        .map(|from| from..(from + size.max(1)).min(n))
        .collect()
}

fn lock<T>(cell: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    cell.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs work that keeps a core busy from async code: where the runtime has other threads, it is
/// told so that they take over what waits.
pub fn blocking<R>(work: impl FnOnce() -> R) -> R {
    match threaded() {
        Some(_) => tokio::task::block_in_place(work),
        None => work(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_keep_the_order_of_the_items() {
        let doubled = super::map((0..1000).collect(), |x: u32| x * 2);
        assert_eq!(doubled, (0..1000).map(|x| x * 2).collect::<Vec<_>>());
        assert_eq!(
            super::try_map(vec![1, -2, -3], |x: i32| if x < 0 { Err(x) } else { Ok(x) }),
            Err(-2)
        );
        assert_eq!(super::ranges(5, 2), vec![0..2, 2..4, 4..5]);
    }

    #[test]
    fn all_is_sorted() {
        let mut numbers: Vec<u32> = (0..300_000u32).map(|i| i.wrapping_mul(2_654_435_761) >> 12).collect();
        let mut want = numbers.clone();
        want.sort_unstable();
        super::sort_by(&mut numbers, u32::cmp);
        assert_eq!(numbers, want);
    }

    #[test]
    fn buckets_keep_the_order_of_their_items() {
        let dealt = super::Dealt::new(4, [3, 1, 4, 1, 5, 9, 2, 6].into_iter().map(|n: u32| (n as usize % 3, n)));
        let all: Vec<&[u32]> = (0..4).map(|bucket| dealt.of(bucket)).collect();
        assert_eq!(all, [&[3, 9, 6][..], &[1, 4, 1], &[5, 2], &[]]);
    }
}
