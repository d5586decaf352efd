//! The state machine against any interleaving, and minting over a real socket.

mod judging;
mod minting;
mod secrets;
mod state;
mod storms;
