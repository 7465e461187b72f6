//! torii-loadgen: the command line of the load generator.

fn main() -> std::process::ExitCode {
    torii_loadgen::cli::main()
}
