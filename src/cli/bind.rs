//! From a connector's name to a connector that is filled in; and from a mistake
//! in what the user says of it back to the line that says it.

use crate::config::{ConfigError, Origin, Settings, StreamSource, nearest_file};
use crate::connector::{AtFault, Bound, BoundStream, Connector, ConnectorError};
use crate::error::FatalError;

use super::discover::Whose;

/// The connector that the settings name.
///
/// # Errors
/// There is none, or its file has mistakes.
pub(super) fn target_connector(settings: &Settings) -> Result<Connector, FatalError> {
    Connector::load(&settings.connector)
        .map_err(|error| located(settings, Whose::Target, &settings.connector, error))
}

/// The connector that the settings name, with its variables filled in.
///
/// # Errors
/// A mistake in either.
pub(super) fn bind(settings: &Settings) -> Result<(Connector, Bound), FatalError> {
    let connector = target_connector(settings)?;
    let bound = bind_target(&connector, settings)?;
    Ok((connector, bound))
}

/// The name of the operation, or upsert, that a load uses.
pub(super) fn operation_of<'load>(
    connector: &'load Connector,
    settings: &'load Settings,
) -> &'load str {
    let named = settings.operation.as_deref();
    named.unwrap_or_else(|| connector.default_operation())
}

/// The settings' operation of their connector, with its variables filled in.
///
/// # Errors
/// A mistake in the operation's name or in a variable.
pub(super) fn bind_target(connector: &Connector, settings: &Settings) -> Result<Bound, FatalError> {
    let operation = operation_of(connector, settings);
    connector
        .bind_to(operation, &settings.variables)
        .map_err(|error| located(settings, Whose::Target, &settings.connector, error))
}

/// The stream that the settings' source names, and its connector.
///
/// # Errors
/// A mistake in either.
pub(super) fn bind_stream(
    settings: &Settings,
    stream: &StreamSource,
) -> Result<(Connector, BoundStream), FatalError> {
    let at_source = |error| located(settings, Whose::Source, &stream.connector, error);
    let connector = Connector::load(&stream.connector).map_err(at_source)?;
    let bound = connector
        .bind_stream(stream.stream.as_deref(), &stream.variables)
        .map_err(at_source)?;
    Ok((connector, bound))
}

/// The mistake with the place of what is at fault, where a file says it; a
/// mistake within the connector file names its own place.
fn located(
    settings: &Settings,
    whose: Whose,
    connector: &str,
    error: ConnectorError,
) -> FatalError {
    let section = whose.section();
    let named = match error.at_fault() {
        Some(AtFault::Connector) => format!("{section}.connector"),
        Some(AtFault::Operation) => format!("{section}.operation"),
        Some(AtFault::Stream) => format!("{section}.stream"),
        Some(AtFault::Variable(name)) => format!("{section}.{name}"),
        None => return error.into(),
    };
    let mut message = error.to_string();
    if let ConnectorError::File(_) = error {
        message = format!(
            "the connector {message}{}",
            nearest_file(std::path::Path::new(connector))
        );
    }
    let hint = error.hint(section, &whose.flag(""));
    match settings.origins.get(&named) {
        Some(Origin::File(place)) => ConfigError::at(place.clone(), message)
            .with_hint(hint)
            .into(),
        _ => FatalError::usage(message).with_hint(hint),
    }
}
