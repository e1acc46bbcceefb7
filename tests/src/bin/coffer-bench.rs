//! Measures Coffer beside other PKCS#11 modules; docs/performance.md says what and how.

use std::process::ExitCode;

use coffer_tests::bench;

fn main() -> ExitCode {
    match bench::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("coffer-bench: {problem:#}");
            ExitCode::FAILURE
        }
    }
}
