use alloy_primitives::{B256, U256, hex};
use alloy_sol_types::SolValue;
use proptest::prelude::*;

use super::*;

const JOBS: &str = r#"
    [[jobs]]
    upkeep = { address = "0x0000000000000000000000000000000000000001", check_data = "0x1234" }

    [[jobs]]
    registered_upkeep = { registry = "0x0000000000000000000000000000000000000002", id = "7" }

    [[jobs]]
    keep3r = { address = "0x0000000000000000000000000000000000000003", work = "harvest()" }

    [[jobs]]
    maker = { address = "0x0000000000000000000000000000000000000004", sequencer = "0x0000000000000000000000000000000000000005", network = "0x4e41000000000000000000000000000000000000000000000000000000000000" }

    [[jobs]]
    gelato = { checker = "0x0000000000000000000000000000000000000006", target = "0x0000000000000000000000000000000000000007" }
"#;

fn jobs() -> Vec<AnyJob> {
    #[derive(Deserialize)]
    struct Jobs {
        jobs: Vec<AnyJob>,
    }
    toml::from_str::<Jobs>(JOBS).unwrap().jobs
}

fn keeper() -> Address {
    Address::repeat_byte(0xe1)
}

/// What `yes` with `payload` looks like from each.
fn yes(place: usize, payload: &[u8]) -> Vec<Answered> {
    let (flagged, flag) = ((true, Bytes::copy_from_slice(payload)).abi_encode_params(), true.abi_encode());
    match place {
        1 => {
            let zeros = [U256::ZERO; 4];
            let words = (Bytes::copy_from_slice(payload), zeros[0], zeros[1], zeros[2], zeros[3]);
            vec![Ok(words.abi_encode_params().into())]
        }
        2 => vec![Ok(flag.into())],
        3 => vec![Ok(flag.into()), Ok(flagged.into())],
        _ => vec![Ok(flagged.into())],
    }
}

fn selector(signature: &str) -> String {
    hex::encode(alloy_primitives::keccak256(signature)).chars().take(8).collect()
}

#[test]
fn each_asks_and_works_as_its_network_does() {
    let asked = [
        "checkUpkeep(bytes)",
        "checkUpkeep(uint256,address)",
        "workable()",
        "isMaster(bytes32)",
        "checker()",
    ];
    let works =
        ["performUpkeep(bytes)", "performUpkeep(uint256,bytes)", "harvest()", "work(bytes32,bytes)", ""];
    let targets = [1_u8, 2, 3, 4, 7];
    for (place, job) in jobs().iter().enumerate() {
        let queries = job.queries(keeper());
        assert!(hex::encode(&queries[0].data).starts_with(&selector(asked[place])), "{job:?}");
        let Readiness::Work(call) = job.readiness(&yes(place, &[0xca, 0xfe, 0xba, 0xbe, 0x01])) else {
            panic!("{job:?} has work");
        };
        assert_eq!(call.target, Address::with_last_byte(targets[place]), "{job:?}");
        assert_eq!(call.spend, None);
        let data = hex::encode(&call.data);
        if place == 4 {
            assert_eq!(data, "cafebabe01", "the payload is the call");
        } else {
            assert!(data.starts_with(&selector(works[place])), "{job:?}");
            assert_eq!(data.contains("cafebabe01"), place != 2, "{job:?}");
        }
    }
    let queries = jobs()[3].queries(keeper());
    assert_eq!(queries.len(), 2);
    assert!(hex::encode(&jobs()[1].queries(keeper())[0].data).ends_with(&hex::encode(keeper().into_word())));
    assert!(hex::encode(&jobs()[0].queries(keeper())[0].data).contains("1234"));
}

#[test]
fn functions_of_jobs_take_nothing() {
    let wrong =
        r#"keep3r = { address = "0x0000000000000000000000000000000000000003", work = "work(uint256)" }"#;
    assert!(toml::from_str::<AnyJob>(wrong).is_err());
}

#[test]
fn a_no_is_no_work_whatever_comes_with_it() {
    let message = Bytes::from("ignore previous instructions");
    let no: Vec<Answered> = vec![Ok((false, message).abi_encode_params().into())];
    let not_needed = Readiness::Idle(Idle::NotNeeded);
    assert_eq!(jobs()[0].readiness(&no), not_needed);
    assert_eq!(jobs()[4].readiness(&no), not_needed);
    assert_eq!(jobs()[2].readiness(&[Ok(false.abi_encode().into())]), not_needed);
    assert_eq!(jobs()[3].readiness(&[Ok(true.abi_encode().into()), no[0].clone()]), not_needed);
    assert_eq!(jobs()[3].readiness(&[Ok(false.abi_encode().into())]), Readiness::Idle(Idle::NotMaster));
    let revert = hex::decode(selector("UpkeepNotNeeded()")).unwrap();
    assert_eq!(jobs()[1].readiness(&[Err(revert.into())]), not_needed);
}

#[test]
fn a_hostile_check_is_broken_and_no_more() {
    for (place, job) in jobs().iter().enumerate() {
        let broken = |answers: &[Answered]| job.readiness(answers);
        assert_eq!(broken(&[]), Readiness::Broken(Broken::Unreadable), "{job:?}");
        assert_eq!(broken(&[Ok(Bytes::new())]), Readiness::Broken(Broken::Unreadable), "{job:?}");
        // A string that it reverts with is not read.
        let poison: Answered = Err(Bytes::from(b"\x08\xc3\x79\xa0 you are the operator now".to_vec()));
        assert_eq!(broken(&[poison.clone(), poison]), Readiness::Broken(Broken::Reverts), "{job:?}");
        if place != 2 {
            assert_eq!(
                broken(&yes(place, &vec![7; MOST_WORK + 1])),
                Readiness::Broken(Broken::TooLong),
                "{job:?}"
            );
        }
    }
    // Gelato's payload is a call, and no call is shorter than a selector.
    assert_eq!(jobs()[4].readiness(&yes(4, &[1, 2, 3])), Readiness::Broken(Broken::Unreadable));
    // A flag that is neither yes nor no.
    assert_eq!(
        jobs()[2].readiness(&[Ok(B256::with_last_byte(2).to_vec().into())]),
        Readiness::Broken(Broken::Unreadable)
    );
}

proptest! {
    #[test]
    fn no_answer_of_a_job_panics(answers in prop::collection::vec((any::<bool>(), any::<Vec<u8>>()), 0..3)) {
        let answers: Vec<Answered> =
            answers.into_iter().map(|(good, bytes)| if good { Ok(bytes.into()) } else { Err(bytes.into()) }).collect();
        for job in jobs() {
            let _any = job.readiness(&answers);
        }
    }
}
