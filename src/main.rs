//! The command line: everything is in `torii::cli`.

fn main() -> std::process::ExitCode {
    torii::cli::main()
}
