//! Passwords: from a file or the terminal, never from the environment or an argument, where others can read them.

use std::{fs, path::Path};

use eyre::{Context, ensure};
use keepwright::evm::Password;

/// The first line of `file`, or what is typed at the terminal.
pub(crate) fn read(file: Option<&Path>) -> eyre::Result<Password> {
    match file {
        Some(file) => {
            let text = fs::read_to_string(file)
                .wrap_err_with(|| format!("password file {} cannot be read", file.display()))?;
            Ok(Password::new(text.lines().next().unwrap_or_default().to_owned()))
        }
        None => prompt("Password: "),
    }
}

/// As [`read`], but typed twice.
pub(crate) fn choose(file: Option<&Path>) -> eyre::Result<Password> {
    if file.is_some() {
        return read(file);
    }
    let first = ask("New password: ")?;
    ensure!(first == ask("The same again: ")?, "the two passwords differ; nothing was stored");
    Ok(Password::new(first))
}

pub(crate) fn ask(prompt: &str) -> eyre::Result<String> {
    rpassword::prompt_password(prompt).wrap_err("no terminal to ask at; use `--password-file`")
}

fn prompt(text: &str) -> eyre::Result<Password> {
    ask(text).map(Password::new)
}
