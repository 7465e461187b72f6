//! Reading the statistics page's CSV.

use std::net::SocketAddr;

use super::Client;

/// One cell of the table, by service (`FRONTEND`, `web1`, `BACKEND`) and column name.
#[track_caller]
pub fn cell(page: SocketAddr, service: &str, column: &str) -> String {
    let csv = Client::connect(page).get("/stats;csv").text();
    let rows: Vec<Vec<&str>> =
        csv.trim_start_matches("# ").lines().map(|line| line.split(',').collect()).collect();
    let place = rows[0].iter().position(|name| *name == column).unwrap_or_else(|| panic!("no {column}"));
    let row = rows.iter().find(|row| row[1] == service).unwrap_or_else(|| panic!("no row {service}"));
    row[place].to_owned()
}
