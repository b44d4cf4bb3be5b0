//! What stations do wrong: each gets the right HTTP status and the reason, the log names station and reason, and the
//! service goes on.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;

use support::{House, Plan, enter, upload};
use testkit::programs::{free_port, run, run_words, words};
use tokio::net::TcpSocket;

const SUBJECT: &str = "/CN=enb1.operator.example";

#[test]
fn what_is_no_request() {
    let house = House::new();
    house.request("good", SUBJECT);
    let good = fs::read(house.path().join("good.p10")).unwrap();
    let write = |name: &str, octets: &[u8]| fs::write(house.path().join(name), octets).unwrap();
    write("truncated", good.get(..good.len() / 2).unwrap());
    write("trailing", &[good.as_slice(), b"0"].concat());
    write("text", b"this is no request");
    write("empty", b"");
    write("large", &vec![0x30; 70_000]);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    write("flipped", &flipped);
    write("indefinite", &[0x30, 0x80, 0x00, 0x00]);

    house.refuses("enb1", "truncated", 400, "certification request");
    house.nem.wait_for_log(&["WARN", "enb1", "certification request"]);
    house.refuses("enb1", "trailing", 400, "certification request");
    house.refuses("enb1", "indefinite", 400, "certification request");
    house.refuses("enb1", "text", 400, "neither DER, base64 nor PEM");
    house.refuses("enb1", "empty", 400, "empty");
    house.refuses("enb1", "large", 413, "65536");
    house.refuses("enb1", "flipped", 400, "proof of possession");
    house.nem.wait_for_log(&["WARN", "enb1", "proof of possession"]);
    let (status, body) = upload(house.path(), &house.nem, "enb1", "good.p10", "text/plain");
    assert_eq!((status, body.contains("application/pkcs10")), (415, true), "{body}");
    assert!(house.raca.issued().is_empty());
    house.delivers("enb1", "good.p10");
}

#[test]
fn who_may_not() {
    let house = House::new();
    house.request("good", SUBJECT);
    house.factory.certify("stranger", 3650);
    house.factory.certify("enb2", 3650);
    house.factory.certify("old", 0);
    enter(house.path(), "enb2", "blocked = true");
    enter(house.path(), "old", "");
    house.nem.wait_for_log(&["inventory read again", "stations=3"]);

    let (status, body) = upload(house.path(), &house.nem, "", "good.p10", "application/pkcs10");
    assert_eq!((status, body.contains("vendor certificate")), (401, true), "{body}");
    house.refuses("stranger", "good.p10", 403, "no station in the inventory");
    house.nem.wait_for_log(&["WARN", "CN=stranger", "no station in the inventory"]);
    house.refuses("enb2", "good.p10", 403, "blocked");
    house.nem.wait_for_log(&["WARN", "enb2", "blocked"]);
    // Expired, and certified by somebody else: TLS itself refuses them.
    let (status, _) = house.upload("old", "good.p10");
    assert_eq!(status, 0);
    house.nem.wait_for_log(&["WARN", "CN=old", "xpired"]);
    let own = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem -subj /O=Vendor/CN=enb1";
    run("openssl", own, house.path()).success();
    let (status, _) = house.upload("own", "good.p10");
    assert_eq!(status, 0);
    assert!(house.raca.issued().is_empty());
    house.delivers("enb1", "good.p10");
}

#[test]
fn what_it_may_not_ask_for() {
    let house = House::new();
    house.factory.certify("enb2", 3650);
    enter(house.path(), "enb2", "");
    house.nem.wait_for_log(&["inventory read again", "stations=2"]);
    let request = "req -new -nodes -outform DER";
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
    for (name, options) in [
        ("other", format!("{ec} -subj /CN=enb2.operator.example")),
        ("alternative", format!("{ec} -subj {SUBJECT} -addext subjectAltName=DNS:enb2.operator.example")),
        ("weak", format!("-newkey rsa:1024 -subj {SUBJECT}")),
        ("sha1", format!("{ec} -subj {SUBJECT} -sha1")),
        ("good", format!("{ec} -subj {SUBJECT} -addext subjectAltName=DNS:ENB1.operator.example")),
    ] {
        let made = format!("{request} {options} -keyout {name}.p10.key -out {name}.p10");
        run("openssl", &made, house.path()).success();
    }
    house.refuses("enb1", "other.p10", 403, "asks for the name CN=enb2.operator.example");
    house.nem.wait_for_log(&["WARN", "station=enb1", "asks for the name"]);
    house.refuses("enb1", "alternative.p10", 403, "subjectAltName");
    house.refuses("enb1", "weak.p10", 400, "1024");
    house.refuses("enb1", "sha1.p10", 400, "certification request");
    let first = house.delivers("enb1", "good.p10");

    // The key of another station.
    let stolen = "req -new -key good.p10.key -outform DER -out stolen.p10 -subj /CN=enb2.operator.example";
    run("openssl", stolen, house.path()).success();
    house.refuses("enb2", "stolen.p10", 400, "another station");
    house.nem.wait_for_log(&["WARN", "enb2", "another station"]);

    // A replay is the same request.
    assert_eq!(house.delivers("enb1", "good.p10"), first);
    assert_eq!(house.raca.issued().len(), 1);
}

#[test]
fn who_takes_all_connections_leaves_the_others_theirs() {
    let few = ("max_connections = 1024", "max_connections = 50");
    let each = ("max_connections_per_address = 64", "max_connections_per_address = 8");
    let house = House::with(&Plan { settings: &[few, each], ..Plan::default() });
    house.request("good", SUBJECT);
    let address: SocketAddr = house.nem.address().parse().unwrap();
    let most = host::raise_open_files();
    assert!(most.is_none_or(|most| most > 4000), "`ulimit -Hn` must be 4096 or more");
    // From one address, and not a word of TLS on any of them.
    let idle: Vec<TcpStream> = (0..3000).map(|_| TcpStream::connect(address).unwrap()).collect();
    house.nem.wait_for_log(&["WARN", "the address has 8 already"]);
    let url = format!("https://{address}/.well-known/est/simpleenroll");
    let words = words(
        "-sS --fail --interface 127.0.0.2 --cacert ra/ca.pem --cert enb1.pem --key enb1.key --data-binary @good.p10 -o got -H",
        &["Content-Type: application/pkcs10", &url],
    );
    run_words("curl", &words, house.path()).success();
    assert_eq!(house.raca.issued().len(), 1);
    drop(idle);
}

/// From many addresses, on all places there are, at each listener; curl does not wait as long as any of their limits is.
#[test]
fn silent_connections_give_way_to_stations() {
    let (tunnel, tunnel_ftp, ftps) = (free_port(), free_port(), free_port());
    let section = format!(
        "[tunnel]\nlisten = \"127.0.0.1:{tunnel}\"\nftp_listen = \"127.0.0.1:{tunnel_ftp}\"\n\n\
         [ftps]\nlisten = \"127.0.0.1:{ftps}\"\n\n[intake]"
    );
    let settings = [
        ("[intake]", section.as_str()),
        ("max_connections = 1024", "max_connections = 12"),
        ("max_connections_per_address = 64", "max_connections_per_address = 2"),
    ];
    let house = House::with(&Plan { settings: &settings, ..Plan::default() });
    enter(house.path(), "enb2", "tunnel_address = \"127.0.0.2\"");
    house.nem.signal("HUP");
    house.nem.wait_for_log(&["inventory read again", "stations=2"]);
    house.request("one", SUBJECT);
    house.request("two", "/CN=enb2.operator.example");
    let https: SocketAddr = house.nem.address().parse().unwrap();
    let port = https.port();
    let vendor = "--cacert ra/ca.pem --cert enb1.pem --key enb1.key";
    let inside = "--interface 127.0.0.2";
    let form = "-H Content-Type:application/pkcs10";
    for (port, words) in [
        (port, format!("{vendor} {form} -T one.p10 https://localhost:{port}/requests/one")),
        (tunnel, format!("{inside} {form} -T two.p10 http://127.0.0.1:{tunnel}/requests/two")),
        (ftps, format!("{vendor} --ssl-reqd -u enb1: -T one.p10 ftp://localhost:{ftps}/requests/one.p10")),
        (tunnel_ftp, format!("{inside} -T two.p10 ftp://127.0.0.1:{tunnel_ftp}/requests/two.p10")),
    ] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.extend(runtime.block_on(silent_at(port, 24)));
            run("curl", &format!("-sS --fail --max-time 9 -4 -o got {words}"), house.path()).success();
        }
        house.nem.wait_for_log(&["connection closed: it was silent longest"]);
    }
    house.nem.wait_for_log(&["FTP session closed: nobody logged in for longest"]);
}

/// Connections that say nothing, two from an address.
async fn silent_at(port: u16, count: u8) -> Vec<tokio::net::TcpStream> {
    let mut silent = Vec::new();
    for number in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 1, 0, number / 2 + 1], 0))).unwrap();
        silent.push(socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap());
    }
    silent
}

/// From hundreds of addresses, each as many as it may have.
#[test]
fn thousands_of_connections_leave_room_for_a_station() {
    let few = ("max_connections = 1024", "max_connections = 2500");
    let each = ("max_connections_per_address = 64", "max_connections_per_address = 8");
    let house = House::with(&Plan { settings: &[few, each], ..Plan::default() });
    house.request("good", SUBJECT);
    let address: SocketAddr = house.nem.address().parse().unwrap();
    let most = host::raise_open_files();
    assert!(most.is_none_or(|most| most > 4000), "`ulimit -Hn` must be 4096 or more");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let idle = runtime.block_on(async {
        let mut idle = Vec::new();
        for number in 0..2400_u16 {
            let [high, low] = (number / 8).to_be_bytes();
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from(([127, 1, high, low], 0))).unwrap();
            idle.push(socket.connect(address).await.unwrap());
        }
        idle
    });
    house.delivers("enb1", "good.p10");
    assert!(!house.nem.log().contains("could not be accepted"), "{}", house.nem.log());
    drop(idle);
}

#[test]
fn slow_bodies_and_replayed_uploads_leave_the_rest_served() {
    let house = House::new();
    house.request("good", SUBJECT);
    let address: SocketAddr = house.nem.address().parse().unwrap();
    // Bodies that are promised and never sent, over TLS with the station's own certificate.
    let slow = format!(
        "for i in 1 2 3 4 5 6 7 8; do (printf 'POST /.well-known/est/simpleenroll HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: \
         application/pkcs10\\r\\nContent-Length: 400\\r\\n\\r\\nM'; sleep 20) | openssl s_client -quiet -connect {address} \
         -cert enb1.pem -key enb1.key >/dev/null 2>&1 & done; sleep 1"
    );
    let mut sleepers = std::process::Command::new("sh");
    let mut sleepers =
        sleepers.args(["-c", &slow]).current_dir(house.path()).process_group(0).spawn().unwrap();
    let first = house.delivers("enb1", "good.p10");
    for _replay in 0..20 {
        assert_eq!(house.delivers("enb1", "good.p10"), first);
    }
    assert_eq!(house.raca.issued().len(), 1, "however often it is uploaded");
    sleepers.wait().unwrap();
    // Those in its group that still wait to send.
    let group = format!("-{}", sleepers.id());
    run_words("kill", &["-TERM", "--", &group], house.path());
}
