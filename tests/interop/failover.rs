//! A client with a cookie when its server stops and comes back (HAProxy reference: `check`, `cookie`).

use crate::peers;
use crate::world::World;

#[test]
fn a_cookie_holder_stays_moves_when_its_server_stops_and_others_return_to_it() {
    let Some(mut world) = World::build(&[]) else { return };
    let jar = world.folder.path().join("jar").display().to_string();
    let url = world.proxy.tls_url("/server.html");
    let visit = || peers::curl(&["--cookie", &jar, "--cookie-jar", &jar, &url]);

    let first = visit();
    assert_eq!(first.status, 200);
    assert!(first.field("set-cookie").is_some(), "a new client gets a cookie: {first:?}");
    for _ in 0..10 {
        assert_eq!(visit().body, first.body, "a client with a cookie stays on its server");
    }

    let index = world.origins.iter().position(|origin| origin.name == first.body).unwrap();
    world.origins[index].take_down();
    // Until `fall` probes have failed, a holder may be told 503; then it is moved.
    let moved = peers::wait_for("the cookie's holder to be moved", || {
        let answer = visit();
        (answer.status == 200 && answer.body != first.body).then_some(answer)
    });
    let cookie = moved.field("set-cookie").expect("a moved client gets the new server's cookie");
    let new_home = world.origins.iter().find(|origin| origin.name == moved.body).unwrap();
    assert!(cookie.starts_with(&format!("lbsessionid={}|", new_home.cookie)), "{cookie}");
    let line = world.log.wait_for(&[" --DI "]);
    assert!(line.contains(&format!("web_backend/{} ", moved.body)), "{line}");
    for _ in 0..10 {
        assert_eq!(visit().body, moved.body, "a moved client stays where it was moved to");
    }

    world.origins[index].bring_up();
    let plain = world.proxy.url("/server.html");
    peers::wait_until("the server to take part again", || peers::curl(&[&plain]).body == first.body);
    assert_eq!(visit().body, moved.body, "a moved client does not go back by itself");
}
