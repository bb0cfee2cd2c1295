//! The first agent of a library user, as the README has it run: beside a devnet whose ether falls.

#[cfg(test)]
mod tests {
    use std::{
        error::Error,
        fs,
        io::{BufRead, BufReader},
        path::{Path, PathBuf},
        process::{Child, Command, Stdio},
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use keepwright::devnet::{Asset, Devnet, DevnetConfig, Mining, World};

    type Checked<T = ()> = Result<T, Box<dyn Error>>;

    /// Half-second looks at what it prints.
    const LOOKS: usize = 120;

    /// The example in a folder of its own, with the files that it reads. It is killed with this.
    struct Example {
        child: Child,
        lines: Receiver<String>,
    }

    /// The example's binary. With the features that the tests have, it is built already.
    fn built(manifest: &Path) -> Checked<PathBuf> {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--all-features",
                "--example",
                "first_agent",
            ])
            .arg("--manifest-path")
            .arg(manifest)
            .status()?;
        // target/debug/deps/this-test
        let this = std::env::current_exe()?;
        let target = this.ancestors().nth(2).ok_or("a test lies in the target folder")?;
        if built.success() {
            Ok(target.join("examples/first_agent"))
        } else {
            Err("it does not build".into())
        }
    }

    impl Example {
        fn start(folder: &Path, url: &str) -> Checked<Self> {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            fs::create_dir(folder.join("examples"))?;
            for file in ["liquidator.policy.toml", "first_agent.toml"] {
                fs::copy(here.join(file), folder.join("examples").join(file))?;
            }
            let mut child = Command::new(built(&here.join("../Cargo.toml"))?)
                .arg(url)
                .current_dir(folder)
                .stdout(Stdio::piped())
                .spawn()?;
            let (out, (told, lines)) = (child.stdout.take().ok_or("no output")?, channel());
            std::thread::spawn(move || {
                BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(told.send(line)));
            });
            Ok(Self { child, lines })
        }

        /// The first line; blocks are made until it comes.
        async fn first_line(&self, devnet: &Devnet) -> Checked<String> {
            for _look in 0..LOOKS {
                if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
                    return Ok(line);
                }
                devnet.mine(1).await?;
            }
            Err("the example found nothing".into())
        }

        /// Ctrl-C.
        fn interrupt(mut self) -> Checked<bool> {
            let kill = format!("kill -INT {}", self.child.id());
            Command::new("sh").args(["-c", &kill]).status()?;
            Ok(self.child.wait()?.success())
        }
    }

    impl Drop for Example {
        fn drop(&mut self) {
            // Gone already, but for a test that fails.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn the_first_agent_explains_what_it_finds() {
        let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await.unwrap();
        World::new(&devnet, 1).crash(Asset::Weth, 900).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let example = Example::start(folder.path(), &devnet.ws_url()).unwrap();
        let line = example.first_line(&devnet).await.unwrap();
        assert!(
            line.starts_with("block ") && line.contains("aave-liquidation/WETH/USDC would bring $"),
            "{line}"
        );
        assert!(line.contains("health_factor"), "{line}");
        assert!(example.interrupt().unwrap());
    }
}
