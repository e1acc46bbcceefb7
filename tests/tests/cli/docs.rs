//! The commands of the documents do what is written there. Each page is run as one script inside a `coffer dev` of its
//! own, in an empty folder.
//!
//! Blocks of `sh` are run; a block of `text` is what the block before it prints, on both outputs, where `…` stands for
//! anything. What cannot run there, as the installation of a service, is `console`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coffer_tests::daemon::binaries;
use coffer_tests::process::has_program;

/// Stands between the outputs of two blocks.
const END: &str = "----- end of a block -----";
/// Stands for anything.
const ANYTHING: char = '…';

/// A block of commands, and what it prints where the page says so.
#[derive(Debug, Default, PartialEq)]
struct Block {
    commands: String,
    output: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = page.lines();
    // A text belongs to the commands right before it.
    let mut follows = false;
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            follows &= line.trim().is_empty();
            continue;
        };
        let content = lines.by_ref().take_while(|line| line.trim() != "```");
        let content = content.fold(String::new(), |text, line| text + line + "\n");
        match language {
            "sh" => blocks.push(Block { commands: content, output: None }),
            "text" if follows => blocks.last_mut().unwrap().output = Some(content),
            _ => {}
        }
        follows = language == "sh";
    }
    blocks
}

fn script(blocks: &[Block]) -> String {
    let mut script = String::from("set -eu\nexec 2>&1\n");
    for block in blocks {
        writeln!(script, "{}echo '{END}'", block.commands).unwrap();
    }
    script
}

/// Whether a text has the pieces of a pattern, one after the other, with anything between them.
fn matches(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split(ANYTHING);
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let pieces: Vec<_> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Spaces are for the eye: tables are as wide as their widest cell.
fn squeezed(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end().lines().map(|of| line(of) + "\n").collect()
}

fn run(page: &Path) {
    let name = page.file_name().unwrap().to_string_lossy();
    let blocks = blocks(&std::fs::read_to_string(page).unwrap());
    if blocks.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "a file of the reader\n").unwrap();
    let path = std::env::join_paths(
        std::iter::once(binaries())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new(binaries().join("coffer"))
        .args(["dev", "--", "bash", "-c", &script(&blocks)])
        .current_dir(folder.path())
        .env("PATH", path.unwrap())
        .env_remove("COFFER_PARTITION")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{printed}\n{errors}", output.status);
    let outputs: Vec<_> = printed.split(&format!("{END}\n")).collect();
    assert_eq!(outputs.len(), blocks.len() + 1, "{name}: {printed}");
    for (block, printed) in blocks.iter().zip(outputs) {
        let Some(expected) = &block.output else { continue };
        let fits = matches(&squeezed(printed), &squeezed(expected));
        assert!(fits, "{name}:\n{}prints\n{printed}and not\n{expected}", block.commands);
    }
}

/// One test a page, so that they run beside each other, with the programs that it needs; a page without a test is
/// noticed below.
macro_rules! pages {
    ($( $name:ident $path:literal $($program:literal)*; )*) => {
        const PAGES: &[&str] = &[ $( $path ),* ];
        $(
            #[test]
            fn $name() {
                let programs: &[&str] = &[ $( $program ),* ];
                if programs.iter().all(|program| has_program(program)) {
                    run(&root().join($path));
                }
            }
        )*
    };
}

pages! {
    keys "docs/keys.md";
    states "docs/states.md";
    rotation "docs/rotation.md";
    envelope "docs/envelope.md";
    encrypting "docs/encrypting.md";
    deleting "docs/deleting.md";
    importing "docs/importing.md";
    deleting_material "docs/deleting-material.md";
    alarms "docs/alarms.md";
    backup "docs/backup.md";
    configuration "docs/configuration.md";
    performance "docs/performance.md";
    applications "docs/applications.md" "openssl" "p11tool" "pkcs11-tool" "ssh-keygen";
}

#[test]
fn readme() {
    if has_program("pkcs11-tool") {
        run(&root().join("README.md"));
    }
}

#[test]
fn every_page_is_run() {
    let files = std::fs::read_dir(root().join("docs")).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "md") {
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            assert!(PAGES.contains(&name.as_str()), "{name} has no test here");
        }
    }
}

/// What a page names in passing is there as well.
#[test]
fn links_between_the_pages_lead_somewhere() {
    for page in PAGES.iter().chain(&["README.md"]) {
        let path = root().join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http") && !link.starts_with('#')) {
            let file = link.split('#').next().unwrap();
            assert!(path.with_file_name("").join(file).exists(), "{page}: {link}");
        }
    }
}

#[test]
fn the_types_of_alarms_are_those_of_the_table() {
    let page = std::fs::read_to_string(root().join("docs/alarms.md")).unwrap();
    for kind in coffer_protocol::alarm::AlarmKind::ALL {
        let (name, severity) = (kind.name(), kind.severity().name());
        let row = format!("| `{name}` | {severity} | {} |\n", kind.help());
        assert!(page.contains(&row), "{row}");
    }
    assert_eq!(page.matches("\n| `").count(), coffer_protocol::alarm::AlarmKind::ALL.len());
}

#[test]
fn blocks_are_found_and_compared_as_it_is_said_above() {
    let page = "```sh\na\n```\n\n```text\nb…\n```\nwords\n```text\nc\n```\n```console\nd\n```\n```sh\ne\n```\n";
    let expected = [
        Block { commands: "a\n".to_owned(), output: Some("b…\n".to_owned()) },
        Block { commands: "e\n".to_owned(), output: None },
    ];
    assert_eq!(blocks(page), expected);
    for (text, pattern, fits) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "…", true),
        ("abc", "a…c", true),
        ("abc", "…b", false),
        ("abcbc", "a…b…c", true),
        ("abc", "b…", false),
        ("abc", "a…x…c", false),
    ] {
        assert_eq!(matches(text, pattern), fits, "{text} {pattern}");
    }
}
