//! Where the credentials can be had. The values themselves are read by
//! `auth`, and only when a token is minted.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::yaml::read_config_text;
use super::{ConfigError, Place, read_yaml};

/// Where one secret can be had.
#[derive(Clone)]
pub enum SecretSource {
    /// An environment variable of this name.
    Environment(String),
    /// The whole text of a file, without the line break at its end.
    File(PathBuf),
    /// What a shell command prints, without the line break at its end.
    Command(String),
    /// The value itself: a client id of a job file, or an entry of a
    /// `--credentials` file. It can't be printed.
    Value(SecretString),
}

/// Names the place, never the value.
impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            // A command line may hold what it should not.
            Self::Command(_) => formatter.write_str("a command"),
            Self::Value(_) => formatter.write_str("a value in a file"),
        }
    }
}

/// As it is displayed: a command line isn't for logs either.
impl fmt::Debug for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Where the credentials of a grant can be had.
#[derive(Clone, Debug)]
pub struct CredentialSources {
    /// The client's id.
    pub client_id: SecretSource,
    /// The client's secret.
    pub client_secret: SecretSource,
    /// The user's name, or an access key's id, where a grant wants one.
    pub username: SecretSource,
    /// The user's password, or an access key's secret.
    pub password: SecretSource,
    /// The refresh token that a user has given the client, where a grant wants
    /// one.
    pub refresh_token: SecretSource,
}

/// The environment variables of the simple case.
impl Default for CredentialSources {
    fn default() -> Self {
        Self {
            client_id: SecretSource::Environment("SLUICE_CLIENT_ID".to_owned()),
            client_secret: SecretSource::Environment("SLUICE_CLIENT_SECRET".to_owned()),
            username: SecretSource::Environment("SLUICE_USERNAME".to_owned()),
            password: SecretSource::Environment("SLUICE_PASSWORD".to_owned()),
            refresh_token: SecretSource::Environment("SLUICE_REFRESH_TOKEN".to_owned()),
        }
    }
}

/// `credentials` of a job file or a profile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsSection {
    /// The client's id: `{env: NAME}`, `{file: path}`, `{command: "…"}`, or the
    /// id itself, which is no secret.
    client_id: ClientIdEntry,
    /// The client's secret: `{env: NAME}`, `{file: path}` or `{command: "…"}`.
    client_secret: ClientSecretEntry,
    /// Of connectors that act for a user: the user's name, or an access key's
    /// id, as `client_id`. Default: `{env: SLUICE_USERNAME}`.
    username: Option<ClientIdEntry>,
    /// The user's password, or an access key's secret, as `client_secret`.
    /// Default: `{env: SLUICE_PASSWORD}`.
    password: Option<ClientSecretEntry>,
    /// Of connectors with the grant `refresh_token`: that token, as
    /// `client_secret`. A platform may replace it with each use; a file takes the
    /// new one. Default: `{env: SLUICE_REFRESH_TOKEN}`.
    refresh_token: Option<ClientSecretEntry>,
}

impl CredentialsSection {
    /// The sources, with relative paths taken from `folder`.
    pub(super) fn sources(&self, folder: &Path) -> CredentialSources {
        let resolve = |source: &SecretSource| match source {
            SecretSource::File(path) => SecretSource::File(folder.join(path)),
            other => other.clone(),
        };
        let usual = CredentialSources::default();
        CredentialSources {
            client_id: resolve(&self.client_id.0),
            client_secret: resolve(&self.client_secret.0),
            username: (self.username.as_ref())
                .map_or(usual.username, |username| resolve(&username.0)),
            password: (self.password.as_ref())
                .map_or(usual.password, |password| resolve(&password.0)),
            refresh_token: (self.refresh_token.as_ref())
                .map_or(usual.refresh_token, |token| resolve(&token.0)),
        }
    }
}

#[derive(Clone, Debug)]
struct ClientIdEntry(SecretSource);

#[derive(Clone, Debug)]
struct ClientSecretEntry(SecretSource);

/// Where a value can be had: exactly one of the keys.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct SecretPlace {
    /// An environment variable's name.
    env: Option<String>,
    /// A file's path, relative to this file.
    file: Option<PathBuf>,
    /// A shell command that prints the value.
    command: Option<String>,
}

impl SecretPlace {
    fn source<Failure: de::Error>(self) -> Result<SecretSource, Failure> {
        match (self.env, self.file, self.command) {
            (Some(name), None, None) if is_variable_name(&name) => {
                Ok(SecretSource::Environment(name))
            }
            (Some(_), None, None) => Err(Failure::custom(
                "`env` is no name of an environment variable; write the variable's name, not its value",
            )),
            (None, Some(path), None) if !path.as_os_str().is_empty() => {
                Ok(SecretSource::File(path))
            }
            (None, None, Some(command)) if !command.trim().is_empty() => {
                Ok(SecretSource::Command(command))
            }
            _ => Err(Failure::custom(
                "write exactly one of {env: NAME}, {file: path} and {command: \"…\"}",
            )),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads either kind of entry; `plain_allowed` tells them apart.
struct EntryVisitor {
    plain_allowed: bool,
}

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = SecretSource;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one of {env: NAME}, {file: path} and {command: \"…\"}")
    }

    fn visit_str<Failure: de::Error>(self, text: &str) -> Result<SecretSource, Failure> {
        if self.plain_allowed && !text.is_empty() {
            return Ok(SecretSource::Value(text.into()));
        }
        // The text isn't quoted back: it is a secret.
        Err(Failure::custom(
            "a secret doesn't belong in this file, which is copied, mailed and committed; \
             write {env: NAME}, {file: path} or {command: \"…\"}",
        ))
    }

    fn visit_map<Access: MapAccess<'de>>(
        self,
        access: Access,
    ) -> Result<SecretSource, Access::Error> {
        SecretPlace::deserialize(MapAccessDeserializer::new(access))?.source()
    }
}

impl<'de> Deserialize<'de> for ClientIdEntry {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source
            .deserialize_any(EntryVisitor {
                plain_allowed: true,
            })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for ClientSecretEntry {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        source
            .deserialize_any(EntryVisitor {
                plain_allowed: false,
            })
            .map(Self)
    }
}

impl JsonSchema for ClientIdEntry {
    fn schema_name() -> Cow<'static, str> {
        "ClientId".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{"type": "string", "minLength": 1}, generator.subschema_for::<SecretPlace>()],
        })
    }
}

impl JsonSchema for ClientSecretEntry {
    fn schema_name() -> Cow<'static, str> {
        "ClientSecret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<SecretPlace>()
    }
}

/// The file that `--credentials` names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialsFile {
    client_id: String,
    client_secret: String,
    username: Option<String>,
    password: Option<String>,
    refresh_token: Option<String>,
}

/// Reads the file that `--credentials` names: `client_id` and `client_secret`,
/// and `username` and `password`, or `refresh_token`, where a grant wants them, as
/// plain texts.
///
/// # Errors
/// A file that others than its owner may read, that can't be read, or that
/// isn't of that shape.
pub fn read_credentials_file(path: &Path) -> Result<CredentialSources, ConfigError> {
    let file = path.display().to_string();
    refuse_if_shared(path, &file)?;
    let text = Zeroizing::new(read_config_text(path)?);
    let content: CredentialsFile = read_yaml(&file, &text)?;
    let usual = CredentialSources::default();
    Ok(CredentialSources {
        client_id: SecretSource::Value(content.client_id.into()),
        client_secret: SecretSource::Value(content.client_secret.into()),
        username: (content.username).map_or(usual.username, |username| {
            SecretSource::Value(username.into())
        }),
        password: (content.password).map_or(usual.password, |password| {
            SecretSource::Value(password.into())
        }),
        refresh_token: (content.refresh_token).map_or(usual.refresh_token, |token| {
            SecretSource::Value(token.into())
        }),
    })
}

#[cfg(unix)]
fn refuse_if_shared(path: &Path, file: &str) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = std::fs::metadata(path).map_err(|cause| {
        ConfigError::at(Place::of_file(file), format!("can't be opened: {cause}"))
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(ConfigError::at(
        Place::of_file(file),
        format!("holds a secret, and others than its owner may reach it (mode {mode:04o})"),
    )
    .with_hint(format!("Run `chmod 600 {file}`.")))
}

#[cfg(not(unix))]
fn refuse_if_shared(_: &Path, _: &str) -> Result<(), ConfigError> {
    Ok(())
}
