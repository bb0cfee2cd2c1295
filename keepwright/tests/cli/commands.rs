//! `keys`, `devnet` and `executor`.

use std::{fs, net::TcpStream, os::unix::fs::PermissionsExt, time::Duration};

use alloy::primitives::{Address, U256};
use chain_devnet::{Asset, Role};

use crate::desk::{Checked, Desk};

#[test]
fn keys_are_made_imported_and_listed() -> Checked {
    let desk = Desk::new()?;
    let secret = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    desk.write("secret", &format!("0x{secret}\n"))?;
    let made = desk.succeeds("keys new --dir keys --password-file password")?;
    let imported = desk.succeeds("keys import --dir keys --password-file password --key-file secret")?;
    let known = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    assert_eq!(imported, format!("{known}  keys/{}.json\n", known.to_lowercase()));
    let mut both = [made, imported];
    both.sort_by_key(|line| line.to_lowercase());
    assert_eq!(desk.succeeds("keys list --dir keys")?, both.concat());
    for file in fs::read_dir(desk.path("keys"))? {
        let file = file?;
        assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(file.path())?.to_lowercase().contains(secret));
    }
    let again = desk.refuses("keys import --dir keys --password-file password --key-file secret")?;
    let file = format!("keys/{}.json", known.to_lowercase());
    assert_eq!(again, format!("keystore {file} exists already: use it, or choose another folder"));
    desk.write("secret", "not a key")?;
    let refused = desk.refuses("keys import --dir keys --password-file password --key-file secret")?;
    assert!(refused.starts_with("import refused") && !refused.contains("not a key"), "{refused}");
    Ok(())
}

/// Both ends of a devnet: asked to leave, and killed outright.
#[test]
#[ignore = "needs a node: scripts/test runs it"]
fn the_devnet_stays_up_and_takes_its_node_along() -> Checked {
    for (signal, well) in [("TERM", true), ("KILL", false)] {
        let desk = Desk::new()?;
        let mut devnet = desk.start("devnet --port 0 --block-seconds 1")?;
        let http = devnet.until(|line| line.starts_with("http "))?;
        let address = http.rsplit('/').next().ok_or("no address")?.to_owned();
        devnet.until(|line| line.starts_with("ready"))?;
        TcpStream::connect(&address)?;
        devnet.signal(signal)?;
        assert_eq!(devnet.ended()?.success(), well);
        let mut looks = 0;
        while TcpStream::connect(&address).is_ok() {
            looks += 1;
            assert!(looks < 200, "the node outlives SIG{signal}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn the_executor_is_deployed_and_emptied_by_its_owner() -> Checked {
    let (desk, devnet, key) = Desk::on_devnet().await?;
    let said = desk.succeeds("executor deploy --config liquidator.toml")?;
    let executor: Address = key.create(0);
    assert_eq!(
        said,
        format!(
            "executor deployed at {executor}\nwrite this into liquidator.policy.toml: executor = \"{executor}\"\n"
        )
    );
    desk.adopt(executor)?;
    let said = desk.succeeds("executor owner --config liquidator.toml")?;
    assert_eq!(said, format!("{executor} is an executor of this version, owned by {key}\n"));

    let safe = devnet.manifest().account_with(Role::Spare)?;
    let usdc = devnet.manifest().asset(Asset::Usdc)?.address;
    desk.edit("liquidator.policy.toml", "recipients = []", &format!("recipients = [\"{safe}\"]"))?;
    devnet.deal(executor, Asset::Usdc, U256::from(7_000_000)).await?;
    let hash = crate::live::hash(&desk)?;
    let withdraw =
        &format!("executor withdraw --config liquidator.toml --token USDC --confirm-policy {hash}");
    let said = desk.succeeds(&format!("{withdraw} --amount 5.5 --to {safe}"))?;
    assert!(said.starts_with(&format!("5.5 USDC sent to {safe} in transaction 0x")), "{said}");
    assert_eq!(devnet.balance_of(usdc, safe).await?, U256::from(5_500_000));
    // The same again is a decision of its own; more than there is, is none.
    desk.succeeds(&format!("{withdraw} --amount 1.5 --to {safe}"))?;
    desk.refuses(&format!("{withdraw} --amount 1.5 --to {safe}"))?;
    assert_eq!(devnet.balance_of(usdc, executor).await?, U256::ZERO);
    Ok(())
}
