//! Where a credential comes from: never from a command line.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Time that a password manager's command may take. Long enough for a person
/// to unlock it, short enough that a job at night doesn't hang on a prompt.
pub const COMMAND_TIME_LIMIT: Duration = Duration::from_secs(30);

/// Longest secret that is read, in bytes. A private key fits; a file named by
/// mistake is refused before it fills the memory.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// How much of a failing command's complaint is shown.
const SHOWN_COMPLAINT_CHARS: usize = 500;

/// Where one credential is kept.
#[derive(Clone)]
pub enum CredentialSource {
    /// An environment variable, by name.
    Env(String),
    /// A file that holds the secret and nothing else.
    File(PathBuf),
    /// A command, run by `sh -c`; the first line it prints is the secret.
    Command(String),
    /// The value itself; only for what isn't secret, such as a client id.
    Plain(String),
}

/// A credential that can't be read. No message holds the secret, nor the text
/// of a command beyond its first word.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The environment variable isn't set.
    #[error(
        "environment variable {name} isn't set; set it, or name a file or a command under `credentials` in the job"
    )]
    MissingVariable {
        /// The variable's name.
        name: String,
    },
    /// The file can't be read.
    #[error("credential file {} can't be read: {cause}", path.display())]
    File {
        /// The file's path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The command couldn't be started, failed, or took too long.
    #[error("credential command `{program} …` {what}; run it by hand to see why")]
    Command {
        /// The command's first word.
        program: String,
        /// What went wrong, with what it wrote to stderr.
        what: String,
    },
    /// There is nothing in it.
    #[error("credential from {origin} is empty; put the value there")]
    Empty {
        /// The source, for people.
        origin: String,
    },
    /// What is there can't be a credential.
    #[error("credential from {origin} {what}; it has to be one line of text")]
    Unusable {
        /// The source, for people.
        origin: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl CredentialSource {
    /// Reads the credential. Blocks: a command may take up to
    /// [`COMMAND_TIME_LIMIT`]. Line ends after it are cut off.
    ///
    /// # Errors
    /// [`AuthError`] where it isn't there, is empty, or isn't one line of text.
    pub fn resolve(&self) -> Result<SecretString, AuthError> {
        self.resolve_with(|name| std::env::var_os(name), COMMAND_TIME_LIMIT)
    }

    pub(crate) fn resolve_with(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
        time_limit: Duration,
    ) -> Result<SecretString, AuthError> {
        let bytes = match self {
            Self::Env(name) => {
                let value = variable(name)
                    .ok_or_else(|| AuthError::MissingVariable { name: name.clone() })?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::File(path) => read_file(path).map_err(|cause| AuthError::File {
                path: path.clone(),
                cause,
            })?,
            Self::Command(command) => {
                run(command, time_limit).map_err(|what| AuthError::Command {
                    program: program_of(command).to_owned(),
                    what,
                })?
            }
            Self::Plain(value) => Zeroizing::new(value.clone().into_bytes()),
        };
        self.one_line(&bytes)
    }

    fn one_line(&self, bytes: &[u8]) -> Result<SecretString, AuthError> {
        let unusable = |what| AuthError::Unusable {
            origin: self.to_string(),
            what,
        };
        let text = std::str::from_utf8(bytes).map_err(|_invalid| unusable("isn't UTF-8"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Err(AuthError::Empty {
                origin: self.to_string(),
            });
        }
        if text.contains(['\r', '\n']) {
            return Err(unusable("holds more than one line"));
        }
        if text.contains(char::is_control) {
            return Err(unusable("holds a control character"));
        }
        let secret = SecretString::from(text);
        debug_assert_eq!(
            secret.expose_secret().len(),
            text.len(),
            "nothing is lost on the way"
        );
        Ok(secret)
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(formatter, "environment variable {name}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            // People do write a secret into the command itself.
            Self::Command(command) => write!(formatter, "command `{} …`", program_of(command)),
            Self::Plain(_) => formatter.write_str("the job file"),
        }
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CredentialSource({self})")
    }
}

/// The command's first word, unless that is an assignment such as `KEY=secret`.
fn program_of(command: &str) -> &str {
    command
        .split_whitespace()
        .find(|word| !word.contains('='))
        .unwrap_or("?")
}

fn read_file(path: &PathBuf) -> io::Result<Zeroizing<Vec<u8>>> {
    read_bounded(File::open(path)?)
}

/// Reads all of it, or fails where it is longer than any secret.
fn read_bounded(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: a growing buffer leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES as usize + 1));
    source.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(io::Error::other("longer than 64 KiB, which no secret is"));
    }
    Ok(bytes)
}

/// Runs the command and answers with its first line.
fn run(command: &str, time_limit: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|cause| format!("couldn't be started: {cause}"))?;
    // Threads, because a full pipe would stop the command, and because what it
    // started in turn may hold the pipes open after its own end.
    let output = read_aside(child.stdout.take());
    let complaint = read_aside(child.stderr.take());
    let deadline = Instant::now() + time_limit;
    let status = wait_until(&mut child, deadline)
        .map_err(|cause| format!("couldn't be waited for: {cause}"))?;
    let Some(status) = status else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("didn't end within {} s", time_limit.as_secs_f32()));
    };
    if !status.success() {
        let complaint = complaint
            .recv_timeout(Duration::from_secs(1))
            .ok()
            .and_then(Result::ok);
        return Err(format!(
            "failed ({status}){}",
            shown(complaint.as_deref().map(Vec::as_slice))
        ));
    }
    let mut bytes = output
        .recv_timeout(
            deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_secs(1)),
        )
        .map_err(|_late| "left its output open".to_owned())?
        .map_err(|cause| format!("wrote something that can't be read: {cause}"))?;
    if let Some(line_end) = bytes.iter().position(|&byte| byte == b'\n') {
        bytes[line_end..].zeroize();
        bytes.truncate(line_end);
    }
    Ok(bytes)
}

type Contents = io::Result<Zeroizing<Vec<u8>>>;

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Contents> {
    let pipe = pipe.expect("the pipe was asked for at the start");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more after the time limit.
        let _ = sender.send(read_bounded(pipe));
    });
    receiver
}

fn wait_until(
    child: &mut Child,
    deadline: Instant,
) -> io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a child process ends on real time, and this thread waits for nothing else"
        )]
        thread::sleep(Duration::from_millis(5));
    }
}

/// What the command wrote to stderr, fit for one line of a message.
fn shown(complaint: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy(complaint.unwrap_or_default());
    let text: String = text
        .trim()
        .chars()
        .map(|symbol| if symbol.is_control() { ' ' } else { symbol })
        .take(SHOWN_COMPLAINT_CHARS)
        .collect();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}
