//! A platform's stand-in: plain HTTP around a function that answers requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::Value;

/// A request as it came in.
pub(super) struct Asked {
    pub(super) method: String,
    /// Path and query, encoded.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// A header's value; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// What a stand-in answers.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Headers besides those of every answer, each with its line break.
    pub(super) headers: String,
    pub(super) body: Value,
}

impl From<(u16, Value)> for Answer {
    fn from((status, body): (u16, Value)) -> Self {
        Self {
            status,
            headers: String::new(),
            body,
        }
    }
}

/// Starts a stand-in that answers each request with a status and a JSON body;
/// its address.
pub(super) fn stand_in<Reply: Into<Answer>>(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve(stream, &|asked| answer(asked).into()));
        }
    });
    url
}

/// Answers one connection until the client closes it.
fn serve(stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let answer = answer(&next_request(&mut reader)?);
        let (status, headers, body) = (answer.status, answer.headers, answer.body.to_string());
        let text = format!(
            "HTTP/1.1 {status} Answer\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        writer.write_all(text.as_bytes()).ok()?;
    }
}

fn next_request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut line = head.first()?.split(' ');
    let headers = head[1..].iter().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_owned(), value.to_owned()))
    });
    let mut asked = Asked {
        method: line.next()?.to_owned(),
        target: line.next()?.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    asked.body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}
