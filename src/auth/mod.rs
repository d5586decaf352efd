//! Credentials in, tokens out.
//!
//! The idea: everything that decides is pure and everything that touches the
//! world is thin. [`CredentialSource`] reads a secret from where the user keeps
//! it; [`TokenRequest`] turns it into a grant; [`mint`](fn@mint) sends that
//! grant and reads the answer; [`TokenState`] alone decides when to mint, when
//! to wait and when to give up, with the clock as an argument. The loop that
//! joins them (and publishes a [`Token`]) is the token refresher's, above.
//!
//! A token has a generation. A 401 names the generation that it refused, so a
//! storm of them asks for one new token and not for one each.
//!
//! No secret can be printed: they live in types whose `Debug` is redacted,
//! their buffers are wiped when dropped, and no message here repeats one.

mod grant;
mod header;
mod keeper;
mod mint;
mod refresh_token;
mod reply;
mod secret;
mod state;
mod step;
mod token;

#[cfg(test)]
mod tests;

pub use grant::{
    Credentials, CredentialsIn, MintRules, MintVerdict, TokenEndpoint, TokenRequest, User,
};
pub use header::{Carried, TokenHeader};
pub use keeper::TokenKeeper;
pub use mint::{MintError, mint};
pub use refresh_token::RefreshToken;
pub use secret::{AuthError, COMMAND_TIME_LIMIT, CredentialSource};
pub use state::TokenState;
pub use step::{GiveUp, Step, TokenPhase, TokenPolicy};
pub use token::{MintedToken, Token};
