use asn1::EncodedCertificate;
use ca::{Issuer, Profile};
use nem::{Inventory, Station, VendorCertificate};

use super::{certify, csr, key, name};

/// Stations with their vendor certificates, and a request of each.
pub struct Fleet {
    pub chains: Vec<Vec<EncodedCertificate>>,
    pub requests: Vec<Vec<u8>>,
}

impl Fleet {
    pub fn new(stations: usize, vendor: &Issuer) -> Self {
        let chain = |number| vec![certify(vendor, &Profile::NE, &format!("CN=SN-{number},O=Vendor"), &key())];
        let request = |number| csr(&format!("CN=enb{number}.operator.example"), &key(), Vec::new());
        Self { chains: (1..=stations).map(chain).collect(), requests: (1..=stations).map(request).collect() }
    }

    pub fn stations(&self) -> Vec<Station> {
        let station = |number| {
            let vendor = VendorCertificate::new(Some(name(&format!("CN=SN-{number},O=Vendor"))), None);
            Station::new(format!("enb{number}"), vendor, name(&format!("CN=enb{number}.operator.example")))
        };
        (1..=self.requests.len()).map(station).collect()
    }

    pub fn inventory(&self) -> Inventory {
        Inventory::new(self.stations()).unwrap()
    }
}
