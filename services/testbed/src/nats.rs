//! Private nats-servers for one test.

use std::ops::{Deref, DerefMut};

use insights::private::{self, Folder};

use crate::{must, tools};

/// One nats-server or three, gone with their data when the value is dropped. What can be done with them stands at
/// [`private::Nats`]: kill, restart, pause, find a stream's leader.
#[derive(Debug)]
pub struct Nats {
    // In this order: the servers end before their folder goes.
    servers: private::Nats,
    _folder: Folder,
}

impl Nats {
    /// One server, ready.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn one() -> Self {
        let folder = must("a folder for nats-server", Folder::temporary());
        let servers = private::Nats::one(&tools(), &folder.path().join("nats")).await;
        Self { servers: must("starting nats-server", servers), _folder: folder }
    }

    /// Three servers that form a cluster, ready.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn three() -> Self {
        let folder = must("a folder for nats-server", Folder::temporary());
        let servers = private::Nats::three(&tools(), &folder.path().join("nats")).await;
        Self { servers: must("starting three nats-servers", servers), _folder: folder }
    }
}

impl Deref for Nats {
    type Target = private::Nats;

    fn deref(&self) -> &private::Nats {
        &self.servers
    }
}

impl DerefMut for Nats {
    fn deref_mut(&mut self) -> &mut private::Nats {
        &mut self.servers
    }
}
