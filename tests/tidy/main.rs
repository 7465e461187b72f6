//! The tidy test: reads the source tree and fails where it breaks a rule of the house.
//!
//! `rules` decides about one file, `source` separates code from comments and strings; this file
//! walks the tree, holds the lists of exceptions, and proves on bad samples that each rule can fail.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

mod rules;
mod source;

use rules::check;

/// Folders that hold nothing written by hand.
const SKIPPED_FOLDERS: [&str; 3] = ["target", ".git", "corpus"];

/// File endings that are read.
const ENDINGS: [&str; 9] = ["rs", "toml", "md", "sh", "conf", "service", "html", "py", "cfg"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the tree, relative to its root, in order.
fn files() -> Vec<PathBuf> {
    let mut folders = vec![root().to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if ENDINGS.iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
                files.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_tree_keeps_the_rules_of_the_house() {
    let files = files();
    assert!(files.iter().any(|path| path == Path::new("src/lib.rs")), "the tree was found");
    let faults: Vec<String> = files
        .iter()
        .flat_map(|path| check(&path.to_string_lossy(), &std::fs::read_to_string(root().join(path)).unwrap()))
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_listed_exception_still_exists() {
    for path in rules::listed_files() {
        assert!(root().join(path).exists(), "{path} is on a list of tests/tidy/rules.rs and is gone");
    }
}

/// A sample with one fault: path, text, and a word of the complaint.
type Sample = (&'static str, String, &'static str);

fn bad_samples() -> Vec<Sample> {
    let rust = |body: &str| format!("//! Sample.\n{body}\n");
    let todo = ["to", "do!()"].concat();
    vec![
        ("src/a.rs", "fn a() {}\n".into(), "//!"),
        ("src/a.rs", rust(&"// line\n".repeat(500)), "500 lines"),
        ("src/a.rs", rust(&format!("// {}", "x".repeat(120))), "120"),
        ("src/a.rs", rust("fn a() { unsafe { b() } }"), "unsafe"),
        ("src/a.rs", rust("fn a() { b().unwrap(); }"), "unwrap"),
        ("src/a.rs", rust("fn a() { b()\n    .unwrap (); }"), "unwrap"),
        ("src/a.rs", rust("fn a() { println!(\"x\"); }"), "println!"),
        ("src/a.rs", rust(&format!("fn a() {{ {todo} }}")), "unfinished"),
        ("src/a.rs", rust(&format!("// {}: later", ["FIX", "ME"].concat())), "unfinished"),
        ("src/http/a.rs", rust("fn a() { let s = format!(\"x\"); }"), "format!"),
        ("src/proxy/a.rs", rust("fn a() { x.to_string(); }"), "to_string("),
        ("src/balance/a.rs", rust("use std::sync::Mutex;"), "Mutex"),
        ("src/net/a.rs", rust("fn a() { Instant::now(); }"), "Instant::now"),
        ("src/http/a.rs", rust("fn a() { x.to_vec(); } // cold:"), "to_vec("),
        ("docs/a.md", ["see /wo", "rk/main\n"].concat(), "machine"),
        ("Cargo.toml", "[dependencies]\nserde = \"1\"\n".into(), "comment"),
        (
            "x/Cargo.toml",
            "[target.'cfg(unix)'.dev-dependencies]\nnix = { version = \"1\" }\n".into(),
            "comment",
        ),
    ]
}

#[test]
fn each_rule_can_fail() {
    for (path, text, word) in bad_samples() {
        let faults = check(path, &text);
        assert!(faults.iter().any(|fault| fault.contains(word)), "{path} {text:?}: {faults:?}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let rust = |body: &str| format!("//! Sample.\n{body}\n");
    let samples = [
        ("src/a.rs", rust("// .unwrap() and unsafe in a comment\nconst A: &str = \".unwrap() unsafe\";")),
        ("src/a.rs", rust("#[cfg(test)]\nmod tests { fn a() { b().unwrap(); } }")),
        ("src/a.rs", rust("fn a() { b().unwrap_or(0); }")),
        ("src/a/tests.rs", rust("fn a() { b().unwrap(); }")),
        ("src/net/a.rs", rust("fn a() { unsafe { b() } }")),
        ("src/http/a.rs", rust("fn a() { x.to_vec(); } // cold: start-up only")),
        ("src/http/a.rs", rust("// cold: start-up only\nfn a() { x.to_vec(); }")),
        ("src/http/a.rs", rust("const A: &[u8] = br#\"format!(\"x\")\"#; /* Mutex /* nested */ */")),
        ("src/http/a.rs", rust("fn a(quote: u8) -> bool { quote == b'\"' }\n// Mutex")),
        ("src/net/clock.rs", rust("fn a() { Instant::now(); }")),
        ("src/cli/a.rs", rust("fn a() { println!(\"x\"); }")),
        ("src/observe/a.rs", rust("fn a() { format!(\"x\"); }")),
        ("Cargo.toml", "[dependencies]\nserde = \"1\" # schema\n[profile.release]\nlto = true\n".into()),
    ];
    for (path, text) in samples {
        assert_eq!(check(path, &text), Vec::<String>::new(), "{text}");
    }
}
