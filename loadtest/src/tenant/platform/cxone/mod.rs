//! NICE CXone: discovery, address books, call lists, and the custom fields of digital customers.

mod address_books;
mod call_lists;
mod customers;
mod routes;

pub(super) use routes::{discovery, perform, route};
