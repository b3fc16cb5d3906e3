//! Printing: to the terminal or to a file, with or without colour.

use crate::args::Color;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use treaty_app::render::text::TextStyle;

/// Prints an error to standard error: what happened, and what to do.
pub fn error(message: &str) {
    let mut err = std::io::stderr().lock();
    let mark = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    let _ = writeln!(err, "{mark} {message}");
}

/// Prints a line to standard error that is no result.
pub fn remark(message: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Writes a result to standard output, or to a file. A reader that stops listening is no error.
///
/// # Errors
/// When the file cannot be written.
pub fn put(text: &str, file: Option<&Path>) -> Result<(), String> {
    put_with(file, |to| to.write_all(text.as_bytes()))
}

/// As [`put`], for a result that is written piece by piece.
///
/// # Errors
/// When the file cannot be written.
pub fn put_with(file: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let through = |to: &mut dyn Write| -> io::Result<()> {
        let mut to = BufWriter::with_capacity(1 << 16, to);
        write(&mut to)?;
        to.flush()
    };
    match file {
        Some(path) => {
            let written = File::create(path).and_then(|mut file| through(&mut file));
            written.map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
            remark(&format!("wrote {}", path.display()));
            Ok(())
        }
        None => match through(&mut std::io::stdout().lock()) {
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("the output cannot be written: {e}")),
            _ => Ok(()),
        },
    }
}

/// How text is shown here.
pub fn style(color: Color) -> TextStyle {
    let terminal = std::io::stdout().is_terminal();
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none() && std::env::var("TERM").as_deref() != Ok("dumb"),
    };
    let told = std::env::var("COLUMNS").ok().and_then(|c| c.parse::<usize>().ok());
    TextStyle { width: told.unwrap_or(110).clamp(60, 160), color, unicode: true }
}
