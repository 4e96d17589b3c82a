//! Starting other programs, in the open: every command line is printed before it runs.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Failed;

/// Describes a command line as a person would type it.
#[must_use]
pub fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| {
        let word = word.to_string_lossy();
        if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"$;|&<>()".contains(c)) {
            format!("'{}'", word.replace('\'', r"'\''"))
        } else {
            word.into_owned()
        }
    }));
    words.join(" ")
}

/// Runs a program with its output going straight to the terminal.
///
/// # Errors
/// When it cannot be started or ends with anything but success.
pub fn show(command: &mut Command) -> Result<(), Failed> {
    let line = line(command);
    eprintln!("xtask: {line}");
    let status = command
        .status()
        .map_err(|cause| Failed::because(&format!("cannot start `{line}`"), &cause))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failed::new(format!("`{line}` ended with {status}")))
    }
}

/// Runs a program and gives back what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started or fails; what it wrote to its standard error is the cause.
pub fn read(command: &mut Command) -> Result<Vec<u8>, Failed> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| Failed::because(&format!("cannot start `{line}`"), &cause))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failed::new(format!(
            "`{line}` ended with {}: {}",
            output.status,
            said.trim()
        )))
    }
}

/// What the person at the terminal sees of a program's standard output while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Echo {
    /// Every line as it comes: it runs for minutes, and nobody should wonder what it is doing.
    Lines,
    /// Nothing.
    Nothing,
}

/// As [`read`], for a program that must end within `limit`. Its standard error goes to the terminal.
///
/// # Errors
/// As [`read`], and when it has not ended in time: then it is killed.
pub fn read_within(command: &mut Command, limit: Duration, echo: Echo) -> Result<Vec<u8>, Failed> {
    let line = line(command);
    let tried = format!("cannot run `{line}`");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|cause| Failed::because(&tried, &cause))?;
    let Some(out) = child.stdout.take() else {
        return Err(Failed::new(format!("{tried}: it has no output")));
    };
    let (ended, said) = thread::scope(|scope| {
        let said = scope.spawn(|| match echo {
            Echo::Lines => pass_on(out, std::io::stderr(), |_| true),
            Echo::Nothing => pass_on(out, std::io::sink(), |_| true),
        });
        (wait_within(&mut child, limit), said.join())
    });
    let said = said.map_err(|_| Failed::new(format!("{tried}: reading its output stopped")))?;
    let said = said.map_err(|cause| Failed::because(&tried, &cause))?;
    match ended.map_err(|cause| Failed::because(&tried, &cause))? {
        Some(status) if status.success() => Ok(said.join("\n").into_bytes()),
        Some(status) => Err(Failed::new(format!("`{line}` ended with {status}"))),
        None => Err(Failed::new(format!(
            "`{line}` did not end within {limit:?} and was killed"
        ))),
    }
}

/// How a child ended; nothing when it was killed because its time was up.
fn wait_within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a program could be run at all: on the path, or in the folders daemons live in.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A program that ended, and the lines of its output somebody asked to keep.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; 1 when a signal ended it.
    pub code: u8,
    /// Lines that were kept, in order of arrival.
    pub kept: Vec<String>,
}

/// Runs a program, passes its output on as it comes, and keeps the lines `keep` says yes to.
///
/// # Errors
/// When it cannot be started, or its output cannot be read.
pub fn stream(command: &mut Command, keep: fn(&str) -> bool) -> Result<Ended, Failed> {
    let line = line(command);
    eprintln!("xtask: {line}");
    let tried = format!("cannot run `{line}`");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|cause| Failed::because(&tried, &cause))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failed::new(format!("{tried}: it has no output")));
    };
    let (out, err) = thread::scope(|scope| {
        let out = scope.spawn(|| pass_on(out, std::io::stdout(), keep));
        let err = scope.spawn(|| pass_on(err, std::io::stderr(), keep));
        (out.join(), err.join())
    });
    let status = child.wait().map_err(|cause| Failed::because(&tried, &cause))?;
    let mut kept = Vec::new();
    for half in [out, err] {
        let half = half.map_err(|_| Failed::new(format!("{tried}: reading its output stopped")))?;
        kept.extend(half.map_err(|cause| Failed::because(&tried, &cause))?);
    }
    Ok(Ended {
        code: status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
        kept,
    })
}

fn pass_on(from: impl Read, mut to: impl Write, keep: fn(&str) -> bool) -> std::io::Result<Vec<String>> {
    let mut kept = Vec::new();
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while from.read_until(b'\n', &mut bytes)? > 0 {
        to.write_all(&bytes)?;
        to.flush()?;
        let text = String::from_utf8_lossy(&bytes);
        if keep(text.trim_end()) {
            kept.push(text.trim_end().to_owned());
        }
        bytes.clear();
    }
    Ok(kept)
}

/// A cargo command in the project's root folder, by the cargo that runs us.
#[must_use]
pub fn cargo(root: &Path, words: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(words.iter().map(OsStr::new));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_reads_as_typed() {
        let mut command = Command::new("printf");
        command.args(["%s", "a b", "it's", ""]);
        assert_eq!(line(&command), r"printf %s 'a b' 'it'\''s' ''");
    }

    #[test]
    fn the_exit_code_and_the_kept_lines_pass_through() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo keep one; echo drop; echo keep two >&2; exit 7"]);
        let ended = stream(&mut command, |line| line.starts_with("keep")).unwrap();
        assert_eq!(ended.code, 7);
        assert_eq!(ended.kept, ["keep one", "keep two"]);
    }

    #[test]
    fn a_program_has_to_end_in_time() {
        let limit = Duration::from_secs(60);
        let said = read_within(
            Command::new("sh").args(["-c", "echo one; echo two"]),
            limit,
            Echo::Nothing,
        )
        .unwrap();
        assert_eq!(said, b"one\ntwo");
        let mut forever = Command::new("tail");
        forever.args(["-f", "/dev/null"]);
        let error = read_within(&mut forever, Duration::from_millis(50), Echo::Nothing).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        assert!(read_within(&mut Command::new("false"), limit, Echo::Nothing).is_err());
    }

    #[test]
    fn a_failing_program_is_an_error_with_its_own_words() {
        let error = read(Command::new("sh").args(["-c", "echo because >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("because"), "{error}");
    }
}
