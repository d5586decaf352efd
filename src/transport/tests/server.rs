//! A server of a few lines: what it does with each request is the test's to say.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What to do after a request has been read.
pub(super) enum Answer {
    /// Write this and wait for the next request.
    Reply(Vec<u8>),
    /// Write this and close the connection.
    ReplyThenClose(Vec<u8>),
    /// Say nothing and keep the connection open for so many milliseconds.
    Silence(u64),
    /// Write this head, then `x` until the client closes.
    EndlessBody(&'static str),
}

pub(super) struct Server {
    pub(super) url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection on its own thread. The closure gets the whole
    /// request as text, the connection's number and the request's number on it.
    pub(super) fn start(
        answer: impl Fn(&str, usize, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (Arc::clone(&connections), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                // The client closing is how a test ends.
                thread::spawn(move || drop(serve(stream, number, answer.as_ref())));
            }
        });
        Self { url, connections }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: TcpStream,
    connection: usize,
    answer: &dyn Fn(&str, usize, usize) -> Answer,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    for number in 0.. {
        let Some(asked) = read_request(&mut reader)? else {
            break;
        };
        match answer(&asked, connection, number) {
            Answer::Reply(bytes) => reader.get_mut().write_all(&bytes)?,
            Answer::ReplyThenClose(bytes) => return reader.get_mut().write_all(&bytes),
            Answer::Silence(millis) => thread::sleep(std::time::Duration::from_millis(millis)),
            Answer::EndlessBody(head) => {
                reader.get_mut().write_all(head.as_bytes())?;
                loop {
                    reader.get_mut().write_all(&[b'x'; 65536])?;
                }
            }
        }
    }
    Ok(())
}

/// Head and body as text; none where the client closed between two requests.
pub(super) fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let (mut asked, mut length) = (String::new(), 0);
    loop {
        let begin = asked.len();
        if reader.read_line(&mut asked)? == 0 {
            return Ok(None);
        }
        let line = asked[begin..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    asked.push_str(&String::from_utf8_lossy(&body));
    Ok(Some(asked))
}

/// A whole reply with a sized body.
pub(super) fn reply(head: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
