//! torii-loadgen: the command line of the load generator.

fn main() -> std::process::ExitCode {
    let help = std::env::args().skip(1).any(|argument| argument == "--help" || argument == "-h");
    println!("torii-loadgen: an open-loop HTTP load generator; it is not built yet and does nothing");
    if help { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::from(2) }
}
