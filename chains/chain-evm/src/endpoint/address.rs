//! Where a node is, and what of that may be shown.

use std::{fmt, path::PathBuf, str::FromStr};

use alloy::{
    providers::{DynProvider, IpcConnect, Provider, ProviderBuilder, WsConnect},
    rpc::client::{ClientBuilder, RpcClient},
    transports::{
        TransportErrorKind, TransportFut, TransportResult,
        http::reqwest::{self, Url},
        ws::WebSocketConfig,
    },
};
use tower::{
    Layer,
    limit::concurrency::{ConcurrencyLimit, future::ResponseFuture},
    util::MapFuture,
};

use super::{ConnectError, Scrubbed, http::BoundedHttp, line::Once, node::Limits};

/// What is kept of a text that a node or a proxy wrote.
const OF_A_TEXT: usize = 512;

/// Lets so many requests be under way, and the others wait.
#[derive(Debug, Clone, Copy)]
struct AtOnce(usize);

type Boxed = fn(ResponseFuture<TransportFut<'static>>) -> TransportFut<'static>;

impl<S> Layer<S> for AtOnce {
    type Service = MapFuture<ConcurrencyLimit<S>, Boxed>;

    fn layer(&self, line: S) -> Self::Service {
        MapFuture::new(ConcurrencyLimit::new(line, self.0), |answer| Box::pin(answer))
    }
}

/// A parsed RPC address. Shown, it ends at the host: user names, passwords, paths and queries carry API keys.
pub(crate) enum RpcAddress {
    Http(Url),
    Ws(Url),
    Ipc(PathBuf),
}

impl RpcAddress {
    /// Whether the connection stays open, and new heads can be pushed over it.
    pub(super) const fn is_persistent(&self) -> bool {
        matches!(self, Self::Ws(_) | Self::Ipc(_))
    }

    /// Opens a connection, with no filler, no wallet and no retry, over which so many requests go at once.
    pub(super) async fn dial(&self, limits: Limits) -> TransportResult<DynProvider> {
        let builder = ClientBuilder::default().layer(AtOnce(limits.at_once.max(1)));
        let client: RpcClient = match self {
            Self::Http(url) => {
                let http = reqwest::Client::builder().timeout(limits.patience).build();
                let http = http.map_err(TransportErrorKind::custom)?;
                builder.transport(BoundedHttp::new(http, url.clone(), limits.max_answer), false)
            }
            Self::Ws(url) => {
                let most = Some(limits.max_answer);
                let bounds = WebSocketConfig::default().max_message_size(most).max_frame_size(most);
                builder.pubsub(Once(WsConnect::new(url.as_str()).with_config(bounds))).await?
            }
            Self::Ipc(path) => builder.pubsub(Once(IpcConnect::new(path.clone()))).await?,
        };
        Ok(ProviderBuilder::new().disable_recommended_fillers().connect_client(client).erased())
    }

    /// What else than closing it may have ended a connection, for which more than `most` bytes at once are an error.
    pub(super) fn longest_message(&self, most: usize) -> String {
        match self {
            Self::Ws(_) => format!(", or sent more than {most} bytes at once"),
            Self::Http(_) | Self::Ipc(_) => String::new(),
        }
    }

    /// `text` without anything of the address that may be a secret.
    pub(crate) fn scrub(&self, text: &str) -> Scrubbed {
        // Scrubbed before it is cut: half a secret is still one.
        let mut clean = self.without_secrets(text);
        if clean.chars().nth(OF_A_TEXT).is_some() {
            clean = clean.chars().take(OF_A_TEXT).chain(['…']).collect();
        }
        Scrubbed(clean)
    }

    fn without_secrets(&self, text: &str) -> String {
        let (Self::Http(url) | Self::Ws(url)) = self else { return text.to_owned() };
        let mut clean = text.replace(url.as_str(), &self.to_string());
        let path = url.path();
        let secrets = [path, path.trim_start_matches('/'), url.query().unwrap_or(""), url.username()]
            .into_iter()
            .chain(path.split('/'))
            .chain(url.query().into_iter().flat_map(|query| query.split(['&', '='])))
            .chain(url.password());
        // Shorter pieces, such as `v3`, are no secrets; replacing them would garble every sentence.
        for secret in secrets.filter(|piece| piece.len() >= 4) {
            clean = clean.replace(secret, "…");
        }
        clean
    }
}

impl FromStr for RpcAddress {
    type Err = ConnectError;

    fn from_str(text: &str) -> Result<Self, ConnectError> {
        if !text.contains("://") {
            let is_path = text.contains(['/', '\\']);
            return if is_path { Ok(Self::Ipc(text.into())) } else { Err(ConnectError::NotAnAddress) };
        }
        // The parser's message could quote the secret part, so it is dropped.
        let url: Url = text.parse().map_err(|_quotes_the_url| ConnectError::NotAnAddress)?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Http(url)),
            "ws" | "wss" => Ok(Self::Ws(url)),
            _ => Err(ConnectError::NotAnAddress),
        }
    }
}

impl fmt::Display for RpcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipc(path) => path.display().fmt(f),
            Self::Http(url) | Self::Ws(url) => {
                write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or("?"))?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                let more = url.path().len() > 1 || url.query().is_some();
                f.write_str(if more { "/…" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, shown: &str) {
        let address: RpcAddress = url.parse().unwrap();
        assert_eq!(address.to_string(), shown);
    }

    #[test]
    fn an_address_is_shown_up_to_its_host() {
        check("http://127.0.0.1:8545", "http://127.0.0.1:8545");
        check("http://127.0.0.1:8545/", "http://127.0.0.1:8545");
        check("https://eth.example.com/v3/abcdef0123456789", "https://eth.example.com/…");
        check("wss://user:hunter2@eth.example.com:8546/?key=abcdef", "wss://eth.example.com:8546/…");
        check("/run/geth.ipc", "/run/geth.ipc");
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_quoted() {
        for bad in ["", "localhost:8545", "ftp://x/secret", "http://", "https://[::secret"] {
            let refused = bad.parse::<RpcAddress>().map(|address| address.to_string()).unwrap_err();
            assert!(!refused.to_string().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn secrets_are_scrubbed_from_any_text() {
        let url = "https://user:hunter2@eth.example.com/v3/abcdef0123456789?key=QUERY1";
        let address: RpcAddress = url.parse().unwrap();
        let text = format!(
            "error for url ({url}): https://eth.example.com/v3/abcdef0123456789 said key=QUERY1, \
             hunter2, project abcdef0123456789 is over its limit; QUERY1 is too"
        );
        let clean = address.scrub(&text).to_string();
        for secret in ["hunter2", "abcdef0123456789", "QUERY1"] {
            assert!(!clean.contains(secret), "{clean}");
        }
        assert!(clean.contains("eth.example.com") && clean.contains("over its limit"), "{clean}");
    }
}
