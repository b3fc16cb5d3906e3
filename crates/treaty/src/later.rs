//! Work that goes on behind an answer: it is begun before, and the process ends after it.

use std::sync::{Mutex, PoisonError};
use tokio::task::JoinHandle;

static BEGUN: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Begins something that nobody waits for yet.
pub fn begin(work: impl Future<Output = ()> + Send + 'static) {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner).push(tokio::spawn(work));
}

/// Waits until all that was begun is done.
pub async fn done() {
    let begun = std::mem::take(&mut *BEGUN.lock().unwrap_or_else(PoisonError::into_inner));
    for work in begun {
        // What breaks behind an answer does not take the answer back.
        let _ = work.await;
    }
}
