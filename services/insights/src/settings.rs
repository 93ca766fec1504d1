//! Settings: one struct, from one file and the environment, shown by `insights config`.
//!
//! The file is TOML and named by `INSIGHTS_CONFIG`. Each field may also be set as `INSIGHTS_<FIELD>`, which wins, or as
//! `INSIGHTS_<FIELD>_FILE` with the path of a file that holds the value, as container secrets do. What is not known is
//! an error.

use std::path::PathBuf;

use api::{Edge, EdgeError};
use serde::Deserialize;

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The nats servers, with user and password, separated by commas. Default: the instance that `insights up` runs here.
    pub nats_url: String,
    /// The same as a user who may create streams. Default: `nats_url`.
    pub nats_operator_url: String,
    /// The monitoring addresses of the nats servers, separated by commas. No role starts before each of them says that
    /// it writes to disk before it acknowledges. Default: none.
    pub nats_monitor_url: String,
    /// Whether servers must say so: `checked`, or `unchecked` to serve without knowing. Default: `checked`.
    pub nats_sync: NatsSync,
    /// Copies that the servers keep of each stream: 1 on one server, 3 on three. Default: 1.
    pub nats_replicas: usize,
    /// The PostgreSQL database. Default: the instance that `insights up` runs here.
    pub database_url: String,
    /// Connections of one process to PostgreSQL. Default: 16.
    pub database_connections_max: u32,
    /// Where the web API listens. Default: `127.0.0.1:8080`; `insights up` takes a free port.
    pub listen: String,
    /// Requests of one caller a minute that each process of the web API answers. Default: 60000.
    pub requests_per_minute: u32,
    /// Tries a minute to log in from one network address that each process answers. Default: 30.
    pub logins_per_minute: u32,
    /// The origins of other sites whose pages may call the web API with a token, such as `https://console.example`,
    /// separated by commas. Default: none.
    pub cors_origins: String,
    /// The addresses or networks of proxies before the web API, separated by commas: what they say in `X-Forwarded-For`
    /// is believed. Default: none; then who tries to log in from behind one proxy shares one count of tries.
    pub trusted_proxies: String,
    /// The file with the key-encryption key, made on first use. Default: `.insights/key`.
    pub key_file: PathBuf,
    /// The mail server: `smtp://user:password@host:port` with STARTTLS, `smtps://` with TLS. Default: none; letters
    /// become files in `outbox`.
    pub smtp_url: String,
    /// A file with the certificate authority of the mail server, in PEM. Default: the system's.
    pub smtp_ca_file: Option<PathBuf>,
    /// Where letters go without a mail server. Default: `.insights/outbox`.
    pub outbox: PathBuf,
    /// Whom letters come from. Default: `Insights <advice@insights.example>`.
    pub letter_from: String,
    /// Where Yahoo's chart API answers. Default: `https://query2.finance.yahoo.com`.
    pub yahoo_url: String,
    /// `on` to ask with a cookie and a crumb, where Yahoo wants them. Default: `off`; charts are given without.
    pub yahoo_crumb: Switch,
    /// Where Yahoo's answers are kept. Default: `.insights/yahoo`.
    pub yahoo_cache: PathBuf,
    /// The assets that the `load` role keeps fresh, separated by commas. Default: none.
    pub load_assets: String,
    /// When it does so, as the time of day at each asset's exchange. Default: `19:00`.
    pub load_at: String,
    /// Where the gRPC services listen. Default: `127.0.0.1:8081`.
    pub grpc_listen: String,
    /// A file with the gRPC services' certificates, in PEM. Default: none; then they speak without TLS.
    pub grpc_certificate_file: Option<PathBuf>,
    /// A file with the key of these certificates, in PEM. Default: none.
    pub grpc_key_file: Option<PathBuf>,
    /// What is logged, as `tracing` filters are written. Default: `info,async_nats=warn,sqlx=warn`.
    pub log: String,
    /// `text` for people or `json` for machines. Default: `text`.
    pub log_format: LogFormat,
    /// The OTLP/HTTP receiver of traces, such as `http://localhost:4318`. Default: `OTEL_EXPORTER_OTLP_ENDPOINT`; none
    /// exports nothing.
    pub otlp_endpoint: String,
}

/// Whether nats servers must say that they write to the disk before they acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NatsSync {
    /// They must, or nothing starts.
    Checked,
    /// Nobody asks them: an operator answers for it.
    Unchecked,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nats_url: String::new(),
            nats_operator_url: String::new(),
            nats_monitor_url: String::new(),
            nats_sync: NatsSync::Checked,
            nats_replicas: 1,
            database_url: String::new(),
            database_connections_max: 16,
            listen: "127.0.0.1:8080".to_owned(),
            requests_per_minute: 60_000,
            logins_per_minute: 30,
            cors_origins: String::new(),
            trusted_proxies: String::new(),
            key_file: ".insights/key".into(),
            smtp_url: String::new(),
            smtp_ca_file: None,
            outbox: ".insights/outbox".into(),
            letter_from: "Insights <advice@insights.example>".to_owned(),
            yahoo_url: market::yahoo::BASE_URL.to_owned(),
            yahoo_crumb: Switch::Off,
            yahoo_cache: ".insights/yahoo".into(),
            load_assets: String::new(),
            load_at: "19:00".to_owned(),
            grpc_listen: "127.0.0.1:8081".to_owned(),
            grpc_certificate_file: None,
            grpc_key_file: None,
            log: "info,async_nats=warn,sqlx=warn".to_owned(),
            log_format: LogFormat::Text,
            otlp_endpoint: String::new(),
        }
    }
}

/// What may stand in the environment and is not a setting: it belongs to scripts, servers and tests.
const NOT_SETTINGS: [&str; 9] = [
    "INSIGHTS_CONFIG",
    "INSIGHTS_PROFILE",
    "INSIGHTS_TOOLS",
    "INSIGHTS_NEW_GOLDEN",
    "INSIGHTS_ORACLES",
    "INSIGHTS_RECORDINGS",
    "INSIGHTS_NATS_OPERATOR_PASSWORD",
    "INSIGHTS_NATS_APP_PASSWORD",
    "INSIGHTS_NATS_SYS_PASSWORD",
];
/// The prefix of variables that configure a nats-server, not us.
const SERVER_PREFIX: &str = "INSIGHTS_NATS_SERVER_";
const PREFIX: &str = "INSIGHTS_";

/// Why settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("cannot read {path}, which `{named_by}` names")]
    File {
        /// The variable that names it.
        named_by: String,
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML")]
    Toml {
        /// The file.
        path: String,
        /// Where it goes wrong.
        #[source]
        source: toml::de::Error,
    },
    /// A setting is unknown or has a value of the wrong kind. Values are not repeated: they may be secret.
    #[error("a setting is wrong: {0}")]
    Wrong(String),
}

impl Settings {
    /// The settings from the file and the environment of this process.
    ///
    /// # Errors
    /// Where a file cannot be read, or a setting is unknown or wrong.
    pub fn read() -> Result<Self, SettingsError> {
        Self::from_environment(std::env::vars())
    }

    fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingsError> {
        let variables: std::collections::BTreeMap<String, String> = variables.into_iter().collect();
        let mut table = match variables.get("INSIGHTS_CONFIG") {
            Some(path) => {
                let text = read("INSIGHTS_CONFIG", path)?;
                text.parse().map_err(|source| SettingsError::Toml { path: path.clone(), source })?
            }
            None => toml::Table::new(),
        };
        for (name, value) in &variables {
            let Some(field) = name.strip_prefix(PREFIX) else { continue };
            if NOT_SETTINGS.contains(&name.as_str()) || name.starts_with(SERVER_PREFIX) {
                continue;
            }
            let (field, value) = match field.strip_suffix("_FILE") {
                // `key_file`, `smtp_ca_file` and the like are settings themselves: their value is the path.
                Some(field) if !["KEY", "SMTP_CA", "GRPC_CERTIFICATE", "GRPC_KEY"].contains(&field) => {
                    (field, read(name, value)?.trim_end().to_owned())
                }
                _ => (field, value.clone()),
            };
            table.insert(field.to_lowercase(), value_of(value));
        }
        if !table.contains_key("otlp_endpoint")
            && let Some(endpoint) = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        {
            table.insert("otlp_endpoint".to_owned(), toml::Value::String(endpoint.clone()));
        }
        table.try_into().map_err(|error: toml::de::Error| SettingsError::Wrong(error.message().to_owned()))
    }

    /// The nats servers, one by one.
    #[must_use]
    pub fn nats_servers(&self) -> Vec<String> {
        list(&self.nats_url)
    }

    /// The nats servers as a user who may create streams.
    #[must_use]
    pub fn nats_operator_servers(&self) -> Vec<String> {
        if self.nats_operator_url.is_empty() { self.nats_servers() } else { list(&self.nats_operator_url) }
    }

    /// The monitoring addresses of the nats servers.
    #[must_use]
    pub fn nats_monitors(&self) -> Vec<String> {
        list(&self.nats_monitor_url)
    }

    /// What stands before the web API.
    ///
    /// # Errors
    /// An origin or a proxy that is none.
    pub fn edge(&self) -> Result<Edge, EdgeError> {
        Edge::new(&list(&self.cors_origins), &list(&self.trusted_proxies))
    }

    /// Every setting with the value in force, secrets masked.
    #[must_use]
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        vec![
            ("nats_url", masked_list(&self.nats_url)),
            ("nats_operator_url", masked_list(&self.nats_operator_url)),
            ("nats_monitor_url", self.nats_monitor_url.clone()),
            ("nats_sync", format!("{:?}", self.nats_sync).to_lowercase()),
            ("nats_replicas", self.nats_replicas.to_string()),
            ("database_url", masked(&self.database_url)),
            ("database_connections_max", self.database_connections_max.to_string()),
            ("listen", self.listen.clone()),
            ("logins_per_minute", self.logins_per_minute.to_string()),
            ("requests_per_minute", self.requests_per_minute.to_string()),
            ("cors_origins", self.cors_origins.clone()),
            ("trusted_proxies", self.trusted_proxies.clone()),
            ("key_file", self.key_file.display().to_string()),
            ("smtp_url", masked(&self.smtp_url)),
            ("smtp_ca_file", self.smtp_ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default()),
            ("outbox", self.outbox.display().to_string()),
            ("letter_from", self.letter_from.clone()),
            ("yahoo_url", self.yahoo_url.clone()),
            ("yahoo_crumb", format!("{:?}", self.yahoo_crumb).to_lowercase()),
            ("yahoo_cache", self.yahoo_cache.display().to_string()),
            ("load_assets", self.load_assets.clone()),
            ("load_at", self.load_at.clone()),
            ("grpc_listen", self.grpc_listen.clone()),
            ("grpc_certificate_file", path(&self.grpc_certificate_file)),
            ("grpc_key_file", path(&self.grpc_key_file)),
            ("log", self.log.clone()),
            ("log_format", format!("{:?}", self.log_format).to_lowercase()),
            ("otlp_endpoint", self.otlp_endpoint.clone()),
        ]
    }
}

/// A number where the text is one, else text: the environment knows text alone.
fn value_of(text: String) -> toml::Value {
    text.parse().map_or_else(|_| toml::Value::String(text), toml::Value::Integer)
}

fn read(named_by: &str, path: &str) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::File {
        named_by: named_by.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn masked_list(text: &str) -> String {
    list(text).iter().map(|one| masked(one)).collect::<Vec<_>>().join(",")
}

/// The address without its password; what is no address is not shown at all.
fn masked(address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    match url::Url::parse(address) {
        Ok(mut url) => {
            if url.password().is_some() && url.set_password(Some("***")).is_err() {
                return "***".to_owned();
            }
            url.to_string()
        }
        Err(_) => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LogFormat, Settings, SettingsError, Switch};

    fn from(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_environment_sets_fields_of_every_kind() {
        let settings = from(&[
            ("INSIGHTS_NATS_URL", "nats://a:p@one:1, nats://a:p@two:2"),
            ("INSIGHTS_NATS_REPLICAS", "3"),
            ("INSIGHTS_LOG_FORMAT", "json"),
            ("INSIGHTS_YAHOO_CRUMB", "on"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("HOME", "/root"),
        ])
        .unwrap();
        assert_eq!(settings.nats_servers(), ["nats://a:p@one:1", "nats://a:p@two:2"]);
        assert_eq!(settings.nats_replicas, 3);
        assert_eq!((settings.log_format, settings.yahoo_crumb), (LogFormat::Json, Switch::On));
        assert_eq!(settings.otlp_endpoint, "http://collector:4318");
    }

    #[test]
    fn an_unknown_setting_is_an_error_and_a_wrong_value_is_not_repeated() {
        assert!(from(&[("INSIGHTS_NATS_ULR", "nats://x")]).is_err());
        let error = from(&[("INSIGHTS_NATS_REPLICAS", "s3cret")]).unwrap_err().to_string();
        assert!(error.contains("nats_replicas") || error.contains("integer") || error.contains("usize"), "{error}");
    }

    #[test]
    fn secrets_come_from_files_and_are_masked_when_shown() {
        let folder = std::env::temp_dir().join(format!("insights-settings-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("url");
        std::fs::write(&file, "postgres://insights:s3cret@db/insights\n").unwrap();
        let settings = from(&[("INSIGHTS_DATABASE_URL_FILE", file.to_str().unwrap())]).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(settings.database_url, "postgres://insights:s3cret@db/insights");
        let shown = format!("{:?}", settings.shown());
        assert!(shown.contains("insights:***@db") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn everything_that_can_be_set_is_shown() {
        let fields = format!("{:?}", Settings::default());
        for (name, _) in Settings::default().shown() {
            assert!(fields.contains(&format!("{name}: ")), "{name}");
        }
        assert_eq!(fields.matches(": ").count(), Settings::default().shown().len());
    }
}
