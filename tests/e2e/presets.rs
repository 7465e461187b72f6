//! The configurations that we hand out are accepted by `torii check`: the presets of `tuning/` and
//! every complete example of the documentation.

use std::path::{Path, PathBuf};

use crate::support::certificate::Certificate;
use crate::support::torii::check;

/// Certificate path of the reference configuration.
const REFERENCE: &str = "/etc/ssl/private/www.example.com.pem";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// Blocks fenced as TOML whose first line is `# complete`.
fn complete_blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.trim_start().starts_with("# complete")).collect()
}

#[track_caller]
fn assert_accepted(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = Certificate::for_names(&["www.example.com"]).write(folder.path(), "www");
    let (passed, said) = check(&text.replace(REFERENCE, &path.display().to_string()));
    assert!(passed, "{name} is refused:\n{said}");
}

#[test]
fn every_preset_is_accepted() {
    let presets = files("tuning/presets", "toml");
    assert!(presets.len() >= 3, "{presets:?}");
    for preset in presets {
        assert_accepted(&preset.display().to_string(), &std::fs::read_to_string(&preset).unwrap());
    }
}

#[test]
fn every_complete_example_of_the_documentation_is_accepted() {
    let mut pages = files("docs", "md");
    pages.push(root().join("README.md"));
    pages.push(root().join("tuning/README.md"));
    let mut examples = 0;
    for page in pages {
        for block in complete_blocks(&std::fs::read_to_string(&page).unwrap()) {
            assert_accepted(&page.display().to_string(), block);
            examples += 1;
        }
    }
    assert!(examples > 0, "the README has a complete example");
}

#[test]
fn a_broken_example_would_be_noticed() {
    let text = "# complete\n[limits]\nmax_conections = 1\n";
    assert_eq!(complete_blocks(&format!("```toml\n{text}```\n```toml\n[limits]\n```\n")), [text]);
    let (passed, said) = check(text);
    assert!(!passed && said.contains("max_connections"), "{said}");
}
