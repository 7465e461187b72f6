//! Real servers: nginx, HAProxy, Python's http.server and torii.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use torii_loadgen::measure::ErrorClass;
use torii_loadgen::origin::{AnswerShape, Delay};
use torii_loadgen::request::{Jar, PersistenceRule, Shape};

use crate::peers::{Peer, available, free_address, start};
use crate::support::{closed_loop, finish, open_loop, origin, plan, plan_of};

/// Every way to ask a server that the tool has, without an error.
fn ask(address: SocketAddr, path: &str, length: u64) {
    let url = format!("http://{address}{path}");
    let expect = |shape: Shape, is_head: bool, load| {
        let mut plan = plan_of(std::slice::from_ref(&url), &shape, load);
        plan.expectations.statuses = Some("200".parse().unwrap());
        plan.expectations.body_length = Some(if is_head { 0 } else { length });
        plan.threads = 2;
        let finished = finish(plan);
        let counts = finished.totals.counts;
        assert!(counts.ok > 0 && counts.ok == counts.planned, "{:?}", finished.totals.errors.entries());
    };
    expect(Shape::default(), false, open_loop(200, 300));
    expect(Shape::default(), false, closed_loop(200));
    expect(Shape { close: true, ..Shape::default() }, false, open_loop(100, 300));
    expect(Shape { method: "HEAD".into(), ..Shape::default() }, true, open_loop(100, 300));
}

#[test]
fn python_http_server_is_asked_without_an_error() {
    if !available("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page"), "x".repeat(5_000)).unwrap();
    let address = free_address();
    let port = address.port().to_string();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &port]).current_dir(folder.path());
    let _server = start(&mut command, address);
    ask(address, "/page", 5_000);
}

fn nginx(folder: &Path, address: SocketAddr) -> Peer {
    let config = folder.join("nginx.conf");
    // One process: a master that is killed leaves its worker behind.
    let text = format!(
        "daemon off; master_process off; error_log /dev/null; pid {0}/nginx.pid; \
         events {{}} http {{ access_log off; client_body_temp_path {0}; proxy_temp_path {0}; \
         fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0}; \
         server {{ listen {address}; root {0}; }} }}",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    start(
        Command::new("nginx").args(["-p", folder.to_str().unwrap(), "-c", config.to_str().unwrap()]),
        address,
    )
}

/// A folder that an unprivileged server process can read.
fn public_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

#[test]
fn nginx_is_asked_without_an_error() {
    if !available("nginx") {
        return;
    }
    let folder = public_folder();
    std::fs::write(folder.path().join("page"), "x".repeat(100_000)).unwrap();
    let address = free_address();
    let _server = nginx(folder.path(), address);
    ask(address, "/page", 100_000);
    let finished = finish(plan(&format!("http://{address}/nothing"), open_loop(50, 100)));
    assert_eq!(finished.totals.errors.of(ErrorClass::Status(404)), 5);
}

#[test]
fn haproxy_keeps_users_at_their_servers() {
    if !available("haproxy") {
        return;
    }
    let named = |name: &str| origin(AnswerShape { name: name.into(), ..AnswerShape::default() }, Delay::None);
    let (first, second) = (named("a"), named("b"));
    let folder = public_folder();
    let config = folder.path().join("haproxy.cfg");
    let address = free_address();
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         frontend f\n bind {address}\n default_backend b\n\
         backend b\n balance roundrobin\n cookie SRV insert indirect nocache\n\
         server a {} cookie one\n server b {} cookie two\n",
        first.addresses()[0],
        second.addresses()[0]
    );
    std::fs::write(&config, text).unwrap();
    let _proxy = start(Command::new("haproxy").args(["-db", "-f", config.to_str().unwrap()]), address);
    ask(address, "/", 64);
    let mut plan = plan(&format!("http://{address}/"), open_loop(400, 500));
    plan.users = 20;
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    let finished = finish(plan);
    assert_eq!(finished.totals.counts.ok, 200, "{:?}", finished.totals.errors.entries());
    assert!(finished.totals.counts.persistence_kept >= 100, "{:?}", finished.totals.counts);
    assert_eq!(finished.totals.servers.len(), 2, "both were asked: {:?}", finished.totals.servers);
}

/// The proxy that is built beside this program, where the whole workspace is built.
#[test]
fn torii_keeps_users_at_their_servers() {
    let torii = Path::new(env!("CARGO_BIN_EXE_torii-loadgen")).with_file_name("torii");
    if !torii.is_file() {
        let required = std::env::var_os("TORII_TEST_REQUIRE_ALL").is_some();
        assert!(!required, "{} is required and missing", torii.display());
        println!("skipped: torii is not built");
        return;
    }
    let named = |name: &str| origin(AnswerShape { name: name.into(), ..AnswerShape::default() }, Delay::None);
    let (first, second) = (named("a"), named("b"));
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("torii.toml");
    let address = free_address();
    let text = format!(
        "[control]\nsocket = \"off\"\n[[listener]]\nname = \"web\"\nbind = [\"{address}\"]\nbackend = \"app\"\n\n\
         [[backend]]\nname = \"app\"\ncookie = {{ name = \"SRV\" }}\n\n\
         [[backend.server]]\nname = \"one\"\naddress = \"{}\"\ncookie = \"c1\"\n\n\
         [[backend.server]]\nname = \"two\"\naddress = \"{}\"\ncookie = \"c2\"\n",
        first.addresses()[0],
        second.addresses()[0]
    );
    std::fs::write(&config, text).unwrap();
    let _proxy = start(Command::new(torii).args(["run", "-c"]).arg(&config), address);
    ask(address, "/", 64);
    let mut plan = plan(&format!("http://{address}/"), open_loop(400, 500));
    plan.users = 20;
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    let finished = finish(plan);
    assert_eq!(finished.totals.counts.ok, 200, "{:?}", finished.totals.errors.entries());
    assert!(finished.totals.counts.persistence_kept >= 100, "{:?}", finished.totals.counts);
    assert_eq!(finished.totals.servers.len(), 2, "{:?}", finished.totals.servers);
}
