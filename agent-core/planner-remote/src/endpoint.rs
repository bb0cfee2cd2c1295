//! Where a model is, and how to get there.

use std::{net::IpAddr, time::Duration};

use async_openai::config::Config;
use reqwest::{
    Client, Proxy, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use secrecy::SecretString;

use crate::key::ApiKey;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// An OpenAI-compatible endpoint: OpenAI, OpenRouter, vLLM, llama-server, Ollama and the like.
///
/// It reads no environment: no key, no address and no proxy but the ones given here.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) http: Client,
    pub(crate) account: Account,
}

/// The client would show its proxy, and whose it is.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Why that is no endpoint. Quotes nothing of what it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not an address that can be asked.
    #[error(
        "the model's address must be an http or https URL that ends before /chat/completions, without user, query or fragment"
    )]
    NotAnAddress,
    /// A key that everybody on the way could read.
    #[error("the model's key would be sent in the clear: use https, or a server on this machine")]
    InTheClear,
    /// Not a proxy.
    #[error("the proxy must be an http or https URL")]
    NotAProxy,
    /// The TLS stack does not come up.
    #[error("cannot set up connections to the model's endpoint: {0}")]
    Setup(#[source] reqwest::Error),
}

/// Address and key, as the client wants them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    base: Base,
    key: Option<ApiKey>,
    no_key: SecretString,
}

/// An address may have a token in its path: it is not shown.
#[derive(Clone)]
struct Base(String);

impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Base")
    }
}

impl Endpoint {
    /// The endpoint at `base` (`https://api.openai.com/v1`), reached through `proxy` where there is one. A connection that is
    /// silent for `silence` is given up.
    ///
    /// # Errors
    /// When an address is none, or the key would leave this machine in the clear.
    pub fn new(
        base: &str,
        key: Option<ApiKey>,
        proxy: Option<&str>,
        silence: Duration,
    ) -> Result<Self, EndpointError> {
        let url = Url::parse(base).map_err(|_quotes_it| EndpointError::NotAnAddress)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::NotAnAddress);
        }
        let proxy = proxy.map(proxy_at).transpose()?;
        let stays_here = is_here(&url) && proxy.as_ref().is_none_or(is_here);
        if key.is_some() && url.scheme() == "http" && !stays_here {
            return Err(EndpointError::InTheClear);
        }
        let mut http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(silence)
            .user_agent(concat!("keepwright/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = proxy {
            http = http.proxy(Proxy::all(proxy).map_err(|_quotes_it| EndpointError::NotAProxy)?);
        }
        let http = http.build().map_err(|error| EndpointError::Setup(error.without_url()))?;
        let base = Base(url.as_str().trim_end_matches('/').to_owned());
        Ok(Self { http, account: Account { base, key, no_key: SecretString::default() } })
    }

    pub(crate) fn key(&self) -> Option<ApiKey> {
        self.account.key.clone()
    }
}

fn proxy_at(proxy: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(proxy).map_err(|_quotes_it| EndpointError::NotAProxy)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(EndpointError::NotAProxy);
    }
    Ok(url)
}

/// Whether the address is on this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Config for Account {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let bearer = self.key.as_ref().map(|key| HeaderValue::try_from(format!("Bearer {}", key.expose())));
        if let Some(Ok(mut bearer)) = bearer {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        headers
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.0)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base.0
    }

    fn api_key(&self) -> &SecretString {
        self.key.as_ref().map_or(&self.no_key, ApiKey::secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, keyed: bool, proxy: Option<&str>) -> Result<Endpoint, EndpointError> {
        let key = keyed.then(|| ApiKey::new("sk-canary-0123456789").unwrap());
        Endpoint::new(base, key, proxy, Duration::from_secs(1))
    }

    #[test]
    fn a_key_leaves_this_machine_encrypted_or_not_at_all() {
        for here in [
            "http://127.0.0.1:8080/v1",
            "http://localhost/v1",
            "http://[::1]:1/v1",
            "https://api.example.com/v1/",
        ] {
            assert!(check(here, true, None).is_ok(), "{here}");
        }
        assert!(check("http://127.0.0.1/v1", true, Some("http://localhost:3128")).is_ok());
        let proxied = check("http://127.0.0.1/v1", true, Some("http://proxy.example.com:3128"));
        assert!(matches!(proxied, Err(EndpointError::InTheClear)));
        for away in ["http://api.example.com/v1", "http://10.0.0.1/v1", "http://localhost.example.com/v1"] {
            assert!(matches!(check(away, true, None), Err(EndpointError::InTheClear)), "{away}");
            assert!(check(away, false, None).is_ok(), "{away}");
        }
    }

    #[test]
    fn addresses_have_no_place_for_secrets() {
        for bad in [
            "",
            "api.example.com/v1",
            "ftp://a/v1",
            "https://u:p@a/v1",
            "https://a/v1?key=k",
            "https://a/v1#f",
        ] {
            let error = check(bad, false, None).unwrap_err().to_string();
            assert!(error.starts_with("the model's address must be"), "{bad}: {error}");
        }
        assert!(matches!(check("https://a/v1", true, Some("socks9://p")), Err(EndpointError::NotAProxy)));
        let shown =
            format!("{:?}", check("https://a/v1/t0ken", true, Some("http://user:pa55@proxy:1")).unwrap());
        for secret in ["canary", "t0ken", "pa55"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
