//! Reading the statistics page, which is open to everybody in the tests.

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

/// A figure by its name, such as "Buffers in use" or "Time-outs".
#[track_caller]
pub fn figure(page: SocketAddr, name: &str) -> u64 {
    let page = Client::connect(page).get("/stats").text();
    let text =
        page.split_once(&format!("<dt>{name}</dt><dd>")).unwrap_or_else(|| panic!("no {name:?}: {page}")).1;
    let text = text.split("</dd>").next().unwrap().split("<small>").next().unwrap();
    let plain = text.replace("<span class=\"rls\">", "").replace("</span>", "");
    plain.trim().parse().unwrap_or_else(|_| panic!("{name:?} is {plain:?}"))
}
