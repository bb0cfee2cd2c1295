//! What a library user gets.

use std::process::Command;

use crate::desk::Checked;

/// Neither the command line, nor the devnet, nor a model.
#[test]
fn the_facades_own_tree_is_light() -> Checked {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "keepwright", "--edges", "normal", "--offline", "--locked", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout)?;
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"chain-door") && names.contains(&"alloy"), "{tree}");
    for heavy in ["clap", "rpassword", "eyre", "chain-devnet", "planner-llama", "llama-cpp-2"] {
        assert!(!names.contains(&heavy), "{heavy} is in the tree of a library user");
    }
    Ok(())
}
