//! The control thread.

/// Serves a configuration.
pub fn run(_config: crate::config::model::Config) -> std::process::ExitCode {
    eprintln!("torii run is not supported yet");
    std::process::ExitCode::FAILURE
}
