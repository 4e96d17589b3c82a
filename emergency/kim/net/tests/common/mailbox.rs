//! A mailbox in memory that remembers what was asked of it.

use std::{
    io::{Cursor, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use kim::{
    address::KimAddress,
    pop3::{Entry, Mailbox, Uid, Unavailable},
};
use kim_net::pop3::{Accounts, Config, Security, Server};
use vocabulary::Digest;

pub const USER: &str = "kasse@bitmarck.kim.telematik-test";
pub const PASSWORD: &str = "geheim und lang";

#[derive(Default)]
pub struct Memory {
    pub mails: Mutex<Vec<(Uid, Vec<u8>)>>,
    pub opened: Mutex<Vec<Uid>>,
    pub broken: AtomicBool,
}

impl Memory {
    pub fn with(count: usize) -> Arc<Self> {
        let memory = Self::default();
        for n in 1..=count {
            let mail = format!(
                "Message-ID: <{n}@x>\r\nX-KIM-Dienstkennung: eAU;Lieferung;V1.2\r\nSubject: mail-{n}\r\n\r\nText {n}\r\n.dot\r\n"
            );
            memory.put(&format!("uid-{n}"), mail.into_bytes());
        }
        Arc::new(memory)
    }

    pub fn put(&self, uid: &str, mail: Vec<u8>) {
        self.mails.lock().unwrap().push((Uid::new(uid).unwrap(), mail));
    }

    pub fn left(&self) -> Vec<String> {
        self.mails
            .lock()
            .unwrap()
            .iter()
            .map(|(uid, _)| uid.as_str().to_owned())
            .collect()
    }

    fn working(&self) -> Result<(), Unavailable> {
        if self.broken.load(Ordering::SeqCst) {
            Err(Unavailable)
        } else {
            Ok(())
        }
    }
}

impl Mailbox for Memory {
    fn list(&self) -> Result<Vec<Entry>, Unavailable> {
        self.working()?;
        let mails = self.mails.lock().unwrap();
        Ok(mails
            .iter()
            .map(|(uid, mail)| Entry {
                uid: uid.clone(),
                bytes: mail.len() as u64,
            })
            .collect())
    }

    fn open(&self, uid: &Uid) -> Result<Box<dyn Read + Send>, Unavailable> {
        self.working()?;
        self.opened.lock().unwrap().push(uid.clone());
        let mails = self.mails.lock().unwrap();
        let found = mails.iter().find(|(known, _)| known == uid).ok_or(Unavailable)?;
        Ok(Box::new(Cursor::new(found.1.clone())))
    }

    fn delete(&self, uids: &[Uid]) -> Result<(), Unavailable> {
        self.working()?;
        self.mails.lock().unwrap().retain(|(uid, _)| !uids.contains(uid));
        Ok(())
    }
}

pub fn accounts(memory: &Arc<Memory>) -> Arc<Accounts> {
    let mut accounts = Accounts::default();
    let mailbox: Arc<dyn Mailbox> = Arc::clone(memory) as Arc<dyn Mailbox>;
    accounts.insert(
        KimAddress::new(USER).unwrap(),
        Digest::of(PASSWORD.as_bytes()),
        mailbox,
    );
    Arc::new(accounts)
}

pub fn config(security: Security) -> Config {
    Config::new("127.0.0.1:0".parse().unwrap(), security)
}

pub async fn plain(memory: &Arc<Memory>) -> Server {
    Server::start(config(Security::LoopbackPlain), accounts(memory))
        .await
        .unwrap()
}
