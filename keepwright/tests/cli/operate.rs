//! The operator's commands, against an agent in this process whose door is scripted.

use std::{fs, sync::Arc};

use agent_core::{
    Origin, Refusal,
    ports::{Entry, EntryKind, Journal, Question, Reply, Unobserved},
    scripted::{ScriptedDoor, ScriptedReader, refused, sample_opportunity, sample_order},
    units::{ChainId, Timestamp},
};
use alloy::primitives::B256;
use chain_door::KillSwitch;
use keepwright::{
    Premises,
    control::{ControlConfig, Panel, Server},
};
use memory_journal::RedbJournal;
use tokio::task::JoinHandle;

use crate::desk::{Checked, Desk};

/// An agent that only its control interface is there of.
struct Agent {
    desk: Desk,
    door: ScriptedDoor,
    serving: JoinHandle<()>,
}

impl Agent {
    async fn start() -> Checked<Self> {
        let desk = Desk::new()?;
        let journal = RedbJournal::open(desk.path("state/journal"))?;
        let door = ScriptedDoor::new(|_, _| refused(Refusal::ObserveOnly));
        let door = door.armed(sample_order()).asking(question(0xaa)).asking(question(0xab));
        for subject in 1..=3 {
            let _written = journal.append(note(subject)).await?;
        }
        let state = desk.path("state");
        let premises = Premises {
            kill: KillSwitch::at(&state.join("KILL")),
            state,
            chain: ChainId(31_337),
            endpoint: None,
            observer: Arc::new(Unobserved),
        };
        let reader = Arc::new(ScriptedReader::new([]));
        let panel = Panel::new(premises, Arc::new(door.clone()), Some(Arc::new(journal)), reader);
        let serving = tokio::spawn(Server::bind(panel, ControlConfig::default())?.run());
        Ok(Self { desk, door, serving })
    }

    /// Runs a command beside the agent; what it printed.
    async fn succeeds(&self, arguments: &str) -> Checked<String> {
        tokio::task::block_in_place(|| self.desk.succeeds(arguments))
    }

    async fn refuses(&self, arguments: &str) -> Checked<String> {
        tokio::task::block_in_place(|| self.desk.refuses(arguments))
    }

    fn replies(&self) -> Vec<Option<Reply>> {
        agent_core::ports::Door::status(&self.door).questions.iter().map(|question| question.reply).collect()
    }
}

fn question(digest: u8) -> Question {
    Question {
        id: sample_opportunity(digest).id,
        digest: B256::repeat_byte(digest),
        why: "it puts more than 10 WETH to work".into(),
        shown: "sell 12 WETH for at least 20000 USDC\nfor gas of at most 0.01 ETH".into(),
        expires: Timestamp(1_700_000_000),
        reply: None,
    }
}

fn note(subject: u8) -> Entry {
    let (claims, reservations) = (Vec::new(), Vec::new());
    let (kind, at, payload) = (EntryKind::Noted, Timestamp(7), br#"{"noted":true}"#.to_vec());
    Entry { kind, subject: B256::repeat_byte(subject), at, claims, reservations, payload }
}

const STATE: &str = "--state state";

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_how_it_stands() -> Checked {
    let agent = Agent::start().await?;
    let text = agent.succeeds("status --config liquidator.toml").await?;
    for part in [
        "acts on chain 31337",
        "not latched",
        "sample: sample/*",
        "because   it puts more than 10 WETH",
        "nothing is under way",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&agent.succeeds("status --state state --json").await?)?;
    assert_eq!(
        (json["agent"]["chain"].as_u64(), json["door"]["killed"].as_bool()),
        (Some(31_337), Some(false))
    );
    let orders = agent.succeeds("orders --state state").await?;
    assert!(orders.contains("armed by the operator"), "{orders}");
    let questions: serde_json::Value =
        serde_json::from_str(&agent.succeeds("questions --state state --json").await?)?;
    assert_eq!(questions.as_array().map(Vec::len), Some(2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_replies_to_what_is_shown() -> Checked {
    let agent = Agent::start().await?;
    let digest = B256::repeat_byte(0xaa);
    let said = agent.refuses(&format!("approve {digest} {STATE}")).await?;
    assert_eq!(said, "there is no terminal to ask at; add `--yes` once you are sure");
    assert_eq!(
        agent.refuses(&format!("approve 0xaaaa {STATE} --yes")).await?,
        "0xaaaa is too short to be sure; write at least 8 digits of the digest"
    );
    assert_eq!(agent.replies(), [None, None]);
    let said = agent.succeeds(&format!("approve 0xaaaaaaaa {STATE} --yes")).await?;
    assert_eq!(
        said,
        format!(
            "question {digest}\n  because   it puts more than 10 WETH to work\n  until     1700000000 (chain time)\n  it would\n    \
             sell 12 WETH for at least 20000 USDC\n    for gas of at most 0.01 ETH\napproved {digest}\n"
        )
    );
    agent.succeeds(&format!("deny {} {STATE} --yes", B256::repeat_byte(0xab))).await?;
    assert_eq!(agent.replies(), [Some(Reply::Approve), Some(Reply::Deny)]);
    let again = agent.refuses(&format!("deny {digest} {STATE} --yes")).await?;
    assert!(again.contains("was approved before"), "{again}");
    let unknown = agent.refuses(&format!("approve {} {STATE} --yes", B256::repeat_byte(1))).await?;
    assert!(unknown.starts_with("no question of digest 0x0101"), "{unknown}");
    agent.door.give_up(digest);
    let late = agent.refuses(&format!("approve {digest} {STATE} --yes")).await?;
    assert!(late.starts_with("too late"), "{late}");
    assert!(agent.door.commands().iter().all(|(_, origin)| *origin == Origin::Operator));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_arms_rests_and_kills() -> Checked {
    let agent = Agent::start().await?;
    let config = "--config liquidator.toml";
    assert_eq!(
        agent.succeeds(&format!("disarm sample {STATE}")).await?,
        "standing order sample is disarmed\n"
    );
    assert_eq!(
        agent.succeeds(&format!("arm weth-usdc {config}")).await?,
        "standing order weth-usdc is armed for 86400 s of chain time\n"
    );
    assert_eq!(
        agent.refuses(&format!("arm nothing {config}")).await?,
        "the config has no order nothing; add it to `orders` there"
    );
    let rest = format!("stand-down aave-liquidation/* {config} --for 1h --why maintenance");
    assert_eq!(agent.succeeds(&rest).await?, "aave-liquidation/* is stood down for 3600 s of chain time\n");
    assert_eq!(
        agent.succeeds(&format!("resume aave-liquidation/* {config}")).await?,
        "aave-liquidation/* is taken up again\n"
    );
    assert_eq!(
        agent.refuses(&format!("resume aave-liquidation/* {config}")).await?,
        "aave-liquidation/* is not stood down"
    );
    let killed = agent.succeeds(&format!("kill {config} --why mad")).await?;
    assert!(killed.ends_with("the running agent heard it and disarmed its orders\n"), "{killed}");
    assert!(agent.succeeds(&format!("status {config}")).await?.contains("LATCHED"));
    assert!(agent.succeeds(&format!("orders {config}")).await?.contains("no standing order"));
    let said = agent.refuses(&format!("unkill {config} --yes")).await?;
    assert!(said.starts_with("an agent runs in state; stop it first"), "{said}");
    agent.serving.abort();
    drop(agent.serving.await);
    let said = agent.desk.succeeds(&format!("unkill {config} --yes"))?;
    assert!(
        said.starts_with("latched because: mad\n") && said.ends_with("the kill switch is cleared\n"),
        "{said}"
    );
    Ok(())
}

#[test]
fn without_an_agent_the_kill_switch_works_and_the_rest_says_so() -> Checked {
    let desk = Desk::new()?;
    let config = "--config liquidator.toml";
    for command in ["status", "questions", "orders", "disarm x", "resume x", "approve 0x00000000"] {
        let said = desk.refuses(&format!("{command} {config}"))?;
        assert_eq!(
            said,
            "no agent serves state/control.sock; start `keepwright run`, or `keepwright door` where the door is a process of its own",
            "{command}"
        );
    }
    assert_eq!(desk.succeeds(&format!("unkill {config}"))?, "the kill switch is not latched\n");
    let killed = desk.succeeds(&format!("kill {config} --json"))?;
    assert_eq!(killed, "{\"heard_by_agent\":false,\"latched\":true}\n");
    assert_eq!(fs::read_to_string(desk.path("state/KILL"))?, "no reason was given\n");
    assert_eq!(
        desk.refuses(&format!("unkill {config}"))?,
        "there is no terminal to ask at; add `--yes` once you are sure"
    );
    desk.succeeds(&format!("unkill {config} --yes"))?;
    assert!(!desk.path("state/KILL").exists());
    assert_eq!(
        desk.refuses(&format!("journal verify {config}"))?,
        "there is no journal in state/journal; an agent in mode `live` begins one"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_read_beside_a_running_agent() -> Checked {
    let agent = Agent::start().await?;
    let verified = agent.succeeds(&format!("journal verify {STATE}")).await?;
    assert!(verified.starts_with("3 entries, every hash as it should be"), "{verified}");
    let shown = agent.succeeds(&format!("journal show {STATE} --from 1 --limit 1")).await?;
    assert_eq!(shown, "     1  noted     at 7  {\"noted\":true}\n");
    let exported = agent.succeeds(&format!("journal export {STATE}")).await?;
    let lines: Vec<serde_json::Value> =
        exported.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(lines.iter().filter_map(|line| line["sequence"].as_u64()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(lines[2]["page"]["noted"], true);
    let copied = agent.succeeds(&format!("journal backup copy {STATE}")).await?;
    assert_eq!(copied, "3 entries copied into copy and verified\n");
    let repaired = agent.refuses(&format!("journal repair new {STATE}")).await?;
    assert_eq!(repaired, "an agent runs in state; stop it first");
    Ok(())
}

#[test]
fn a_policy_is_checked_and_named_by_its_hash() -> Checked {
    let desk = Desk::new()?;
    let said = desk.succeeds("policy check liquidator.policy.toml")?;
    let hash = alloy::primitives::keccak256(fs::read(desk.path("liquidator.policy.toml"))?);
    assert!(
        said.starts_with(&format!(
            "liquidator.policy.toml is a policy for chain 31337; its hash is {hash}\n"
        )),
        "{said}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&desk.succeeds("policy check liquidator.policy.toml --json")?)?;
    assert_eq!(json["hash"], hash.to_string());
    desk.edit("liquidator.policy.toml", "version = 1", "version = 2")?;
    let said = desk.refuses("policy check liquidator.policy.toml")?;
    assert_eq!(
        said,
        "policy liquidator.policy.toml is wrong: policy key `version` is not 1, the only version that this program reads"
    );
    Ok(())
}
