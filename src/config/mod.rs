//! What the user asks for: job file, profile, flags and environment, merged
//! into one validated [`Settings`].
//!
//! Every layer is read into the same shape, [`Overrides`], so precedence is
//! one rule in one place: flag and environment, job file, profile, default.
//! All YAML goes through one reader, [`read_yaml`], which refuses unknown and
//! repeated keys and says `file:line:column` for whatever it finds. A secret
//! is never a value here, only the place where it can be had.

mod credentials;
mod entities;
mod error;
mod input;
mod input_source;
mod job;
mod layer;
mod located;
mod map;
mod nearest;
mod overrides;
mod parts;
mod profile;
mod sample;
mod scalar;
mod schema;
mod settings;
mod since;
mod source_section;
mod targets;
mod time_span;
mod units;
mod yaml;
mod yaml_mistakes;
mod yaml_words;

#[cfg(test)]
mod entities_tests;
#[cfg(test)]
mod tests;

pub use credentials::{CredentialSources, CredentialsSection, SecretSource, read_credentials_file};
pub use entities::EntitySection;
pub use error::{ConfigError, Place};
pub use input::{Delimiter, Duplicates, Encoding, nearest_file};
pub use input_source::{InputSource, StreamSource};
pub use job::{JobFile, LimitsSection, TargetSection, read_job};
pub use located::Located;
pub use map::MapEntry;
pub use nearest::{did_you_mean, did_you_mean_or_all, nearest};
pub use overrides::Overrides;
pub use parts::{Part, PartLayer, PartLayers, PartOrder, Parts};
pub use profile::{Profile, default_profiles_path, read_profile};
pub use sample::Sample;
pub use scalar::{NameMap, NameMapEntry};
pub use schema::{job_schema, schema_of, schema_text};
pub use settings::{LimitProfileUse, Origin, Settings};
pub use since::Since;
pub use source_section::SourceSection;
pub use targets::TargetEntry;
pub use time_span::TimeSpan;
pub use units::{Concurrency, ErrorBudget, Period, Rate, Share, UnitError};
pub use yaml::{read_config_text, read_yaml, read_yaml_file};
pub use yaml_mistakes::read_yaml_or_mistakes;
