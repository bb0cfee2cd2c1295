//! The same strategy as a user of alloy writes it.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use alloy::{
    network::{EthereumWallet, TransactionBuilder as _},
    providers::{Provider as _, ProviderBuilder, WsConnect},
    rpc::types::TransactionRequest,
};
use futures::StreamExt as _;

use crate::{
    QUIET, SETTLE, TRIGGER,
    node::{Arrival, Node},
    stage::Stage,
};

pub(crate) struct Peer {
    node: Node,
    heard: Arc<Mutex<Instant>>,
}

/// When what happened, of one sample.
pub(crate) struct Times {
    pub(crate) pushed: Instant,
    pub(crate) heard: Instant,
    pub(crate) arrival: Arrival,
    pub(crate) asked: u64,
}

impl Peer {
    pub(crate) async fn start(stage: &Stage, node: Node) -> Self {
        let heard = Arc::new(Mutex::new(Instant::now()));
        let (watch, to, data) = (Arc::clone(&heard), stage.executor, stage.calldata());
        let listens = ProviderBuilder::new().connect_ws(WsConnect::new(node.ws_url())).await.unwrap();
        let sends = ProviderBuilder::new()
            .wallet(EthereumWallet::from(stage.signer.clone()))
            .connect_http(node.http_url().parse().unwrap());
        let mut heads = listens.subscribe_blocks().await.unwrap().into_stream();
        tokio::spawn(async move {
            let _line = listens;
            while let Some(head) = heads.next().await {
                *watch.lock().unwrap() = Instant::now();
                if head.base_fee_per_gas.is_some_and(|base_fee| base_fee <= TRIGGER) {
                    let close = TransactionRequest::default().with_to(to).with_input(data.clone());
                    drop(sends.send_transaction(close).await.unwrap());
                }
            }
        });
        Self { node, heard }
    }

    pub(crate) async fn sample(&mut self) -> Times {
        for _quiet in 0..2 {
            self.node.head(QUIET);
            tokio::time::sleep(SETTLE).await;
        }
        let before = self.node.asked();
        self.node.head(TRIGGER);
        let arrival = self.node.arrival().await;
        let heard = *self.heard.lock().unwrap();
        Times { pushed: self.node.pushed(), heard, arrival, asked: self.node.asked() - before }
    }
}
