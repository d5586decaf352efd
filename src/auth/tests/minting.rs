//! Minting over a real socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use secrecy::SecretString;

use crate::transport::{ControlClient, ProxyRules, TransportSettings};

use super::super::{Credentials, CredentialsIn, MintError, MintedToken, TokenEndpoint, mint};

/// Answers one request with `reply` and hands back what was asked.
fn endpoint_that_answers(reply: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/oauth/token", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let (mut asked, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            asked.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        asked.push_str(&String::from_utf8(body).unwrap());
        // A client that has seen enough may close first.
        let _ = reader.get_mut().write_all(reply.as_bytes());
        asked
    });
    (url, server)
}

fn with_body(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn mint_at(url: String) -> Result<MintedToken, MintError> {
    let client = ControlClient::new(TransportSettings {
        proxies: ProxyRules::none(),
        ..TransportSettings::default()
    });
    let endpoint = TokenEndpoint {
        url,
        scope: Some("contact:write".to_owned()),
        credentials_in: CredentialsIn::Basic,
        headers: Vec::new(),
        address_at: None,
        rules: std::sync::Arc::new(|_, _| None),
    };
    let credentials = Credentials {
        client_id: "app".to_owned(),
        client_secret: SecretString::from("hunter2"),
        user: None,
        refresh_token: None,
    };
    mint(&client, &endpoint, &credentials).await
}

#[tokio::test]
async fn the_form_really_is_sent_and_the_token_read() {
    let (url, server) = endpoint_that_answers(with_body(
        "200 OK",
        r#"{"access_token":"abc","token_type":"bearer","expires_in":"1799","scope":"contact:write"}"#,
    ));
    let minted = mint_at(url).await.unwrap();
    assert_eq!(minted.headers[0].1, "Bearer abc");
    assert!(minted.headers[0].1.is_sensitive());
    assert_eq!(minted.life, Some(Duration::from_secs(1799)));
    let asked = server.join().unwrap();
    assert!(
        asked.starts_with("POST /oauth/token HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("authorization: Basic YXBwOmh1bnRlcjI=\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{asked}"
    );
    assert!(
        asked.ends_with("\r\n\r\ngrant_type=client_credentials&scope=contact%3Awrite"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_credentials() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let head = format!(
        "307 Temporary Redirect\r\nlocation: http://{}/",
        elsewhere.local_addr().unwrap()
    );
    let (url, _server) = endpoint_that_answers(with_body(&head, ""));
    assert!(matches!(
        mint_at(url).await.unwrap_err(),
        MintError::Refused { status: 307, .. }
    ));
    assert!(elsewhere.accept().is_err(), "nobody came");
}

#[tokio::test]
async fn replies_that_are_no_token_are_told_apart() {
    let huge = with_body("200 OK", &"x".repeat(3_000_000));
    let (url, _server) = endpoint_that_answers(huge);
    assert!(
        matches!(mint_at(url).await.unwrap_err(), MintError::BadReply { what, .. } if what.contains("larger"))
    );
    let (url, _server) =
        endpoint_that_answers("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"acc".to_owned());
    assert!(matches!(
        mint_at(url).await.unwrap_err(),
        MintError::Unreachable {
            permanent: false,
            ..
        }
    ));
    let (url, _server) = endpoint_that_answers(with_body(
        "401 Unauthorized",
        r#"{"error":"invalid_client"}"#,
    ));
    let text = mint_at(url).await.unwrap_err().to_string();
    assert!(
        text.contains("client secret") && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_listening_is_not_permanent_and_plain_http_to_a_host_is() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = mint_at(format!("http://{address}/token"))
        .await
        .unwrap_err();
    assert!(
        !error.is_permanent() && error.to_string().contains("refused"),
        "{error}"
    );
    let error = mint_at("http://id.example.com/token".to_owned())
        .await
        .unwrap_err();
    assert!(
        error.is_permanent() && error.to_string().contains("https"),
        "{error}"
    );
}
