use super::*;

const FULL: &str = r#"
[[station]]
name = "Rotterdam 17"
vendor_subject = "CN=SN 4711,O=Vendor"
vendor_serial = "0:4f:A2"
vendor_issuer = "CN=Factory CA,O=Vendor"
subject = "CN=enb17.operator.example,O=Operator"
dns = ["enb17.operator.example"]
ip = ["192.0.2.17", "2001:db8::17"]
profile = "ne"
groups = ["south", "5g"]
account = "enb17"
password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"
tunnel_address = "10.0.0.17"

[[station]]
name = "Delft \"3\", west"
vendor_serial = "FF00"
subject = "CN=enb3.operator.example"
state = "retired"

[[station]]
name = "by its certificate"
vendor_fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
subject = "CN=enb4.operator.example"
blocked = true
"#;

#[test]
fn stations_are_read() {
    let stations = Format::Toml.parse(FULL).unwrap();
    let [first, second, third] = stations.as_slice() else { panic!("{stations:?}") };
    assert_eq!(first.vendor.serial_number.as_deref(), Some(&[0, 0x4f, 0xa2][..]));
    assert_eq!(first.alternative_names.len(), 3);
    assert_eq!(first.groups, ["south", "5g"]);
    assert_eq!(first.account.as_ref().unwrap().user, "enb17");
    assert_eq!(second.state, nem::StationState::Retired);
    assert_eq!(third.state, nem::StationState::Blocked);
    assert_eq!(third.vendor.fingerprint.unwrap()[31], 0xff);
    assert!(Format::Toml.parse("").unwrap().is_empty());
    let hash = &first.account.as_ref().unwrap().password_hash;
    assert!(!format!("{first:?}").contains(hash), "hashes are not shown");
}

#[test]
fn what_is_written_in_any_format_is_read_again() {
    let stations = Format::Toml.parse(FULL).unwrap();
    for format in [Format::Toml, Format::Csv, Format::Json] {
        let text = format.write(&stations).unwrap();
        assert_eq!(format.parse(&text).unwrap(), stations, "{text}");
    }
    assert_eq!(Format::of(Path::new("a/stations.CSV")), Format::Csv);
    assert_eq!(Format::of(Path::new("stations.json")), Format::Json);
    assert_eq!(Format::of(Path::new("stations")), Format::Toml);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let head = "[[station]]\nname = \"enb\"\n";
    for (text, reasons) in [
        ("[[station]\n", &["line 1"][..]),
        ("[[station]]\nname = \"enb\"\nsubjct = \"CN=a\"\n", &["line 3", "subjct"]),
        (&format!("{head}vendor_serial = \"1\"\n"), &["line 1", "subject"]),
        (&format!("{head}vendor_serial = \"1\"\nsubject = \"CM=a\"\n"), &["enb", "line 4", "\"CM\""]),
        (&format!("{head}vendor_serial = \"4g\"\nsubject = \"CN=a\"\n"), &["line 3", "hexadecimal"]),
        (&format!("{head}vendor_serial = \"+1\"\nsubject = \"CN=a\"\n"), &["line 3", "hexadecimal"]),
        (
            &format!("{head}vendor_serial = \"1\"\nsubject = \"CN=a\"\nip = [\"1.2.3\"]\n"),
            &["line 5", "1.2.3"],
        ),
        (&format!("{head}vendor_serial = \"1\"\nsubject = \"CN=a\"\ndns = [\"*.a\"]\n"), &["line 5", "*.a"]),
        (&format!("{head}vendor_issuer = \"CN=f\"\nsubject = \"CN=a\"\n"), &["line 3", "too little"]),
        (&format!("{head}vendor_fingerprint = \"00\"\nsubject = \"CN=a\"\n"), &["line 3", "SHA-256"]),
        (&format!("{head}subject = \"CN=a\"\nstate = \"gone\"\n"), &["line 4", "retired"]),
        (&format!("{head}subject = \"CN=a\"\naccount = \"a\"\n"), &["line 4", "hash-password"]),
        (
            &format!("{head}subject = \"CN=a\"\naccount = \"a b\"\npassword_hash=\"x\"\n"),
            &["line 4", "user name"],
        ),
        (&format!("{head}subject = \"CN=a\"\naccount = \"a\"\npassword_hash=\"x\"\n"), &["line 5", "PHC"]),
        (&format!("{head}subject = \"CN=a\"\ngroups = [\"a b\"]\n"), &["line 4", "blanks"]),
        (&format!("{head}subject = \"CN=a\"\nblocked = true\nstate = \"expected\"\n"), &["line 4", "beside"]),
    ] {
        let error = format!("{:#}", Format::Toml.parse(text).unwrap_err());
        for reason in reasons {
            assert!(error.contains(reason), "{text}\n{error}");
        }
    }
    for (text, reasons) in [
        ("name,subjct\n", &["line 1", "subjct", "tunnel_address"][..]),
        ("name,name\n", &["line 1", "twice"]),
        ("name,subject,state\n\"a\",CN=a,\n b,CN=b,gone\n", &["\"b\"", "line 3", "gone"]),
        ("name,subject\na,CN=a,x\n", &["line: 2"]),
    ] {
        let error = format!("{:#}", Format::Csv.parse(text).unwrap_err());
        for reason in reasons {
            assert!(error.contains(reason), "{text}\n{error}");
        }
    }
    for (text, reasons) in [
        ("{}", &["line 1"][..]),
        ("[{\"name\": \"a\", \"subject\": \"CN=a\"}, {\"name\": \"b\"}]", &["\"b\"", "2.", "subject"]),
        ("[{\"name\": \"a\", \"colour\": 1}]", &["colour"]),
    ] {
        let error = format!("{:#}", Format::Json.parse(text).unwrap_err());
        for reason in reasons {
            assert!(error.contains(reason), "{text}\n{error}");
        }
    }
}

#[test]
fn a_state_is_written_into_the_text_and_nothing_else_changes() {
    let text = "# mine\n[[station]]  # one\nname = \"a\"\nvendor_serial = \"1\"\nsubject = \"CN=a\"\nblocked = true\n\n\
                [[station]]\nname = \"b\"\nstate = \"enrolled\" # b\nvendor_serial = \"2\"\nsubject = \"CN=b\"";
    let marked = super::keyed::with_state(text, "b", "blocked").unwrap().unwrap();
    assert_eq!(
        marked,
        text.replace("state = \"enrolled\" # b\n", "")
            .replace("[[station]]\n", "[[station]]\nstate = \"blocked\"\n")
    );
    let marked = super::keyed::with_state(&marked, "a", "expected").unwrap().unwrap();
    let stations = Format::Toml.parse(&marked).unwrap();
    let states: Vec<_> = stations.iter().map(|station| station.state.name()).collect();
    assert_eq!(states, ["expected", "blocked"], "{marked}");
    assert!(marked.starts_with("# mine\n[[station]]  # one\n"), "{marked}");
    assert_eq!(super::keyed::with_state(text, "c", "blocked").unwrap(), None);
}
