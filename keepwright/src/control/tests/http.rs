//! The loopback port.

use std::{fs, net::SocketAddr, os::unix::fs::MetadataExt};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Desk, Serving};
use crate::control::{ControlConfig, ControlError, Server};

struct Port {
    desk: Desk,
    address: SocketAddr,
    token: String,
    _serving: Serving,
}

impl Port {
    fn open() -> Self {
        let desk = Desk::asked(&[]);
        let config = ControlConfig { http: Some("127.0.0.1:0".parse().unwrap()) };
        let server = Server::bind(desk.panel.clone(), config).unwrap();
        let address = server.http().unwrap();
        let token = fs::read_to_string(desk.state().join("control.token")).unwrap().trim().to_owned();
        Self { desk, address, token, _serving: Serving(tokio::spawn(server.run())) }
    }

    /// The status and the body of what comes back.
    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{line} HTTP/1.1\r\n{headers}content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        // The other end may hang up on a body that it does not want.
        drop(stream.write_all(body).await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
    }

    async fn allowed(&self, line: &str, body: &[u8]) -> (u16, String) {
        let (host, bearer) = (self.address.to_string(), format!("Bearer {}", self.token));
        self.ask(line, &[("host", &host), ("authorization", &bearer)], body).await
    }
}

#[tokio::test]
async fn the_port_answers_whoever_has_the_token() {
    let port = Port::open();
    let file = fs::metadata(port.desk.state().join("control.token")).unwrap();
    assert_eq!((file.mode() & 0o777, port.token.len()), (0o600, 64));
    let (status, body) = port.allowed("GET /v1/status", b"").await;
    assert_eq!(status, 200);
    assert!(body.starts_with("{\"agent\":{\"version\""), "{body}");
    assert_ne!(Port::open().token, port.token, "each start has its own");
}

#[tokio::test]
async fn nobody_else_is_answered() {
    let port = Port::open();
    let (host, bearer) = (port.address.to_string(), format!("Bearer {}", port.token));
    let mut wrong = bearer.clone();
    wrong.pop();
    let (named, token) = (("host", host.as_str()), ("authorization", bearer.as_str()));
    for headers in
        [vec![named], vec![named, ("authorization", &wrong)], vec![named, ("authorization", &port.token)]]
    {
        let (status, body) = port.ask("GET /v1/status", &headers, b"").await;
        assert_eq!(status, 401);
        assert_eq!(
            body,
            r#"{"error":"the token is missing or wrong; it is in `control.token`","refusal":null}"#
        );
    }
    let rebound = ("host", "evil.example");
    let page = ("origin", "https://evil.example");
    for headers in [vec![rebound, token], vec![named, token, page], vec![token]] {
        let (status, body) = port.ask("POST /v1/kill", &headers, b"{\"why\":\"x\"}").await;
        // Without a host it is no HTTP/1.1 at all.
        assert!(status == 403 || status == 400, "{status} {body}");
    }
    assert!(!port.desk.state().join("KILL").exists());
}

#[tokio::test]
async fn what_makes_no_sense_is_one_sentence() {
    let port = Port::open();
    let long = vec![b' '; 300 * 1_024];
    let cases: [(&str, &[u8], u16, &str); 6] = [
        (
            "POST /v1/kill",
            b"{\"why\":",
            400,
            "the body is not what this wants: EOF while parsing a value at line 1 column 7",
        ),
        (
            "POST /v1/kill",
            b"{\"why\":\"\",\"who\":1}",
            400,
            "the body is not what this wants: unknown field `who`, expected `why`",
        ),
        ("POST /v1/kill", &long, 413, "the body is broken off, or longer than 262144 bytes"),
        ("GET /v1/journal?from=first", b"", 400, "write `from` and `limit` as whole numbers"),
        ("GET /v1/kill", b"", 404, "there is no GET /v1/kill"),
        ("DELETE /etc/passwd", b"", 404, "there is no DELETE /etc/passwd"),
    ];
    for (line, body, status, sentence) in cases {
        let (found, complaint) = port.allowed(line, body).await;
        assert_eq!(found, status, "{line}: {complaint}");
        assert!(complaint.contains(sentence), "{line}: {complaint}");
    }
}

#[tokio::test]
async fn silence_on_every_connection_is_over_before_long() {
    let port = Port::open();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(port.address).await.unwrap());
    }
    // Waits for the silent ones' heads to be given up on, and is served.
    let (status, _) = port.allowed("GET /v1/status", b"").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let desk = Desk::asked(&[]);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let config = ControlConfig { http: Some(address.parse().unwrap()) };
        let refused = Server::bind(desk.panel.clone(), config).unwrap_err();
        assert!(matches!(refused, ControlError::NotLoopback(_)), "{refused}");
    }
}
