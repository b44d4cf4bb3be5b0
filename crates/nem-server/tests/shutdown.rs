//! SIGTERM while stations wait, upload by HTTP and FTP, and messages are at the RA/CA: what can end ends, the rest goes on at the next
//! start, within the time that is configured.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use support::{House, Plan, enter, eventually, request, serve, upload};
use testkit::programs::{free_port, run_words, words};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use transfer::http::{ClientOptions, CmpClient, CmpHandler, CmpRequest, CmpResponse, cmp_router};
use transfer::server::Limits;

/// Stands between NEM and RA/CA, and lets nothing pass before it is opened.
struct Gate {
    raca: CmpClient,
    open: watch::Receiver<bool>,
    arrived: Sender<()>,
}

impl CmpHandler for Gate {
    async fn handle(&self, request: CmpRequest) -> CmpResponse {
        let _ = self.arrived.send(());
        let _ = self.open.clone().wait_for(|open| *open).await;
        CmpResponse::ok(self.raca.exchange(request.octets).await.unwrap())
    }
}

struct Scene {
    house: House,
    open: watch::Sender<bool>,
    arrived: Receiver<()>,
    /// Inside the tunnel.
    http: u16,
    ftp: u16,
    _runtime: Runtime,
}

impl Scene {
    fn new(shutdown: &str) -> Self {
        let (port, http, ftp) = (free_port(), free_port(), free_port());
        let upstream = format!("http://127.0.0.1:{port}/.well-known/cmp");
        let section =
            format!("[tunnel]\nlisten = \"127.0.0.1:{http}\"\nftp_listen = \"127.0.0.1:{ftp}\"\n\n[intake]");
        let settings = [
            ("[intake]", section.as_str()),
            ("hold_seconds = 5", "hold_seconds = 600"),
            ("shutdown_seconds = 10 ", shutdown),
        ];
        let house = House::with(&Plan {
            upstream: Some(&upstream),
            settings: &settings,
            before_serving: Some(&|folder| {
                enter(folder, "enb2", "tunnel_address = \"127.0.0.1\"");
                for station in ["enb1", "enb2"] {
                    request(folder, station, &format!("/CN={station}.operator.example"));
                }
                request(folder, "other", "/CN=enb2.operator.example");
            }),
            ..Plan::default()
        });
        let (open, is_open) = watch::channel(false);
        let (sender, arrived) = channel();
        let runtime = Runtime::new().unwrap();
        let raca = CmpClient::new(&house.raca.url, ClientOptions::default()).unwrap();
        let gate = Arc::new(Gate { raca, open: is_open, arrived: sender });
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port))).unwrap();
        let router = cmp_router(gate, Limits::default());
        runtime.spawn(transfer::server::serve(
            listener,
            router,
            None,
            Limits::default(),
            std::future::pending(),
        ));
        Self { house, open, arrived, http, ftp, _runtime: runtime }
    }

    /// The NEM is told to stop, and has heard it.
    fn terminate(&self) {
        self.house.nem.signal("TERM");
        self.house.nem.wait_for_log(&["INFO", "stopping within"]);
    }
}

/// An upload of which the last octet is missing.
fn half_an_upload(scene: &Scene) -> (TcpStream, u8) {
    let body = fs::read(scene.house.path().join("other.p10")).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", scene.http)).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT /requests/other HTTP/1.1\r\nHost: nem\r\nContent-Type: application/pkcs10\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(&body[..length - 1]).unwrap();
    (stream, body[length - 1])
}

/// A session in which a file is being uploaded.
struct FtpUpload {
    control: BufReader<TcpStream>,
    data: TcpStream,
    rest: Vec<u8>,
}

impl FtpUpload {
    fn begin(scene: &Scene) -> Self {
        let mut control = BufReader::new(TcpStream::connect(("127.0.0.1", scene.ftp)).unwrap());
        reply(&mut control);
        for (command, code) in [("USER enb2", "331"), ("PASS any", "230"), ("TYPE I", "200")] {
            assert!(say(&mut control, command).starts_with(code), "{command}");
        }
        let extended = say(&mut control, "EPSV");
        let port: u16 = extended.split('|').nth(3).unwrap_or_else(|| panic!("{extended}")).parse().unwrap();
        let mut data = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(say(&mut control, "STOR requests/enb2.p10").starts_with("150"));
        let mut rest = fs::read(scene.house.path().join("enb2.p10")).unwrap();
        data.write_all(&rest[..10]).unwrap();
        rest.drain(..10);
        Self { control, data, rest }
    }

    /// What it is answered in the end.
    fn finish(mut self) -> String {
        self.data.write_all(&self.rest).unwrap();
        drop(self.data);
        reply(&mut self.control)
    }
}

fn say(control: &mut BufReader<TcpStream>, command: &str) -> String {
    write!(control.get_mut(), "{command}\r\n").unwrap();
    reply(control)
}

fn reply(control: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    control.read_line(&mut line).unwrap();
    line
}

/// The NEM ends well; at the next start everything that was accepted comes to its end, and once only.
fn ends_and_goes_on(scene: Scene, requests: usize) {
    let Scene { house: House { nem, raca, folder, .. }, open, .. } = scene;
    assert_eq!(nem.stop("CONT").code(), Some(0));
    open.send_replace(true);
    let nem = serve(folder.path());
    eventually(|| raca.issued().iter().filter(|entry| entry.status == "valid").count() == requests);
    let (status, body) = upload(folder.path(), &nem, "enb1", "enb1.p10", "application/pkcs10");
    assert_eq!(status, 200, "{body}{}", nem.log());
    assert_eq!(raca.issued().len(), requests);
}

/// enb1 uploads its request, and waits for what comes of it: the HTTP status.
fn wait_for_certificate(scene: &Scene) -> JoinHandle<String> {
    let (folder, address) = (scene.house.path().to_owned(), scene.house.nem.address().to_owned());
    let waits = thread::spawn(move || {
        let url = format!("https://{address}/.well-known/est/simpleenroll");
        let curl = "-sS --cacert ra/ca.pem --cert enb1.pem --key enb1.key --data-binary @enb1.p10 -o answer -w %{http_code} -H";
        run_words("curl", &words(curl, &["Content-Type: application/pkcs10", &url]), &folder).success()
    });
    // It is at the RA/CA.
    scene.arrived.recv().unwrap();
    waits
}

#[test]
fn what_can_end_ends() {
    let scene = Scene::new("shutdown_seconds = 20 ");
    let ftp = FtpUpload::begin(&scene);
    let (mut http, last) = half_an_upload(&scene);
    let waits = wait_for_certificate(&scene);
    scene.terminate();
    assert_eq!(waits.join().unwrap(), "202", "not after ten minutes");
    assert!(TcpStream::connect(("127.0.0.1", scene.http)).is_err(), "nobody new is let in");
    http.write_all(&[last]).unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let reply = ftp.finish();
    assert!(reply.starts_with("226"), "{reply}");
    // The RA/CA's answer is still taken.
    scene.open.send_replace(true);
    scene.house.nem.wait_for_log(&["INFO", "stopped", "requests=3"]);
    let issued = scene.house.raca.issued().len();
    assert_eq!(issued, 1, "what was at the RA/CA, and nothing else went there");
    ends_and_goes_on(scene, 3);
}

#[test]
fn what_cannot_is_cut_off_in_time() {
    let scene = Scene::new("shutdown_seconds = 1 ");
    let _ftp = FtpUpload::begin(&scene);
    let _http = half_an_upload(&scene);
    let waits = wait_for_certificate(&scene);
    scene.terminate();
    assert_eq!(waits.join().unwrap(), "202");
    scene.house.nem.wait_for_log(&["WARN", "cut off"]);
    scene.house.nem.wait_for_log(&["INFO", "stopped", "requests=1"]);
    ends_and_goes_on(scene, 1);
}
