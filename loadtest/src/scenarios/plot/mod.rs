//! Pictures of a scenario: hand-made SVG, and the page that shows them all.
//!
//! ```text
//! picture (what is drawn: panels, lines) -> svg (axes, lines, legend)
//!                                        -> page (an index of the pictures and their figures)
//! ```
//! Nothing is loaded from elsewhere, and the colours follow the reader's choice of light or dark.

mod axis;
mod page;
mod picture;
mod svg;

pub(super) use page::{PageEntry, index_page};
pub(super) use picture::{Line, Panel, Picture, Shade};
pub(super) use svg::draw;
