//! One private PostgreSQL, reached over TCP on loopback.

mod orphans;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};

use super::account::{Account, AccountError};
use super::nats::free_ports;
use super::{
    POLL, Process, ProcessError, RESTART_ATTEMPTS_MAX, RESTART_PAUSE, Tools, is_port_taken, leashed_with_warning,
    random_password,
};

/// The user and the database that we make.
const NAME: &str = "insights";
/// How many clients may connect: every test of a binary has its pools.
const CONNECTIONS_MAX: u32 = 300;
/// How long a server may take until it answers. After a crash it first replays its log.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a server may take to stop when asked, before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long a dropped server may take to end by itself.
const DROP_WITHIN: Duration = Duration::from_secs(3);
/// How often we choose a port: another process may take it between our choice and the server's start.
const START_ATTEMPTS_MAX: u32 = 5;

/// Whether a commit is on the disk when it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Yes: for data that should outlive a crash.
    Safe,
    /// No: for tests that throw their data away.
    Fast,
}

/// A running server. Dropping the value ends it at once; [`Postgres::stop`] is the gentle way.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    home: PathBuf,
    account: Option<Account>,
    durability: Durability,
    password: String,
    port: u16,
    process: Option<Process>,
}

/// Why a private PostgreSQL is not there for us.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// It could not be started, or it ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// We are root and have nobody to run it as.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A new data folder could not be made.
    #[error("initdb failed: {output}")]
    Initdb {
        /// What it printed.
        output: String,
    },
    /// It runs, but does not answer.
    #[error("PostgreSQL does not answer after {seconds} s")]
    NotReady {
        /// The bound.
        seconds: u64,
        /// What it said last.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// It answers, but refuses what we need.
    #[error("PostgreSQL refuses")]
    Refused(#[from] sqlx::Error),
    /// Its files could not be written or read.
    #[error("cannot use {path}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It was killed or stopped, and something was asked of it.
    #[error("PostgreSQL is not running")]
    NotRunning,
}

impl Postgres {
    /// A server that answers, with a database `insights` of the user `insights`. Its data lives in `home`
    /// and is there again next time.
    ///
    /// # Errors
    /// [`PostgresError`] if it does not start or does not answer.
    pub async fn start(tools: &Tools, home: &Path, durability: Durability) -> Result<Self, PostgresError> {
        let account = Account::if_root()?;
        // The server runs in this folder, where a relative path would mean another place.
        let home = &at(home, std::path::absolute(home))?;
        at(home, fs::create_dir_all(home))?;
        let mut server = Self {
            bin: tools.postgres_bin.clone(),
            home: home.clone(),
            account,
            durability,
            password: String::new(),
            port: 0,
            process: None,
        };
        server.own(home)?;
        server.password = server.kept_password()?;
        if !home.join("data").exists() {
            server.initdb().await?;
        }
        let mut attempt = 1;
        loop {
            [server.port] = at(home, free_ports())?;
            match server.run().await {
                Err(PostgresError::Process(error)) if attempt < START_ATTEMPTS_MAX => {
                    tracing::info!(%error, attempt, "PostgreSQL did not start; trying another port");
                    attempt += 1;
                }
                done => break done?,
            }
        }
        server.create_database().await?;
        Ok(server)
    }

    /// Where to connect, with user, password and the database `insights`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(NAME)
    }

    /// Where to connect for another database of this server.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{NAME}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Its process id, if it was started and neither killed nor stopped by us.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills the server and every process that it has for its clients, as a power cut would; back when all are gone.
    ///
    /// # Errors
    /// [`PostgresError::NotRunning`] if it was not running.
    pub async fn kill_9(&mut self) -> Result<(), PostgresError> {
        let process = self.process.take().ok_or(PostgresError::NotRunning)?;
        // First it must not make new ones while we look.
        process.signal(Signal::STOP)?;
        let children = at(Path::new("/proc"), orphans::children_of(process.id()))?;
        process.kill_9().await?;
        let killed = tokio::task::spawn_blocking(move || orphans::kill_9(&children, STOP_WITHIN));
        at(&self.home, killed.await.map_err(io::Error::from).flatten())
    }

    /// Starts it again, with the same data and on the same port; back when it answers.
    ///
    /// # Errors
    /// [`PostgresError`] if it does not start or does not answer.
    pub async fn restart(&mut self) -> Result<(), PostgresError> {
        for _ in 1..RESTART_ATTEMPTS_MAX {
            match self.run().await {
                Err(PostgresError::Process(error)) if is_port_taken(&error) || is_data_in_use(&error) => {
                    tokio::time::sleep(RESTART_PAUSE).await;
                }
                done => return done,
            }
        }
        self.run().await
    }

    /// Starts it again if it has ended though nobody here ended it; tells whether it had.
    ///
    /// # Errors
    /// [`PostgresError`] if it cannot be started again.
    pub async fn revive(&mut self) -> Result<bool, PostgresError> {
        match self.process.as_mut().map(Process::check_running) {
            None | Some(Ok(())) => return Ok(false),
            Some(Err(error @ ProcessError::Ended { .. })) => tracing::error!(%error, "PostgreSQL is started again"),
            Some(Err(error)) => return Err(error.into()),
        }
        self.process = None;
        self.restart().await?;
        Ok(true)
    }

    /// Asks it to stop (clients are disconnected), and kills it if it does not within a bound. Nothing to do if
    /// it is not running.
    ///
    /// # Errors
    /// [`PostgresError::Process`] if it could not be waited for.
    pub async fn stop(&mut self) -> Result<(), PostgresError> {
        match self.process.take() {
            Some(process) => Ok(process.stop(Signal::INT, STOP_WITHIN).await?),
            None => Ok(()),
        }
    }

    /// Starts the server on its port and waits until it answers.
    async fn run(&mut self) -> Result<(), PostgresError> {
        let settings =
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "shared_buffers=128MB"];
        let fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        let mut command = self.as_account(&self.bin.join("postgres"));
        command
            .arg("-D")
            .arg(self.home.join("data"))
            .args(["-p", &self.port.to_string()])
            .args(["-c", &format!("max_connections={CONNECTIONS_MAX}")]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        if self.durability == Durability::Fast {
            for setting in fast {
                command.args(["-c", setting]);
            }
        }
        let process = Process::spawn("postgres", &mut command, &self.home.join("log"))?;
        self.process = Some(process);
        let answered = self.wait_ready().await;
        if answered.is_err() {
            self.process = None;
        }
        answered
    }

    async fn wait_ready(&mut self) -> Result<(), PostgresError> {
        let mut last = None;
        let url = self.url_of("postgres");
        let answers = async {
            loop {
                match PgConnection::connect(&url).await {
                    Ok(connection) => return Ok(connection.close().await?),
                    Err(error) => last = Some(error),
                }
                let process = self.process.as_mut().ok_or(PostgresError::NotRunning)?;
                process.check_running()?;
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, answers)
            .await
            .unwrap_or_else(|_| Err(PostgresError::NotReady { seconds: READY_WITHIN.as_secs(), source: last }))
    }

    async fn create_database(&self) -> Result<(), PostgresError> {
        let options: PgConnectOptions = self.url_of("postgres").parse()?;
        let mut connection = PgConnection::connect_with(&options).await?;
        let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(NAME)
            .fetch_optional(&mut connection)
            .await?;
        if there.is_none() {
            connection.execute("CREATE DATABASE insights").await?;
        }
        Ok(connection.close().await?)
    }

    /// Makes the data folder: under another name first, so that a half-made one is never used.
    async fn initdb(&self) -> Result<(), PostgresError> {
        let half_made = self.home.join("data.new");
        if half_made.exists() {
            at(&half_made, fs::remove_dir_all(&half_made))?;
        }
        let mut command = self.as_account(&self.bin.join("initdb"));
        command
            .arg("-D")
            .arg(&half_made)
            .args(["-U", NAME, "--auth=scram-sha-256", "--pwfile"])
            .arg(self.password_file())
            .args(["--encoding=UTF8", "--locale=C", "--no-instructions"]);
        if self.durability == Durability::Fast {
            command.arg("--no-sync");
        }
        let log = self.home.join("initdb.log");
        let process = Process::spawn("initdb", &mut command, &log)?;
        let status = process.ended().await?;
        if !status.success() {
            let output = at(&log, fs::read_to_string(&log))?;
            return Err(PostgresError::Initdb { output });
        }
        let data = self.home.join("data");
        at(&data, fs::rename(&half_made, &data))
    }

    /// The password of an earlier start, which the data folder knows, or a new one.
    fn kept_password(&self) -> Result<String, PostgresError> {
        let path = self.password_file();
        if !path.exists() {
            at(&path, fs::write(&path, random_password()))?;
            at(&path, fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))?;
            self.own(&path)?;
        }
        at(&path, fs::read_to_string(&path))
    }

    fn password_file(&self) -> PathBuf {
        self.home.join("password")
    }

    /// Gives a file or folder to the user that the server runs as.
    fn own(&self, path: &Path) -> Result<(), PostgresError> {
        self.account.map_or(Ok(()), |account| at(path, account.give(path)))
    }

    /// A leashed command that runs `program` as the server's user, in its home.
    fn as_account(&self, program: &Path) -> Command {
        let mut words =
            self.account.map_or_else(Vec::new, |account| account.prefix(&[program, &self.home.join("data")]));
        words.push(program.into());
        let mut command = leashed_with_warning("QUIT", &words[0]);
        command.args(&words[1..]).current_dir(&self.home).env("LC_ALL", "C");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // QUIT: end at once, without a checkpoint, but give the shared memory back.
        if process.signal(Signal::QUIT).is_err() || !process.ended_within(DROP_WITHIN) {
            tracing::warn!("a dropped PostgreSQL is killed");
        }
    }
}

/// Whether what a killed server left behind still uses its data: its processes end as soon as they notice.
fn is_data_in_use(error: &ProcessError) -> bool {
    let signs = ["shared memory block", "lock file"];
    matches!(error, ProcessError::Ended { log, .. } if signs.iter().any(|sign| log.contains(sign)))
}

/// The result with the path that it is about.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, PostgresError> {
    result.map_err(|source| PostgresError::Io { path: path.to_path_buf(), source })
}
