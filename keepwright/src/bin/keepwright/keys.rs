//! `keepwright keys`.

use std::{fs, path::Path};

use eyre::Context;
use keepwright::evm::{Keystore, ScryptCost};
use zeroize::Zeroizing;

use crate::{cli::KeysCommand, password};

pub(crate) fn run(command: KeysCommand) -> eyre::Result<()> {
    match command {
        KeysCommand::New { folder, password } => {
            let password = password::choose(password.password_file.as_deref())?;
            tell(&Keystore::generate(&folder.dir, &password, ScryptCost::default())?);
        }
        KeysCommand::Import { folder, password, key_file } => {
            let key = Zeroizing::new(match key_file {
                Some(file) => fs::read_to_string(&file)
                    .wrap_err_with(|| format!("key file {} cannot be read", file.display()))?,
                None => password::ask("Private key (64 hex digits): ")?,
            });
            let password = password::choose(password.password_file.as_deref())?;
            tell(&Keystore::import(&folder.dir, key.trim(), &password, ScryptCost::default())?);
        }
        KeysCommand::List { folder } => list(&folder.dir)?,
    }
    Ok(())
}

fn list(folder: &Path) -> eyre::Result<()> {
    for entry in Keystore::list(folder)? {
        match entry {
            Ok(keystore) => tell(&keystore),
            Err(error) => eprintln!("keepwright: {error}"),
        }
    }
    Ok(())
}

fn tell(keystore: &Keystore) {
    let address = keystore
        .address()
        .map_or_else(|| "address unknown until unlocked".to_owned(), |address| address.to_string());
    println!("{address}  {}", keystore.path().display());
    for warning in keystore.warnings() {
        eprintln!("keepwright: warning: {warning}");
    }
}
