//! Real platforms' APIs, and Guide B's: each strict, so that a request that the platform would refuse is refused here too.
//!
//! A platform says which of its routes a request is for; the entrance (token, limits, faults) is the one that all APIs have;
//! then the platform performs the request on its books. What it refuses it refuses in the platform's own words and form.

mod answer;
mod api;
mod books;
mod call;
mod clock;
mod cxone;
mod error_form;
mod genesys_cloud;
mod genesys_contacts;
mod table;

pub(crate) use answer::answer;
pub use api::Api;
pub(crate) use books::Books;
pub(crate) use call::Call;
pub(crate) use clock::{iso_time, read_iso_time};
pub(crate) use error_form::{over_limit, refusal};
