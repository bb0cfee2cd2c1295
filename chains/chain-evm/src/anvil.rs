//! A real node for the tests that need one: anvil on a free port, killed on drop, and a wire to it that can be cut.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use agent_core::units::ChainId;
use alloy::{
    primitives::{Address, B256, Bytes, U64, address},
    rpc::json_rpc::{RpcRecv, RpcSend},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use crate::endpoint::{Endpoint, wire::WireReceipt};

pub(crate) const CHAIN: ChainId = ChainId(31337);
/// The first of anvil's own accounts; it signs for them itself.
pub(crate) const RICH: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// Logs its call data's first word as the only topic.
pub(crate) const LOGGER: Address = Address::repeat_byte(0xaa);

/// Where the devnet keeps what it fetched.
#[expect(clippy::disallowed_methods, reason = "test support")]
fn cache() -> PathBuf {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache");
    std::env::var_os("KEEPWRIGHT_CACHE").map_or(default, PathBuf::from)
}

/// The creation code of one of the devnet's contracts.
pub(crate) fn creation_code(contract: &str) -> Bytes {
    let file = cache().join("devnet/artifacts").join(contract).with_extension("json");
    let artifact: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let code = artifact["bytecode"].as_str().or(artifact["bytecode"]["object"].as_str()).unwrap();
    code.parse().unwrap()
}

/// A running anvil.
pub(crate) struct Anvil {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
    pub(crate) endpoint: Endpoint,
}

impl Anvil {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_on(CHAIN, arguments).await
    }

    /// One whose arguments give it the id of `chain`.
    pub(crate) async fn start_on(chain: ChainId, arguments: &[&str]) -> Self {
        let program = cache().join("devnet/bin/anvil");
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["--port", "0", "--ipc"])
            .arg(folder.path().join("ipc"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix("Listening on ").map(str::to_owned));
        // Anvil would die of a broken pipe.
        std::thread::spawn(move || lines.count());
        let port = said.unwrap().rsplit(':').next().unwrap().parse().unwrap();
        let endpoint = Endpoint::connect(&format!("http://127.0.0.1:{port}"), chain).await.unwrap();
        let anvil = Self { process, folder, port, endpoint };
        let _: Value = anvil
            .ask("anvil_setCode", (LOGGER, Bytes::from_static(b"\x60\x00\x35\x60\x00\x60\x00\xa1")))
            .await;
        anvil
    }

    pub(crate) fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ipc(&self) -> PathBuf {
        self.folder.path().join("ipc")
    }

    pub(crate) async fn ask<P: RpcSend, R: RpcRecv>(&self, method: &'static str, params: P) -> R {
        self.endpoint.ask(method, params).await.unwrap()
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        let _: Value = self.ask("anvil_mine", [U64::from(blocks)]).await;
    }

    /// Mines a block with one log of this topic.
    pub(crate) async fn log(&self, topic: u64) {
        let transaction = self.submit_log(topic).await;
        self.mined(transaction).await;
    }

    /// Sends what logs this topic.
    pub(crate) async fn submit_log(&self, topic: u64) -> B256 {
        let data = B256::left_padding_from(&topic.to_be_bytes());
        let call = json!({ "from": RICH, "to": LOGGER, "data": data, "gas": "0xffff" });
        self.ask("eth_sendTransaction", [call]).await
    }

    /// Waits for a transaction: a node that mines at once answers a little before it has mined.
    pub(crate) async fn mined(&self, transaction: B256) {
        while self.endpoint.receipt(transaction).await.unwrap().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Sends from an account of anvil's own, and waits for the receipt.
    pub(crate) async fn send(&self, to: Option<Address>, data: &Bytes, value: u64) -> WireReceipt {
        let call = json!({ "from": RICH, "to": to, "data": data, "value": U64::from(value) });
        let transaction: B256 = self.ask("eth_sendTransaction", [call]).await;
        self.mined(transaction).await;
        self.endpoint.receipt(transaction).await.unwrap().unwrap()
    }

    pub(crate) async fn deploy(&self, contract: &str) -> Address {
        self.send(None, &creation_code(contract), 0).await.contract_address.unwrap()
    }

    pub(crate) async fn reorg(&self, depth: u64) {
        let no_transactions: [Value; 0] = [];
        let _: Value = self.ask("anvil_reorg", (depth, no_transactions)).await;
    }

    /// A wire to the node that can be cut and mended.
    pub(crate) async fn wire(&self) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut wire =
            Wire { port, to: self.port, carrier: None, carried: Arc::default(), silent: Arc::default() };
        wire.carry(listener);
        wire
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _already_dead = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A TCP proxy on a port of its own.
pub(crate) struct Wire {
    pub(crate) port: u16,
    to: u16,
    carrier: Option<JoinHandle<()>>,
    /// Open connections.
    carried: Arc<AtomicUsize>,
    /// Nothing comes through, and nothing is closed.
    silent: Arc<AtomicBool>,
}

/// Counts a connection for as long as it is open.
struct Carried(Arc<AtomicUsize>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Wire {
    fn carry(&mut self, listener: TcpListener) {
        let (to, carried, silent) = (self.to, self.carried.clone(), self.silent.clone());
        self.carrier = Some(tokio::spawn(async move {
            // Dropped with this task, which closes every connection.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                carried.fetch_add(1, Ordering::SeqCst);
                let (carried, silent) = (Carried(carried.clone()), silent.clone());
                connections.spawn(async move {
                    if let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await {
                        pass(near, far, &silent).await;
                    }
                    drop(carried);
                });
            }
        }));
    }

    /// How many connections are open.
    pub(crate) fn carried(&self) -> usize {
        self.carried.load(Ordering::SeqCst)
    }

    /// Whether what is said on open connections is lost from now on: the worst that a network does.
    pub(crate) fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// As if the node's process died.
    pub(crate) async fn cut(&mut self) {
        if let Some(carrier) = self.carrier.take() {
            carrier.abort();
            let _aborted = carrier.await;
        }
    }

    /// As if it was started again.
    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.carry(listener);
    }
}

/// Both ways, until one end closes.
async fn pass(near: TcpStream, far: TcpStream, silent: &AtomicBool) {
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass_one_way(near_read, far_write, silent) => {}
        () = pass_one_way(far_read, near_write, silent) => {}
    }
}

async fn pass_one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: &AtomicBool) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if silent.load(Ordering::SeqCst) {
            // Half of what was said before is on its way for ever: this connection is lost.
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
