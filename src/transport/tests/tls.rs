//! Certificates: what is accepted, and what is said of the others. The
//! certificates (for `localhost`, self-signed) and their key are made for these
//! tests and good for nothing else.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::super::tls::config_with_roots;
use super::super::{Cause, Direct, Origin, Reply, SendError, Stage, TlsFlaw, Transport};
use super::server::{NO_CONTENT, read_request};
use super::{on_a_lane, patch, settings};

const KEY: &[u8] = include_bytes!("certificates/key.pem");
const VALID: &[u8] = include_bytes!("certificates/valid.pem");
const EXPIRED: &[u8] = include_bytes!("certificates/expired.pem");

/// Starts a TLS server on loopback and answers with its port.
fn tls_server(certificate: &[u8]) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            while let Ok(Some(_)) = read_request(&mut reader) {
                assert_eq!(
                    reader.get_ref().conn.alpn_protocol(),
                    Some(&b"http/1.1"[..])
                );
                reader.get_mut().write_all(NO_CONTENT).unwrap();
            }
        }
    });
    port
}

async fn ask(host: &str, port: u16, trusted: Option<&[u8]>) -> Result<Reply, SendError> {
    let mut roots = RootCertStore::empty();
    if let Some(trusted) = trusted {
        roots
            .add(CertificateDer::from_pem_slice(trusted).unwrap())
            .unwrap();
    }
    let origin = Origin::parse(&format!("https://{host}:{port}")).unwrap();
    let direct = Direct::with_tls(origin, &settings(), Arc::new(config_with_roots(roots)));
    let first = direct.send(patch("/")).await?;
    assert_eq!(first.status, 204);
    direct.send(patch("/")).await
}

fn refused_for(error: &SendError, host: &str, flaw: TlsFlaw) {
    assert_eq!(error.stage, Stage::NotSent);
    assert_eq!(
        error.cause,
        Cause::Tls {
            host: host.to_owned(),
            flaw
        }
    );
    assert!(error.is_permanent() && error.hint().is_some());
}

#[test]
fn a_trusted_certificate_is_accepted_and_http_1_1_chosen() {
    on_a_lane(async {
        assert_eq!(
            ask("localhost", tls_server(VALID), Some(VALID))
                .await
                .unwrap()
                .status,
            204
        );
    });
}

#[test]
fn what_is_wrong_with_a_certificate_is_named() {
    on_a_lane(async {
        let port = tls_server(VALID);
        refused_for(
            &ask("localhost", port, None).await.unwrap_err(),
            "localhost",
            TlsFlaw::UnknownIssuer,
        );
        refused_for(
            &ask("127.0.0.1", port, Some(VALID)).await.unwrap_err(),
            "127.0.0.1",
            TlsFlaw::WrongHost,
        );
        let port = tls_server(EXPIRED);
        refused_for(
            &ask("localhost", port, Some(EXPIRED)).await.unwrap_err(),
            "localhost",
            TlsFlaw::Expired,
        );
    });
}

#[test]
fn a_port_that_does_not_speak_tls_is_named() {
    on_a_lane(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    .unwrap();
                thread::sleep(std::time::Duration::from_millis(200));
            }
        });
        refused_for(
            &ask("localhost", port, None).await.unwrap_err(),
            "localhost",
            TlsFlaw::NotTls,
        );
    });
}
