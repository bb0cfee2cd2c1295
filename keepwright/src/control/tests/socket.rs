//! The socket: who may speak, and what is heard.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
};

use agent_core::{
    OrderId, Origin,
    ports::{Command, Entry, EntryKind, Journal, Reply},
    units::Timestamp,
};
use alloy_primitives::B256;

use super::{Desk, order, question, said};
use crate::control::{
    ArmRequest, Client, ControlError, StandDownRequest, is_served,
    listen::{Accept, Socket, socket_of},
};

#[tokio::test]
async fn the_socket_is_for_its_owner_in_a_folder_of_its_own() {
    let desk = Desk::asked(&[]);
    let (client, serving) = desk.serve();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&desk.state()), mode(&socket_of(&desk.state()))), (0o700, 0o600));
    assert!(is_served(&desk.state()).unwrap());
    assert_eq!(client.status().await.unwrap().agent.process, std::process::id());
    let second = desk.bind().unwrap_err();
    assert!(matches!(second, ControlError::Served(_)), "{second}");
    serving.end().await;
    assert!(!is_served(&desk.state()).unwrap() && !socket_of(&desk.state()).exists());
    let gone = client.status().await.unwrap_err();
    assert!(matches!(gone, ControlError::NotServed(_)), "{gone}");
}

#[tokio::test]
async fn a_socket_that_a_dead_process_left_is_taken_over() {
    let desk = Desk::asked(&[]);
    fs::create_dir(desk.state()).unwrap();
    fs::set_permissions(desk.state(), Permissions::from_mode(0o755)).unwrap();
    drop(UnixListener::bind(socket_of(&desk.state())).unwrap());
    assert!(socket_of(&desk.state()).exists() && !is_served(&desk.state()).unwrap());
    let (client, _serving) = desk.serve();
    client.status().await.unwrap();
    assert_eq!(fs::metadata(desk.state()).unwrap().mode() & 0o777, 0o700, "nobody else enters any more");
}

#[tokio::test]
async fn what_others_may_have_put_there_is_not_trusted() {
    let desk = Desk::asked(&[]);
    fs::create_dir(desk.state()).unwrap();
    fs::set_permissions(desk.state(), Permissions::from_mode(0o777)).unwrap();
    let loose = desk.bind().unwrap_err().to_string();
    assert!(loose.ends_with("can be written to by others; take that away with chmod go-rwx"), "{loose}");
    fs::set_permissions(desk.state(), Permissions::from_mode(0o700)).unwrap();
    fs::write(socket_of(&desk.state()), "no socket").unwrap();
    let other = desk.bind().unwrap_err().to_string();
    assert!(other.ends_with("is there and is no socket; remove it"), "{other}");
}

#[tokio::test]
async fn another_user_is_hung_up_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let mut socket = Socket::bind(&path).unwrap();
    socket.be_of_another_user();
    let accepting = tokio::spawn(async move { socket.accept().await.map(drop) });
    let heard = Client::at(path).status().await.unwrap_err();
    assert!(matches!(heard, ControlError::Broken(_)), "{heard}");
    assert!(!accepting.is_finished(), "it waits for its own user");
    accepting.abort();
}

#[tokio::test]
async fn a_reply_is_for_one_question_once() {
    let desk = Desk::asked(&[question(1), question(2), question(3)]);
    let (client, _serving) = desk.serve();
    assert_eq!(client.questions().await.unwrap(), [question(1), question(2), question(3)]);
    client.reply(B256::repeat_byte(2), Reply::Approve).await.unwrap();
    client.reply(B256::repeat_byte(3), Reply::Deny).await.unwrap();
    let [none, yes, no] = [None, Some(Reply::Approve), Some(Reply::Deny)];
    let digest = B256::repeat_byte;
    assert_eq!(desk.replies(), [(digest(1), none), (digest(2), yes), (digest(3), no)]);
    let again = said(client.reply(digest(2), Reply::Deny).await.unwrap_err());
    assert!(again.contains("was approved before"), "{again}");
    let unknown = said(client.reply(digest(9), Reply::Approve).await.unwrap_err());
    assert_eq!(unknown, format!("no question of digest {} waits for a reply", digest(9)));
    desk.door.give_up(digest(1));
    let late = said(client.reply(digest(1), Reply::Approve).await.unwrap_err());
    assert!(late.starts_with("too late"), "{late}");
    assert!(desk.door.commands().iter().all(|(_, origin)| *origin == Origin::Operator));
}

#[tokio::test]
async fn a_kill_latches_and_disarms() {
    let desk = Desk::new(
        agent_core::scripted::ScriptedDoor::new(|_, _| {
            agent_core::scripted::refused(agent_core::Refusal::Killed)
        })
        .armed(order()),
    );
    let (client, _serving) = desk.serve();
    let report = client.kill("the market went mad").await.unwrap();
    assert!(report.latched && report.problem.is_none());
    assert_eq!(fs::read_to_string(desk.state().join("KILL")).unwrap(), "the market went mad\n");
    let status = client.status().await.unwrap();
    assert!(status.door.killed && status.door.orders.is_empty());
    assert_eq!(desk.told.all(), ["killed by the operator: the market went mad"]);
}

#[tokio::test]
async fn time_counts_from_the_chains_head() {
    let desk = Desk::asked(&[]);
    let (client, _serving) = desk.serve();
    client.arm(&ArmRequest { order: order(), seconds: 60 }).await.unwrap();
    let request = StandDownRequest { class: "sample/*".into(), seconds: 3_600, why: "maintenance".into() };
    client.stand_down(&request).await.unwrap();
    let door = client.status().await.unwrap().door;
    assert_eq!(door.orders[0].order.expires, Timestamp(84 + 60));
    assert_eq!(
        (door.stood_down[0].until, &door.stood_down[0].by),
        (Timestamp(84 + 3_600), &Origin::Operator)
    );
    client.resume("sample/*").await.unwrap();
    client.disarm(&order().id).await.unwrap();
    assert_eq!(said(client.resume("sample/*").await.unwrap_err()), "sample/* is not stood down");
    let unknown = said(client.disarm(&OrderId("nobody's".into())).await.unwrap_err());
    assert_eq!(unknown, "no standing order nobody's is armed");
    let wrong = said(client.confirm(B256::repeat_byte(7)).await.unwrap_err());
    assert!(wrong.contains("restart it with that one"), "{wrong}");
    client.confirm(B256::ZERO).await.unwrap();
    assert!(client.policy().await.unwrap().confirmed);
    assert!(matches!(desk.door.commands().last().unwrap().0, Command::Confirm { .. }));
}

#[tokio::test]
async fn the_journal_is_read_in_parts_to_the_byte() {
    let desk = Desk::asked(&[]);
    // More bits than a JSON number usually keeps.
    let payloads = [br#"{"max_fee":340282366920938463463374607431768211455}"#.to_vec(), vec![0xff, 0x00]];
    for index in 0..300_usize {
        let payload = payloads[index % 2].clone();
        let (claims, reservations) = (Vec::new(), Vec::new());
        let (kind, subject, at) = (EntryKind::Noted, B256::ZERO, Timestamp(1));
        let entry = Entry { kind, subject, at, claims, reservations, payload };
        let _written = desk.journal.append(entry).await.unwrap();
    }
    let (client, _serving) = desk.serve();
    let first = client.journal(0, 1_000).await.unwrap();
    assert_eq!((first.entries.len(), first.next), (256, Some(256)));
    let last = client.journal(256, 1_000).await.unwrap();
    assert_eq!((last.entries.len(), last.next), (44, None));
    assert_eq!(first.entries[0].page.get().as_bytes(), payloads[0]);
    assert_eq!(first.entries[1].page.get(), "\"0xff00\"");
    let verified = client.verify().await.unwrap();
    assert_eq!((verified.entries, verified.head), (300, last.entries[43].hash));
}
