//! An append-only journal of what was received: what is acknowledged is never lost.
//!
//! A segment is a file of eight bytes that name it, and then frames: length, CRC-32 of length and content, content. Many
//! writers share one sync: whoever finds nobody writing writes what has gathered, syncs it, and wakes those whose frames
//! were among it ("group commit"). A process that dies leaves at most a torn tail that was never acknowledged; a new
//! process begins a new segment and never touches an old one. Readers pass over what is torn and find the next whole
//! frame. A segment is removed when its rows are in the record, and not before.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

const MAGIC: &[u8; 8] = b"TREATYJ1";
const HEAD: usize = 8;

/// Longest content of one frame.
pub const LONGEST: usize = 8 << 20;

/// Size at which a segment is closed.
pub const SEGMENT: u64 = 8 << 20;

/// The journal of one process that receives.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    most: u64,
    state: Mutex<State>,
    synced: Condvar,
    /// One process at a time appends; the system gives the lock back when it dies.
    _lock: File,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    length: u64,
    next: u64,
    gathered: Vec<u8>,
    /// Number of the last frame that was handed in, and of the last one that is safe.
    given: u64,
    safe: u64,
    writing: bool,
    broken: Option<String>,
    /// Syncs so far.
    syncs: u64,
}

impl Journal {
    /// Opens a journal to append to it.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process appends to it.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::with_segments_of(dir, SEGMENT)
    }

    /// As [`Journal::open`], with another size of segments.
    ///
    /// # Errors
    /// See [`Journal::open`].
    pub fn with_segments_of(dir: &Path, most: u64) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let lock = lock(dir)?.ok_or_else(|| io::Error::new(io::ErrorKind::WouldBlock, "another process takes events into this journal"))?;
        let next = all(dir)?.last().map_or(1, |(number, _)| number + 1);
        Ok(Self { dir: dir.to_owned(), most, state: Mutex::new(State { next, ..State::default() }), synced: Condvar::new(), _lock: lock })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a frame, and returns when it is safe on disk. Called from many threads, one sync serves all.
    ///
    /// # Errors
    /// When it cannot be made safe. After such an error the journal takes nothing more: what the system says about the
    /// file is no longer to be trusted.
    pub fn append(&self, content: &[u8]) -> io::Result<()> {
        if content.is_empty() || content.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a frame holds 1 to {LONGEST} bytes, not {}", content.len())));
        }
        let mut state = self.state();
        if let Some(why) = &state.broken {
            return Err(io::Error::other(why.clone()));
        }
        frame(&mut state.gathered, content);
        state.given += 1;
        let mine = state.given;
        loop {
            if state.safe >= mine {
                return Ok(());
            }
            if let Some(why) = &state.broken {
                return Err(io::Error::other(why.clone()));
            }
            if state.writing {
                state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.writing = true;
            let gathered = std::mem::take(&mut state.gathered);
            let (upto, file, number) = (state.given, state.file.take(), state.next);
            drop(state);
            let done = self.write(file, number, &gathered);
            state = self.state();
            state.writing = false;
            match done {
                Ok((file, created)) => {
                    state.length += gathered.len() as u64;
                    if created {
                        state.next += 1;
                    }
                    state.file = Some(file);
                    state.safe = upto;
                    state.syncs += 1;
                    if state.length >= self.most {
                        state.file = None;
                        state.length = 0;
                    }
                }
                Err(e) => state.broken = Some(format!("the journal {} cannot be written: {e}; mend the cause and start again", self.dir.display())),
            }
            self.synced.notify_all();
        }
    }

    fn write(&self, file: Option<File>, number: u64, bytes: &[u8]) -> io::Result<(File, bool)> {
        let (mut file, created) = match file {
            Some(file) => (file, false),
            None => {
                let mut file = OpenOptions::new().create_new(true).append(true).open(path_of(&self.dir, number))?;
                file.write_all(MAGIC)?;
                (file, true)
            }
        };
        file.write_all(bytes)?;
        file.sync_data()?;
        if created {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok((file, created))
    }

    /// Closes the current segment, so that an import in the same process can take it.
    pub fn rotate(&self) {
        let mut state = self.state();
        while state.writing {
            state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.file = None;
        state.length = 0;
    }

    /// Segments that are closed, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn closed(&self) -> io::Result<Vec<PathBuf>> {
        let mut state = self.state();
        while state.writing {
            state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let open = state.file.is_some().then(|| state.next - 1);
        let all = all(&self.dir)?;
        Ok(all.into_iter().filter(|(number, _)| open.is_none_or(|o| *number < o)).map(|(_, path)| path).collect())
    }

    /// Syncs so far: with many writers, fewer than frames.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }
}

fn frame(out: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&check(&length, content).to_le_bytes());
    out.extend_from_slice(content);
}

fn check(length: &[u8], content: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(length);
    crc.update(content);
    crc.finalize()
}

fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:012}.journal"))
}

fn lock(dir: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(".lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

fn all(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path.extension().filter(|x| *x == "journal").and_then(|_| path.file_stem()?.to_str()?.parse().ok());
        out.extend(number.map(|n: u64| (n, path)));
    }
    out.sort();
    Ok(out)
}

/// Segments of a journal that nobody writes to, oldest first: all of them, or all but the newest if a process appends.
///
/// # Errors
/// When the folder cannot be read. A folder that is not there has none.
pub fn closed_segments(dir: &Path) -> io::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    // The lock is held while listing only: a process that begins to append afterwards begins a new segment.
    let free = lock(dir)?;
    let mut segments = all(dir)?;
    if free.is_none() {
        segments.pop();
    }
    Ok(segments.into_iter().map(|(_, path)| path).collect())
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Contents of the whole frames.
    pub frames: Vec<Vec<u8>>,
    /// Bytes that belong to no whole frame.
    pub torn: u64,
}

/// Reads a segment. What is torn is passed over up to the next whole frame.
///
/// # Errors
/// When the file cannot be read.
pub fn read_segment(path: &Path) -> io::Result<Segment> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Segment {
    let mut out = Segment::default();
    let mut at = if bytes.starts_with(MAGIC) { MAGIC.len() } else { 0 };
    while at < bytes.len() {
        match whole(&bytes[at..]) {
            Some(content) => {
                out.frames.push(content.to_vec());
                at += HEAD + content.len();
            }
            None => {
                out.torn += 1;
                at += 1;
            }
        }
    }
    out
}

/// The content of the frame at the start, if it is whole.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (length, crc) = (bytes.get(..4)?, bytes.get(4..8)?);
    let n = u32::from_le_bytes(length.try_into().ok()?) as usize;
    if n == 0 || n > LONGEST {
        return None;
    }
    let content = bytes.get(HEAD..HEAD.checked_add(n)?)?;
    (check(length, content).to_le_bytes() == crc).then_some(content)
}

/// Removes segments whose rows are in the record, and makes that last.
///
/// # Errors
/// When one cannot be removed; one that is gone already is no error.
pub fn remove(segments: &[PathBuf]) -> io::Result<()> {
    for path in segments {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    match segments.first().and_then(|p| p.parent()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Puts a segment aside that the record refused in part: it is kept, and not read again.
///
/// # Errors
/// When it cannot be renamed.
pub fn set_aside(segment: &Path) -> io::Result<PathBuf> {
    let kept = segment.with_extension("kept");
    std::fs::rename(segment, &kept)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(dir: &Path) -> Vec<String> {
        let mut out = Vec::new();
        for path in closed_segments(dir).expect("segments") {
            out.extend(read_segment(&path).expect("a segment").frames.into_iter().map(|f| String::from_utf8(f).expect("text")));
        }
        out
    }

    #[test]
    fn what_is_appended_is_read_back_over_several_segments_and_processes() {
        let dir = tempfile::tempdir().expect("a folder");
        for process in 0..3 {
            let journal = Journal::with_segments_of(dir.path(), 100).expect("a journal");
            assert!(Journal::open(dir.path()).is_err(), "one process at a time");
            for i in 0..10 {
                journal.append(format!("process {process} frame {i}").as_bytes()).expect("appended");
            }
            let last = journal.closed().expect("closed");
            assert_eq!(last.len() + 1, all(dir.path()).expect("all").len(), "the open one is not among them");
            journal.rotate();
            assert_eq!(journal.closed().expect("closed").len(), all(dir.path()).expect("all").len());
        }
        let want: Vec<String> = (0..3).flat_map(|p| (0..10).map(move |i| format!("process {p} frame {i}"))).collect();
        assert_eq!(contents(dir.path()), want);
        assert!(all(dir.path()).expect("all").len() > 6);
        remove(&closed_segments(dir.path()).expect("segments")).expect("removed");
        assert!(contents(dir.path()).is_empty());
        let journal = Journal::open(dir.path()).expect("a journal");
        assert!(journal.append(b"").is_err());
        journal.append(b"again").expect("appended");
        assert!(contents(dir.path()).is_empty(), "a segment that is written to is not read");
        drop(journal);
        assert_eq!(contents(dir.path()), ["again"]);
    }

    #[test]
    fn many_writers_share_a_sync() {
        let dir = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(dir.path()).expect("a journal");
        std::thread::scope(|scope| {
            for writer in 0..32 {
                let journal = &journal;
                scope.spawn(move || (0..50).for_each(|i| journal.append(format!("{writer}-{i}").as_bytes()).expect("appended")));
            }
        });
        let syncs = journal.syncs();
        drop(journal);
        let mut got = contents(dir.path());
        assert_eq!(got.len(), 1_600);
        got.sort();
        got.dedup();
        assert_eq!(got.len(), 1_600);
        assert!(syncs < 1_600, "{syncs} syncs for 1,600 frames");
    }

    #[test]
    fn a_torn_tail_and_a_hole_cost_only_the_frames_that_they_hit() {
        let mut bytes = MAGIC.to_vec();
        for content in ["one", "two two", "three"] {
            frame(&mut bytes, content.as_bytes());
        }
        let texts = |bytes: &[u8]| parse(bytes).frames.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect::<Vec<_>>();
        for cut in 0..bytes.len() {
            let got = texts(&bytes[..cut]);
            assert!(["one", "two two", "three"].starts_with(&got.iter().map(String::as_str).collect::<Vec<_>>()), "{cut}: {got:?}");
        }
        let hit = MAGIC.len() + HEAD + 3 + HEAD + 2;
        let mut broken = bytes.clone();
        broken[hit] ^= 1;
        assert_eq!(texts(&broken), ["one", "three"]);
        assert_eq!(parse(&broken).torn, HEAD as u64 + 7);
        let mut zeros = bytes.clone();
        zeros.extend([0; 4_096]);
        assert_eq!(parse(&zeros), Segment { frames: parse(&bytes).frames, torn: 4_096 });
    }

    #[test]
    fn a_journal_that_cannot_be_written_acknowledges_nothing_more() {
        let dir = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(dir.path()).expect("a journal");
        std::fs::create_dir(path_of(dir.path(), 1)).expect("something in the way");
        assert!(journal.append(b"lost").expect_err("broken").to_string().contains("cannot be written"));
        assert!(journal.append(b"more").is_err());
    }
}
