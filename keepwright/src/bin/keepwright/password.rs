//! Passwords: from a file or the terminal, never from the environment or an argument, where others can read them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use eyre::{Context, ensure};
use keepwright::evm::Password;
use zeroize::Zeroizing;

/// The first line of `file`, or what is typed at the terminal.
pub(crate) fn read(file: Option<&Path>) -> eyre::Result<Password> {
    match file {
        Some(file) => {
            let text = Zeroizing::new(
                fs::read_to_string(file)
                    .wrap_err_with(|| format!("password file {} cannot be read", file.display()))?,
            );
            warn_of_loose_mode(file);
            Ok(Password::new(text.lines().next().unwrap_or_default().to_owned()))
        }
        None => prompt("Password: "),
    }
}

/// As with the keystore's own file, what others may read is the operator's to mend.
fn warn_of_loose_mode(file: &Path) {
    let mode = fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let file = file.display();
        eprintln!(
            "keepwright: warning: others may use {file} (mode {mode:04o}): take their permissions away with chmod go-rwx"
        );
    }
}

/// As [`read`], but typed twice.
pub(crate) fn choose(file: Option<&Path>) -> eyre::Result<Password> {
    if file.is_some() {
        return read(file);
    }
    let first = ask("New password: ")?;
    let again = Zeroizing::new(ask("The same again: ")?);
    ensure!(first == *again, "the two passwords differ; nothing was stored");
    Ok(Password::new(first))
}

pub(crate) fn ask(prompt: &str) -> eyre::Result<String> {
    rpassword::prompt_password(prompt).wrap_err("no terminal to ask at; use `--password-file`")
}

fn prompt(text: &str) -> eyre::Result<Password> {
    ask(text).map(Password::new)
}
