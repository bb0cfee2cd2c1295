//! Against a fake node that fails and forgets, and (ignored by default) against anvil.

use agent_core::{
    Settlement,
    ports::{Stuck, StuckReason},
};
use alloy::primitives::{Bytes, U256, address, b256};
use chain_door::{Gas, Transaction};

use super::{order::Terms, *};

mod against_anvil;
mod against_fake;
mod elsewhere;
mod private;
mod replaced;

/// The second of anvil's own keys; everybody has it.
const KEY: B256 = b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const FROM: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");

fn config(folder: &tempfile::TempDir, confirmations: u64) -> WalletConfig {
    WalletConfig {
        confirmations,
        tip: TipBounds { floor: 1_000_000, cap: 2_000_000_000 },
        poll: Duration::from_millis(20),
        stuck_after: 5,
        routes: OrderFlowRoutes::none(),
        top_up_below: Wei(U256::from(1_000)),
        kill: KillSwitch::at(&folder.path().join("KILL")),
    }
}

fn spawn(endpoint: Endpoint, config: WalletConfig) -> WalletHandle {
    Wallet::spawn(UnlockedKey::from_secret(KEY.0), endpoint, config)
}

fn transaction(quote: &Quote, to: Option<Address>, data: impl Into<Bytes>) -> Transaction {
    let gas = Gas { limit: 1_000_000, max_fee: quote.max_fee, tip: quote.tip };
    Transaction { chain: quote.chain, from: quote.from, nonce: quote.nonce, to, data: data.into(), gas }
}

/// Everybody may see it, at any time.
const PUBLIC: Terms = Terms { flow: OrderFlow::Public, deadline: None };

/// What a key of this process is to sign.
const fn order(transaction: &Transaction, terms: Terms) -> Order<'_> {
    Order { transaction, terms, kept: &[], book: None }
}

impl WalletHandle {
    async fn sign_and_send(&self, transaction: &Transaction, terms: Terms) -> Result<Sent, WalletError> {
        self.carry_out(order(transaction, terms)).await
    }

    async fn stands(&self, transaction: &Transaction) -> Standing {
        self.standing(order(transaction, PUBLIC)).await.unwrap()
    }

    async fn sign_and_broadcast(&self, transaction: &Transaction) -> Result<Sent, WalletError> {
        self.sign_and_send(transaction, PUBLIC).await
    }

    async fn send_to(&self, to: Address, data: impl Into<Bytes>) -> (Transaction, Sent) {
        let transaction = transaction(&self.next_quote().await.unwrap(), Some(to), data);
        let sent = self.sign_and_broadcast(&transaction).await.unwrap();
        (transaction, sent)
    }

    async fn followed(&self, attempts: Vec<Sent>, watch: Vec<(Address, Asset)>) -> Followed {
        let followed = follow::until_final(Arc::clone(&self.lane), attempts, watch);
        tokio::time::timeout(Duration::from_secs(20), followed).await.expect("an end in time")
    }

    async fn settled(&self, sent: Sent, watch: Vec<(Address, Asset)>) -> Settlement {
        match self.followed(vec![sent], watch).await {
            Followed::Final(settlement) => settlement,
            Followed::Stuck(stuck) => panic!("{stuck:?}"),
        }
    }

    async fn stuck(&self, attempts: Vec<Sent>) -> Stuck {
        match self.followed(attempts, Vec::new()).await {
            Followed::Stuck(stuck) => stuck,
            Followed::Final(settlement) => panic!("{settlement:?}"),
        }
    }
}
